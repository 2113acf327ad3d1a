//! A cluster on two hosts that have nothing in common but the link between them: made, cut, changed round, without power.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ha_core::health::{ClusterState, Code, PostgresState, ReportedRole};
use ha_core::plan::{Action, UpOptions, undo_switchover};
use ha_tests::servers::{Servers, ServersOptions};

use crate::world::World;

fn start(world: &World) -> Servers {
    Servers::start(&world.hosts, &ServersOptions::new("async"))
}

/// The nodes stand on engines of their own and reach each other over the link alone.
pub(crate) fn two_hosts_become_a_pair_and_change_roles(world: &World) {
    let servers = start(world);
    let report = servers.finds(&[]);
    assert_eq!((report.nodes[0].role, report.nodes[1].role), (ReportedRole::Primary, ReportedRole::Standby));
    servers.sql(0, "CREATE TABLE kept AS SELECT n FROM generate_series(1, 10) n");
    servers.has_rows(1, "10");
    for (to, from, count) in [(1, 0, "11"), (0, 1, "12")] {
        servers.run(&servers.switchover(to).unwrap().plan).unwrap();
        let report = servers.finds(&[]);
        assert_eq!((report.nodes[to].role, report.nodes[from].role), (ReportedRole::Primary, ReportedRole::Standby));
        servers.sql(to, "INSERT INTO kept VALUES (0)");
        servers.has_rows(from, count);
    }
}

/// What cannot be safe is refused while the link is cut, and goes by itself once it is whole.
pub(crate) fn a_cut_link_is_seen_and_refused_and_heals(world: &World) {
    let servers = start(world);
    servers.finds(&[]);
    servers.sql(0, "CREATE TABLE kept (n int)");
    servers.has_rows(1, "0");
    world.hosts.cut_port(1, 2, 5432).unwrap();
    let report = servers.finds(&[Code::ReplicationStopped]);
    assert_eq!(report.nodes[0].role, ReportedRole::Primary, "the primary goes on: {:?}", report.findings);
    servers.sql(0, "INSERT INTO kept VALUES (1)");
    let refusals = servers.switchover(1).unwrap_err();
    assert!(refusals.iter().any(|it| it.message.contains("does not stream")), "{refusals:?}");
    world.hosts.heal().unwrap();
    servers.finds(&[]);
    servers.has_rows(1, "1");
}

/// What the primary writes last never arrives.
pub(crate) fn a_link_cut_in_the_middle_of_a_switchover_takes_it_back(world: &World) {
    let servers = start(world);
    servers.finds(&[]);
    servers.sql(0, "CREATE TABLE kept (n int)");
    servers.has_rows(1, "0");
    let planned = servers.switchover(1).unwrap();
    let hosts = Arc::clone(&world.hosts);
    let cut = move || hosts.cut(1, 2).unwrap();
    let error = servers.run_until(&planned.plan, |action| matches!(action, Action::Stop { .. }), cut).unwrap_err();
    assert!(matches!(error.failures[0].step.action, Action::ProveReceived { .. }), "{error:?}");
    servers.run(&undo_switchover(&planned, &error.failed()).unwrap()).unwrap();
    assert_eq!(servers.report().nodes[0].role, ReportedRole::Primary);
    servers.sql(0, "INSERT INTO kept VALUES (1)");
    world.hosts.heal().unwrap();
    let report = servers.finds(&[]);
    assert_eq!(report.nodes[1].role, ReportedRole::Standby);
    servers.has_rows(1, "1");
}

/// A primary whose host loses power is missed within the limit; back, it is what it was.
pub(crate) fn a_primary_without_power_is_missed_and_comes_back(world: &World) {
    let servers = start(world);
    servers.finds(&[]);
    servers.sql(0, "CREATE TABLE kept AS SELECT 1 AS n");
    servers.has_rows(1, "1");
    world.hosts.power_off(1).unwrap();
    let begun = Instant::now();
    let report = servers.report();
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(report.state, ClusterState::Down);
    assert_eq!(report.nodes[0].postgres.state, PostgresState::Unreachable, "{:?}", report.nodes[0]);
    assert_eq!(report.nodes[1].role, ReportedRole::Standby, "the other one is seen all the same");
    let refusals = servers.switchover(1).unwrap_err();
    assert!(!refusals.is_empty());
    world.hosts.boot(1).unwrap();
    let report = servers.finds(&[]);
    assert_eq!((report.nodes[0].role, report.nodes[1].role), (ReportedRole::Primary, ReportedRole::Standby));
    servers.has_rows(0, "1");
}

/// A host that takes connections and answers nothing holds nobody up, and nothing is done behind its back.
pub(crate) fn a_frozen_host_is_given_up_within_the_limit(world: &World) {
    let servers = start(world);
    servers.finds(&[]);
    world.hosts.freeze(1).unwrap();
    let begun = Instant::now();
    let report = servers.report();
    let up = UpOptions { without_keycloak: true, ..UpOptions::default() };
    let names = [servers.name(0).clone(), servers.name(1).clone()];
    let planned = servers.wait(servers.cluster().plan_up(&names, up));
    let refused = servers.switchover(1);
    let took = begun.elapsed();
    world.hosts.thaw(1).unwrap();
    assert!(took < Duration::from_secs(90), "{took:?}");
    assert!(report.findings.iter().any(|it| it.code == Code::EngineUnreachable), "{:?}", report.findings);
    assert_eq!(report.nodes[0].role, ReportedRole::Unknown, "what is not known is not guessed");
    assert_eq!(report.nodes[1].role, ReportedRole::Standby);
    assert!(refused.is_err(), "{refused:?}");
    let planned = planned.unwrap();
    assert!(planned.steps.iter().all(|step| step.node == *servers.name(1)), "{planned:?}");
    assert!(planned.notes.iter().any(|note| note.contains("vm1")), "{planned:?}");
    servers.finds(&[]);
}
