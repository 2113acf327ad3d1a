//! A wrong value of any option: the answer names the option, says what would be right, and speaks no Rust.

use clap::error::ErrorKind;
use clap::{Arg, Command, CommandFactory as _, Parser as _};
use ha_cli::cli::{Cli, usage};

use crate::Place;

/// Words that only somebody who writes Rust knows, or that come from its library.
const RUST: &[&str] = &[
    "non-zero",
    "NonZero",
    "invalid digit",
    "cannot parse",
    "too large to fit",
    "too small to fit",
    "invalid float",
    "ParseInt",
    "..=",
    "Option<",
    "Some(",
    "None",
    "Ok(",
    "Err(",
    "u16",
    "u32",
    "u64",
    "usize",
    "f64",
    "AddrParseError",
    "invalid socket address",
    "invalid IP address syntax",
    "panicked",
];

#[track_caller]
fn speaks_no_rust(said: &str) {
    for word in RUST {
        assert!(!said.contains(word), "\"{word}\" in {said}");
    }
}

/// Each command that does something, with the words that lead to it.
fn commands(command: &Command, path: &[String], all: &mut Vec<(Vec<String>, Command)>) {
    if !command.has_subcommands() {
        all.push((path.to_vec(), command.clone()));
    }
    for below in command.get_subcommands() {
        commands(below, &[path, &[below.get_name().to_owned()]].concat(), all);
    }
}

fn takes_a_value(arg: &Arg) -> bool {
    arg.get_num_args().is_some_and(|count| count.max_values() > 0)
}

#[test]
fn a_wrong_value_names_its_option_and_speaks_no_rust() {
    let mut root = Cli::command();
    root.build();
    let mut all = Vec::new();
    commands(&root, &["ha-cli".to_owned()], &mut all);
    let mut refused = 0;
    for (path, command) in &all {
        for arg in command.get_arguments().filter(|arg| takes_a_value(arg)) {
            for wrong in ["", " ", "-1", "0", "0x10", "1e99", "99999999999999999999999", "vm1", "=", "vm1=", "ü", "1.5"]
            {
                let mut line = path.clone();
                match arg.get_long() {
                    Some(long) => line.push(format!("--{long}={wrong}")),
                    None => line.extend(["--".to_owned(), wrong.to_owned()]),
                }
                let Err(error) = Cli::try_parse_from(&line) else { continue };
                let said = usage::failure(&error);
                let text = format!("{} {}", said.message, said.help.unwrap_or_default());
                speaks_no_rust(&text);
                if matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
                    refused += 1;
                    let name = arg.get_long().map_or_else(
                        || arg.get_value_names().and_then(|names| names.first()).unwrap().to_string(),
                        |long| format!("--{long}"),
                    );
                    assert!(text.contains(&name), "{line:?}: {text}");
                    let allowed = ["write ", "possible values", "a value is required"];
                    assert!(allowed.iter().any(|word| text.contains(word)), "{line:?}: {text}");
                }
            }
        }
    }
    assert!(refused > 100, "only {refused}");
}

#[test]
fn what_setup_is_given_of_a_node_is_refused_with_the_option_at_fault() {
    let nodes = ["--primary", "vm1=192.0.2.11", "--standby", "vm2=192.0.2.12"];
    for (option, value) in [
        ("--postgres-port", "vm1=abc"),
        ("--postgres-port", "vm1=0"),
        ("--postgres-port", "vm1=70000"),
        ("--postgres-port", "vm3=5432"),
        ("--keycloak-port", "vm2=-1"),
        ("--keycloak-port", "vm2=80 80"),
        ("--admit", "vm1=192.0.2.0/33"),
        ("--admit", "vm1=everybody"),
        ("--docker", "vm1=http://192.0.2.11"),
        ("--docker", "vm9=local"),
        ("--primary", "vm1=nowhere.example.org"),
        ("--primary", "vm 1=192.0.2.11"),
        ("--public-url", "sso.example.org"),
        ("--cluster-name", "Not A Name"),
        ("--postgres-image", "a b"),
    ] {
        let place = Place::new();
        let mut line = vec!["setup", "--non-interactive"];
        if option != "--public-url" {
            line.extend(["--public-url", "https://sso.example.org"]);
        }
        line.extend(nodes.chunks(2).filter(|pair| pair[0] != option).flatten());
        line.extend([option, value]);
        let ran = place.run(&line).ends_with(2);
        speaks_no_rust(&ran.err);
        assert!(ran.err.contains(option), "{option} {value}: {}", ran.err);
        assert!(ran.err.contains("help: "), "{option} {value}: {}", ran.err);
        assert!(place.files().is_empty(), "{option} {value}");
    }
}
