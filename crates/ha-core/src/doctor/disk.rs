//! The disk: room, and speed.

use super::check::Verdict;
use super::facts::{Disk, DiskSpeed, Known};
use super::words::{rate, size};

const MIB: u64 = 1 << 20;
/// What both images, the prepared one and the build's layers take, unpacked.
pub(super) const IMAGES_BYTES: u64 = 2048 * MIB;
/// A new database with Keycloak's schema, and the first WAL.
pub(super) const NEW_DATABASE_BYTES: u64 = 256 * MIB;
/// Logs, temporary files, what nobody thought of.
const MARGIN_BYTES: u64 = 512 * MIB;

/// Keycloak commits a few times a login: fewer than this a second, and logins queue for the disk.
const SYNCS_FEW: f64 = 200.0;
const SYNCS_TOO_FEW: f64 = 20.0;
/// No disk that keeps what it acknowledges does this, one write after another.
const SYNCS_TOO_MANY: f64 = 100_000.0;
const RATE_LOW: f64 = 50e6;
const RATE_TOO_LOW: f64 = 5e6;

/// What a node needs on its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need {
    /// What the next `up` writes.
    pub(super) now: u64,
    /// What WAL may grow to while a standby is away.
    pub(super) wal: u64,
}

/// Whether there is room. Where the database and the engine's folder lie on two disks, each has to have it: what takes
/// how much of which is not known.
pub(super) fn space(disks: &[Disk], need: Need) -> Verdict {
    let Some(tightest) = disks.iter().min_by_key(|disk| disk.free_bytes) else {
        return Verdict::unknown("`df` in a container told no size");
    };
    let needed = need.now.saturating_add(MARGIN_BYTES);
    let with_wal = needed.saturating_add(need.wal);
    let found = format!(
        "{} free of {} for {}; {} needed, {} while a standby is away",
        size(tightest.free_bytes),
        size(tightest.total_bytes),
        tightest.holds,
        size(needed),
        size(with_wal)
    );
    let help = "make room, or put the engine's folder (`data-root` in /etc/docker/daemon.json) on a larger disk";
    if tightest.free_bytes < needed {
        Verdict::error(found, help)
    } else if tightest.free_bytes < with_wal {
        Verdict::warning(found, format!("{help}; or keep less WAL (`slot_keep_mib` in the cluster's file)"))
    } else {
        Verdict::ok(found)
    }
}

pub(super) fn syncs(speed: &Known<DiskSpeed>) -> Verdict {
    let value = match speed.as_ref().map(|speed| &speed.syncs_per_second) {
        Ok(Ok(value)) => *value,
        Ok(Err(why)) | Err(why) => return Verdict::unknown(why.0.clone()),
    };
    let found = format!("{value:.0} durable writes of 8 KiB a second");
    let help = "every commit waits for one: use a disk with a protected write cache (SSD, NVMe, RAID with battery)";
    if value < SYNCS_TOO_FEW {
        Verdict::error(found, help)
    } else if value < SYNCS_FEW {
        Verdict::warning(found, help)
    } else if value > SYNCS_TOO_MANY {
        Verdict::warning(
            format!("{found}: more than a disk can do"),
            "see that the engine's folder is not in memory and that the disk does not ignore flushes: a power cut would lose commits",
        )
    } else {
        Verdict::ok(found)
    }
}

pub(super) fn throughput(speed: &Known<DiskSpeed>) -> Verdict {
    let value = match speed.as_ref().map(|speed| &speed.bytes_per_second) {
        Ok(Ok(value)) => *value,
        Ok(Err(why)) | Err(why) => return Verdict::unknown(why.0.clone()),
    };
    let found = format!("{} written and made durable", rate(value));
    let help = "base backups, checkpoints and recovery take long: see what else uses the disk, or take a faster one";
    if value < RATE_TOO_LOW {
        Verdict::error(found, help)
    } else if value < RATE_LOW {
        Verdict::warning(found, help)
    } else {
        Verdict::ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::CheckResult::{self, Error, Ok as Good, Unknown, Warning};
    use super::super::facts::NotKnown;
    use super::*;

    const GIB: u64 = 1 << 30;

    fn disk(free_bytes: u64) -> Disk {
        Disk { holds: "images".into(), device: "/dev/vda".into(), total_bytes: 100 * GIB, free_bytes }
    }

    #[test]
    fn there_must_be_room_for_now_and_should_be_for_wal() {
        let need = Need { now: 2 * GIB, wal: 4 * GIB };
        let table: [(Vec<Disk>, CheckResult); 6] = [
            (vec![disk(10 * GIB)], Good),
            (vec![disk(5 * GIB)], Warning),
            (vec![disk(2 * GIB)], Error),
            (vec![disk(0)], Error),
            // The tighter of two decides.
            (vec![disk(50 * GIB), disk(GIB)], Error),
            (vec![], Unknown),
        ];
        for (disks, expected) in table {
            assert_eq!(space(&disks, need).result, expected, "{disks:?}");
        }
        let endless = Need { now: u64::MAX, wal: u64::MAX };
        assert_eq!(space(&[disk(GIB)], endless).result, Error);
    }

    #[test]
    fn speed_is_judged_by_what_a_commit_and_a_copy_need() {
        let syncs_of = |value| {
            let none = Err(NotKnown("no".into()));
            syncs(&Ok(DiskSpeed { syncs_per_second: Ok(value), bytes_per_second: none })).result
        };
        let rate_of = |value| {
            let none = Err(NotKnown("no".into()));
            throughput(&Ok(DiskSpeed { syncs_per_second: none, bytes_per_second: Ok(value) })).result
        };
        for (value, expected) in [(5.0, Error), (90.0, Warning), (1900.0, Good), (900_000.0, Warning)] {
            assert_eq!(syncs_of(value), expected, "{value}");
        }
        for (value, expected) in [(1e6, Error), (20e6, Warning), (300e6, Good)] {
            assert_eq!(rate_of(value), expected, "{value}");
        }
        let unknown = Err(NotKnown("no".into()));
        assert_eq!((syncs(&unknown).result, throughput(&unknown).result), (Unknown, Unknown));
    }
}
