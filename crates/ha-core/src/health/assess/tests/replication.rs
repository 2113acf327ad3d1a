//! Streaming, slots, lag and durability.

use super::super::assess;
use super::{Nodes, check, check_of, postgres_stops, slot_of_vm2};
use crate::advice::Remedy;
use crate::health::ClusterState::{Degraded, Down, Healthy};
use crate::health::Code;
use crate::observe::fixtures::{healthy, lineage, name, pair, promotion, standby, strict_pair, unobserved};
use crate::observe::{KeycloakMode, SettingInForce, SlotObservation, UnobservedWhy};
use crate::ports::ContainerStatus;
use crate::values::{Lsn, TimelineId};

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

/// It says "streaming" for as long as it tries.
#[test]
fn a_receiver_that_is_refused_again_and_again_does_not_stream() {
    let refused = |n: &mut Nodes| {
        let primary = n[0].postgres.as_mut().unwrap();
        primary.senders.clear();
        primary.slots[0].active = false;
    };
    check(refused, &["vm2 replication-stopped"], Degraded);
    let renamed = |n: &mut Nodes| n[0].postgres.as_mut().unwrap().senders[0].name = "walreceiver".to_owned();
    check(renamed, &["vm1 unknown-standby"], Healthy);
}

#[test]
fn a_primary_that_was_set_back_within_a_segment_is_told_while_its_standby_streams() {
    let set_back = |n: &mut Nodes| {
        let primary = n[0].postgres.as_mut().unwrap();
        primary.senders[0].replay_lsn = primary.write_lsn.map(|it| Lsn::new(it.bytes() + 1));
    };
    check(set_back, &["vm2 ahead-of-primary"], Degraded);
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
fn a_slot_that_nobody_uses_keeps_wal_on_a_standby_too() {
    let with = |slot: &str, kept: Option<u64>, active: bool| {
        let slot = SlotObservation {
            name: slot.to_owned(),
            active,
            wal_status: Some("extended".to_owned()),
            restart_lsn: None,
            retained_bytes: kept,
            safe_wal_bytes: None,
        };
        move |n: &mut Nodes| n[1].postgres.as_mut().unwrap().slots.push(slot)
    };
    check(with("ha_vm1", Some(1 << 30), false), &["vm2 slot-unused"], Healthy);
    check(with("by_hand", Some(1 << 30), false), &["vm2 slot-unused"], Healthy);
    check(with("by_hand", Some(1 << 30), true), &[], Healthy);
    check(with("ha_vm1", Some(1024), false), &[], Healthy);
    check(with("ha_vm1", None, false), &[], Healthy);
    for (slot, help) in
        [("ha_vm1", "`ha-cli rejoin vm2`"), ("by_hand", "on vm2: SELECT pg_drop_replication_slot('by_hand')")]
    {
        let mut nodes = healthy(&pair());
        with(slot, Some(1 << 30), false)(&mut nodes);
        let report = assess(&pair(), &nodes);
        assert!(report.findings[0].help.contains(help), "{:?}", report.findings);
    }
}

#[test]
fn paused_replay_is_an_error() {
    check(|n| n[1].postgres.as_mut().unwrap().replay_paused = Some(true), &["vm2 replay-paused"], Degraded);
}

/// Its primary, which would tell whether it has more, is not seen.
#[test]
fn without_its_primary_a_paused_standby_is_not_resumed_without_a_look() {
    let mut nodes = healthy(&pair());
    nodes[0].postgres = Err(unobserved(UnobservedWhy::Refused, "connection refused"));
    nodes[1].postgres.as_mut().unwrap().replay_paused = Some(true);
    let report = assess(&pair(), &nodes);
    let found = report.findings.iter().find(|it| it.code == Code::ReplayPaused).unwrap();
    let (log, resume) = (found.help.find("`ha-cli logs vm2"), found.help.find("pg_wal_replay_resume"));
    assert!(log.is_some() && log < resume && found.help.contains("it would end"), "{found:?}");
}

/// Resumed as one that somebody paused it would end.
#[test]
fn a_standby_that_has_less_than_its_primary_is_not_to_be_resumed() {
    let with = |name: &str, has: u32, needed: u32| {
        let mut nodes = healthy(&pair());
        for (node, value) in [(0, needed), (1, has)] {
            nodes[node].postgres.as_mut().unwrap().standby_limits = [(name.to_owned(), value)].into();
        }
        nodes[1].postgres.as_mut().unwrap().replay_paused = Some(true);
        assess(&pair(), &nodes).findings.remove(0)
    };
    let known = with("max_connections", 100, 124);
    assert!(known.message.contains("max_connections (100, needed 124)"), "{known:?}");
    assert_eq!((known.code, &known.help.remedies[..]), (Code::ReplayPaused, &[Remedy::up(&name("vm2"))][..]));
    for (setting, line) in [
        ("max_connections", "max_connections = 300 in [postgres]"),
        ("max_locks_per_transaction", "max_locks_per_transaction = 300 in [postgres.settings]"),
    ] {
        let beside = with(setting, 64, 300);
        assert!(beside.help.contains(line) && beside.help.contains("`ha-cli up`"), "{beside:?}");
        assert!(!beside.help.contains("pg_wal_replay_resume"), "{beside:?}");
    }
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
fn one_that_was_promoted_apart_holds_what_its_primary_lacks() {
    let apart = |n: &mut Nodes| {
        let vm2 = n[1].postgres.as_mut().unwrap();
        (vm2.receiver, vm2.upstream) = (None, None);
        (vm2.promotion, vm2.lineage) = (Some(promotion(22, "vm2")), Some(lineage(22, "vm2", 2)));
        vm2.timeline = TimelineId(2);
    };
    check(apart, &["vm2 history-diverged"], Degraded);
    let both = |n: &mut Nodes| {
        apart(n);
        let topology = pair();
        let [vm1, vm2] = [&topology.nodes()[0], &topology.nodes()[1]];
        let mut server = standby(&topology, &vm1.name, vm2);
        (server.promotion, server.lineage) = (Some(promotion(23, "vm1")), Some(lineage(23, "vm1", 2)));
        server.timeline = TimelineId(2);
        n[0].postgres = Ok(server);
        n[0].keycloak.mode = KeycloakMode::ReadOnly;
    };
    check(both, &["- no-primary"], Down);
}

#[test]
fn wal_that_somebody_reset_or_removed_is_told_apart_from_a_standby_that_hears_nothing() {
    let at = |text: &str| Some(text.parse::<Lsn>().unwrap());
    let stops = |n: &mut Nodes| n[1].postgres.as_mut().unwrap().receiver = None;
    check(stops, &["vm2 replication-stopped"], Degraded);
    let ahead = |n: &mut Nodes| {
        stops(n);
        n[1].postgres.as_mut().unwrap().replay_lsn = at("0/4000028");
    };
    check(ahead, &["vm2 ahead-of-primary"], Degraded);
    // One that streams was looked at a moment later.
    check(|n| n[1].postgres.as_mut().unwrap().receive_lsn = at("0/4000028"), &[], Healthy);
    let missing = |kept: &'static str, status: &'static str| {
        move |n: &mut Nodes| {
            stops(n);
            let primary = n[0].postgres.as_mut().unwrap();
            (primary.write_lsn, primary.oldest_wal_lsn) = (at("0/5000100"), at("0/5000000"));
            (primary.slots[0].restart_lsn, primary.slots[0].wal_status) = (at(kept), Some(status.to_owned()));
        }
    };
    let mut said = Vec::new();
    for (kept, status, code) in [
        ("0/3000000", "reserved", "vm2 wal-missing"),
        ("0/5000000", "reserved", "vm2 wal-missing"),
        ("0/3000000", "lost", "vm2 slot-lost"),
    ] {
        let found = if status == "lost" { vec!["vm2 replication-stopped", code] } else { vec![code] };
        check(missing(kept, status), &found, Degraded);
        let mut nodes = healthy(&pair());
        missing(kept, status)(&mut nodes);
        said.push(assess(&pair(), &nodes).findings[0].clone());
    }
    assert!(said[0].message.contains("pg_resetwal") && !said[1].message.contains("pg_resetwal"), "{said:?}");
    let (vm1, vm2) = (name("vm1"), name("vm2"));
    assert_eq!(said[0].help.remedies, [Remedy::rejoin(&vm2), Remedy::down(&vm1), Remedy::failover(&vm2)]);
    assert_eq!(said[1].help.remedies, [Remedy::rejoin(&vm2)]);
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
fn what_the_profile_promises_is_in_force_for_keycloaks_sessions() {
    let set = |node: usize, name: &'static str, value: &'static str, source: Option<&'static str>| {
        move |n: &mut Nodes| {
            n[node].postgres.as_mut().unwrap().durable.push(SettingInForce {
                name: name.to_owned(),
                value: value.to_owned(),
                source: source.map(str::to_owned),
            });
        }
    };
    let strict = strict_pair();
    let wrong = |node, name, value, source| {
        let expected = format!("vm{} durability-not-in-force", node + 1);
        check_of(&strict, set(node, name, value, source), &[&expected], Degraded);
    };
    for source in
        ["ALTER SYSTEM", "ALTER ROLE keycloak", "ALTER DATABASE keycloak", "ALTER ROLE ALL", "configuration file"]
    {
        for value in ["off", "OFF", "false", "0", "local", "remote_write"] {
            wrong(0, "synchronous_commit", value, Some(source));
        }
    }
    wrong(0, "ha.durability", "async", Some("ALTER ROLE keycloak IN DATABASE keycloak"));
    wrong(0, "fsync", "off", Some("configuration file"));
    // It counts where it is, whoever is the primary just now.
    wrong(1, "fsync", "off", Some("ALTER SYSTEM"));
    wrong(1, "synchronous_commit", "off", Some("ALTER SYSTEM"));
    let right = |node, name, value, source| check_of(&strict, set(node, name, value, source), &[], Healthy);
    right(0, "synchronous_commit", "remote_apply", Some("ALTER ROLE keycloak"));
    right(0, "synchronous_commit", "on", Some("default"));
    right(0, "ha.durability", "strict", None);
    // What came with the data is said once.
    right(1, "synchronous_commit", "off", Some("ALTER DATABASE keycloak"));
    // `async` promises less, and a whole database all the same.
    check(set(0, "synchronous_commit", "off", Some("ALTER SYSTEM")), &[], Healthy);
    check(set(0, "full_page_writes", "no", Some("ALTER SYSTEM")), &["vm1 durability-not-in-force"], Degraded);
}
