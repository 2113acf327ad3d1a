//! Engines that are not there, or that accept and never answer.

use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use ha_tests::engine_is_wanted;
use serde_json::Value;

use crate::site::Site;

/// A socket that takes every connection and never says a word.
struct Frozen(#[expect(dead_code, reason = "kept open")] std::sync::Arc<std::sync::Mutex<Vec<UnixStream>>>);

fn frozen(path: &Path) -> Frozen {
    let listener = UnixListener::bind(path).unwrap();
    let kept = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let inner = std::sync::Arc::clone(&kept);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            inner.lock().unwrap().push(stream);
        }
    });
    Frozen(kept)
}

fn codes(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn no_engine_at_the_socket() {
    if !engine_is_wanted() {
        return;
    }
    let site = Site::demo(&[]);
    site.edit(|text| text.replace("docker = \"local\"", "docker = \"unix:///nonexistent/docker.sock\""));
    for command in ["status", "health"] {
        let ran = site.run(&[command, "--output", "json"]).ends_with(4);
        let report = ran.json();
        assert_eq!(report["state"], "down");
        assert!(codes(&report).contains(&"engine-unreachable"), "{report}");
        for node in report["nodes"].as_array().unwrap() {
            assert_eq!(node["role"], "unknown");
            assert!(node["postgres"]["lsn"].is_null() && node["replication"].is_null(), "{node}");
        }
        assert!(ran.took < Duration::from_secs(60), "{command} took {:?}", ran.took);
        let human = site.run(&[command]).ends_with(4);
        assert!(human.out.contains("/nonexistent/docker.sock"), "{human:?}");
    }
    let up = site.run(&["up"]);
    assert!(matches!(up.code, Some(1 | 5)), "{up:?}");
    assert!(up.err.contains("/nonexistent/docker.sock"), "{up:?}");
}

#[test]
fn an_engine_that_never_answers() {
    if !engine_is_wanted() {
        return;
    }
    let site = Site::demo(&[]);
    let socket = site.path("frozen.sock");
    let _frozen = frozen(&socket);
    // One of the two hosts is frozen; the other one is well, and empty.
    site.edit(|text| {
        let (first, second) = text.split_once("name = \"vm2\"").unwrap();
        let wanted = format!("docker = \"unix://{}\"", socket.display());
        format!("{first}name = \"vm2\"{}", second.replacen("docker = \"local\"", &wanted, 1))
    });
    for command in ["status", "health"] {
        let ran = site.run(&[command, "--output", "json"]).ends_with(4);
        let report = ran.json();
        let finding = report["findings"].as_array().unwrap().iter().find(|it| it["code"] == "engine-unreachable");
        let finding = finding.unwrap_or_else(|| panic!("{report}"));
        assert_eq!(finding["node"], "vm2", "only the frozen one: {report}");
        assert!(codes(&report).contains(&"postgres-missing"), "the other one is seen: {report}");
        assert!(ran.took < Duration::from_secs(60), "{command} took {:?}", ran.took);
    }
    // Whether vm2 has a database already cannot be known: none is made.
    let up = site.run(&["up"]).ends_with(5);
    assert!(up.err.contains("vm2") && up.err.contains("--bootstrap"), "{up:?}");
    assert!(up.took < Duration::from_secs(240), "{:?}", up.took);
    let made = crate::host::docker(&["ps", "-aq", "--filter", &format!("label={}", crate::host::label(&site.cluster))]);
    assert_eq!(made, "", "nothing was begun");
}
