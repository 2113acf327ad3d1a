//! What was seen of a node's host from inside its PostgreSQL's container.

use serde::{Deserialize, Serialize};

/// Room on the host. What a container has is the host's: the containers of a node carry no limits of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostObservation {
    /// The file system that holds the database and its WAL.
    pub disk: Option<Room>,
    /// The host's memory: what could be had without swapping (`MemAvailable`).
    pub memory: Option<Room>,
}

/// How much there is of something, and how much of it is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// What may still be taken, in bytes.
    pub free_bytes: u64,
    /// All of it, in bytes.
    pub total_bytes: u64,
}

impl HostObservation {
    /// The program that looks, for a shell: at the file system of the folder that is its first argument, or of the working
    /// directory, which is the server's data directory for what PostgreSQL itself runs. A POSIX `df` is in every image that
    /// PostgreSQL's own entrypoint runs in; it is the only process beside the shell, since every look waits for them.
    pub const PROGRAM: &str = concat!(
        r#"while read -r line; do echo "$line"; case $line in MemAvailable:*) break ;; esac; done </proc/meminfo; "#,
        r#"exec df -Pk "${1:-.}""#
    );

    /// Reads what [`PROGRAM`](Self::PROGRAM) prints. What is not there is not known.
    #[must_use]
    pub fn parse(printed: &str) -> Self {
        Self { disk: printed.lines().find_map(disk), memory: memory(printed) }
    }

    /// Whether nothing is known.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.disk.is_none() && self.memory.is_none()
    }
}

/// `df -Pk`: the file system, which may be called anything, its size, what is used and what may be had, `nn%`, and where it is
/// mounted.
fn disk(line: &str) -> Option<Room> {
    let mut words = line.split_whitespace().rev().skip(1);
    words.next()?.strip_suffix('%')?;
    let free = words.next()?;
    room(free, words.nth(1)?)
}

/// `/proc/meminfo`: `NAME: nn kB`.
fn memory(printed: &str) -> Option<Room> {
    let of = |name: &str| printed.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
    room(of("MemAvailable:")?, of("MemTotal:")?)
}

fn room(free_kib: &str, total_kib: &str) -> Option<Room> {
    let bytes = |kib: &str| kib.parse::<u64>().ok()?.checked_mul(1024);
    let room = Room { free_bytes: bytes(free_kib)?, total_bytes: bytes(total_kib)? };
    (room.total_bytes > 0 && room.free_bytes <= room.total_bytes).then_some(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
MemTotal:       24684096 kB
MemFree:        20014720 kB
MemAvailable:   21490168 kB
Filesystem     1024-blocks      Used Available Capacity Mounted on
/dev/mapper/my volume 264212084 196372368  54356408      79% /var/lib/postgresql/data
";

    fn kib(free: u64, total: u64) -> Option<Room> {
        Some(Room { free_bytes: free * 1024, total_bytes: total * 1024 })
    }

    #[test]
    fn reads_what_the_program_prints() {
        let seen = HostObservation::parse(PRINTED);
        assert_eq!(seen, HostObservation { disk: kib(54_356_408, 264_212_084), memory: kib(21_490_168, 24_684_096) });
    }

    #[test]
    fn what_is_not_printed_is_not_known_and_never_zero() {
        for printed in [
            "",
            "df: .: No such file or directory\nMemTotal: 24684096 kB\n",
            "- - - - - /\nMemAvailable: 2 kB\nMemTotal: 1 kB\n",
            "tmpfs 0 0 0 0% /\n",
            "tmpfs 1 0 99999999999999999999 0% /\n",
            "1 100% /\n",
        ] {
            assert_eq!(HostObservation::parse(printed), HostObservation::default(), "{printed:?}");
        }
        assert_eq!(HostObservation::parse("tmpfs 5 5 0 100% /\n").disk, kib(0, 5));
    }
}
