//! A small disk of a host's own: an ext4 file system in a file, on a loop device while the host is on.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::HostsError;
use super::run::{LONG, QUICK, command, run, succeed, wait_for};

/// Fills it to the last byte: what is free at a stroke, the rest by writing until there is no room.
pub(crate) const FILL: &str = "cd /var/lib/docker || exit
free=$(df --output=avail --block-size=1 . | tail -n 1)
fallocate -l \"$((free / 100 * 98))\" .filler || exit
! complaint=$(LC_ALL=C dd if=/dev/zero of=.filler-rest bs=16k conv=fsync 2>&1) && grep -q 'No space left' <<END
$complaint
END";
/// Takes back what [`FILL`] took.
pub(crate) const FREE: &str = "rm -f /var/lib/docker/.filler /var/lib/docker/.filler-rest";

/// `EXT4_IOC_SHUTDOWN` without a flush of the journal, as the kernel's own tests of power cuts do: from now on nothing gets
/// to the device any more, and what was not yet written is lost.
const SHUT_DOWN: &str = "import fcntl, os, struct
fcntl.ioctl(os.open('/var/lib/docker', os.O_RDONLY), 0x8004587D, struct.pack('I', 2))";

/// Where a host's disk is, if it has one of its own.
pub(crate) fn image(data: &Path) -> PathBuf {
    data.join("disk")
}

/// Makes the disk, with what is in a directory, and removes the directory.
pub(crate) fn make(data: &Path, content: &Path, mib: u64) -> Result<(), HostsError> {
    let path = image(data);
    let file = File::create(&path).map_err(HostsError::file("making the disk", &path))?;
    file.set_len(mib << 20).map_err(HostsError::file("making the disk", &path))?;
    // No blocks are kept for root: containers mostly run as root, and PostgreSQL does not.
    let mut make = command("mkfs.ext4", ["-q", "-F", "-m", "0", "-d"]);
    make.arg(content).arg(&path);
    succeed(&format!("making a disk of {mib} MiB with the images"), &mut make, None, LONG)?;
    fs::remove_dir_all(content).map_err(HostsError::file("removing", content))
}

/// Cuts the disk of a running host off, as a power cut does. `init` is the first process of the host.
pub(crate) fn cut_off(host: usize, init: i32) -> Result<(), HostsError> {
    let init = init.to_string();
    let mut cut = command("nsenter", ["--target", &init, "--mount", "--", "python3", "-c", SHUT_DOWN]);
    run(&format!("cutting off the disk of host {host}"), &mut cut).map(drop)
}

/// Waits until the kernel has let go of the disk: two loop devices on one file would destroy it.
pub(crate) fn wait_until_free(data: &Path) -> Result<(), HostsError> {
    let path = image(data);
    let devices = || loop_devices(&path);
    wait_for(
        || format!("the kernel still holds {}: {:?}", path.display(), devices()),
        QUICK,
        || devices().is_empty().then_some(()),
    )
}

/// The loop devices on a file.
fn loop_devices(path: &Path) -> Vec<PathBuf> {
    let devices = fs::read_dir("/sys/block").into_iter().flatten().flatten().map(|entry| entry.path());
    let is_it = |device: &PathBuf| {
        fs::read_to_string(device.join("loop/backing_file"))
            .is_ok_and(|file| Path::new(file.trim_end().trim_end_matches(" (deleted)")) == path)
    };
    devices.filter(is_it).collect()
}
