//! Disks that are full, and WAL that is gone.

use ha_core::health::Code;
use ha_core::plan::{OldData, RejoinMethod};
use ha_tests::servers::{NOTICED, Return};

use super::row::{Row, row};
use crate::case::{Case, LONG};

/// More than the slot and `wal_keep_size` keep, in segments.
const TOO_MUCH: usize = 24;

pub(super) const ROWS: &[Row] = &[
    row(
        "disk full on the primary",
        "no write is acknowledged that is not kept; it goes on when there is room",
        primary_full,
    ),
    row("disk full on the standby", "it goes on when there is room", standby_full),
    row(
        "disk full until the server ends, on one after the other",
        "its log says why; it goes on with everything after `up`",
        until_it_ends,
    ),
    row("the standby's slot is lost", "`slot-lost`; `rebuild` copies it anew", slot_lost),
    row("WAL for the rewind is missing", "`rejoin` takes a base backup", no_wal_for_the_rewind),
];

fn primary_full(case: &mut Case) -> usize {
    case.hosts.fill_disk(1).unwrap();
    // Until a segment is full, there is room in it.
    drop(case.servers.try_sql(0, "SELECT pg_logical_emit_message(false, 'x', repeat('x', 33554432))"));
    let went_on = case.writes_for(LONG);
    case.note(if went_on { "writes go on" } else { "writes stop" });
    case.hosts.free_disk(1).unwrap();
    case.goes_on();
    0
}

fn standby_full(case: &mut Case) -> usize {
    case.hosts.fill_disk(2).unwrap();
    drop(case.servers.try_sql(0, "SELECT pg_logical_emit_message(false, 'x', repeat('x', 33554432))"));
    let went_on = case.writes_for(LONG);
    assert!(went_on || case.strict, "with `async` the standby's disk is no matter");
    case.note(if went_on { "writes go on" } else { "writes stop" });
    case.hosts.free_disk(2).unwrap();
    case.goes_on();
    0
}

/// The runbook "the disk is full".
fn until_it_ends(case: &mut Case) -> usize {
    for node in [0, 1] {
        case.goes_on();
        case.hosts.fill_disk(node + 1).unwrap();
        // More than there is room for in the segments that are there already.
        drop(case.servers.try_sql(0, "SELECT pg_logical_emit_message(false, 'x', repeat('x', 33554432))"));
        let says_why = || case.servers.log(node).iter().any(|line| line.contains("No space left on device"));
        let said = case.servers.until(NOTICED, || says_why().then_some(()));
        assert!(said.is_some(), "{} does not say why", case.servers.name(node));
        case.finds(Code::DiskLow);
        case.hosts.free_disk(node + 1).unwrap();
        case.servers.up();
        case.servers.settles(0);
    }
    0
}

fn slot_lost(case: &mut Case) -> usize {
    case.hosts.power_off(2).unwrap();
    case.uses_wal(0, TOO_MUCH);
    case.finds(Code::SlotLost);
    case.hosts.boot(2).unwrap();
    let standby = case.servers.name(1).clone();
    let plan = case.servers.wait(case.servers.cluster().plan_rebuild(&standby, OldData::Keep)).unwrap();
    case.servers.run(&plan).unwrap();
    case.note("rebuilt");
    0
}

fn no_wal_for_the_rewind(case: &mut Case) -> usize {
    case.hosts.cut(1, 2).unwrap();
    case.writes_as_the_profile_says(LONG);
    case.uses_wal(0, TOO_MUCH);
    case.kill(0);
    case.hosts.heal().unwrap();
    case.fails_over(&case.alone());
    let back = case.comes_back(0);
    assert!(matches!(back, Return::By { method: RejoinMethod::BaseBackup { .. }, .. }), "{back:?}");
    1
}
