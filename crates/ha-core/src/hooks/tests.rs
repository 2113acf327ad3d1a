use super::*;
use crate::health::{Code, ReportedRole, changes};
use crate::topology::{Durability, NodeSpec, TopologySpec};
use std::collections::BTreeSet;

fn topology(change: impl FnOnce(&mut TopologySpec)) -> Topology {
    let mut spec = TopologySpec::new("sso", "https://sso.example.org")
        .node(NodeSpec::primary("vm1", "192.0.2.11").ports(5440, 8080))
        .node(NodeSpec::standby("vm2", "192.0.2.12").ports(5441, 8081));
    change(&mut spec);
    spec.validate().unwrap()
}

fn all(spec: &mut TopologySpec) {
    let program = |name: &str| Some(vec![name.to_owned(), "x".to_owned()]);
    spec.hooks.on_promote = program("promote");
    spec.hooks.on_demote = program("demote");
    spec.hooks.on_failover = program("failover");
    spec.hooks.on_health = program("health");
    spec.hooks.timeout_seconds = 3;
}

fn name(name: &str) -> NodeName {
    name.parse().unwrap()
}

fn told<'a>(call: &'a HookCall, variable: &str) -> Option<&'a str> {
    let mut values = call.environment.iter().filter(|(name, _)| *name == variable).map(|(_, value)| value.as_str());
    let value = values.next();
    assert_eq!(values.next(), None, "{variable} is told twice");
    value
}

const ROLES: &[HookEvent] = &[HookEvent::Promote, HookEvent::Demote, HookEvent::Failover];

#[test]
fn each_program_is_told_everything_of_its_own_event() {
    let change = RoleChange { old_primary: Some(name("vm1")), new_primary: name("vm2"), generation: Some(7) };
    let calls = role_calls(&topology(all), ROLES, &change);
    assert_eq!(calls.len(), 3);
    for (call, (event, node)) in calls.iter().zip([("promote", "vm2"), ("demote", "vm1"), ("failover", "vm2")]) {
        assert_eq!(call.command, HookCommand { program: event.to_owned(), arguments: vec!["x".to_owned()] });
        assert_eq!(call.limit.as_secs(), 3);
        assert_eq!(call.node, Some(name(node)));
        let expected = [
            ("HA_EVENT", event),
            ("HA_CLUSTER", "sso"),
            ("HA_NODE", node),
            ("HA_OLD_PRIMARY", "vm1"),
            ("HA_NEW_PRIMARY", "vm2"),
            ("HA_NEW_PRIMARY_ADDRESS", "192.0.2.12"),
            ("HA_NEW_PRIMARY_POSTGRES_PORT", "5441"),
            ("HA_NEW_PRIMARY_KEYCLOAK_PORT", "8081"),
            ("HA_GENERATION", "7"),
        ];
        for (variable, value) in expected {
            assert_eq!(told(call, variable), Some(value), "{variable} of {event}");
        }
        assert_eq!(call.environment.len(), expected.len());
    }
}

#[test]
fn what_is_not_known_is_not_told() {
    let change = RoleChange { old_primary: None, new_primary: name("vm2"), generation: None };
    let calls = role_calls(&topology(all), ROLES, &change);
    let events: Vec<_> = calls.iter().map(|call| call.event).collect();
    assert_eq!(events, [HookEvent::Promote, HookEvent::Failover], "nobody is known to be demoted");
    for call in &calls {
        assert_eq!((told(call, "HA_OLD_PRIMARY"), told(call, "HA_GENERATION")), (None, None));
    }
}

#[test]
fn without_a_program_nothing_is_called() {
    let change = RoleChange { old_primary: Some(name("vm1")), new_primary: name("vm2"), generation: None };
    assert_eq!(role_calls(&topology(|_| {}), ROLES, &change), []);
    let only = topology(|spec| spec.hooks.on_demote = Some(vec!["x".to_owned()]));
    assert_eq!(role_calls(&only, &[HookEvent::Promote], &change), []);
    assert_eq!(role_calls(&only, ROLES, &change).len(), 1);
}

#[test]
fn health_is_told_with_its_findings() {
    let topology = topology(all);
    let command = topology.hooks.on_health.clone().unwrap();
    let findings = vec![finding("it does not run")];
    let change =
        HealthChange { before: Some(ClusterState::Healthy), state: ClusterState::Degraded, findings: findings.clone() };
    let call = health_call(&topology, &command, &change);
    assert_eq!((told(&call, "HA_EVENT"), told(&call, "HA_NODE")), (Some("health"), None));
    assert_eq!((told(&call, "HA_STATE_BEFORE"), told(&call, "HA_STATE")), (Some("healthy"), Some("degraded")));
    let list: serde_json::Value = serde_json::from_str(told(&call, "HA_FINDINGS").unwrap()).unwrap();
    assert_eq!(list, serde_json::json!(findings));
    let first = HealthChange { before: None, findings: Vec::new(), ..change };
    let call = health_call(&topology, &command, &first);
    assert_eq!((told(&call, "HA_STATE_BEFORE"), told(&call, "HA_FINDINGS")), (None, Some("[]")));
}

/// A variable that is too long would keep the program from being started at all.
#[test]
fn too_many_findings_are_cut_to_whole_ones() {
    let topology = topology(all);
    let command = topology.hooks.on_health.clone().unwrap();
    let findings = vec![finding(&"x".repeat(1000)); 200];
    let call = health_call(&topology, &command, &HealthChange { findings, ..down() });
    let text = told(&call, "HA_FINDINGS").unwrap();
    assert!(text.len() <= FINDINGS_BYTES);
    let list: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
    assert!((10..200).contains(&list.len()), "{}", list.len());
}

#[test]
fn health_changes_with_the_state_and_with_the_findings_and_with_nothing_else() {
    let report = |state, findings: &[Finding]| Report {
        schema: 1,
        cluster: "sso".parse().unwrap(),
        state,
        durability: Durability::Async,
        nodes: Vec::new(),
        findings: findings.to_vec(),
        outlook: Vec::new(),
    };
    let healthy = report(ClusterState::Healthy, &[]);
    let warned = report(ClusterState::Healthy, &[finding("x")]);
    let down = report(ClusterState::Down, &[finding("x")]);
    let told = |before: &Report, now: &Report| {
        HealthChange::of_look(Some(before.state), now, &changes(before, now))
            .map(|change| (change.before, change.state))
    };
    assert_eq!(told(&healthy, &healthy), None);
    assert_eq!(told(&warned, &report(ClusterState::Healthy, &[finding("other figures")])), None);
    let state = |state| Some((Some(state), state));
    assert_eq!(told(&healthy, &warned), state(ClusterState::Healthy));
    assert_eq!(told(&warned, &healthy), state(ClusterState::Healthy));
    assert_eq!(told(&down, &warned), Some((Some(ClusterState::Down), ClusterState::Healthy)));
    let role = Change::Role(name("vm1"), ReportedRole::Primary, ReportedRole::Standby);
    assert_eq!(HealthChange::of_look(Some(ClusterState::Healthy), &healthy, &[role]), None);
    assert_eq!(HealthChange::of_look(None, &warned, &[]), None);
    let first = HealthChange::of_look(None, &down, &[]).unwrap();
    assert_eq!((first.before, first.findings.len()), (None, 1));
}

#[test]
fn two_changes_in_one_span_both() {
    let first = HealthChange { before: Some(ClusterState::Healthy), ..down() };
    let second =
        HealthChange { before: Some(ClusterState::Down), state: ClusterState::Degraded, findings: vec![finding("x")] };
    let both = first.and_then(second.clone());
    assert_eq!(both, HealthChange { before: Some(ClusterState::Healthy), ..second });
}

fn down() -> HealthChange {
    HealthChange { before: None, state: ClusterState::Down, findings: Vec::new() }
}

#[test]
fn every_variable_that_is_told_is_one_that_is_taken_away_first() {
    let topology = topology(all);
    let change = RoleChange { old_primary: Some(name("vm1")), new_primary: name("vm2"), generation: Some(1) };
    let mut calls = role_calls(&topology, ROLES, &change);
    let command = topology.hooks.on_health.clone().unwrap();
    let health = HealthChange { before: Some(ClusterState::Healthy), ..down() };
    calls.push(health_call(&topology, &command, &health));
    let told: BTreeSet<_> = calls.iter().flat_map(|call| call.environment.iter().map(|(name, _)| *name)).collect();
    assert_eq!(told, VARIABLES.iter().copied().collect());
}

fn finding(message: &str) -> Finding {
    let code = Code::PostgresStopped;
    let help = "start it".to_owned();
    Finding { severity: code.severity(), node: Some(name("vm2")), code, message: message.to_owned(), help: help.into() }
}
