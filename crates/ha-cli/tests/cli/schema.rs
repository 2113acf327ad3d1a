//! `docs/output.schema.json`: every command has a definition in it, and what the plans, findings and losses of the library look
//! like is in it. That each output is as it says, every test looks at that gets one.

use std::collections::BTreeMap;
use std::fs;

use clap::CommandFactory as _;
use ha_cli::cli::Cli;
use ha_core::advice::{Advice, Remedy};
use ha_core::layout::Component;
use ha_core::observe::BranchObservation;
use ha_core::plan::{Action, Change, GivenUp, LastArrival, Loss, OldData, Plan, RejoinMethod};
use ha_core::values::{NodeName, PromotionRecord, SlotName};
use serde_json::{Value, json};

use crate::shared_schema::mismatch;
use crate::{GOOD, Place};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/output.schema.json");
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/json.md");

#[track_caller]
fn fits(definition: &str, object: &impl serde::Serialize) {
    let object = serde_json::to_value(object).unwrap();
    assert_eq!(mismatch(definition, &object), None, "{object}");
}

fn node(name: &str) -> NodeName {
    name.parse().unwrap()
}

fn promotion() -> PromotionRecord {
    serde_json::from_value(json!({
        "generation": 3, "id": "00000000-0000-4000-8000-000000000003", "primary": "vm1", "run_alone": false,
        "ancestors": ["00000000-0000-4000-8000-000000000002"],
    }))
    .unwrap()
}

/// One of each that has fields, and one that has none.
fn actions() -> Vec<Action> {
    let vm1 = || node("vm1");
    let change = || Change::Replace { reason: "its image".to_owned() };
    vec![
        Action::PrepareVolumes,
        Action::PullImage { reference: "postgres:17".to_owned() },
        Action::BuildKeycloakImage { without: vec!["KC_DB".to_owned()] },
        Action::CopyDatabase { from: vm1() },
        Action::RewindDatabase { from: vm1() },
        Action::ReplaceDatabase { from: vm1(), old_data: OldData::Discard },
        Action::WaitStreaming { primary: vm1() },
        Action::StartPostgres { change: change(), permit: true },
        Action::FollowPrimary { primary: vm1() },
        Action::StartKeycloak { change: Change::Create },
        Action::EnsureSlots { slots: vec![SlotName::of_standby(&node("vm2"))] },
        Action::DropSlots { slots: Vec::new() },
        Action::ProveReceived { from: vm1() },
        Action::Demote { to: vm1(), proven: true },
        Action::RecordPromotion { generation: 3, primary: vm1(), run_alone: true, ancestors: promotion().ancestors },
        Action::RestorePromotion { record: promotion() },
        Action::TurnBalancers { from: vm1() },
        Action::TurnBalancersBack { from: vm1() },
        Action::ProveDown { nodes: vec![vm1()], vouched: Vec::new() },
        Action::Stop { component: Component::Keycloak },
    ]
}

#[test]
fn every_step_of_a_plan_is_in_it() {
    let mut plan = Plan::default();
    for action in actions() {
        let after: Vec<_> = plan.steps.last().map(|step| step.id).into_iter().collect();
        plan.add(&node("vm2"), action, after);
    }
    for step in &plan.steps {
        let mut step = serde_json::to_value(step).unwrap();
        step["description"] = json!("in words");
        fits("step", &step);
    }
}

#[test]
fn every_loss_remedy_and_finding_is_in_it() {
    let given_up =
        GivenUp { node: node("vm1"), promotion: promotion(), lsn: None, last_transaction_seconds: Some(0.5) };
    for loss in [
        Loss::None { why: "it ended".to_owned() },
        Loss::Exactly { bytes: 8 },
        Loss::GivenUp { nodes: vec![given_up] },
        Loss::Since { lsn: Some("0/5000148".parse().unwrap()), seconds: None, last: LastArrival::Transaction },
    ] {
        fits("loss", &loss);
    }
    let vm1 = node("vm1");
    for remedy in [
        Remedy::UP_ALL,
        Remedy::down(&vm1),
        Remedy::switchover(&vm1),
        Remedy::choose(&vm1, &node("vm2")),
        Remedy::rejoin(&vm1),
        Remedy::rebuild(&vm1),
    ] {
        fits("remedy", &remedy);
        let mut finding =
            serde_json::to_value(Advice { text: format!("do {remedy}"), remedies: vec![remedy] }).unwrap();
        for (key, value) in [("severity", "error"), ("node", "vm1"), ("code", "no-primary"), ("message", "none")] {
            finding[key] = json!(value);
        }
        fits("finding", &finding);
    }
    let facts =
        "end=0/5000148 timeline=1 fork=0/5000028 diverged=yes transactions=3 realm.1=shop table.realm=2 rewind=no";
    let facts: BTreeMap<_, _> = facts.split(' ').filter_map(|fact| fact.split_once('=')).collect();
    let facts = facts.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    fits("branch", &BranchObservation::parse(&facts).unwrap());
    let rejoin = |method: RejoinMethod| {
        json!({
            "schema": 1, "cluster": "sso", "node": "vm1", "changed": false, "method": method, "found": null, "backup": null,
            "steps": [], "seconds": 0.1, "dry_run": true,
        })
    };
    let anew = |not_compared| RejoinMethod::BaseBackup { why: "no WAL".to_owned(), not_compared };
    for method in [RejoinMethod::Start, RejoinMethod::Rewind, anew(false), anew(true)] {
        fits("rejoin", &rejoin(method));
    }
}

#[test]
fn what_is_not_in_it_is_found() {
    let good = json!({ "schema": 1, "cluster": "sso", "state": "down", "outlook": [] });
    assert_eq!(mismatch("explain", &good), None);
    for (key, value) in [
        ("more", json!(1)),
        ("state", json!({ "Ok": null })),
        ("state", Value::Null),
        ("outlook", json!([["vm1", "text"]])),
        ("schema", json!(2)),
    ] {
        let mut bad = good.clone();
        bad[key] = value;
        assert!(mismatch("explain", &bad).is_some(), "{bad}");
    }
    let mut short = good;
    short.as_object_mut().unwrap().remove("cluster");
    assert!(mismatch("explain", &short).unwrap().contains("cluster"));
}

#[test]
fn every_command_is_in_it_and_the_program_prints_it() {
    let text = fs::read_to_string(FILE).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let document = fs::read_to_string(DOCUMENT).unwrap();
    let mut names = vec!["problems".to_owned(), "error".to_owned()];
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        match command.get_subcommands().count() {
            0 => names.push(name.to_owned()),
            _ => names.extend(command.get_subcommands().map(|below| format!("{name}-{}", below.get_name()))),
        }
    }
    // What they print has a form of its own.
    names.retain(|name| !["haproxy", "schema", "completions"].contains(&name.as_str()));
    for name in &names {
        assert!(schema["$defs"].get(name).is_some(), "{name}");
        let words = name.replace('-', " ");
        assert!(document.contains(&format!("`{words}`")), "docs/json.md: {words}");
    }
    let any: Vec<_> = schema["anyOf"].as_array().unwrap().iter().map(|it| it["$ref"].as_str().unwrap()).collect();
    assert_eq!(any.len(), names.len(), "{any:?}");
    assert_eq!(Place::new().run(&["schema"]).ends_with(0).out, text);
}

#[test]
fn what_has_no_form_of_json_says_so_in_json() {
    let place = Place::new();
    place.write("ha.toml", GOOD).with_secrets();
    for command in [&["haproxy"][..], &["completions", "bash"]] {
        let refused = place.run(&[command, &["--output", "json"]].concat()).ends_with(2).json();
        assert_eq!(refused["error"]["code"], "no-json", "{command:?}");
    }
}

/// Nobody answers: the nodes' addresses are for documents alone (RFC 5737), and there is no engine.
#[test]
fn what_is_told_of_a_cluster_that_nobody_reaches_is_in_it() {
    let place = Place::new();
    let file = GOOD.replace("address = ", "docker = \"unix:///nowhere/docker.sock\"\naddress = ");
    place.write("ha.toml", &file.replace("192.0.2.", "127.0.0.")).with_secrets();
    for command in [
        &["status"][..],
        &["health"],
        &["explain"],
        &["monitor", "--count", "2", "--interval", "100ms"],
        &["replication", "show"],
        &["history"],
        &["doctor", "--quick"],
        &["config", "check"],
        &["up", "--dry-run"],
        &["failover", "--dry-run"],
        &["logs"],
    ] {
        let ran = place.run(&[command, &["--output", "json"]].concat());
        assert!(!ran.out.is_empty(), "{command:?}: {ran:?}");
    }
}
