//! The slots: what they keep, and for whom.

use super::super::seen::Seen;
use crate::advice::{Remedy, advice};
use crate::health::{Code, Finding};
use crate::observe::{PostgresObservation, PostgresRole, SlotObservation};
use crate::topology::Topology;
use crate::values::{NodeName, SlotName};

/// A slot that keeps this share of what it may is worth a word: there is still time to bring its standby back.
const FILLING_SLOT: (u64, u64) = (3, 4);
/// A slot that nobody of the topology uses and that keeps more than this is worth a word.
const UNUSED_SLOT_BYTES: u64 = 32 * MIB;
const MIB: u64 = 1024 * 1024;

/// Slots of a standby: nobody streams from it, so each only keeps WAL there. A change of roles that was given up may have left one.
pub(in super::super) fn unused_of_standby(topology: &Topology, seen: &Seen<'_>, findings: &mut Vec<Finding>) {
    let Some(postgres) = seen.postgres().filter(|postgres| postgres.role == PostgresRole::Standby) else { return };
    let name = &seen.node.name;
    let of_peer = |slot: &SlotObservation| {
        topology.peers_of(name).any(|peer| SlotName::of_standby(&peer.name).as_str() == slot.name)
    };
    for slot in postgres.slots.iter().filter(|slot| !slot.active) {
        let kept = slot.retained_bytes.unwrap_or(0);
        if kept <= UNUSED_SLOT_BYTES {
            continue;
        }
        let help = if of_peer(slot) && postgres.streams() {
            advice!("{} drops it, and leaves the data of a standby that streams as it is", Remedy::rejoin(name))
        } else {
            format!("when nobody needs it, on {name}: SELECT pg_drop_replication_slot('{}')", slot.name).into()
        };
        findings.push(Finding::new(
            Code::SlotUnused,
            Some(name),
            format!("nobody uses slot {} of this standby, and it keeps {} MiB of WAL", slot.name, kept / MIB),
            help,
        ));
    }
}

/// Slots of the primary that are no standby's.
pub(super) fn unused_of_primary(
    topology: &Topology,
    primary: &NodeName,
    postgres: &PostgresObservation,
    findings: &mut Vec<Finding>,
) {
    let used = |slot: &SlotObservation| {
        topology.peers_of(primary).any(|peer| SlotName::of_standby(&peer.name).as_str() == slot.name)
    };
    for slot in postgres.slots.iter().filter(|slot| !used(slot)) {
        let kept = slot.retained_bytes.unwrap_or(0);
        if kept > UNUSED_SLOT_BYTES {
            findings.push(Finding::new(
                Code::SlotUnused,
                Some(primary),
                format!("slot {} belongs to no standby and keeps {} MiB of WAL", slot.name, kept / MIB),
                format!("when nobody needs it: SELECT pg_drop_replication_slot('{}')", slot.name),
            ));
        }
    }
}

/// The slot of one standby, as the primary sees it.
pub(super) fn of_standby(
    standby: &Seen<'_>,
    primary: &NodeName,
    postgres: &PostgresObservation,
    findings: &mut Vec<Finding>,
) {
    let wanted = SlotName::of_standby(&standby.node.name);
    let name = &standby.node.name;
    let Some(slot) = postgres.slots.iter().find(|slot| slot.name == wanted.as_str()) else {
        findings.push(Finding::new(
            Code::SlotMissing,
            Some(name),
            format!("{primary} has no slot {wanted} for it: WAL that it needs may be removed while it is away"),
            advice!("{} makes it", Remedy::up(primary)),
        ));
        return;
    };
    match slot.wal_status.as_deref() {
        Some("lost") => findings.push(Finding::new(
            Code::SlotLost,
            Some(name),
            format!("the WAL that {name} still needs is gone from {primary}: it was away too long (slot_keep_mib)"),
            advice!("its data must be copied anew: {}", Remedy::rebuild(name)),
        )),
        Some("unreserved") => findings.push(Finding::new(
            Code::SlotAtRisk,
            Some(name),
            format!("slot {wanted} keeps more WAL than slot_keep_mib: it is lost at the next checkpoint"),
            "bring the standby back now, or raise slot_keep_mib",
        )),
        _ => filling(name, &wanted, slot, findings),
    }
}

/// A slot on its way to its limit, which is what it keeps and what it may still keep: the server's own figures, since
/// `slot_keep_mib` may not be in force yet.
fn filling(standby: &NodeName, wanted: &SlotName, slot: &SlotObservation, findings: &mut Vec<Finding>) {
    let (Some(kept), Some(left)) = (slot.retained_bytes, slot.safe_wal_bytes) else { return };
    let limit = kept.saturating_add(left);
    let (numerator, denominator) = FILLING_SLOT;
    if limit > 0 && kept / numerator >= limit / denominator {
        findings.push(Finding::new(
            Code::SlotFilling,
            Some(standby),
            format!("slot {wanted} keeps {} of the {} MiB of WAL that it may", kept / MIB, limit / MIB),
            "bring the standby back before it has to be copied anew, or raise slot_keep_mib",
        ));
    }
}
