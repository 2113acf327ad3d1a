//! Ctrl-c while `setup` asks, on a real terminal made by `script` (bsdutils).

use std::io::{Read, Write};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::Place;

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn ctrl_c_at_a_question_leaves_nothing() {
    let place = Place::new();
    let mut command = std::process::Command::new("script");
    command
        .args(["--quiet", "--return", "--flush", "--command"])
        .arg(format!("{} setup", env!("CARGO_BIN_EXE_ha-cli")));
    command.arg("/dev/null").current_dir(place.path("")).env("TERM", "xterm");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut keys = child.stdin.take().unwrap();
    let mut screen = child.stdout.take().unwrap();
    let (sender, shown) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = screen.read(&mut bytes) {
            if sender.send(String::from_utf8_lossy(&bytes[..count]).into_owned()).is_err() {
                break;
            }
        }
    });
    let end = Instant::now() + LIMIT;
    let mut seen = String::new();
    let mut until = |words: &str| {
        while !seen.contains(words) {
            let left = end.saturating_duration_since(Instant::now());
            seen.push_str(&shown.recv_timeout(left).unwrap_or_else(|_| panic!("no \"{words}\" in {seen:?}")));
        }
    };
    until("Name of the cluster");
    keys.write_all(b"sso\r").unwrap();
    until("The public URL");
    keys.write_all(b"\x03").unwrap();
    // The terminal closes when the program has ended.
    loop {
        match shown.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(_) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("it goes on after ctrl-c"),
        }
    }
    drop(keys);
    assert_eq!(child.wait().unwrap().code(), Some(128 + 2), "ended by SIGINT");
    assert!(place.files().is_empty(), "{:?}", place.files());
}
