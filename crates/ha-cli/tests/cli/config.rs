//! What a wrong file gets, and what a right one shows.

use crate::{GOOD, Place};

/// Checks a file; expects it refused, and returns what is said.
#[track_caller]
fn refused(text: &str) -> String {
    let place = Place::new();
    place.write("ha.toml", text).with_secrets();
    let ran = place.run(&["config", "check", "--offline"]).ends_with(2);
    assert_eq!(ran.out, "", "a refusal is no data");
    assert!(ran.err.contains("ha.toml"), "the file is not named: {}", ran.err);
    ran.err
}

/// The good file with one piece of it exchanged.
#[track_caller]
fn but(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from));
    GOOD.replacen(from, to, 1)
}

#[test]
fn a_good_file_passes() {
    let place = Place::new();
    place.write("ha.toml", GOOD).with_secrets();
    let ran = place.run(&["config", "check", "--offline"]).ends_with(0);
    insta::assert_snapshot!(ran.out);
    assert_eq!(ran.err, "");
    let json = place.run(&["config", "check", "--offline", "--output", "json"]).ends_with(0).json();
    assert_eq!(json["problems"], serde_json::json!([]));
}

#[test]
fn unknown_keys_are_shown_with_what_was_meant() {
    insta::assert_snapshot!(refused(&but("address = \"192.0.2.12\"", "adress = \"192.0.2.12\"\ncolour = \"blue\"")));
}

#[test]
fn unknown_and_later_sections_are_told_apart() {
    insta::assert_snapshot!(refused(&format!("{GOOD}\n[replicaton]\n\n[tls]\n\n[failover]\n\n[backup]\n")));
}

#[test]
fn wrong_types_are_shown_with_what_would_be_right() {
    let text =
        but("role = \"standby\"", "role = \"standby\"\npostgres_port = \"5433\"\nkeycloak_port = 70000\nadmit = 1")
            .replace("name = \"sso\"", "name = 5\ndemo = \"no\"");
    insta::assert_snapshot!(refused(&format!("{text}\n[postgres.settings]\nx = [1]\n[keycloak]\npool_size = 1.5\n")));
}

#[test]
fn two_nodes_on_one_port_label_both_places() {
    let text = but("address = \"192.0.2.11\"", "address = \"192.0.2.12\"\npostgres_port = 5433");
    insta::assert_snapshot!(refused(&text.replace("role = \"standby\"", "role = \"standby\"\npostgres_port = 5433")));
}

#[test]
fn an_address_that_is_none_is_refused() {
    insta::assert_snapshot!(refused(&but("192.0.2.12", "vm2.example.org")));
}

#[test]
fn the_same_name_twice_is_refused() {
    insta::assert_snapshot!(refused(&but("vm2", "vm1")));
}

#[test]
fn two_primaries_are_refused() {
    insta::assert_snapshot!(refused(&but("role = \"standby\"", "role = \"primary\"")));
}

#[test]
fn a_newer_schema_is_refused_and_nothing_else_is_complained_about() {
    insta::assert_snapshot!(refused("schema = 2\n\n[brand_new]\nthing = 1\n"));
}

#[test]
fn a_missing_schema_is_asked_for() {
    assert!(refused(&but("schema = 1", "")).contains("write schema = 1 at the top"));
}

#[test]
fn what_is_no_toml_is_shown_where_it_stops_being_it() {
    insta::assert_snapshot!(refused("schema = 1\n[cluster\nname = sso\n"));
    assert!(refused("\u{0}\u{1}").contains("is not TOML"));
}

#[test]
fn what_is_no_text_is_refused() {
    let place = Place::new();
    place.with_secrets();
    std::fs::write(place.path("ha.toml"), b"schema = 1\nx = \"\xff\xfe\"\n").unwrap();
    let ran = place.run(&["config", "check", "--offline"]).ends_with(2);
    assert!(ran.err.contains("is not UTF-8"), "{}", ran.err);
}

#[test]
fn an_empty_file_is_told_everything_it_needs() {
    insta::assert_snapshot!(refused(""));
}

#[test]
fn several_problems_come_at_once_each_with_its_place() {
    let place = Place::new();
    let text = but("192.0.2.12", "nowhere").replace("https://", "").replace("vm1", "VM 1");
    place
        .write("ha.toml", &text)
        .write("ha.secrets.toml", "probe_password = \"short\"\n")
        .chmod("ha.secrets.toml", 0o600);
    let ran = place.run(&["config", "check", "--offline", "--output", "json"]).ends_with(2);
    let json = ran.json();
    assert_eq!(json["schema"], 1);
    let problems = json["problems"].as_array().unwrap();
    let places: Vec<(&str, Option<u64>)> =
        problems.iter().map(|p| (p["path"].as_str().unwrap(), p["line"].as_u64())).collect();
    assert_eq!(
        places[..3],
        [("cluster.public_url", Some(5)), ("nodes[0].name", Some(8)), ("nodes[1].address", Some(14))]
    );
    assert_eq!(places.len(), 3 + 6, "{places:?}");
    for problem in problems {
        assert!(!problem["message"].as_str().unwrap().is_empty());
        assert!(!problem["help"].as_str().unwrap().is_empty(), "{problem}");
    }
    assert_eq!(problems[2]["column"], 11);
    assert_eq!(problems[2]["file"], "ha.toml");
}

#[test]
fn a_file_that_is_nowhere_is_told_where_it_was_looked_for() {
    let place = Place::new();
    let ran = place.run(&["config", "check", "--offline"]).ends_with(2);
    for looked in ["ha.toml", "home/.config/ha-cli/ha.toml", "/etc/ha-cli/ha.toml", "`ha-cli setup`"] {
        assert!(ran.err.contains(looked), "{looked}: {}", ran.err);
    }
    let json = place.run(&["config", "show", "--output", "json"]).ends_with(2).json();
    assert_eq!(json["error"]["code"], "config-not-found");
}

#[test]
fn the_file_is_found_in_the_documented_order() {
    let place = Place::new();
    let named = |name: &str| GOOD.replace("\"sso\"", &format!("\"{name}\""));
    place.write("home/.config/ha-cli/ha.toml", &named("users"));
    let name_of = |arguments: &[&str], env: &[(&str, &str)]| {
        let json =
            place.run_with(&[&["config", "show", "--output", "json"], arguments].concat(), env).ends_with(0).json();
        json["settings"][0]["value"].as_str().unwrap().to_owned()
    };
    assert_eq!(name_of(&[], &[]), "users");
    place.write("ha.toml", &named("here"));
    assert_eq!(name_of(&[], &[]), "here");
    place.write("env.toml", &named("env")).write("flag.toml", &named("flag"));
    assert_eq!(name_of(&[], &[("HA_CONFIG", "env.toml")]), "env");
    assert_eq!(name_of(&["--config", "flag.toml"], &[("HA_CONFIG", "env.toml")]), "flag");
    // One that is named and missing is not replaced by another.
    place.run(&["config", "show", "--config", "missing.toml"]).ends_with(2);
}

#[test]
fn a_folder_or_a_device_is_no_file() {
    let place = Place::new();
    std::fs::create_dir(place.path("ha.toml")).unwrap();
    place.run(&["config", "check", "--offline"]).ends_with(2);
    let ran = place.run(&["config", "check", "--offline", "--config", "/dev/zero"]).ends_with(2);
    assert!(ran.err.contains("larger than 1 MiB"), "{}", ran.err);
}

#[test]
fn show_names_every_setting_and_where_it_comes_from() {
    let place = Place::new();
    let text = format!("{GOOD}\n[keycloak.options]\nlog-level = \"info\"\nspi-mail-password = \"hunter2hunter2\"\n");
    place.write("ha.toml", &text).with_secrets();
    let ran = place.run(&["config", "show"]).ends_with(0);
    insta::assert_snapshot!(ran.out);
    let json = place.run(&["config", "show", "--output", "json"]).ends_with(0);
    for text in [&ran.out, &ran.err, &json.out] {
        assert!(!text.contains("canary") && !text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_password_in_the_wrong_file_is_not_quoted() {
    let said = refused(&format!("{GOOD}\n[keycloak]\nadmin_password = \"hunter2hunter2\"\n"));
    assert!(said.contains("no known key") && !said.contains("hunter2"), "{said}");
}

#[test]
fn public_addresses_and_plain_http_are_warned_about() {
    let place = Place::new();
    place.write("ha.toml", &but("192.0.2.12", "8.8.8.8").replace("https", "http")).with_secrets();
    let ran = place.run(&["config", "check", "--offline"]).ends_with(0);
    insta::assert_snapshot!(ran.err);
    let json = place.run(&["config", "check", "--offline", "--output", "json"]).ends_with(0).json();
    assert_eq!(json["warnings"].as_array().unwrap().len(), 2);
}

#[test]
fn values_of_any_plain_type_become_text() {
    let place = Place::new();
    let settings =
        "[postgres.settings]\nwork_mem = \"8MB\"\njit = false\nrandom_page_cost = 1.1\ndeadlock_timeout = 1_000\n";
    place.write("ha.toml", &format!("{GOOD}\n{settings}"));
    let json = place.run(&["config", "show", "--output", "json"]).ends_with(0).json();
    let value = |path: &str| {
        let settings = json["settings"].as_array().unwrap();
        settings.iter().find(|s| s["path"] == path).unwrap()["value"].as_str().unwrap().to_owned()
    };
    assert_eq!(value("postgres.settings.jit"), "false");
    assert_eq!(value("postgres.settings.random_page_cost"), "1.1");
    assert_eq!(value("postgres.settings.deadlock_timeout"), "1000");
}

#[test]
fn certificates_are_found_beside_the_file() {
    let place = Place::new();
    let tcp = "role = \"standby\"\ndocker = \"tcp://192.0.2.12:2376\"\ndocker_certificates = \"certs\"";
    place.write("sub/ha.toml", &but("role = \"standby\"", tcp));
    let json = place.run(&["config", "show", "--config", "sub/ha.toml", "--output", "json"]).ends_with(0).json();
    assert!(json.to_string().contains("\"sub/certs\""), "{json}");
}

#[test]
fn a_file_that_others_can_write_is_not_taken() {
    let refused = |place: &Place, words: &[&str]| {
        for command in [&["config", "show"][..], &["up"], &["haproxy"], &["monitor", "--count", "1"]] {
            let ran = place.run(command).ends_with(2);
            assert!(words.iter().all(|word| ran.err.contains(word)), "{words:?}: {}", ran.err);
        }
    };
    for mode in [0o664, 0o646, 0o777] {
        let place = Place::new();
        place.write("ha.toml", GOOD).with_secrets().chmod("ha.toml", mode);
        refused(&place, &[&format!("mode {mode:04o}"), "chmod go-w ha.toml"]);
        place.chmod("ha.toml", 0o644).run(&["haproxy"]).ends_with(0);
    }
    // Whoever can write to a folder can put another file into it, also to one further up.
    let place = Place::new();
    place.write("a/b/ha.toml", GOOD).chmod("a", 0o775);
    let ran = place.run(&["--config", "a/b/ha.toml", "haproxy"]).ends_with(2);
    assert!(ran.err.contains("can be replaced by others") && ran.err.contains("/a (mode 0775)"), "{}", ran.err);
    // Not where nobody can take away what is another's.
    place.chmod("a", 0o1777).run(&["--config", "a/b/ha.toml", "haproxy"]).ends_with(0);
    // The folder of a link, and that of what it leads to.
    place.write("c/ha.toml", GOOD).chmod("c", 0o777);
    std::os::unix::fs::symlink("c/ha.toml", place.path("ha.toml")).unwrap();
    refused(&place, &["/c (mode 0777)"]);
}

#[test]
fn a_file_of_another_user_is_not_taken() {
    let place = Place::new();
    place.write("ha.toml", GOOD).with_secrets();
    // Only root can give files away; elsewhere there is nothing to try.
    let give = |name: &str, user: u32| std::os::unix::fs::chown(place.path(name), Some(user), None);
    if give("ha.toml", 12345).is_err() {
        return;
    }
    let ran = place.run(&["haproxy"]).ends_with(2);
    assert!(ran.err.contains("another user (id 12345)") && ran.err.contains("chown 0 ha.toml"), "{}", ran.err);
    // Who became root by sudo could do so again.
    place.run_with(&["haproxy"], &[("SUDO_UID", "12345")]).ends_with(0);
    give("ha.toml", 0).unwrap();
    give("", 12345).unwrap();
    let ran = place.run(&["haproxy"]).ends_with(2);
    assert!(ran.err.contains("can be replaced by another user (id 12345)"), "{}", ran.err);
}

#[test]
fn a_pipe_or_a_folder_is_not_waited_for() {
    let started = std::time::Instant::now();
    let pipe = |place: &Place, name: &str| {
        assert!(std::process::Command::new("mkfifo").arg(place.path(name)).status().unwrap().success());
    };
    let place = Place::new();
    pipe(&place, "ha.toml");
    let ran = place.run(&["status"]).ends_with(2);
    assert!(ran.err.contains("ha.toml is a pipe, and no file"), "{}", ran.err);
    let place = Place::new();
    place.write("ha.toml/x", "");
    let ran = place.run(&["status"]).ends_with(2);
    assert!(ran.err.contains("ha.toml is a folder, and no file"), "{}", ran.err);
    let place = Place::new();
    place.write("ha.toml", GOOD);
    pipe(&place, "ha.secrets.toml");
    let ran = place.run(&["status"]).ends_with(2);
    assert!(ran.err.contains("ha.secrets.toml is a pipe, and no file"), "{}", ran.err);
    assert!(started.elapsed().as_secs() < 4, "somebody waited");
    // One that is named may be a pipe, and is waited for no longer than it should.
    let place = Place::new();
    let ran = place.run_with_input(&["--config", "/dev/stdin", "haproxy"], GOOD).ends_with(0);
    assert!(ran.out.contains("192.0.2.11"), "{ran:#?}");
    pipe(&place, "silent");
    let ran = place.run(&["--config", "silent", "haproxy"]).ends_with(2);
    assert!(ran.err.contains("did not come to an end within 5 s"), "{}", ran.err);
    let ran = place.run(&["--config", "/dev/zero", "haproxy"]).ends_with(2);
    assert!(ran.err.contains("larger than 1 MiB"), "{}", ran.err);
}
