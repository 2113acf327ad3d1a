//! The configuration of HAProxy, judged by HAProxy.

use std::process::{Command, Stdio};

use crate::{GOOD, Place};

#[test]
fn haproxy_takes_it_whatever_the_topology() {
    if !haproxy_is_there() {
        return;
    }
    let v6 = GOOD.replace("https://sso", "http://[2001:db8::1]:8080/sso");
    let path = GOOD.replace("https://sso.example.org", "https://sso.example.org/auth");
    assert_ne!(path, GOOD);
    let headers = |which: &str| format!("{GOOD}\n[keycloak]\nproxy_headers = \"{which}\"\n");
    for text in [GOOD.to_owned(), v6, path, headers("xforwarded"), headers("forwarded")] {
        let place = Place::new();
        place.write("ha.toml", &text);
        let ran = place.run(&["haproxy", "--bind", "127.0.0.1:8080", "--bind-read-only", "[::1]:8081"]).ends_with(0);
        judge(&place, &ran.out);
    }
}

/// Certificate and key as an operator makes them, in a file of an odd name.
#[test]
fn haproxy_takes_a_certificate() {
    if !haproxy_is_there() {
        return;
    }
    let place = Place::new();
    place.write("ha.toml", GOOD);
    let name = "a \"cert\" $HOME.pem";
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=sso.example.org",
            "-out",
            name,
            "-keyout",
        ])
        .arg(format!("{name}.key"))
        .current_dir(place.path(""))
        .stderr(Stdio::null())
        .status();
    assert!(made.is_ok_and(|status| status.success()), "openssl made no certificate");
    let path = place.path(name).display().to_string();
    let ran = place.run(&["haproxy", "--certificate", &path]).ends_with(0);
    assert!(ran.out.contains(" ssl crt "), "{}", ran.out);
    judge(&place, &ran.out);
}

#[expect(clippy::print_stderr, reason = "a test that is skipped must be seen")]
fn haproxy_is_there() -> bool {
    let known = Command::new("haproxy").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if known.is_err() {
        eprintln!("skipped: haproxy is not installed");
    }
    known.is_ok()
}

#[track_caller]
fn judge(place: &Place, text: &str) {
    place.write("haproxy.cfg", text);
    let judged = Command::new("haproxy").args(["-c", "-f"]).arg(place.path("haproxy.cfg")).output().unwrap();
    let said = String::from_utf8_lossy(&judged.stderr).into_owned();
    assert!(judged.status.success(), "{said}\n{text}");
    assert!(!said.contains("WARNING"), "{said}\n{text}");
}

#[test]
fn what_is_no_address_to_listen_on_is_refused() {
    let place = Place::new();
    place.write("ha.toml", GOOD);
    for bad in ["8080", ":0", ":x", "here:80", ":80\nuser root", "[::1:80"] {
        place.run(&["haproxy", &format!("--bind={bad}")]).ends_with(2);
    }
    place.run(&["haproxy", "--bind-statistics=8404"]).ends_with(2);
    for bad in ["", "a\nb", "a\tb"] {
        place.run(&["haproxy", "--certificate", bad]).ends_with(2);
    }
    place.run(&["haproxy", "--output", "json"]).ends_with(2);
}
