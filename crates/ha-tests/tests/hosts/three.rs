//! A primary and two standbys, each on a host of its own: who takes over, and that the third one follows.

use std::sync::Arc;

use ha_core::health::ReportedRole;
use ha_core::plan::{Action, FailoverOptions, Loss, UpOptions};
use ha_tests::hosts::{Hosts, HostsOptions};
use ha_tests::ledger::LedgerWriter;
use ha_tests::servers::{Announced, NOTICED, Servers, ServersOptions};

use crate::lost::{dead, goes_on, is_right, says};
use crate::world::image;

fn start(durability: &str) -> (Arc<Hosts>, Servers, LedgerWriter) {
    let hosts = Arc::new(Hosts::start(&HostsOptions::new(3).image(image())).unwrap());
    let servers = Servers::start(&hosts, &ServersOptions::new(durability));
    let writer = servers.writer();
    goes_on(&servers, &writer);
    (hosts, servers, writer)
}

/// With a standby left to confirm, nobody has to run alone.
fn dead_of_three() -> FailoverOptions {
    FailoverOptions { run_alone: false, ..dead() }
}

/// Of two standbys the one takes over that has more, and the other one follows it, by its own generation and slot.
pub(crate) fn the_one_that_has_most_takes_over_and_the_third_follows() {
    let (hosts, servers, writer) = start("async");
    servers.run(&servers.switchover(1).unwrap().plan).unwrap();
    servers.settles(1);
    goes_on(&servers, &writer);

    // vm3 hears nothing more; what it lacks, vm1 has.
    hosts.cut(2, 3).unwrap();
    goes_on(&servers, &writer);
    hosts.power_off(2).unwrap();
    hosts.heal().unwrap();
    let to_third = FailoverOptions { to: Some(servers.name(2).clone()), ..dead_of_three() };
    says(servers.failover(&to_third), "vm1 has received more");
    says(servers.failover(&FailoverOptions::default()), "--primary-is-dead");
    let (planned, announced) = servers.fail_over(&dead_of_three());
    assert_eq!(planned.to, *servers.name(0));
    goes_on(&servers, &writer);
    assert_eq!(servers.role(2, NOTICED), ReportedRole::Standby);

    hosts.boot(2).unwrap();
    assert_eq!(servers.role(1, NOTICED), ReportedRole::Standby);
    servers.rejoin(1);
    servers.settles(0);
    goes_on(&servers, &writer);
    let ledger = servers.wait(writer.stop());
    is_right(&servers, &ledger, &announced);
}

/// `strict`: one of two standbys confirms. The primary's host is lost while the third one is being copied: who is being made has
/// confirmed nothing lately, but whether it did before nobody can know, so a person says that it is not missed.
pub(crate) fn a_failover_during_a_base_backup_of_the_third() {
    let (hosts, servers, writer) = start("strict");
    // Either standby alone is enough for writes to go on.
    hosts.power_off(3).unwrap();
    goes_on(&servers, &writer);
    hosts.boot(3).unwrap();
    servers.settles(0);

    let third = [servers.name(2).clone()];
    let down = servers.wait(servers.cluster().plan_down(&third, true)).unwrap();
    servers.run(&down).unwrap();
    let without_keycloak = UpOptions { without_keycloak: true, ..UpOptions::default() };
    let up = servers.wait(servers.cluster().plan_up(&third, without_keycloak)).unwrap();
    let lost = Arc::clone(&hosts);
    let copying = |action: &Action| matches!(action, Action::CopyDatabase { .. });
    servers.run_until(&up, copying, move || lost.power_off(1).unwrap()).unwrap_err();

    let alone = FailoverOptions { to: Some(servers.name(1).clone()), ..dead() };
    says(servers.failover(&alone), "may have confirmed what vm2 lacks");
    let given_up = FailoverOptions { give_up: third.to_vec(), ..alone };
    let (planned, announced) = servers.fail_over(&given_up);
    assert!(matches!(planned.loss, Loss::Since { .. }), "nobody vouches for what vm3 confirmed: {:?}", planned.loss);
    goes_on(&servers, &writer);

    // The copy begins again, from the new primary.
    let up = servers.wait(servers.cluster().plan_up(&third, without_keycloak)).unwrap();
    servers.run(&up).unwrap();
    servers.rejoin(2);
    hosts.boot(1).unwrap();
    assert_eq!(servers.role(0, NOTICED), ReportedRole::Standby);
    servers.rejoin(0);
    servers.settles(1);
    goes_on(&servers, &writer);

    // Both standbys are there again: the next primary that is lost is replaced without a word but that, and nothing is lost.
    hosts.power_off(2).unwrap();
    let (planned, nothing) = servers.fail_over(&dead_of_three());
    assert_eq!(nothing, Announced::Nothing, "{:?}", planned.loss);
    goes_on(&servers, &writer);
    hosts.boot(2).unwrap();
    servers.role(1, NOTICED);
    servers.rejoin(1);
    servers.settles(if planned.to == *servers.name(0) { 0 } else { 2 });
    let ledger = servers.wait(writer.stop());
    is_right(&servers, &ledger, &announced);
}
