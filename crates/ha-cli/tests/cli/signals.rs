//! SIGTERM, of a service manager, and SIGHUP, of a terminal that is closed, mean what ctrl-c means.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::Place;
use crate::notify::nowhere;
use crate::terminal::Terminal;

/// What a shell makes of it; its first process is the program itself.
fn start(place: &Place, line: &str) -> Child {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", line]).current_dir(place.path("")).env("HOME", place.path("home")).stdin(Stdio::null());
    shell.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

#[track_caller]
fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// The program as one finds it that was not itself started by `nohup`.
fn program() -> String {
    format!("env --default-signal=HUP {}", env!("CARGO_BIN_EXE_ha-cli"))
}

#[test]
fn each_of_them_ends_a_command_as_ctrl_c_does() {
    let place = nowhere("");
    for name in ["INT", "TERM", "HUP"] {
        let mut child = start(&place, &format!("exec {} monitor --interval 100ms", program()));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.next().unwrap().unwrap().contains("watching"));
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(130), "SIG{name}");
    }
}

#[test]
fn a_command_that_was_to_outlive_its_terminal_does() {
    let place = nowhere("");
    let line = format!("trap '' HUP; exec {} monitor --interval 100ms --output json", env!("CARGO_BIN_EXE_ha-cli"));
    let mut child = start(&place, &line);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..3 {
        assert!(lines.next().unwrap().unwrap().starts_with('{'));
        signal(&child, "HUP");
    }
    assert!(lines.next().unwrap().unwrap().starts_with('{'), "nohup is honoured");
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_terminal_that_is_closed_takes_monitor_along() {
    let place = nowhere("");
    let line = format!("sh -c 'echo $$ >pid; exec {} monitor --interval 100ms'", program());
    let mut terminal = Terminal::start(&line, (80, 24), |command| {
        command.current_dir(place.path(""));
    });
    terminal.shows("q ends it");
    let pid = place.read("pid");
    drop(terminal);
    crate::terminal::has_ended(pid.trim());
}
