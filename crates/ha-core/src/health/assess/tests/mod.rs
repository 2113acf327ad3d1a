use std::collections::BTreeSet;

use proptest::prelude::*;

use super::assess;
use crate::health::{ClusterState, Code, Report};
use crate::observe::fixtures::{healthy, pair, pair_spec, three, unobserved};
use crate::observe::{
    KeycloakMode, KeycloakObservation, KeycloakState, NodeObservation, PostgresRole, SlotObservation, UnobservedWhy,
};
use crate::ports::ContainerStatus;
use crate::topology::Topology;
use crate::values::ServerVersion;

mod cluster;
mod hands;
mod host;
mod keycloak;
mod postgres;
mod random;
mod replication;
mod rest;
mod settings;

type Nodes = [NodeObservation];

fn found(report: &Report) -> Vec<String> {
    let on = |node: &Option<crate::values::NodeName>| node.as_ref().map_or("-".to_owned(), ToString::to_string);
    report.findings.iter().map(|finding| format!("{} {}", on(&finding.node), finding.code)).collect()
}

/// Damages a healthy cluster and expects these findings, in this order, and that state.
#[track_caller]
fn check_of(topology: &Topology, damage: impl FnOnce(&mut Nodes), findings: &[&str], state: ClusterState) {
    let mut nodes = healthy(topology);
    damage(&mut nodes);
    let report = assess(topology, &nodes);
    assert_eq!(found(&report), findings, "{:#?}", report.findings);
    assert_eq!(report.state, state);
    for finding in &report.findings {
        assert!(!finding.message.is_empty() && !finding.help.is_empty(), "{finding:?} says too little");
        assert_eq!(finding.severity, finding.code.severity());
    }
}

#[track_caller]
fn check(damage: impl FnOnce(&mut Nodes), findings: &[&str], state: ClusterState) {
    check_of(&pair(), damage, findings, state);
}

/// What a server's host says when its container stopped.
fn postgres_stops(node: &mut NodeObservation, status: ContainerStatus, why: UnobservedWhy) {
    node.postgres_container.as_mut().unwrap().as_mut().unwrap().status = status;
    node.postgres = Err(unobserved(why, "nothing listens at 192.0.2.12:5433"));
}

fn keycloak_stops(node: &mut NodeObservation, status: ContainerStatus, state: KeycloakState) {
    node.keycloak_container.as_mut().unwrap().as_mut().unwrap().status = status;
    node.keycloak = KeycloakObservation {
        state,
        mode: KeycloakMode::Unknown,
        warm: None,
        service_client: None,
        detail: Some("refused".to_owned()),
    };
}

fn host_gone(node: &mut NodeObservation, why: UnobservedWhy) {
    node.engine = Err(unobserved(why, "no Docker engine answers"));
    node.postgres_container = Err(unobserved(why, "no Docker engine answers"));
    node.keycloak_container = Err(unobserved(why, "no Docker engine answers"));
    node.postgres = Err(unobserved(UnobservedWhy::Silent, "192.0.2.11:5432 did not answer within 2 s"));
    node.keycloak = KeycloakObservation::unreachable("no answer within 2 s");
}

fn slot_of_vm2(nodes: &mut Nodes) -> &mut SlotObservation {
    &mut nodes[0].postgres.as_mut().unwrap().slots[0]
}

use ClusterState::{Degraded, Down, Healthy};

#[test]
fn what_is_only_not_as_it_should_be_is_a_warning() {
    check(|n| n[1].postgres.as_mut().unwrap().version = ServerVersion(170_005), &["- version-mismatch"], Healthy);
    check(|n| n[0].postgres.as_mut().unwrap().collation_mismatch = true, &["vm1 collation-mismatch"], Healthy);
    let no_rewind = |n: &mut Nodes| {
        let postgres = n[0].postgres.as_mut().unwrap();
        (postgres.data_checksums, postgres.wal_log_hints) = (false, false);
    };
    check(no_rewind, &["vm1 rewind-impossible"], Healthy);
    check(|n| n[0].postgres.as_mut().unwrap().wal_log_hints = false, &[], Healthy);
    check(
        |n| n[0].postgres.as_mut().unwrap().pending_restart.push("shared_buffers".into()),
        &["vm1 pending-restart"],
        Healthy,
    );
    let killed = |n: &mut Nodes| {
        n[0].postgres_container.as_mut().unwrap().as_mut().unwrap().oom_killed = true;
        n[1].keycloak_container.as_mut().unwrap().as_mut().unwrap().oom_killed = true;
    };
    check(killed, &["vm1 out-of-memory", "vm2 out-of-memory"], Healthy);
}

/// It changes no state.

#[test]
fn a_node_that_was_not_looked_at_is_not_taken_for_healthy() {
    let topology = pair();
    let report = assess(&topology, &healthy(&topology)[..1]);
    assert_eq!(report.state, Degraded);
}

/// The tests above say each code at least once; without this one, a new code could come without any.
#[test]
fn every_code_stands_in_a_test() {
    let tests = concat!(
        include_str!("../../at_work.rs"),
        include_str!("cluster.rs"),
        include_str!("hands.rs"),
        include_str!("host.rs"),
        include_str!("keycloak.rs"),
        include_str!("mod.rs"),
        include_str!("postgres.rs"),
        include_str!("replication.rs"),
        include_str!("rest.rs"),
        include_str!("settings.rs"),
    );
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !tests.contains(&format!(" {code}\""))).collect();
    assert!(missing.is_empty(), "no test expects {missing:?}");
}

#[test]
fn codes_are_unique_and_fit_for_programs() {
    let texts: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(texts.len(), Code::ALL.len());
    for text in texts {
        assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{text}");
    }
}

/// The document has a row for each code, in the order of `Code::ALL`, with its gravity, a meaning and what to do.
#[test]
fn the_document_explains_every_code() {
    let document = include_str!("../../../../../../docs/findings.md");
    let rows: Vec<Vec<&str>> = document
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let wanted: Vec<_> =
        Code::ALL.iter().map(|code| (format!("`{code}`"), format!("{:?}", code.severity()).to_lowercase())).collect();
    let documented: Vec<_> = rows.iter().map(|row| (row[0].to_owned(), row[1].to_owned())).collect();
    assert_eq!(documented, wanted);
    for row in rows {
        assert_eq!(row.len(), 4, "{row:?}");
        assert!(row[2].len() > 10 && row[3].len() > 10, "{row:?} says too little");
    }
}

#[test]
fn unknown_is_null_and_never_nought() {
    let topology = pair();
    let mut nodes = healthy(&topology);
    host_gone(&mut nodes[0], UnobservedWhy::Silent);
    let silent = nodes[1].postgres.as_mut().unwrap();
    (silent.receive_lsn, silent.flush_lsn, silent.replay_lsn, silent.replay_age_seconds) = (None, None, None, None);
    silent.receiver = None;
    let report = serde_json::to_value(assess(&topology, &nodes)).unwrap();
    let unseen = &report["nodes"][0];
    assert_eq!(unseen["role"], "unknown");
    assert_eq!(unseen["replication"], serde_json::Value::Null);
    for field in ["lsn", "timeline", "system_identifier", "version", "wal_bytes"] {
        assert!(unseen["postgres"].get(field).is_some_and(serde_json::Value::is_null), "{field}: {unseen}");
    }
    let follows = &report["nodes"][1]["replication"];
    for field in ["receive_lsn", "flush_lsn", "replay_lsn", "lag_bytes", "lag_seconds", "sync_state", "slot"] {
        assert!(follows.get(field).is_some_and(serde_json::Value::is_null), "{field}: {follows}");
    }
}

#[test]
fn json_of_a_healthy_pair() {
    let topology = pair();
    let report = assess(&topology, &healthy(&topology));
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap());
}

#[test]
fn json_of_a_broken_pair() {
    let mut spec = pair_spec();
    spec.replication.durability = "strict".to_owned();
    let topology = spec.validate().unwrap();
    let mut nodes = healthy(&topology);
    nodes[0].postgres.as_mut().unwrap().senders.clear();
    slot_of_vm2(&mut nodes).wal_status = Some("lost".to_owned());
    nodes[1].postgres.as_mut().unwrap().receiver = None;
    keycloak_stops(&mut nodes[1], ContainerStatus::Exited { code: 137 }, KeycloakState::Stopped);
    let report = assess(&topology, &nodes);
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_is_seen_the_report_claims_no_more_than_is_known(nodes in random::nodes()) {
        let topology = three();
        let report = assess(&topology, &nodes);
        serde_json::to_string(&report).unwrap();
        let role = |node: &NodeObservation| node.postgres.as_ref().ok().map(|postgres| postgres.role);
        let primaries = nodes.iter().filter(|node| role(node) == Some(PostgresRole::Primary)).count();
        if report.state == Healthy {
            prop_assert_eq!(primaries, 1);
            prop_assert_eq!(nodes.len(), topology.nodes().len());
            prop_assert!(nodes.iter().all(|node| node.postgres.is_ok()));
            prop_assert!(nodes.iter().all(|node| node.keycloak.state == KeycloakState::Ready));
        } else if nodes.len() == topology.nodes().len() {
            prop_assert!(!report.findings.is_empty(), "{:?} without a reason", report.state);
        }
        if primaries > 1 {
            prop_assert_eq!(report.state, Down);
            prop_assert!(report.findings.iter().any(|finding| finding.code == Code::TwoPrimaries));
        }
        prop_assert!(report.findings.is_sorted_by_key(|finding| finding.severity));
        for node in &report.nodes {
            // The replication of a standby is known only where the standby was asked.
            prop_assert_eq!(node.replication.is_some(), node.role == crate::health::ReportedRole::Standby);
        }
    }

    #[test]
    fn the_order_of_the_observations_does_not_matter(nodes in random::nodes()) {
        let topology = three();
        let mut turned = nodes.clone();
        turned.reverse();
        prop_assert_eq!(assess(&topology, &nodes), assess(&topology, &turned));
    }
}
