//! What concerns more than one node: roles, identity, hosts that do not answer.

use super::{Nodes, check, check_of, host_gone, keycloak_stops, postgres_stops};
use crate::advice::Remedy;
use crate::health::ClusterState::{Degraded, Down, Healthy};
use crate::health::{Code, assess, assess_roles};
use crate::observe::fixtures::{
    SYSTEM, healthy, keycloak, name, pair, primary, promotion, standby, strict_pair, three, unobserved,
};
use crate::observe::{
    ControlFile, ControlState, KeycloakMode, KeycloakState, NodeObservation, PostgresRole, Room, UnobservedWhy,
};
use crate::plan::{RoleFact, RoleFacts, StoppedServer};
use crate::ports::ContainerStatus;
use crate::values::{SystemIdentifier, TimelineId};

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
fn a_cluster_of_standbys_has_no_primary() {
    let topology = pair();
    let both = |n: &mut Nodes| {
        n[0].postgres = Ok(standby(&topology, &name("vm1"), &topology.nodes()[1]));
        n[0].keycloak = keycloak(KeycloakMode::ReadOnly);
    };
    check(both, &["- no-primary"], Down);
}

#[test]
fn a_change_that_was_begun_and_not_ended_is_the_first_finding_and_names_what_ends_it() {
    let stopped = |n: &mut Nodes| {
        postgres_stops(&mut n[0], ContainerStatus::Exited { code: 0 }, UnobservedWhy::Refused);
        keycloak_stops(&mut n[0], ContainerStatus::Running, KeycloakState::Starting);
        n[1].postgres.as_mut().unwrap().promotion = Some(promotion(2, "vm2"));
    };
    check(stopped, &["- change-interrupted", "vm1 postgres-stopped", "vm1 keycloak-failing"], Down);
    let topology = pair();
    let mut nodes = healthy(&topology);
    stopped(&mut nodes);
    let fact = |seen: &NodeObservation| RoleFact { observation: seen.clone(), stopped: None, heard_by: None };
    let mut facts: RoleFacts = nodes.iter().map(|seen| (seen.node.clone(), fact(seen))).collect();
    let control = ControlFile {
        system: SYSTEM,
        state: ControlState::ShutDown,
        checkpoint: "0/3000100".parse().unwrap(),
        timeline: TimelineId(1),
    };
    let end = StoppedServer { control, standby: false, promotion: Some(promotion(1, "vm1")) };
    facts.get_mut(&name("vm1")).unwrap().stopped = Some(Ok(end));
    let first = &assess_roles(&topology, &facts).findings[0];
    assert_eq!(first.help.remedies[0], Remedy::switchover(&name("vm2")), "{first:?}");
    assert!(first.help.starts_with("`ha-cli switchover --to vm2`"), "{first:?}");
}

/// `up` would only say that the two would each be a primary.
#[test]
fn an_old_primary_that_has_ended_comes_back_by_rejoin_alone() {
    let topology = pair();
    let mut nodes = healthy(&topology);
    postgres_stops(&mut nodes[0], ContainerStatus::Exited { code: 137 }, UnobservedWhy::Refused);
    let new = nodes[1].postgres.as_mut().unwrap();
    (new.role, new.promotion) = (PostgresRole::Primary, Some(promotion(2, "vm2")));
    let fact = |seen: &NodeObservation| RoleFact { observation: seen.clone(), stopped: None, heard_by: None };
    let mut facts: RoleFacts = nodes.iter().map(|seen| (seen.node.clone(), fact(seen))).collect();
    let mut advised = |standby: bool, known: u64, by: &str| {
        let control = ControlFile {
            system: SYSTEM,
            state: ControlState::ShutDown,
            checkpoint: "0/3000100".parse().unwrap(),
            timeline: TimelineId(1),
        };
        let end = StoppedServer { control, standby, promotion: Some(promotion(known, by)) };
        facts.get_mut(&name("vm1")).unwrap().stopped = Some(Ok(end));
        let report = assess_roles(&topology, &facts);
        let found = report.findings.into_iter().find(|it| it.code == Code::PostgresStopped).unwrap();
        found.help.remedies
    };
    let vm1 = name("vm1");
    assert_eq!(advised(false, 1, "vm1"), [Remedy::rejoin(&vm1)]);
    assert_eq!(advised(true, 1, "vm1"), [Remedy::rejoin(&vm1)], "kept back, and not compared yet");
    assert_eq!(advised(true, 2, "vm2"), [Remedy::up(&vm1), Remedy::rejoin(&vm1)], "a standby of that one");
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

/// A busy host: its PostgreSQL does not answer in time, and something else shows that it lives. A failover would stop it.
#[test]
fn where_something_shows_that_the_primary_lives_a_closer_look_comes_before_a_failover() {
    let told = |damage: &dyn Fn(&mut Nodes)| {
        let mut nodes = healthy(&pair());
        nodes[0].postgres = Err(unobserved(UnobservedWhy::Silent, "192.0.2.11:5432 did not answer within 2 s"));
        damage(&mut nodes);
        let report = assess(&pair(), &nodes);
        let find = |code| report.findings.iter().find(|finding| finding.code == code).cloned();
        (report.state, find(Code::PrimaryUnknown).unwrap(), find(Code::PostgresUnreachable))
    };
    let look = Remedy::doctor(&name("vm1"));
    // Its Keycloak says that it writes: that is proof, also where a change was begun.
    for begun in [false, true] {
        let (state, first, server) = told(&|n| {
            if begun {
                n[1].postgres.as_mut().unwrap().promotion = Some(promotion(2, "vm2"));
            }
        });
        assert_eq!((state, &first.help.remedies), (Degraded, &vec![look.clone()]), "{first:?}");
        assert!(first.message.contains("takes writes") && !first.help.contains("failover"), "{first:?}");
        let server = server.unwrap();
        assert!(server.help.remedies == [look.clone()] && server.message.contains("serves"), "{server:?}");
    }
    // Nothing is proven by a container that answers: where it stays so, somebody else takes over.
    let without_keycloak =
        |n: &mut Nodes| keycloak_stops(&mut n[0], ContainerStatus::Running, KeycloakState::Unreachable);
    let (state, first, server) = told(&|n| {
        without_keycloak(n);
        n[0].host.memory = Some(Room { free_bytes: 1 << 30, total_bytes: 2 << 30 });
    });
    assert_eq!((state, &first.help.remedies), (Down, &vec![look.clone(), Remedy::FAILOVER]), "{first:?}");
    assert!(first.help.starts_with("look again"), "{first:?}");
    assert_eq!(server.unwrap().help.remedies, std::slice::from_ref(&look));
    // Nothing shows it, or its engine says that it does not run.
    let (_, first, server) = told(&without_keycloak);
    assert_eq!((&first.help.remedies[..], server.unwrap().help.remedies), (&[Remedy::FAILOVER][..], Vec::new()));
    let (_, first, server) = told(&|n| {
        without_keycloak(n);
        n[0].host.memory = Some(Room { free_bytes: 1 << 30, total_bytes: 2 << 30 });
        postgres_stops(&mut n[0], ContainerStatus::Exited { code: 1 }, UnobservedWhy::Refused);
    });
    assert_eq!((&first.help.remedies[..], server), (&[Remedy::FAILOVER][..], None));
}
