//! A number that one rig has at a time, and every name that follows from it.
//!
//! The number is held by a lock on a file, which the kernel lets go of when the process ends, however it ends. So who gets the
//! lock of a number under which something is still there knows that its maker is dead.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::error::HostsError;
use super::run::{command, run};

/// How many rigs may live on one machine at a time.
const NUMBERS: u8 = 32;
/// What the machine's side of the rig is called: short, since a network interface has 15 bytes for its name.
const PREFIX: &str = "hatest";
/// Where sockets and the state of running hosts are: a short path, since a socket's is at most 108 bytes.
const RUN: &str = "/run";
/// Where `ip netns` keeps its namespaces.
const NAMESPACES: &str = "/run/netns";
/// Where the hosts' disks are: on a real file system, and mostly on that of Docker's images, so that links do for copies.
const DATA: &str = "/var/tmp";

/// The number, held until dropped.
pub(crate) struct Claim {
    pub(crate) number: u8,
    _lock: File,
}

impl Claim {
    /// Takes a free number, and has removed what dead processes left under any.
    pub(crate) fn take(remove: impl Fn(&Self) -> Result<(), HostsError>) -> Result<Self, HostsError> {
        let mut mine = None;
        for number in 0..NUMBERS {
            let known = lock_path(number).exists() || run_dir(number).exists();
            if mine.is_some() && !known {
                continue;
            }
            let Some(claim) = Self::lock(number)? else { continue };
            remove(&claim)?;
            if mine.is_none() && claim.network_is_free()? {
                mine = Some(claim);
            }
        }
        mine.ok_or(HostsError::NoNumber(NUMBERS))
    }

    fn lock(number: u8) -> Result<Option<Self>, HostsError> {
        let path = lock_path(number);
        // Who holds the lock removes the file at the end: then the lock is on a file that nobody else will find.
        for _ in 0..100 {
            let open = File::options().create(true).truncate(false).write(true).open(&path);
            let lock = open.map_err(HostsError::file("opening the lock", &path))?;
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
                return Ok(None);
            }
            let held = lock.metadata().map_err(HostsError::file("looking at the lock", &path))?;
            if fs::metadata(&path).is_ok_and(|found| found.ino() == held.ino()) {
                return Ok(Some(Self { number, _lock: lock }));
            }
        }
        Ok(None)
    }

    /// Whether the machine has no way to this rig's network, which would be somebody else's.
    fn network_is_free(&self) -> Result<bool, HostsError> {
        let network = format!("10.77.{}.0/24", self.number);
        let routes =
            run("looking for a free network", &mut command("ip", ["-4", "route", "show", "to", "root", &network]))?;
        Ok(routes.trim().is_empty())
    }

    /// `hatest3`: the machine's own interface, and what all other names begin with.
    pub(crate) fn name(&self) -> String {
        format!("{PREFIX}{}", self.number)
    }

    /// The name of one part, `hatest3-vm1` or `hatest3-switch`: of its network namespace and its cgroup.
    pub(crate) fn name_of(&self, part: &str) -> String {
        format!("{PREFIX}{}-{part}", self.number)
    }

    /// Where a network namespace is.
    pub(crate) fn namespace_path(&self, part: &str) -> PathBuf {
        Path::new(NAMESPACES).join(self.name_of(part))
    }

    /// The namespaces of this rig that are there, by their parts.
    pub(crate) fn namespaces(&self) -> Vec<String> {
        let prefix = self.name_of("");
        let names = fs::read_dir(NAMESPACES).into_iter().flatten().flatten();
        names.filter_map(|entry| Some(entry.file_name().to_str()?.strip_prefix(&prefix)?.to_owned())).collect()
    }

    /// Sockets, process ids, logs: of this boot.
    pub(crate) fn run_dir(&self) -> PathBuf {
        run_dir(self.number)
    }

    /// The hosts' disks.
    pub(crate) fn data_dir(&self) -> PathBuf {
        Path::new(DATA).join(format!("{PREFIX}{}", self.number))
    }

    /// The machine's own address.
    pub(crate) fn machine_address(&self) -> IpAddr {
        self.address(1)
    }

    /// A host's address.
    pub(crate) fn host_address(&self, host: usize) -> IpAddr {
        self.address(u8::try_from(10 + host).expect("a rig has at most nine hosts"))
    }

    fn address(&self, last: u8) -> IpAddr {
        Ipv4Addr::new(10, 77, self.number, last).into()
    }

    /// The hardware address that goes with an address of the rig.
    pub(crate) fn hardware_address(address: IpAddr) -> String {
        let IpAddr::V4(address) = address else { return String::new() };
        let [a, b, c, d] = address.octets();
        // The second bit says that it is given locally, and to nobody's hardware.
        format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // While it is still held, so that nobody's lock is removed but this one.
        drop(fs::remove_file(lock_path(self.number)));
    }
}

fn lock_path(number: u8) -> PathBuf {
    Path::new(RUN).join(format!("{PREFIX}{number}.lock"))
}

fn run_dir(number: u8) -> PathBuf {
    Path::new(RUN).join(format!("{PREFIX}{number}"))
}
