//! What the room on the hosts means. Pure.

use std::time::Duration;

use super::{Code, Finding, Report};
use crate::observe::{HostObservation, Room};
use crate::values::NodeName;

const GIB: u64 = 1 << 30;
/// With less than one part in so many free, a disk is nearly full …
const DISK_PART: u64 = 10;
/// … unless this much is free all the same.
const DISK_ENOUGH_BYTES: u64 = 64 * GIB;
/// With less than one part in so many to be had, the kernel is near to killing somebody.
const MEMORY_PART: u64 = 20;
/// A disk that is full by then is worth a word, in seconds: a night and a day.
const FULL_SOON_SECONDS: u64 = 24 * 3600;

impl Report {
    /// The same with when each node's disk is full, as [`DiskTrend`](super::DiskTrend) tells. A warning alone: the state stays.
    #[must_use]
    pub fn with_forecasts<'n>(mut self, full_in: impl IntoIterator<Item = (&'n NodeName, Duration)>) -> Self {
        for (name, time) in full_in {
            let Some(node) = self.nodes.iter_mut().find(|node| node.name == *name) else { continue };
            let seconds = time.as_secs();
            node.host.disk_full_in_seconds = Some(seconds);
            if let Some(disk) = node.host.disk
                && seconds < FULL_SOON_SECONDS
            {
                let (hours, room) = (hours(seconds), room(disk, node.postgres.wal_bytes));
                self.findings.push(Finding::new(
                    Code::DiskFilling,
                    Some(name),
                    format!("at the present rate the disk of the database is full in about {hours}: {room}"),
                    "find out what grows before PostgreSQL stops: WAL, the database, or something else on that disk",
                ));
            }
        }
        Finding::sort(&mut self.findings);
        self
    }
}

pub(super) fn findings(node: &NodeName, host: &HostObservation, wal_bytes: Option<u64>, findings: &mut Vec<Finding>) {
    if let Some(disk) = host.disk {
        let room = room(disk, wal_bytes);
        if disk.free_bytes < (disk.total_bytes / DISK_PART).min(DISK_ENOUGH_BYTES) {
            findings.push(Finding::new(
                Code::DiskLow,
                Some(node),
                format!("the disk of the database is nearly full: {room}"),
                "make room: PostgreSQL stops when it can write no WAL; a slot that keeps it has a finding of its own",
            ));
        }
    }
    if let Some(memory) = host.memory
        && memory.free_bytes < memory.total_bytes / MEMORY_PART
    {
        let (free, total) = (size(memory.free_bytes), size(memory.total_bytes));
        findings.push(Finding::new(
            Code::MemoryLow,
            Some(node),
            format!("only {free} of {total} of the host's memory can still be had"),
            "see what uses it (`ps -e -o rss,args --sort -rss | head`): the kernel kills a server when there is none left",
        ));
    }
}

fn room(disk: Room, wal_bytes: Option<u64>) -> String {
    let wal = wal_bytes.map_or_else(String::new, |wal| format!(", and WAL takes {}", size(wal)));
    format!("{} of {} are free{wal}", size(disk.free_bytes), size(disk.total_bytes))
}

fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let gib = bytes as f64 / GIB as f64;
    if bytes < GIB { format!("{} MiB", bytes >> 20) } else { format!("{gib:.1} GiB") }
}

/// A time for people: no better than the rate that it was made from.
#[must_use]
pub fn hours(seconds: u64) -> String {
    match seconds {
        0..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
