//! A primary that is gone, or only seems to be, on hosts that have nothing in common but the link between them.

use ha_core::health::{Code, ReportedRole};
use ha_core::lock::{Holder, Unlocked};
use ha_core::plan::{FailoverOptions, Refusal, RejoinMethod};
use ha_tests::hosts::End;
use ha_tests::ledger::{Ledger, LedgerWriter, Verdict};
use ha_tests::servers::{Announced, NOTICED, Return, Servers, ServersOptions};

use crate::world::World;

const WRITES: u64 = 20;

fn alone() -> FailoverOptions {
    FailoverOptions { run_alone: true, ..FailoverOptions::default() }
}

fn holder() -> Holder {
    Holder {
        by: "alice@desk".to_owned(),
        pid: std::process::id(),
        command: "failover".to_owned(),
        since: "2026-11-26T03:00:00.000Z".to_owned(),
    }
}

pub(crate) fn dead() -> FailoverOptions {
    FailoverOptions { primary_is_dead: true, ..alone() }
}

#[track_caller]
pub(crate) fn says(refused: Result<impl std::fmt::Debug, Vec<Refusal>>, what: &str) {
    let refusals = refused.unwrap_err();
    assert!(refusals.iter().any(|it| it.message.contains(what) || it.help.contains(what)), "{what}: {refusals:?}");
}

#[track_caller]
pub(crate) fn goes_on(servers: &Servers, writer: &LedgerWriter) {
    assert!(servers.wait(writer.goes_on(WRITES, NOTICED)), "the writer goes on");
}

/// Nothing is lost but what was announced, and all nodes have the same.
#[track_caller]
pub(crate) fn is_right(servers: &Servers, ledger: &Ledger, announced: &Announced) {
    let right = |verdict: &Verdict| {
        let lost = |(row, at): &(i64, std::time::Instant)| verdict.lost.contains(row) && !announced.covers(*at);
        (&verdict.phantom, &verdict.twice) == (&vec![], &vec![]) && !ledger.acknowledged.iter().any(lost)
    };
    let verdicts = || servers.nodes().map(|node| servers.judge(ledger, node)).collect::<Vec<_>>();
    let same = servers.until(NOTICED, || Some(verdicts()).filter(|all| all.iter().all(|it| *it == all[0])));
    let same = same.unwrap_or_else(|| panic!("the nodes differ: {:?}", verdicts()));
    assert!(right(&same[0]), "{announced:?}: {:?}", same[0]);
}

/// Nobody can be asked whether it runs, so a person has to say it. When the host is back, it is no second primary.
pub(crate) fn a_primary_without_power_is_replaced_and_comes_back(world: &World) {
    let servers = Servers::start(&world.hosts, &ServersOptions::new("strict"));
    let writer = servers.writer();
    goes_on(&servers, &writer);
    world.hosts.power_off(1).unwrap();
    says(servers.failover(&alone()), "--primary-is-dead");
    let (planned, announced) = servers.fail_over(&dead());
    assert_eq!(announced, Announced::Nothing, "{:?}", planned.loss);
    assert!(planned.risks.iter().any(|risk| risk.contains("vm1")), "{:?}", planned.risks);
    goes_on(&servers, &writer);
    world.hosts.boot(1).unwrap();
    assert_eq!(servers.role(0, NOTICED), ReportedRole::Standby);
    servers.rejoin(0);
    servers.settles(1);
    let ledger = servers.wait(writer.stop());
    is_right(&servers, &ledger, &announced);
}

/// The primary answers this machine, or, where this machine has no way to it, its standby: nobody takes its place.
pub(crate) fn a_primary_that_somebody_hears_is_not_replaced(world: &World) {
    let servers = Servers::start(&world.hosts, &ServersOptions::new("async"));
    let to = FailoverOptions { to: Some(servers.name(1).clone()), ..dead() };
    world.hosts.cut(1, 2).unwrap();
    says(servers.failover(&to), "it is the primary, and it answers");
    let planned = servers.failover(&dead()).unwrap();
    assert!(planned.to == *servers.name(0) && planned.plan.is_empty(), "{planned:?}");
    world.hosts.heal().unwrap();

    world.hosts.cut(End::Machine, 1).unwrap();
    let afar = servers.without_engine(0);
    for options in [to, dead()] {
        says(servers.wait(afar.plan_failover(&options)), "vm2 has just spoken to its PostgreSQL");
    }
    world.hosts.heal().unwrap();
    servers.settles(0);
}

/// A person was wrong about a host that only hung: there are two primaries when it goes on. The generations tell which one
/// counts, and what the other has acknowledged is shown before it is taken back.
pub(crate) fn a_frozen_primary_that_thaws_is_found_and_taken_back(world: &World) {
    let servers = Servers::start(&world.hosts, &ServersOptions::new("async"));
    let writer = servers.writer();
    goes_on(&servers, &writer);
    world.hosts.freeze(1).unwrap();
    let mut locks = servers.wait(servers.cluster().lock_soon(&holder())).unwrap();
    assert_eq!(locks.nodes().collect::<Vec<_>>(), [servers.name(1)]);
    assert_eq!(locks.without()[0].why, Unlocked::Late, "a host that hangs is not waited for");
    let (_, announced) = servers.fail_over(&dead());
    goes_on(&servers, &writer);
    let ledger = servers.wait(writer.stop());
    world.hosts.thaw(1).unwrap();
    locks.extend(servers.wait(servers.cluster().lock(&[servers.name(0).clone()], &holder())).unwrap());
    assert_eq!((locks.nodes().count(), locks.without().len()), (2, 0), "it is there now");
    servers.wait(locks.release());
    servers.finds(&[Code::TwoPrimaries]);
    says(servers.failover(&dead()), "are primaries");
    // With `async`, whoever still writes to it is acknowledged.
    let stray = [servers.config(0)];
    let stray = servers.wait(async { LedgerWriter::begin(stray.to_vec()) });
    goes_on(&servers, &stray);
    let stray = servers.wait(stray.stop());
    let refusal = servers.wait(servers.cluster().begin_rejoin(servers.name(1))).unwrap_err();
    assert!(refusal.message.contains("is not the older one"), "{refusal}");
    let back = servers.rejoin(0);
    let Return::By { method: RejoinMethod::Rewind, found: Some(found) } = &back else { panic!("{back:?}") };
    let only_here = found.only_here.as_ref().expect("it went its own way");
    let transactions = only_here.transactions.unwrap_or_default();
    assert!(
        transactions >= stray.acknowledged.len() as u64,
        "{only_here:?}, {} acknowledged",
        stray.acknowledged.len()
    );
    servers.settles(1);
    is_right(&servers, &ledger, &announced);
}

/// It cannot know whether somebody took its place meanwhile, so it does not take it again.
pub(crate) fn a_primary_that_boots_cut_off_starts_in_recovery(world: &World) {
    let servers = Servers::start(&world.hosts, &ServersOptions::new("async"));
    servers.sql(0, "CREATE TABLE kept AS SELECT 1 AS n");
    servers.has_rows(1, "1");
    world.hosts.power_off(1).unwrap();
    world.hosts.cut(1, 2).unwrap();
    world.hosts.boot(1).unwrap();
    assert_eq!(servers.role(0, NOTICED), ReportedRole::Standby);
    servers.finds(&[Code::NoPrimary]);
    world.hosts.heal().unwrap();
    // It has most, so it is the primary again.
    let (planned, announced) = servers.fail_over(&FailoverOptions::default());
    assert_eq!((planned.to, announced), (servers.name(0).clone(), Announced::Nothing));
    servers.settles(0);
    servers.has_rows(1, "1");
}

/// Power is lost on both, and what was not synchronised with it. Whichever host boots first, there is one primary.
pub(crate) fn hosts_without_power_boot_in_either_order(world: &World) {
    for (durability, order) in [("async", [1, 2]), ("strict", [2, 1])] {
        let servers = Servers::start(&world.hosts, &ServersOptions::new(durability));
        let writer = servers.writer();
        goes_on(&servers, &writer);
        for host in [2, 1] {
            world.hosts.power_off(host).unwrap();
        }
        for host in order {
            world.hosts.boot(host).unwrap();
        }
        let roles = [0, 1].map(|node| servers.role(node, NOTICED));
        assert_eq!(roles, [ReportedRole::Primary, ReportedRole::Standby], "{order:?}");
        servers.settles(0);
        goes_on(&servers, &writer);
        let ledger = servers.wait(writer.stop());
        is_right(&servers, &ledger, &Announced::Nothing);
    }
}
