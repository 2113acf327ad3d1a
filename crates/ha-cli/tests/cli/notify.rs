//! `monitor --notify` where no engine and no server is: a cluster that is down from the first look.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::{GOOD, Place};

/// A cluster of which nothing is there; what is asked refuses at once.
pub(crate) fn nowhere(hooks: &str) -> Place {
    let text = GOOD.replace("[[nodes]]", "[[nodes]]\ndocker = \"unix:///nowhere.sock\"");
    let text = text.replace("192.0.2.11", "127.0.0.1").replace("192.0.2.12", "127.0.0.1");
    // Ports on which nothing listens.
    let text = text.replace("role = \"primary\"", "role = \"primary\"\npostgres_port = 1\nkeycloak_port = 2");
    let text = text.replace("role = \"standby\"", "role = \"standby\"\npostgres_port = 3\nkeycloak_port = 4");
    let place = Place::new();
    place.write("ha.toml", &format!("{}\n{hooks}", text.replace("name = \"sso\"", "name = \"sso\"\ndemo = true")));
    place.with_secrets();
    place
}

fn on_health(script: &str) -> String {
    format!("[hooks]\non_health = [\"/bin/sh\", \"-c\", '''{script}''']\ntimeout_seconds = 20\n")
}

const LOOKS: &[&str] = &["monitor", "--interval", "100ms", "--count", "3", "--notify"];

#[test]
fn an_outage_is_told_of_once_and_nothing_stale_with_it() {
    let place = nowhere(&on_health(
        "echo \"$HA_EVENT $HA_CLUSTER $HA_STATE ${HA_STATE_BEFORE-none} ${HA_NODE-none}\" >> told; echo \"$HA_FINDINGS\" > list",
    ));
    let stale = [("HA_STATE_BEFORE", "healthy"), ("HA_NODE", "vm1")];
    let ran = place.run_with(LOOKS, &stale).ends_with(4);
    assert_eq!(place.read("told"), "health sso down none none\n", "{ran:#?}");
    let findings: Vec<serde_json::Value> = serde_json::from_str(&place.read("list")).unwrap();
    assert!(findings.iter().any(|finding| finding["code"] == "engine-unreachable"), "{findings:?}");
    assert!(!ran.err.contains("warning"), "{ran:#?}");
}

#[test]
fn without_being_asked_for_nothing_is_run() {
    let place = nowhere(&on_health("touch told"));
    place.run(&LOOKS[..LOOKS.len() - 1]).ends_with(4);
    assert!(!place.files().contains(&"told".to_owned()));
}

/// The program ends only when the looks that it must not hold up have been seen.
#[test]
fn looks_go_on_while_the_program_runs() {
    let place = nowhere(&on_health("until [ -e go ]; do sleep 0.01; done; echo done; exit 9"));
    let mut command = place.command();
    command.args(LOOKS).args(["--output", "json"]).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let looks = BufReader::new(child.stdout.take().unwrap()).lines();
    let looks: Vec<serde_json::Value> = looks
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .inspect(|look: &serde_json::Value| assert_eq!(look["hooks"], serde_json::json!([]), "it runs still: {look}"))
        .take(3)
        .collect();
    assert_eq!(looks.len(), 3);
    place.write("go", "");
    assert_eq!(child.wait().unwrap().code(), Some(4));
}

#[test]
fn a_program_that_is_named_on_the_command_line_is_run_and_its_failure_shown() {
    let place = nowhere("");
    place.write("tell", "#!/bin/sh\necho \"told $# of $HA_STATE\"\nexit 9\n").chmod("tell", 0o755);
    let mut arguments = LOOKS.to_vec();
    arguments.push("./tell");
    let ran = place.run(&arguments).ends_with(4);
    let warning = "warning: on_health (./tell) ended with exit code 9\n    told 0 of down\n";
    assert_eq!(ran.err.matches(warning).count(), 1, "{ran:#?}");
}

#[test]
fn without_a_program_it_is_refused() {
    let ran = nowhere("").run(LOOKS).ends_with(2);
    assert!(ran.err.contains("there is no program to notify") && ran.err.contains("on_health"), "{ran:#?}");
    let ran = nowhere("").run(&["monitor", "--notify", ""]).ends_with(2);
    assert!(ran.err.contains("--notify"), "{ran:#?}");
}
