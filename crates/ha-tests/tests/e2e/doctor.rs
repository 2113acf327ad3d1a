//! `doctor` as a person runs it: before anything is there, and (called from the story) beside what runs.

use std::net::TcpListener;

use ha_tests::engine_is_wanted;
use serde_json::Value;

use crate::host::{docker, label};
use crate::program::Ran;
use crate::site::Site;

#[test]
fn a_port_that_another_program_holds_is_found_before_up() {
    if !engine_is_wanted() {
        return;
    }
    let site = Site::demo(&[]);
    let port = site.ports[1];
    let held = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let ran = site.run(&["doctor", "--quick", "--output", "json"]).ends_with(1);
    let report = ran.json();
    assert_eq!((&report["schema"], &report["result"]), (&Value::from(1), &Value::from("error")), "{report}");
    let taken = check(&ran, "vm2", "port-postgres");
    assert_eq!(taken["result"], "error", "{report}");
    assert!(taken["found"].as_str().unwrap().contains(&port.to_string()), "{taken}");
    assert!(!taken["help"].as_str().unwrap().is_empty(), "{taken}");
    assert_eq!(check(&ran, "vm1", "port-postgres")["result"], "ok", "{report}");

    drop(held);
    let ran = site.run(&["doctor", "vm2", "--quick", "--output", "json"]);
    assert_eq!(check(&ran, "vm2", "port-postgres")["result"], "ok", "{ran:#?}");
    let page = site.run(&["doctor", "vm2", "--quick"]);
    assert!(page.out.lines().any(|line| line == "vm2") && !page.out.lines().any(|line| line == "vm1"), "{page:#?}");
    assert_eq!(left(&site), "", "the containers that looked are gone");
}

/// A container's name may be longer than what can be looked up by name.
#[test]
fn nodes_with_the_longest_names_reach_each_other() {
    if !engine_is_wanted() {
        return;
    }
    let site = Site::demo(&[]);
    // With "-postgres" and two dashes the two names take the 63 characters of a host name.
    let long = "n".repeat((53 - site.cluster.len()).min(40));
    site.edit(|text| text.replace("\"vm2\"", &format!("\"{long}\"")));
    let ran = site.run(&["doctor", "--quick", "--output", "json"]);
    for (node, peer) in [("vm1", long.as_str()), (long.as_str(), "vm1")] {
        let reached = check(&ran, node, "peer-postgres");
        assert_eq!((&reached["peer"], &reached["result"]), (&Value::from(peer), &Value::from("ok")), "{reached}");
    }
    assert_eq!(left(&site), "", "the containers that looked are gone");
}

/// Beside a healthy pair: nothing is in the way, and nothing of it is touched.
pub(crate) fn finds_nothing_in_the_way(site: &Site) {
    let before = left(site);
    let ran = site.run(&["doctor", "--output", "json"]);
    for (node, peer) in [("vm1", "vm2"), ("vm2", "vm1")] {
        for code in ["engine", "address", "port-postgres", "port-keycloak", "image-postgres", "image-keycloak"] {
            assert_eq!(check(&ran, node, code)["result"], "ok", "{code} of {node}: {ran:#?}");
        }
        let reached = check(&ran, node, "peer-postgres");
        assert_eq!((&reached["peer"], &reached["result"]), (&Value::from(peer), &Value::from("ok")), "{reached}");
        // How fast the machine is, is not ours to say: only that it was measured.
        for code in ["disk-sync", "disk-write", "peer-round-trip", "peer-bandwidth"] {
            assert_ne!(check(&ran, node, code)["result"], "unknown", "{code} of {node}: {ran:#?}");
        }
    }
    assert_eq!(left(site), before, "no container more, none less");
}

fn check(ran: &Ran, node: &str, code: &str) -> Value {
    let report = ran.json();
    let checks = report["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["node"] == node && check["code"] == code);
    found.unwrap_or_else(|| panic!("no {code} of {node}: {report}")).clone()
}

fn left(site: &Site) -> String {
    docker(&["ps", "-a", "--format", "{{.Names}}", "--filter", &format!("label={}", label(&site.cluster))])
}
