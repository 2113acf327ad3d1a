//! A server that does not run.

use super::{Nodes, check, postgres_stops};
use crate::health::ClusterState::Degraded;
use crate::observe::UnobservedWhy;
use crate::ports::ContainerStatus;

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
