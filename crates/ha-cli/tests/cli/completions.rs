//! Completions in real shells; those that are not installed are left out, but for bash.

use std::path::Path;
use std::process::Command;

use crate::terminal::Terminal;
use crate::{GOOD, Place};

/// A folder with a cluster's file and a shell's script in it.
fn with_script(shell: &str) -> Place {
    let place = Place::new();
    place.write("ha.toml", &GOOD.replace("vm1", "alice").replace("vm2", "bob"));
    place.write("script", &place.run(&["completions", shell]).ends_with(0).out);
    place
}

/// Where this program is found first.
fn path() -> String {
    let folder = Path::new(env!("CARGO_BIN_EXE_ha-cli")).parent().unwrap();
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

fn is_installed(shell: &str) -> bool {
    Command::new(shell).args(["-c", "true"]).status().is_ok_and(|status| status.success())
}

/// Types the beginnings of words and the tabulator, then goes to the line's begin and has it printed instead of run.
fn completes(shell: &str, line: &str, load: &str) {
    let place = with_script(shell);
    let mut terminal = Terminal::start(line, (200, 20), |command| {
        command
            .current_dir(place.path(""))
            .env("PATH", path())
            .env("HOME", place.path(""))
            .env("HISTFILE", "/dev/null");
    });
    terminal.types(&format!("{load}; echo lo''aded\n"));
    terminal.shows("loaded");
    for (keys, expected) in [
        ("ha-cli switcho\t--t\tbo\t", "done:ha-cli switchover --to bob"),
        ("ha-cli rejoin al\t", "done:ha-cli rejoin alice"),
        ("ha-cli logs prim\t", "done:ha-cli logs primary"),
        ("ha-cli config sh\t", "done:ha-cli config show"),
        ("ha-cli --config nowhere.toml status --outp\tjs\t", "done:ha-cli --config nowhere.toml status --output json"),
    ] {
        terminal.types(&format!("{keys}\u{1}echo do''ne:\n"));
        terminal.shows(expected);
    }
    terminal.types("exit\n");
    terminal.ends();
}

#[test]
fn bash_completes_commands_options_and_nodes() {
    completes("bash", "bash --norc --noprofile -i", "source ./script");
}

#[test]
fn zsh_completes_commands_options_and_nodes() {
    if is_installed("zsh") {
        completes("zsh", "zsh -f -i", "autoload -U compinit; compinit -u -D; source ./script");
    }
}

#[test]
fn fish_completes_commands_options_and_nodes() {
    if !is_installed("fish") {
        return;
    }
    let place = with_script("fish");
    let offered = |line: &str| {
        let mut fish = Command::new("fish");
        fish.args(["--no-config", "-c", &format!("source ./script; complete -C '{line}'")]);
        let output = fish.current_dir(place.path("")).env("PATH", path()).env("HOME", place.path("")).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(offered("ha-cli switcho").starts_with("switchover"), "{}", offered("ha-cli switcho"));
    assert!(offered("ha-cli switchover --to b").starts_with("bob"), "{}", offered("ha-cli switchover --to b"));
    let nodes = offered("ha-cli up ");
    assert!(nodes.contains("alice") && nodes.contains("bob") && nodes.contains("primary"), "{nodes}");
}

#[test]
fn without_a_file_there_are_no_names_and_no_noise() {
    let place = Place::new();
    place.write("script", &place.run(&["completions", "bash"]).ends_with(0).out);
    let mut bash = Command::new("bash");
    bash.args([
        "--norc",
        "-c",
        "source ./script; COMP_WORDS=(ha-cli rejoin ''); COMP_CWORD=2; _clap_complete_ha_cli ha-cli '' rejoin",
    ]);
    let output = bash.current_dir(place.path("")).env("PATH", path()).env("HOME", place.path("")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn each_shell_has_a_script() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = place.run(&["completions", shell]).ends_with(0);
        assert!(ran.out.contains("ha-cli"), "{shell}");
    }
    place.run(&["completions", "cmd.exe"]).ends_with(2);
}
