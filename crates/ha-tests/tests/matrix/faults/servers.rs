//! What befalls a server while its host is fine.

use ha_core::health::Code;

use super::row::{Row, row};
use crate::case::{Case, LONG};

pub(super) const ROWS: &[Row] = &[
    row(
        "primary's server process is killed",
        "Docker starts it again, and it is the primary as before",
        process_killed,
    ),
    row("primary's container is killed", "failover; it comes back as a standby", container_killed),
    row("primary frozen, thaws by itself", "writes wait, then go on; nobody is promoted", frozen_and_thawed),
    row("primary frozen, failover meanwhile", "it is fenced first; it comes back as a standby", frozen_and_fenced),
    row("standby's container is killed", "`async` goes on, `strict` waits; `up` brings it back", standby_killed),
];

fn process_killed(case: &mut Case) -> usize {
    let id = case.docker(0, &["inspect", "-f", "{{.State.Pid}}", &case.servers.container(0)]);
    assert!(case.hosts.exec(1, &["kill", "-KILL", &id]).unwrap().status.success());
    case.goes_on();
    case.note("it is back by itself");
    0
}

fn container_killed(case: &mut Case) -> usize {
    case.kill(0);
    case.finds(Code::PostgresStopped);
    case.fails_over(&case.alone());
    case.docker(0, &["start", &case.servers.container(0)]);
    case.is_no_primary(0);
    case.comes_back(0);
    1
}

fn frozen_and_thawed(case: &mut Case) -> usize {
    case.docker(0, &["pause", &case.servers.container(0)]);
    assert!(!case.writes_for(LONG), "a frozen server acknowledges");
    case.note("writes wait");
    case.docker(0, &["unpause", &case.servers.container(0)]);
    case.goes_on();
    0
}

fn frozen_and_fenced(case: &mut Case) -> usize {
    case.docker(0, &["pause", &case.servers.container(0)]);
    case.fails_over(&case.alone());
    case.comes_back(0);
    1
}

fn standby_killed(case: &mut Case) -> usize {
    case.kill(1);
    case.writes_as_the_profile_says(LONG);
    case.servers.up();
    0
}
