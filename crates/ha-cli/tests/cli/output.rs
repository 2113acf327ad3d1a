//! Help, completions, usage, and streams that end early.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::{GOOD, Place};

#[test]
fn help_of_everything() {
    let place = Place::new();
    for words in [&[][..], &["setup"], &["config"], &["config", "show"], &["config", "check"], &["completions"]] {
        let ran = place.run(&[words, &["--help"]].concat()).ends_with(0);
        insta::assert_snapshot!(format!("help_{}", words.join("_")), ran.out);
    }
    insta::assert_snapshot!("help_short", place.run(&["-h"]).ends_with(0).out);
}

#[test]
fn wrong_usage_ends_with_two_and_nothing_on_standard_output() {
    let place = Place::new();
    for wrong in
        [&[][..], &["frobnicate"], &["config"], &["config", "check", "--output", "xml"], &["setup", "--primary", "x"]]
    {
        let ran = place.run(wrong).ends_with(2);
        assert_eq!(ran.out, "", "{wrong:?}");
        assert!(!ran.err.is_empty());
    }
}

#[test]
fn wrong_usage_is_told_to_programs_and_in_no_programmers_words() {
    let place = Place::new();
    for wrong in [
        &["monitor", "--count", "0"][..],
        &["monitor", "--count", "two"],
        &["logs", "--tail", "-1"],
        &["logs", "--tail=99999999999999999999"],
        &["history", "--limit", "1.5"],
        &["switchover", "--max-lag=-1"],
        &["haproxy", "--bind", ":70000"],
        &["setup", "--primary", "vm1"],
        &["frobnicate"],
        &["status", "--frobnicate"],
    ] {
        let ran = place.run(&[wrong, &["--output", "json"]].concat()).ends_with(2);
        let error = ran.json()["error"].clone();
        assert_eq!((&error["code"], ran.err.as_str()), (&"usage".into(), ""), "{wrong:?}");
        let message = error["message"].as_str().unwrap();
        assert!(!message.is_empty() && !message.starts_with("error"), "{message}");
        for word in ["non-zero type", "digit found", "target type", "out of range", "ParseInt"] {
            assert!(!ran.out.contains(word), "{wrong:?}: {}", ran.out);
        }
    }
}

#[test]
fn what_a_terminal_would_obey_in_an_argument_is_written_out() {
    let place = Place::new();
    let ran = place.run(&["status", "--config", "\u{9b}31m\u{202e}.toml"]).ends_with(2);
    assert!(ran.err.contains("<U+009B>31m<U+202E>.toml"), "{}", ran.err);
    let ran = place.run(&["\u{1b}[2J"]).ends_with(2);
    assert!(!ran.err.contains('\u{1b}'), "{}", ran.err);
    place.write("ha.toml", &crate::GOOD.replace("\"vm1\"", "\"v\u{9b}31m\u{2028}\""));
    let ran = place.run(&["config", "check", "--offline"]).ends_with(2);
    assert!(!ran.err.contains(['\u{9b}', '\u{2028}']) && ran.err.contains("31m"), "{}", ran.err);
}

#[test]
fn a_reader_that_goes_away_makes_no_noise() {
    let place = Place::new();
    place.write("ha.toml", GOOD).with_secrets();
    for arguments in [&["completions", "bash"][..], &["config", "show"], &["--help"]] {
        // The pipe is closed before anything is written.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = place.command().args(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{arguments:?}");
    }
    // And after the first line, as `head -1` does it.
    let mut child = place.command().args(["completions", "bash"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(!line.is_empty());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn output_that_is_lost_is_a_failure() {
    let place = Place::new();
    place.write("ha.toml", GOOD);
    for arguments in [
        &["config", "show"][..],
        &["config", "show", "--output", "json"],
        &["completions", "bash"],
        &["--help"],
        &["help", "status"],
        &["--version"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = place.command().args(arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("could not be written"), "{arguments:?}: {told}");
    }
    // What failed is told all the same.
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output =
        place.command().args(["--config", "none.toml", "status", "--output", "json"]).stdout(full).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("none.toml"), "{told}");
}

#[test]
fn no_colours_without_a_terminal() {
    let place = Place::new();
    place.write("ha.toml", "schema = 1\n");
    let ran = place.run(&["config", "check", "--offline"]).ends_with(2);
    assert!(!ran.err.contains('\u{1b}'), "{}", ran.err);
}
