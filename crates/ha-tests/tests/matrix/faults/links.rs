//! What befalls the link between the two hosts; this machine reaches both.

use std::time::Duration;

use ha_core::plan::FailoverOptions;

use super::row::{Row, row};
use crate::case::{Case, LONG};

const EXPECTED: &str = "`async` goes on, `strict` waits; failover is refused; it heals by itself";

pub(super) const ROWS: &[Row] = &[
    row("link cut both ways", EXPECTED, both_ways),
    row("nothing from the primary reaches the standby", EXPECTED, to_the_standby),
    row("nothing from the standby reaches the primary", EXPECTED, to_the_primary),
    row("the link comes and goes", "nobody is promoted; it heals by itself", flaps),
];

fn stays_cut(case: &mut Case) -> usize {
    case.writes_as_the_profile_says(LONG);
    let options = FailoverOptions { to: Some(case.servers.name(1).clone()), ..case.dead() };
    case.refused(&options, "it is the primary, and it answers");
    case.hosts.heal().unwrap();
    0
}

fn both_ways(case: &mut Case) -> usize {
    case.hosts.cut(1, 2).unwrap();
    stays_cut(case)
}

fn to_the_standby(case: &mut Case) -> usize {
    case.hosts.cut_one_way(1, 2).unwrap();
    stays_cut(case)
}

fn to_the_primary(case: &mut Case) -> usize {
    case.hosts.cut_one_way(2, 1).unwrap();
    stays_cut(case)
}

fn flaps(case: &mut Case) -> usize {
    for seconds in [1, 2, 4, 1, 2] {
        case.hosts.cut(1, 2).unwrap();
        case.writes_for(Duration::from_secs(seconds));
        case.hosts.heal().unwrap();
        case.writes_for(Duration::from_secs(seconds));
    }
    case.goes_on();
    0
}
