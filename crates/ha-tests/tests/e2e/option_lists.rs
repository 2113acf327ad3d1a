//! The lists of what an operator may set, held against the programs that read it.

use std::collections::BTreeSet;

use ha_core::topology::KeycloakOption;
use ha_tests::{PairOptions, engine_is_wanted};

use crate::host::{docker, label};

/// The image of each version that the run is for.
fn keycloaks() -> Vec<String> {
    let versions = std::env::var("HA_TEST_KEYCLOAKS").unwrap_or_default();
    let named = |version: &str| std::env::var(format!("HA_KEYCLOAK_IMAGE_{}", version.replace('.', "_"))).ok();
    let mut images: Vec<_> = versions.split_whitespace().filter_map(named).collect();
    if images.is_empty() {
        images.push(PairOptions::default().keycloak_image);
    }
    images
}

/// The options that a help text explains.
fn explained(help: &str) -> BTreeSet<&str> {
    let options = help.lines().filter_map(|line| {
        // `-h, --help  …`
        let line = line.get(..4).filter(|short| short.ends_with(", ")).map_or(line, |short| &line[short.len()..]);
        line.strip_prefix("--")?.split([' ', '=']).next()
    });
    options.filter(|name| !["help", "help-all", "verbose", "optimized"].contains(name)).collect()
}

#[test]
fn every_option_of_keycloak_is_taken_or_refused_and_built_in_where_it_must_be() {
    if !engine_is_wanted() {
        return;
    }
    for image in keycloaks() {
        let help = |command: &str| {
            let label = label("hatest-help");
            let kc = "/opt/keycloak/bin/kc.sh";
            docker(&[
                "run",
                "--rm",
                "--network",
                "none",
                "--label",
                &label,
                "--entrypoint",
                kc,
                &image,
                command,
                "--help-all",
            ])
        };
        let (start, build) = (help("start"), help("build"));
        let (at_start, at_build) = (explained(&start), explained(&build));
        assert!(at_start.len() > 150 && at_build.len() > 20, "{image}: {at_start:?} {at_build:?}");
        for name in at_start.union(&at_build) {
            let how = KeycloakOption::of(name).unwrap_or_else(|| panic!("{image}: {name} is in no list"));
            if let KeycloakOption::RunTime | KeycloakOption::BuildTime = how {
                let built = at_build.contains(name);
                assert_eq!(how == KeycloakOption::BuildTime, built, "{image}: {name}, built in: {built}");
            }
        }
    }
}
