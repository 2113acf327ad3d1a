//! A Keycloak: whether it serves, and as what.

use super::super::assess;
use super::{Nodes, check, keycloak_stops, postgres_stops};
use crate::advice::Remedy;
use crate::health::ClusterState::{Degraded, Down, Healthy};
use crate::observe::fixtures::{healthy, keycloak, name, pair, unobserved};
use crate::observe::{KeycloakMode, KeycloakState, ServiceClient, UnobservedWhy};
use crate::ports::ContainerStatus;

#[test]
fn a_heap_that_collections_do_not_empty_is_worth_a_word() {
    let full =
        |percent: Option<u8>| move |n: &mut Nodes| n[1].postgres.as_mut().unwrap().keycloak_heap_percent = percent;
    check(full(Some(90)), &["vm2 heap-low"], Healthy);
    check(full(Some(89)), &[], Healthy);
    check(full(None), &[], Healthy);
}

#[test]
fn a_read_only_keycloak_that_may_not_read_the_wal_is_found() {
    let unread = |index: usize| move |n: &mut Nodes| n[index].postgres.as_mut().unwrap().keycloak_wal_unread = true;
    check(unread(1), &["vm2 wal-unreadable"], Healthy);
    check(unread(0), &[], Healthy);
}

#[test]
fn a_service_client_of_no_use_is_told_of_the_node_that_writes_and_up_mends_it() {
    use ServiceClient::{Changed, Disabled, HttpsRequired, NoRole, NoServiceAccount, Unknown};
    for trouble in [Unknown, Disabled, NoServiceAccount, NoRole, Changed, HttpsRequired] {
        let with = |n: &mut Nodes| n.iter_mut().for_each(|node| node.keycloak.service_client = Some(trouble));
        check(with, &["vm1 service-client-unusable"], Healthy);
    }
    check(|n| n[0].keycloak.service_client = None, &[], Healthy);
    let mut nodes = healthy(&pair());
    nodes[0].keycloak.service_client = Some(NoRole);
    let report = assess(&pair(), &nodes);
    assert_eq!(report.findings[0].help.remedies, [Remedy::up(&name("vm1"))]);
    assert!(report.findings[0].message.contains("lacks the role create-realm"), "{:?}", report.findings);
}

/// No command is named that would find nothing to do.
#[test]
fn what_the_realm_has_decided_of_all_clients_is_for_a_person_to_change() {
    for trouble in [ServiceClient::RealmDisabled, ServiceClient::NoSecretFlow, ServiceClient::Policy] {
        let mut nodes = healthy(&pair());
        nodes[0].keycloak.service_client = Some(trouble);
        let found = &assess(&pair(), &nodes).findings[0];
        assert_eq!(found.code, crate::health::Code::ServiceClientUnusable);
        assert!(found.help.contains("admin console") && found.help.remedies.is_empty(), "{found:?}");
    }
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
    // The same, where Docker's own proxy accepts connections for it; while its database is away, that is the reason.
    let behind_a_proxy = |n: &mut Nodes| {
        loops(n);
        n[1].keycloak.state = Starting;
    };
    check(behind_a_proxy, &["vm2 keycloak-restarting"], Degraded);
    let without_engine = |n: &mut Nodes| {
        keycloak_stops(&mut n[1], Dead, Stopped);
        n[1].keycloak_container = Err(unobserved(UnobservedWhy::NoWay, "no way"));
    };
    check(without_engine, &["vm2 keycloak-stopped"], Degraded);
}

/// `ha-cli logs` asks the engine.
#[test]
fn where_no_engine_answers_the_log_is_read_on_the_host() {
    let help = |engine: bool| {
        let mut nodes = healthy(&pair());
        postgres_stops(&mut nodes[1], ContainerStatus::Exited { code: 1 }, UnobservedWhy::Refused);
        keycloak_stops(&mut nodes[1], ContainerStatus::Exited { code: 1 }, KeycloakState::Stopped);
        let no_way = || unobserved(UnobservedWhy::NoWay, "no way");
        (nodes[1].postgres_container, nodes[1].keycloak_container) = (Err(no_way()), Err(no_way()));
        if !engine {
            nodes[1].engine = Err(no_way());
        }
        let report = assess(&pair(), &nodes);
        let told = report.findings.iter().filter(|it| it.help.contains("logs ")).map(|it| it.help.to_string());
        told.collect::<Vec<_>>().join("\n")
    };
    assert!(help(true).contains("ha-cli logs vm2 --component keycloak"), "{}", help(true));
    let without = help(false);
    for container in ["sso-vm2-postgres", "sso-vm2-keycloak"] {
        assert!(without.contains(&format!("`docker logs {container}`, on its host")), "{without}");
    }
    assert!(!without.contains("ha-cli logs"), "{without}");
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
