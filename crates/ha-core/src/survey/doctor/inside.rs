//! What a bench sees of its host.

use std::time::Duration;

use super::bench::{Bench, DATA, DISK, Said, TOOLS};
use super::look::Look;
use crate::doctor::{Disk, DiskSpeed, Inside, InsideFailure, Kernel, Known, MemoryFact, NotKnown};

const FACTS_TIME: Duration = Duration::from_secs(20);
const DISK_TIME: Duration = Duration::from_secs(40);
/// A test of the disk writes up to 256 MiB: it must not be what fills it.
const ROOM_FOR_TESTS: u64 = 2 << 30;
const KIB: u64 = 1024;

pub(super) async fn facts(look: &Look<'_>, bench: &Bench<'_>) -> Result<Inside, InsideFailure> {
    let container = bench.container.as_ref().map_err(Clone::clone)?;
    let script = format!("{TOOLS}/facts.sh");
    let mut argv = vec!["/bin/sh", script.as_str(), DISK];
    if container.has_data {
        argv.push(DATA);
    }
    let said = container.run(&argv, None, FACTS_TIME).await.map_err(InsideFailure::NoAnswer)?;
    let root = look.found.as_ref().map_or("", |found| found.engine.root_dir.as_str());
    Ok(read(&said, root))
}

fn read(said: &Said, root: &str) -> Inside {
    let mut disks: Vec<Disk> = Vec::new();
    for disk in said.all("disk").filter_map(|text| disk(text, root)) {
        // Two folders on one device are one disk.
        if !disks.iter().any(|known| (&known.device, known.total_bytes) == (&disk.device, disk.total_bytes)) {
            disks.push(disk);
        }
    }
    let bytes = |name: &str| said.read::<u64>(name).and_then(|kib| kib.checked_mul(KIB));
    Inside {
        disks,
        data_bytes: bytes("data_kib"),
        kernel: Kernel {
            overcommit: said.read("overcommit"),
            swappiness: said.read("swappiness"),
            huge_pages: said.get("huge_pages").map(str::to_owned),
        },
        memory: MemoryFact {
            available_bytes: bytes("available_kib"),
            swap_bytes: bytes("swap_kib"),
            limit_bytes: said.read("limit_bytes"),
        },
        postgres_version: said.get("postgres").map(str::to_owned),
        libc: said.get("libc").map(str::to_owned),
        lacks: said.get("lacks").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        perl: said.get("perl").is_some(),
    }
}

/// `WHAT DEVICE TOTAL FREE`, in KiB.
fn disk(text: &str, root: &str) -> Option<Disk> {
    let mut words = text.split_whitespace();
    let (what, device) = (words.next()?, words.next()?);
    let mut bytes = || words.next()?.parse::<u64>().ok()?.checked_mul(KIB);
    let holds = if what == "data" { "the database".to_owned() } else { format!("the engine's folder {root}") };
    Some(Disk { holds, device: device.to_owned(), total_bytes: bytes()?, free_bytes: bytes()? })
}

pub(super) async fn disk_speed(bench: &Bench<'_>, inside: Option<&Inside>) -> Known<DiskSpeed> {
    let container = match &bench.container {
        Ok(container) => container,
        Err(InsideFailure::NotTried(why) | InsideFailure::NoAnswer(why)) => return Err(why.clone()),
        Err(InsideFailure::NoContainer(_)) => {
            return Err(NotKnown("no container could be started there".to_owned()));
        }
    };
    let free = inside.and_then(|inside| inside.disks.iter().map(|disk| disk.free_bytes).min());
    if free.is_none_or(|free| free < ROOM_FOR_TESTS) {
        return Err(NotKnown("not tried: less than 2 GiB are free, or it is not known how much is".to_owned()));
    }
    let script = format!("{TOOLS}/disk.sh");
    let said = container.run(&["/bin/sh", &script, DISK], None, DISK_TIME).await?;
    Ok(read_speed(&said))
}

fn read_speed(said: &Said) -> DiskSpeed {
    let syncs = said.read("syncs").ok_or_else(|| NotKnown("pg_test_fsync gave no figure in time".to_owned()));
    let written = said.get("written").and_then(ratio).ok_or_else(|| {
        NotKnown(format!("dd gave no figure in time: {}", said.get("failed_write").unwrap_or("it said nothing")))
    });
    DiskSpeed { syncs_per_second: syncs, bytes_per_second: written }
}

/// `BYTES SECONDS`.
pub(super) fn ratio(text: &str) -> Option<f64> {
    let (bytes, seconds) = text.split_once(' ')?;
    let (bytes, seconds): (f64, f64) = (bytes.parse().ok()?, seconds.trim().parse().ok()?);
    (bytes >= 0.0 && seconds > 0.0).then_some(bytes / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_programs_print() {
        let said = "disk=engine /dev/vda 264212084 70910648\ndisk=data /dev/vda 264212084 70910648\ndata_kib=872\n\
                    overcommit=0\nswappiness=60\nhuge_pages=madvise\navailable_kib=22221032\nswap_kib=0\n\
                    limit_bytes=9223372036854771712\npostgres=17.12\nlibc=glibc 2.41\n";
        let inside = read(&Said(said.to_owned()), "/var/lib/docker");
        assert_eq!(inside.disks.len(), 1, "one device is one disk");
        assert_eq!(inside.disks[0].free_bytes, 70_910_648 * 1024);
        assert_eq!(inside.disks[0].holds, "the engine's folder /var/lib/docker");
        assert_eq!(inside.data_bytes, Some(872 * 1024));
        assert_eq!(inside.kernel.overcommit, Some(0));
        assert_eq!(inside.memory.swap_bytes, Some(0));
        assert_eq!(inside.postgres_version.as_deref(), Some("17.12"));
        assert_eq!(inside.libc.as_deref(), Some("glibc 2.41"));
    }

    #[test]
    fn what_is_not_printed_is_not_known_and_never_zero() {
        let inside = read(&Said("disk=engine overlay - -\noops\npostgres=\nswap_kib=much\n".to_owned()), "/");
        assert_eq!(inside, Inside::default());
        let speed = read_speed(&Said("failed_write=No space left\n".to_owned()));
        assert!(speed.syncs_per_second.is_err());
        assert!(speed.bytes_per_second.unwrap_err().0.contains("No space left"));
    }

    #[test]
    fn the_last_and_longest_measurement_counts() {
        let speed = read_speed(&Said("syncs=719.186\nwritten=16777216 0.02\nwritten=268435456 0.5\n".to_owned()));
        assert_eq!(speed.syncs_per_second, Ok(719.186));
        assert_eq!(speed.bytes_per_second, Ok(536_870_912.0));
        assert_eq!([ratio("1 0"), ratio("-1 2"), ratio("x 1"), ratio("1")], [None; 4]);
    }
}
