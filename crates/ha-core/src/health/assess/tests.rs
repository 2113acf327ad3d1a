use std::collections::BTreeSet;

use proptest::prelude::*;

use std::time::Duration;

use super::assess;
use crate::health::{ClusterState, Code, HostReport, Report};
use crate::observe::fixtures::{
    healthy, keycloak, name, pair, pair_spec, primary, standby, strict_pair, three, unobserved,
};
use crate::observe::{
    HostObservation, KeycloakMode, KeycloakObservation, KeycloakState, NodeObservation, PostgresRole, Room,
    SlotObservation, UnobservedWhy,
};
use crate::ports::ContainerStatus;
use crate::topology::Topology;
use crate::values::{Lsn, ServerVersion, SystemIdentifier, TimelineId};

mod random;

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
    node.keycloak = KeycloakObservation { state, mode: KeycloakMode::Unknown, detail: Some("refused".to_owned()) };
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
fn a_cluster_in_which_all_is_well_has_no_findings() {
    check(|_| {}, &[], Healthy);
    check_of(&strict_pair(), |_| {}, &[], Healthy);
    check_of(&three(), |_| {}, &[], Healthy);
    check_of(&crate::observe::fixtures::demo(), |_| {}, &[], Healthy);
}

#[test]
fn two_nodes_that_accept_writes_are_down() {
    let topology = pair();
    let second = |n: &mut Nodes| {
        n[1].postgres = Ok(primary(&topology, &name("vm2")));
        n[1].keycloak = keycloak(KeycloakMode::ReadWrite);
    };
    check(second, &["- two-primaries"], Down);
}

#[test]
fn a_second_read_write_keycloak_is_a_second_primary_even_when_its_database_cannot_be_asked() {
    let second = |n: &mut Nodes| {
        n[1].postgres = Err(unobserved(UnobservedWhy::Denied, "not admitted"));
        n[1].keycloak = keycloak(KeycloakMode::ReadWrite);
    };
    check(second, &["- two-primaries", "vm2 probe-denied"], Down);
}

#[test]
fn a_heap_that_collections_do_not_empty_is_worth_a_word() {
    let full =
        |percent: Option<u8>| move |n: &mut Nodes| n[1].postgres.as_mut().unwrap().keycloak_heap_percent = percent;
    check(full(Some(90)), &["vm2 heap-low"], Healthy);
    check(full(Some(89)), &[], Healthy);
    check(full(None), &[], Healthy);
}

#[test]
fn a_cluster_of_standbys_has_no_primary() {
    let topology = pair();
    let both = |n: &mut Nodes| {
        n[0].postgres = Ok(standby(&topology, &name("vm1"), &topology.nodes()[1]));
        n[0].keycloak = keycloak(KeycloakMode::ReadOnly);
    };
    check(both, &["- no-primary"], Down);
}

#[test]
fn a_lost_host_is_one_finding_for_each_thing_that_does_not_answer() {
    check(
        |n| host_gone(&mut n[0], UnobservedWhy::Silent),
        &["- primary-unknown", "vm1 postgres-unreachable", "vm1 keycloak-unreachable", "vm1 engine-unreachable"],
        Down,
    );
    check(
        |n| host_gone(&mut n[1], UnobservedWhy::Silent),
        &["vm2 postgres-unreachable", "vm2 keycloak-unreachable", "vm2 engine-unreachable"],
        Degraded,
    );
}

#[test]
fn an_engine_out_of_reach_alone_is_no_finding_where_the_servers_answer() {
    let no_way = |n: &mut Nodes| {
        n[1].engine = Err(unobserved(UnobservedWhy::NoWay, "its engine is local to it"));
        n[1].postgres_container = n[1].engine.clone().map(|_| None);
        n[1].keycloak_container = n[1].engine.clone().map(|_| None);
    };
    check(no_way, &[], Healthy);
}

#[test]
fn a_server_that_cannot_be_asked_from_here_names_the_way_as_the_cause() {
    check(
        |n| host_gone(&mut n[1], UnobservedWhy::NoWay),
        &["vm2 postgres-unreachable", "vm2 keycloak-unreachable", "vm2 engine-not-from-here"],
        Degraded,
    );
}

#[test]
fn nodes_of_different_databases_are_told_apart() {
    check(
        |n| n[1].postgres.as_mut().unwrap().system_identifier = SystemIdentifier(1),
        &["- system-identifier-mismatch"],
        Degraded,
    );
}

#[test]
fn a_standby_with_a_later_timeline_than_its_primary_is_of_another_history() {
    check(|n| n[1].postgres.as_mut().unwrap().timeline = TimelineId(2), &["vm2 timeline-mismatch"], Degraded);
    // The other way round it only has not heard of it yet.
    check(|n| n[0].postgres.as_mut().unwrap().timeline = TimelineId(2), &[], Healthy);
}

#[test]
fn two_nodes_on_one_engine_are_an_error_outside_the_demo() {
    check(|n| n[1].engine = n[0].engine.clone(), &["- shared-engine"], Degraded);
}

#[test]
fn a_postgresql_that_does_not_run_is_told_by_its_container() {
    use ContainerStatus::{Created, Dead, Exited, Paused, Restarting, Running};
    use UnobservedWhy::{Denied, Failed, NotReady, Refused, Silent};
    for (status, why, code) in [
        (Exited { code: 1 }, Refused, "vm2 postgres-stopped"),
        (Created, Refused, "vm2 postgres-stopped"),
        (Dead, Refused, "vm2 postgres-stopped"),
        (Restarting, Refused, "vm2 postgres-restarting"),
        (Paused, Silent, "vm2 postgres-paused"),
        (Running, Refused, "vm2 postgres-stopped"),
        (Running, NotReady, "vm2 postgres-not-ready"),
        (Running, Silent, "vm2 postgres-unreachable"),
        (Running, Failed, "vm2 postgres-unreachable"),
        (Running, Denied, "vm2 probe-denied"),
    ] {
        check(|n| postgres_stops(&mut n[1], status, why), &[code], Degraded);
    }
    let never = |n: &mut Nodes| {
        postgres_stops(&mut n[1], Dead, Refused);
        n[1].postgres_container = Ok(None);
    };
    check(never, &["vm2 postgres-missing"], Degraded);
}

#[test]
fn a_primary_that_does_not_run_leaves_the_primary_unknown() {
    check(
        |n| postgres_stops(&mut n[0], ContainerStatus::Exited { code: 0 }, UnobservedWhy::Refused),
        &["- primary-unknown", "vm1 postgres-stopped"],
        Degraded,
    );
}

#[test]
fn a_standby_that_receives_nothing_is_stopped() {
    check(|n| n[1].postgres.as_mut().unwrap().receiver = None, &["vm2 replication-stopped"], Degraded);
    let waits = |n: &mut Nodes| {
        n[1].postgres.as_mut().unwrap().receiver.as_mut().unwrap().status = "waiting".to_owned();
    };
    check(waits, &["vm2 replication-stopped"], Degraded);
}

#[test]
fn a_standby_that_catches_up_is_behind() {
    let catchup = |n: &mut Nodes| n[0].postgres.as_mut().unwrap().senders[0].state = "catchup".to_owned();
    check(catchup, &["vm2 replication-lag"], Degraded);
}

#[test]
fn a_receiver_in_a_state_that_is_not_known_is_no_healthy_one() {
    let odd = |n: &mut Nodes| {
        n[1].postgres.as_mut().unwrap().receiver.as_mut().unwrap().status = "dreaming".to_owned();
    };
    check(odd, &["vm2 replication-lag"], Degraded);
}

#[test]
fn slots_are_looked_at_one_by_one() {
    check(|n| n[0].postgres.as_mut().unwrap().slots.clear(), &["vm2 slot-missing"], Degraded);
    check(|n| slot_of_vm2(n).wal_status = Some("lost".into()), &["vm2 slot-lost"], Degraded);
    check(|n| slot_of_vm2(n).wal_status = Some("unreserved".into()), &["vm2 slot-at-risk"], Healthy);
    check(|n| slot_of_vm2(n).wal_status = Some("extended".into()), &[], Healthy);
    let keeps = |kept: Option<u64>, left: Option<u64>| {
        move |n: &mut Nodes| (slot_of_vm2(n).retained_bytes, slot_of_vm2(n).safe_wal_bytes) = (kept, left)
    };
    check(keeps(Some(3 << 30), Some(1 << 30)), &["vm2 slot-filling"], Healthy);
    check(keeps(Some(4 << 30), Some(0)), &["vm2 slot-filling"], Healthy);
    check(keeps(Some(2 << 30), Some(2 << 30)), &[], Healthy);
    check(keeps(Some(0), Some(0)), &[], Healthy);
    // Without a limit there is nothing to be near to, and what is not known is not much.
    check(keeps(Some(1 << 40), None), &[], Healthy);
    check(keeps(None, Some(1)), &[], Healthy);
    let lost = |n: &mut Nodes| {
        keeps(Some(4 << 30), Some(0))(n);
        slot_of_vm2(n).wal_status = Some("unreserved".into());
    };
    check(lost, &["vm2 slot-at-risk"], Healthy);
    let unused = |bytes| {
        move |n: &mut Nodes| {
            let mut slot = slot_of_vm2(n).clone();
            slot.name = "ha_gone".to_owned();
            slot.retained_bytes = bytes;
            n[0].postgres.as_mut().unwrap().slots.push(slot);
        }
    };
    check(unused(Some(1 << 30)), &["vm1 slot-unused"], Healthy);
    check(unused(Some(1024)), &[], Healthy);
    check(unused(None), &[], Healthy);
}

#[test]
fn paused_replay_is_an_error() {
    check(|n| n[1].postgres.as_mut().unwrap().replay_paused = Some(true), &["vm2 replay-paused"], Degraded);
}

#[test]
fn a_standby_that_follows_another_server_is_found() {
    check(
        |n| n[1].postgres.as_mut().unwrap().upstream = Some("192.0.2.99:5432".into()),
        &["vm2 wrong-upstream"],
        Degraded,
    );
}

#[test]
fn whoever_streams_and_is_not_of_the_topology_is_named() {
    let stranger = |n: &mut Nodes| {
        let postgres = n[0].postgres.as_mut().unwrap();
        let mut sender = postgres.senders[0].clone();
        sender.name = "pg_receivewal".to_owned();
        postgres.senders.push(sender);
    };
    check(stranger, &["vm1 unknown-standby"], Healthy);
}

#[test]
fn lag_counts_in_bytes_and_in_seconds() {
    let behind = |bytes: u64| {
        move |n: &mut Nodes| n[0].postgres.as_mut().unwrap().write_lsn = Some(Lsn::new(0x300_0148 + bytes))
    };
    check(behind(64 << 20), &[], Healthy);
    check(behind((64 << 20) + 1), &["vm2 replication-lag"], Healthy);
    let slow = |age: f64| {
        move |n: &mut Nodes| {
            let postgres = n[1].postgres.as_mut().unwrap();
            postgres.replay_lsn = Some(Lsn::new(0x300_0000));
            postgres.replay_age_seconds = Some(age);
        }
    };
    check(slow(29.0), &[], Healthy);
    check(slow(31.0), &["vm2 replication-lag"], Healthy);
    // A quiet primary: what was replayed last is old, and there is nothing newer.
    check(|n| n[1].postgres.as_mut().unwrap().replay_age_seconds = Some(86_400.0), &[], Healthy);
}

#[test]
fn durability_is_what_the_primary_does_not_what_the_file_says() {
    let strict = strict_pair();
    check_of(
        &strict,
        |n| n[0].postgres.as_mut().unwrap().synchronous_standby_names.clear(),
        &["vm1 durability-not-in-force"],
        Degraded,
    );
    let sync = |n: &mut Nodes| {
        let postgres = n[0].postgres.as_mut().unwrap();
        postgres.synchronous_standby_names = "*".to_owned();
        postgres.senders[0].sync_state = "sync".to_owned();
    };
    check(sync, &["vm1 durability-not-in-force"], Degraded);
}

#[test]
fn one_that_runs_alone_by_a_persons_word_says_so() {
    let alone = |n: &mut Nodes| {
        let postgres = n[0].postgres.as_mut().unwrap();
        postgres.senders.clear();
        postgres.synchronous_standby_names.clear();
        postgres.promotion.as_mut().unwrap().run_alone = true;
        postgres_stops(&mut n[1], ContainerStatus::Exited { code: 0 }, UnobservedWhy::Refused);
    };
    check_of(&strict_pair(), alone, &["vm2 postgres-stopped", "vm1 runs-alone"], Degraded);
}

#[test]
fn a_standby_that_knows_of_another_promotion_says_so() {
    let other = |n: &mut Nodes| n[1].postgres.as_mut().unwrap().promotion.as_mut().unwrap().generation = 2;
    check(other, &["vm2 generation-mismatch"], Healthy);
}

#[test]
fn writes_that_wait_for_a_standby_are_down() {
    let alone = |n: &mut Nodes| {
        n[0].postgres.as_mut().unwrap().senders.clear();
        postgres_stops(&mut n[1], ContainerStatus::Exited { code: 0 }, UnobservedWhy::Refused);
    };
    check_of(&strict_pair(), alone, &["vm2 postgres-stopped", "vm1 writes-wait"], Down);
}

#[test]
fn a_keycloak_that_does_not_serve_has_a_code_for_each_cause() {
    use ContainerStatus::{Created, Dead, Exited, Paused, Restarting, Running};
    use KeycloakState::{Starting, Stopped, Unreachable};
    for (status, state, code) in [
        (Created, Stopped, "vm2 keycloak-stopped"),
        (Dead, Stopped, "vm2 keycloak-stopped"),
        (Exited { code: 1 }, Stopped, "vm2 keycloak-stopped"),
        (Paused, Unreachable, "vm2 keycloak-stopped"),
        (Restarting, Stopped, "vm2 keycloak-restarting"),
        (Running, Stopped, "vm2 keycloak-starting"),
        (Running, Starting, "vm2 keycloak-starting"),
        (Running, Unreachable, "vm2 keycloak-unreachable"),
    ] {
        check(|n| keycloak_stops(&mut n[1], status, state), &[code], Degraded);
        check(|n| keycloak_stops(&mut n[0], status, state), &[&code.replace("vm2", "vm1")], Down);
    }
    let missing = |n: &mut Nodes| {
        keycloak_stops(&mut n[1], Dead, Stopped);
        n[1].keycloak_container = Ok(None);
    };
    check(missing, &["vm2 keycloak-missing"], Degraded);
    let loops = |n: &mut Nodes| {
        keycloak_stops(&mut n[1], Running, Stopped);
        n[1].keycloak_container.as_mut().unwrap().as_mut().unwrap().restarts = 3;
    };
    check(loops, &["vm2 keycloak-restarting"], Degraded);
    let without_engine = |n: &mut Nodes| {
        keycloak_stops(&mut n[1], Dead, Stopped);
        n[1].keycloak_container = Err(unobserved(UnobservedWhy::NoWay, "no way"));
    };
    check(without_engine, &["vm2 keycloak-stopped"], Degraded);
}

#[test]
fn a_keycloak_without_its_database_fails_and_says_that_the_database_is_the_cause() {
    let without = |n: &mut Nodes| {
        postgres_stops(&mut n[1], ContainerStatus::Exited { code: 1 }, UnobservedWhy::Refused);
        keycloak_stops(&mut n[1], ContainerStatus::Running, KeycloakState::Starting);
    };
    check(without, &["vm2 postgres-stopped", "vm2 keycloak-failing"], Degraded);
}

#[test]
fn a_keycloak_in_another_mode_than_its_database_is_found() {
    check(|n| n[1].keycloak = keycloak(KeycloakMode::ReadWrite), &["vm2 keycloak-wrong-mode"], Down);
    check(|n| n[0].keycloak = keycloak(KeycloakMode::ReadOnly), &["vm1 keycloak-wrong-mode"], Down);
    check(|n| n[0].keycloak = keycloak(KeycloakMode::Unknown), &["vm1 keycloak-wrong-mode"], Down);
    check(|n| n[1].keycloak = keycloak(KeycloakMode::Unknown), &["vm2 keycloak-wrong-mode"], Degraded);
}

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
fn little_room_on_a_host_is_a_warning() {
    const GIB: u64 = 1 << 30;
    let topology = pair();
    let told = |host: HostObservation| {
        let mut nodes = healthy(&topology);
        nodes[1].host = host;
        let report = assess(&topology, &nodes);
        assert_eq!(report.state, Healthy);
        assert_eq!((&report.nodes[0].host, &report.nodes[1].host), (&HostReport::default(), &host.into()));
        let texts = report.findings.iter().map(|it| format!("{} {}", it.node.as_ref().unwrap(), it.code));
        texts.collect::<Vec<_>>()
    };
    let room = |free, total| Some(Room { free_bytes: free, total_bytes: total });
    let disk = |free, total| HostObservation { disk: room(free, total), memory: None };
    let memory = |free, total| HostObservation { disk: None, memory: room(free, total) };
    let none: &[&str] = &[];
    assert_eq!(told(HostObservation::default()), none, "what is not known is no finding");
    assert_eq!(told(disk(10 * GIB, 100 * GIB)), none);
    assert_eq!(told(disk(10 * GIB - 1, 100 * GIB)), ["vm2 disk-low"]);
    assert_eq!(told(disk(0, 100 * GIB)), ["vm2 disk-low"]);
    assert_eq!(told(disk(64 * GIB, 4000 * GIB)), none, "a small part of a large disk is much");
    assert_eq!(told(disk(63 * GIB, 4000 * GIB)), ["vm2 disk-low"]);
    assert_eq!(told(memory(GIB, 20 * GIB)), none);
    assert_eq!(told(memory(GIB - 1, 20 * GIB)), ["vm2 memory-low"]);
}

#[test]
fn a_disk_that_fills_is_told_with_its_figures() {
    let topology = pair();
    let mut nodes = healthy(&topology);
    nodes[0].host.disk = Some(Room { free_bytes: 5 << 30, total_bytes: 100 << 30 });
    let vm1 = nodes[0].node.clone();
    let forecast = |seconds| assess(&topology, &nodes).with_forecasts([(&vm1, Duration::from_secs(seconds))]);
    assert_eq!(forecast(24 * 3600).findings.len(), 1, "that is far away");
    let soon = forecast(24 * 3600 - 1).findings;
    let codes = soon.iter().map(|it| format!("{} {}", it.node.as_ref().unwrap(), it.code)).collect::<Vec<_>>();
    assert_eq!(codes, ["vm1 disk-low", "vm1 disk-filling"]);
    let report = forecast(5 * 3600 + 900);
    assert_eq!(report.nodes[0].host.disk_full_in_seconds, Some(5 * 3600 + 900));
    assert_eq!(report.state, Healthy);
    let messages: Vec<_> = report.findings.iter().map(|finding| finding.message.as_str()).collect();
    let room = "5.0 GiB of 100.0 GiB are free, and WAL takes 16 MiB";
    assert_eq!(
        messages,
        [
            format!("the disk of the database is nearly full: {room}"),
            format!("at the present rate the disk of the database is full in about 5 h: {room}"),
        ]
    );
}

#[test]
fn a_node_that_was_not_looked_at_is_not_taken_for_healthy() {
    let topology = pair();
    let report = assess(&topology, &healthy(&topology)[..1]);
    assert_eq!(report.state, Degraded);
}

/// The tests above say each code at least once; without this one, a new code could come without any.
#[test]
fn every_code_stands_in_a_test() {
    let tests = include_str!("tests.rs");
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
    let document = include_str!("../../../../../docs/findings.md");
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
