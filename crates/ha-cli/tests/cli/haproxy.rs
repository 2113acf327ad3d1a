//! The configuration of HAProxy, judged by HAProxy.

use std::process::{Command, Stdio};

use crate::{GOOD, Place};

#[test]
fn haproxy_takes_it_whatever_the_topology() {
    let known = Command::new("haproxy").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if known.is_err() {
        eprintln!("skipped: haproxy is not installed");
        return;
    }
    let v6 = GOOD.replace("192.0.2.12", "2001:db8::12").replace("https://sso", "http://[2001:db8::1]:8080/sso");
    let path = GOOD.replace("https://sso.example.org", "https://sso.example.org/auth");
    assert_ne!(path, GOOD);
    let headers = |which: &str| format!("{GOOD}\n[keycloak]\nproxy_headers = \"{which}\"\n");
    for text in [GOOD.to_owned(), v6, path, headers("xforwarded"), headers("forwarded")] {
        let place = Place::new();
        place.write("ha.toml", &text);
        let ran = place.run(&["haproxy", "--bind", "127.0.0.1:8080", "--bind-read-only", "[::1]:8081"]).ends_with(0);
        place.write("haproxy.cfg", &ran.out);
        let judged = Command::new("haproxy").args(["-c", "-f"]).arg(place.path("haproxy.cfg")).output().unwrap();
        let said = String::from_utf8_lossy(&judged.stderr).into_owned();
        assert!(judged.status.success(), "{said}\n{}", ran.out);
        assert!(!said.contains("WARNING"), "{said}\n{}", ran.out);
    }
}

#[test]
fn what_is_no_address_to_listen_on_is_refused() {
    let place = Place::new();
    place.write("ha.toml", GOOD);
    for bad in ["8080", ":0", ":x", "here:80", ":80\nuser root", "[::1:80"] {
        place.run(&["haproxy", &format!("--bind={bad}")]).ends_with(2);
    }
    place.run(&["haproxy", "--output", "json"]).ends_with(2);
}
