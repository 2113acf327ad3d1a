//! What befalls a whole host.

use ha_core::health::{Code, ReportedRole};
use ha_core::plan::{FailoverOptions, RejoinMethod};
use ha_tests::servers::{NOTICED, Return};

use super::row::{Row, row};
use crate::case::{Case, LONG};

pub(super) const ROWS: &[Row] = &[
    row("primary's host loses power", "failover with `--primary-is-dead`; it boots as a standby", powerless),
    row("primary's host loses power and boots", "it is the primary as before", boots),
    row("primary's host freezes, failover, thaws", "two primaries are found, the older is taken back", thaws),
    row("standby away under load", "`async` goes on, `strict` waits; it catches up", standby_away),
    row("both lose power, primary's host boots first", "one primary as before", primary_first),
    row("both lose power, standby's host boots first", "one primary as before", standby_first),
    row(
        "both lose power, the standby's comes back late",
        "the old primary starts in recovery; failover makes it the primary again",
        standby_late,
    ),
    row("power is lost, the old primary boots cut off", "it starts in recovery", boots_cut_off),
    row(
        "each is promoted while the other has no power",
        "neither follows the other; a person chooses, and gives up what only the other acknowledged",
        promoted_apart,
    ),
];

fn powerless(case: &mut Case) -> usize {
    case.hosts.power_off(1).unwrap();
    case.refused(&case.alone(), "--primary-is-dead");
    case.fails_over(&case.dead());
    case.hosts.boot(1).unwrap();
    case.is_no_primary(0);
    case.comes_back(0);
    1
}

fn boots(case: &mut Case) -> usize {
    case.hosts.power_off(1).unwrap();
    case.hosts.boot(1).unwrap();
    0
}

fn thaws(case: &mut Case) -> usize {
    case.hosts.freeze(1).unwrap();
    case.fails_over(&case.dead());
    case.hosts.thaw(1).unwrap();
    case.finds(Code::TwoPrimaries);
    // Whoever still writes to it is acknowledged with `async`, and waits with `strict`: it has no standby left.
    let acknowledged = case.acknowledges(0);
    assert_eq!(acknowledged, !case.strict, "the older primary acknowledges");
    case.note(if acknowledged {
        "the older one acknowledges until then"
    } else {
        "the older one acknowledges nothing"
    });
    case.comes_back(0);
    1
}

fn standby_away(case: &mut Case) -> usize {
    case.hosts.power_off(2).unwrap();
    case.writes_as_the_profile_says(LONG);
    case.hosts.boot(2).unwrap();
    0
}

fn both_off(case: &Case) {
    for host in [1, 2] {
        case.hosts.power_off(host).unwrap();
    }
}

fn primary_first(case: &mut Case) -> usize {
    both_off(case);
    case.hosts.boot(1).unwrap();
    case.hosts.boot(2).unwrap();
    0
}

fn standby_first(case: &mut Case) -> usize {
    both_off(case);
    case.hosts.boot(2).unwrap();
    case.hosts.boot(1).unwrap();
    0
}

fn standby_late(case: &mut Case) -> usize {
    both_off(case);
    case.hosts.boot(1).unwrap();
    case.is_no_primary(0);
    case.hosts.boot(2).unwrap();
    assert_eq!(case.servers.role(1, NOTICED), ReportedRole::Standby);
    let planned = case.fails_over(&FailoverOptions::default());
    assert_eq!(planned.to, *case.servers.name(0));
    0
}

fn boots_cut_off(case: &mut Case) -> usize {
    case.hosts.power_off(1).unwrap();
    case.fails_over(&case.dead());
    case.hosts.cut(1, 2).unwrap();
    case.hosts.boot(1).unwrap();
    case.is_no_primary(0);
    case.hosts.heal().unwrap();
    case.comes_back(0);
    1
}

/// Each acknowledges rows that the other never sees, and both come to one timeline.
fn promoted_apart(case: &mut Case) -> usize {
    case.hosts.power_off(1).unwrap();
    case.fails_over(&case.dead());
    case.hosts.power_off(2).unwrap();
    case.hosts.boot(1).unwrap();
    case.is_no_primary(0);
    case.fails_over(&case.dead());
    case.hosts.power_off(1).unwrap();
    case.hosts.boot(1).unwrap();
    case.is_no_primary(0);
    case.hosts.boot(2).unwrap();
    case.is_no_primary(1);
    case.refused(&case.alone(), "--give-up");
    case.chooses(0);
    case.finds(Code::HistoryDiverged);
    let way = case.comes_back(1);
    assert!(matches!(way, Return::By { method: RejoinMethod::BaseBackup { .. }, .. }), "{way:?}");
    0
}
