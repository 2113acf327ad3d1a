use super::*;
use crate::health::rest::settle;
use crate::history::{Ended, Operation, Outcome};

fn operation(command: &str, nodes: &[&str], outcome: Outcome) -> Operation {
    let at = "2026-11-23T23:12:36.007Z".to_owned();
    Operation {
        operation: "7f".to_owned(),
        begun: Some(at.clone()),
        command: command.to_owned(),
        by: "alice@desk".to_owned(),
        generation: None,
        nodes: nodes.iter().map(|name| name.parse().unwrap()).collect(),
        ended: Some(Ended { at, outcome: Some(outcome), seconds: None, detail: None }),
    }
}

/// Stopped as `down` does it.
fn stops(node: &mut NodeObservation) {
    postgres_stops(node, ContainerStatus::Exited { code: 0 }, UnobservedWhy::Refused);
    keycloak_stops(node, ContainerStatus::Exited { code: 143 }, KeycloakState::Stopped);
}

fn vanishes(node: &mut NodeObservation) {
    stops(node);
    node.postgres_container = Ok(None);
    node.keycloak_container = Ok(None);
}

#[track_caller]
fn settles(
    damage: impl FnOnce(&mut Nodes),
    operations: &[Operation],
    findings: &[&str],
    state: ClusterState,
) -> Report {
    let topology = pair();
    let mut nodes = healthy(&topology);
    damage(&mut nodes);
    let report = settle(assess(&topology, &nodes), operations);
    assert_eq!(found(&report), findings, "{:#?}", report.findings);
    assert_eq!(report.state, state, "what serves is another question");
    report
}

#[test]
fn what_was_never_set_up_is_said_once_and_without_a_failover() {
    let none = |nodes: &mut Nodes| nodes.iter_mut().for_each(vanishes);
    let report = settles(none, &[], &["- not-set-up"], Down);
    assert!(report.findings[0].help.contains("`ha-cli up`"), "{report:?}");
    // A host that cannot be asked may have it all.
    let hidden = |nodes: &mut Nodes| {
        vanishes(&mut nodes[0]);
        host_gone(&mut nodes[1], UnobservedWhy::Silent);
    };
    let told = settle(
        assess(&pair(), &{
            let mut nodes = healthy(&pair());
            hidden(&mut nodes);
            nodes
        }),
        &[],
    );
    assert!(!found(&told).contains(&"- not-set-up".to_owned()), "{told:?}");
    // One node alone without its containers is a fault.
    let half = |nodes: &mut Nodes| vanishes(&mut nodes[1]);
    settles(half, &[], &["vm2 postgres-missing", "vm2 keycloak-missing"], Degraded);
}

#[test]
fn what_somebody_stopped_is_said_as_that() {
    let all = |nodes: &mut Nodes| nodes.iter_mut().for_each(stops);
    let down = operation("down", &["vm1", "vm2"], Outcome::Done);
    let report = settles(all, std::slice::from_ref(&down), &["vm1 stopped-by-down", "vm2 stopped-by-down"], Down);
    let finding = &report.findings[0];
    assert_eq!(finding.message, "it was stopped by `down`, by alice@desk at 2026-11-23 23:12 UTC");
    assert!(finding.help.contains("`ha-cli up vm1`"), "{finding:?}");
    // The primary alone: the other one is no reason to promote anybody.
    let primary = |nodes: &mut Nodes| stops(&mut nodes[0]);
    let report = settles(primary, &[operation("down", &["vm1"], Outcome::Done)], &["vm1 stopped-by-down"], Down);
    assert!(report.findings.iter().all(|it| !it.help.contains("failover")), "{report:?}");
}

#[test]
fn what_fell_is_never_called_stopped() {
    let all = |nodes: &mut Nodes| nodes.iter_mut().for_each(stops);
    let fell = &[
        "- primary-unknown",
        "vm1 postgres-stopped",
        "vm2 postgres-stopped",
        "vm1 keycloak-stopped",
        "vm2 keycloak-stopped",
    ];
    let both = &["vm1", "vm2"];
    settles(all, &[], fell, Down);
    for last in [
        operation("up", both, Outcome::Done),
        operation("down", both, Outcome::Failed),
        operation("down", both, Outcome::Interrupted),
    ] {
        settles(all, &[operation("down", both, Outcome::Done), last], fell, Down);
    }
    // Of a primary that fell beside a standby that was stopped, nothing is left out.
    let down = operation("down", &["vm2"], Outcome::Done);
    settles(
        all,
        &[down],
        &["- primary-unknown", "vm1 postgres-stopped", "vm1 keycloak-stopped", "vm2 stopped-by-down"],
        Down,
    );
}
