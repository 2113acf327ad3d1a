//! What `docs/configuration.md` says is what happens.

use std::fs;

use crate::{GOOD, Place};

fn document() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md")).unwrap()
}

/// The text between two marks.
fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let from = text.find(start).unwrap_or_else(|| panic!("no {start:?}")) + start.len();
    &text[from..from + text[from..].find(end).unwrap()]
}

#[test]
fn the_shortest_file_is_complete() {
    let place = Place::new();
    place.write("ha.toml", between(&document(), "```toml\n", "```")).with_secrets();
    place.run(&["config", "check", "--offline"]).ends_with(0);
}

#[test]
fn every_setting_has_a_row_with_its_default() {
    let place = Place::new();
    place.write("ha.toml", GOOD);
    let document = document();
    let json = place.run(&["config", "show", "--output", "json"]).ends_with(0).json();
    for setting in json["settings"].as_array().unwrap() {
        let path = setting["path"].as_str().unwrap();
        let key = path.rsplit('.').next().unwrap();
        let row = document
            .lines()
            .find(|line| line.starts_with(&format!("| `{key}` |")) && (key != "name" || line.contains("Fixed once")))
            .unwrap_or_else(|| panic!("{path} has no row"));
        let value = setting["value"].as_str().unwrap();
        if setting["from"] == "default" && !value.is_empty() {
            let rows: Vec<&str> = document.lines().filter(|line| line.starts_with(&format!("| `{key}` |"))).collect();
            assert!(rows.iter().any(|row| row.contains(value)), "{path} = {value}: {row}");
        }
    }
    for key in ["settings", "options", "docker_certificates", "schema"] {
        assert!(document.contains(&format!("| `{key}` |")), "{key}");
    }
    for key in
        between(&document, "## `ha.secrets.toml`", "All are required").lines().filter(|line| line.starts_with("| `"))
    {
        assert!(crate::SECRETS.contains(between(key, "`", "`")), "{key}");
    }
}

#[test]
fn what_it_says_is_refused_is_refused() {
    let document = document();
    for (section, list) in
        [("postgres.settings", "postgres-settings.txt"), ("keycloak.options", "keycloak-options.txt")]
    {
        let list = format!("crates/ha-core/src/topology/assets/{list}");
        assert!(document.contains(&format!("[The list](../{list})")), "{list}");
        let list = fs::read_to_string(format!("{}/../../{list}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let refused = list.lines().filter_map(|line| line.strip_prefix("refused ")?.split(' ').next());
        let names: Vec<&str> = refused.collect();
        assert!(names.len() > 15, "{names:?}");
        let lines: String = names.iter().map(|name| format!("{name} = \"x\"\n")).collect();
        let place = Place::new();
        place.write("ha.toml", &format!("{GOOD}\n[{section}]\n{lines}")).with_secrets();
        let json = place.run(&["config", "check", "--offline", "--output", "json"]).ends_with(2).json();
        assert_eq!(json["problems"].as_array().unwrap().len(), names.len());
    }
}
