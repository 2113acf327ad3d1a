//! A server that does not run.

use super::super::postgres::exited;
use super::{Nodes, assess, check, postgres_stops};
use crate::health::ClusterState::{Degraded, Healthy};
use crate::health::Code;
use crate::layout::Component;
use crate::observe::UnobservedWhy;
use crate::observe::fixtures::{healthy, pair};
use crate::ports::{Container, ContainerStatus, RestartPolicy};

#[test]
fn a_postgresql_that_does_not_run_is_told_by_its_container() {
    use ContainerStatus::{Created, Dead, Exited, Paused, Restarting, Running};
    use UnobservedWhy::{Denied, Failed, NotReady, Refused, Silent, Unproven};
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
        (Running, Unproven, "vm2 postgres-unproven"),
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
fn one_that_was_stopped_in_order_is_told_from_one_that_ended() {
    for (code, told) in [(0, true), (1, false), (137, false)] {
        let mut nodes = healthy(&pair());
        postgres_stops(&mut nodes[1], ContainerStatus::Exited { code }, UnobservedWhy::Refused);
        let report = assess(&pair(), &nodes);
        let finding = report.findings.iter().find(|finding| finding.code == Code::PostgresStopped).expect("it is told");
        assert_eq!(finding.message.contains("or its engine did"), told, "{finding:?}");
    }
    assert!(exited(Component::Keycloak, 143).contains("somebody stopped it"));
    assert!(exited(Component::Keycloak, 0).ends_with("code 0"));
}

#[test]
fn a_container_off_its_network_is_told_and_not_what_follows_from_it() {
    let taken_off = |n: &mut Nodes| {
        postgres_stops(&mut n[1], ContainerStatus::Running, UnobservedWhy::Refused);
        n[1].postgres_container.as_mut().unwrap().as_mut().unwrap().off_network = true;
    };
    check(taken_off, &["vm2 network-lost"], Degraded);
    // Also where its engine tells of it.
    check(
        |n| n[1].postgres_container.as_mut().unwrap().as_mut().unwrap().off_network = true,
        &["vm2 network-lost"],
        Degraded,
    );
}

#[test]
fn what_the_engine_said_when_it_could_not_start_a_container_is_told() {
    for (error, advice) in [
        ("listen tcp4 192.0.2.12:5432: bind: cannot assign requested address", "network-online.target"),
        ("network 5f0c not found", "makes it anew"),
    ] {
        let mut nodes = healthy(&pair());
        postgres_stops(&mut nodes[1], ContainerStatus::Exited { code: 128 }, UnobservedWhy::Refused);
        nodes[1].postgres_container.as_mut().unwrap().as_mut().unwrap().start_error = Some(error.to_owned());
        let report = assess(&pair(), &nodes);
        let finding = report.findings.iter().find(|finding| finding.code == Code::PostgresStopped).expect("it is told");
        assert!(finding.message.contains(error) && finding.help.contains(advice), "{finding:?}");
        assert!(finding.help.contains("ha-cli up vm2"), "{finding:?}");
    }
}

fn server(nodes: &mut Nodes, node: usize) -> &mut Container {
    nodes[node].postgres_container.as_mut().unwrap().as_mut().unwrap()
}

#[test]
fn what_somebody_did_to_a_container_is_told_while_it_serves() {
    check(|n| server(n, 0).name = "old".to_owned(), &["vm1 container-renamed"], Degraded);
    check(|n| server(n, 0).restart = RestartPolicy::No, &["vm1 container-altered"], Healthy);
    check(|n| server(n, 1).labels.clear(), &["vm2 container-altered"], Healthy);
    check(|n| server(n, 1).entrypoint = vec!["sh".to_owned()], &["vm2 container-altered"], Healthy);
    check(
        |n| n[1].keycloak_container.as_mut().unwrap().as_mut().unwrap().image_id = "sha256:newer".to_owned(),
        &["vm2 container-altered"],
        Healthy,
    );
    check(|n| n[0].postgres.as_mut().unwrap().tablespaces.push("fast".to_owned()), &["vm1 tablespace"], Healthy);
}

#[test]
fn what_was_removed_with_a_container_is_named() {
    let mut nodes = healthy(&pair());
    postgres_stops(&mut nodes[1], ContainerStatus::Dead, UnobservedWhy::Refused);
    (nodes[1].postgres_container, nodes[1].lost_volumes) = (Ok(None), vec!["sso-vm2-state".to_owned()]);
    let report = assess(&pair(), &nodes);
    let finding = report.findings.iter().find(|finding| finding.code == Code::PostgresMissing).expect("it is told");
    assert!(finding.message.contains("sso-vm2-state"), "{finding:?}");
    assert!(finding.help.contains("ha-cli up vm2") && !finding.help.contains("logs"), "{finding:?}");
}

#[test]
fn a_server_that_ends_says_why() {
    use ContainerStatus::{Exited, Restarting, Running};
    for (status, code) in [
        (Exited { code: 1 }, Code::PostgresStopped),
        (Restarting, Code::PostgresRestarting),
        (Running, Code::PostgresRestarting),
    ] {
        let mut nodes = healthy(&pair());
        postgres_stops(&mut nodes[1], status, UnobservedWhy::NotReady);
        let told = |nodes: &Nodes| {
            let findings = assess(&pair(), nodes).findings;
            findings.into_iter().find(|finding| finding.code == code).expect("it is told")
        };
        nodes[1].last_words = Some("FATAL: could not map anonymous shared memory".to_owned());
        assert!(told(&nodes).message.ends_with("FATAL: could not map anonymous shared memory"), "{status:?}");
        let words = "FATAL: directory \"/t\" does not exist HINT: Create this directory for the tablespace before restarting the server.";
        nodes[1].last_words = Some(words.to_owned());
        assert!(told(&nodes).help.contains("ha-cli rebuild vm2"), "{status:?}");
    }
}
