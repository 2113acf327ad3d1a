//! What was seen of a node's host from inside its PostgreSQL's container.

use serde::Serialize;

/// Room on the host. What a container has is the host's: the containers of a node carry no limits of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HostObservation {
    /// The file system that holds the database and its WAL.
    pub disk: Option<Room>,
    /// The host's memory: what could be had without swapping (`MemAvailable`).
    pub memory: Option<Room>,
}

/// How much there is of something, and how much of it is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Room {
    /// What may still be taken, in bytes.
    pub free_bytes: u64,
    /// All of it, in bytes.
    pub total_bytes: u64,
}

impl HostObservation {
    /// The program that looks at the folder of the database; `awk` and a POSIX `df` are in every image that PostgreSQL's
    /// own entrypoint runs in.
    #[must_use]
    pub fn program(folder: &str) -> Vec<String> {
        const SCRIPT: &str = r#"LC_ALL=C df -Pk "$1" | awk 'NR == 2 { print "disk " $(NF-2) " " $(NF-4) }'
awk '/^MemTotal:/ { all = $2 } /^MemAvailable:/ { free = $2 } END { print "memory " free " " all }' /proc/meminfo"#;
        ["/bin/sh", "-c", SCRIPT, "sh", folder].map(str::to_owned).to_vec()
    }

    /// Reads what the program printed. What is not there is not known.
    #[must_use]
    pub fn parse(printed: &str) -> Self {
        let room = |what: &str| {
            let mut words = printed.lines().find_map(|line| line.strip_prefix(what))?.split_whitespace();
            let mut bytes = || words.next()?.parse::<u64>().ok()?.checked_mul(1024);
            let room = Room { free_bytes: bytes()?, total_bytes: bytes()? };
            (room.total_bytes > 0 && room.free_bytes <= room.total_bytes).then_some(room)
        };
        Self { disk: room("disk "), memory: room("memory ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_program_prints() {
        let seen = HostObservation::parse("disk 54356408 264212084\nmemory 21490168 24684096\n");
        let room = |free: u64, total: u64| Some(Room { free_bytes: free * 1024, total_bytes: total * 1024 });
        assert_eq!(seen, HostObservation { disk: room(54_356_408, 264_212_084), memory: room(21_490_168, 24_684_096) });
    }

    #[test]
    fn what_is_not_printed_is_not_known_and_never_zero() {
        for printed in
            ["", "disk  \nmemory  24684096\n", "disk - -\nmemory 2 1\n", "disk 0 0\n", "disk 99999999999999999999 1"]
        {
            assert_eq!(HostObservation::parse(printed), HostObservation::default(), "{printed:?}");
        }
        assert_eq!(HostObservation::parse("disk 0 5\n").disk, Some(Room { free_bytes: 0, total_bytes: 5120 }));
    }
}
