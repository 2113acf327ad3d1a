//! A primary that is lost while its standby is being made, or while roles change.

use std::sync::Arc;

use ha_core::health::ReportedRole;
use ha_core::plan::{Action, OldData, Plan};
use ha_tests::servers::NOTICED;

use super::row::{Row, row};
use crate::case::Case;

pub(super) const ROWS: &[Row] = &[
    row(
        "primary's host loses power during a rebuild",
        "failover is refused: there is no standby; it boots, and the rebuild is run again",
        rebuild,
    ),
    row("primary's host loses power during a standby's first base backup", "the same, with `up`", first_copy),
    row(
        "primary's host loses power during a switchover, before its server has stopped",
        "failover; it comes back as a standby",
        at_stop,
    ),
    row(
        "primary's host loses power during a switchover, once its server has stopped",
        "the same, and nothing is lost",
        at_prove,
    ),
    row(
        "primary's host loses power during a switchover, at the promotion",
        "it is done, or failover does it; with `strict` writes wait until the old primary is back",
        at_promote,
    ),
];

/// Runs a plan with a power cut in the middle; how it ends is left to chance.
fn run_until(case: &Case, plan: &Plan, at: fn(&Action) -> bool) -> bool {
    let hosts = Arc::clone(&case.hosts);
    case.servers.run_until(plan, at, move || hosts.power_off(1).unwrap()).is_ok()
}

fn plan_rebuild(case: &Case) -> Plan {
    let standby = case.servers.name(1).clone();
    case.servers.wait(case.servers.cluster().plan_rebuild(&standby, OldData::Keep)).unwrap()
}

fn rebuild(case: &mut Case) -> usize {
    let plan = plan_rebuild(case);
    assert!(!run_until(case, &plan, |action| matches!(action, Action::ReplaceDatabase { .. })), "there is a copy");
    case.refused(&case.dead(), "no standby is seen to run");
    case.hosts.boot(1).unwrap();
    // The guard waits for the other host's word, and does not get one: nobody but this node holds the data.
    let role = case.servers.role(0, NOTICED);
    if role == ReportedRole::Standby {
        case.note("it starts in recovery");
        case.fails_over(&case.alone());
    }
    let plan = plan_rebuild(case);
    case.servers.run(&plan).unwrap();
    case.note("rebuilt");
    if role == ReportedRole::Standby && case.strict {
        case.comes_back(1);
    }
    0
}

fn first_copy(case: &mut Case) -> usize {
    let standby = [case.servers.name(1).clone()];
    let down = case.servers.wait(case.servers.cluster().plan_down(&standby, true)).unwrap();
    case.servers.run(&down).unwrap();
    let plan = case.servers.plan_up().unwrap();
    assert!(!run_until(case, &plan, |action| matches!(action, Action::CopyDatabase { .. })), "there is a copy");
    case.refused(&case.dead(), "no standby is seen to run");
    case.hosts.boot(1).unwrap();
    if case.servers.role(0, NOTICED) == ReportedRole::Standby {
        case.note("it starts in recovery");
        case.fails_over(&case.alone());
    }
    case.servers.up();
    case.note("copied");
    case.comes_back(1);
    0
}

/// A server that was stopped stays so when its host boots; a demoted one follows, and any other starts as a standby.
fn switchover(case: &mut Case, at: fn(&Action) -> bool) -> usize {
    let plan = case.servers.switchover(1).unwrap().plan;
    run_until(case, &plan, at);
    let (planned, announced) = case.servers.plans_failover(&case.dead()).unwrap();
    case.announce(announced);
    if planned.plan.is_empty() {
        case.note("the promotion was done");
    } else {
        case.servers.run(&planned.plan).unwrap();
        case.note("failover to vm2");
        case.goes_on();
    }
    case.hosts.boot(1).unwrap();
    case.comes_back(0);
    1
}

fn at_stop(case: &mut Case) -> usize {
    switchover(case, |action| matches!(action, Action::Stop { .. }))
}

fn at_prove(case: &mut Case) -> usize {
    switchover(case, |action| matches!(action, Action::ProveReceived { .. }))
}

fn at_promote(case: &mut Case) -> usize {
    switchover(case, |action| matches!(action, Action::Promote))
}
