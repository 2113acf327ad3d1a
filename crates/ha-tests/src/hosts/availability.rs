//! Whether this machine can have hosts of its own.

use std::path::Path;

use super::cgroup::Hierarchies;
use super::error::Unavailable;
use super::run::{command, run};

/// What the rig calls. `iptables` is for the hosts' engines; `python3` for what a kernel without netem cannot, and for what
/// no command does.
const PROGRAMS: [&str; 14] = [
    "awk", "bash", "cp", "dockerd", "ebtables", "hostname", "ip", "iptables", "mount", "nsenter", "python3", "sh",
    "tac", "unshare",
];
/// What it calls for a disk.
const DISK_PROGRAMS: [&str; 3] = ["mkfs.ext4", "fallocate", "dd"];

/// Looks for what is needed, and tries what may be forbidden.
pub(crate) fn check(with_disk: bool) -> Result<(), Unavailable> {
    if !rustix::process::geteuid().is_root() {
        return Err(Unavailable("only root may make network namespaces and engines".to_owned()));
    }
    let programs = PROGRAMS.iter().chain(if with_disk { &DISK_PROGRAMS[..] } else { &[] });
    let missing: Vec<&str> = programs.copied().filter(|program| !is_there(program)).collect();
    if !missing.is_empty() {
        return Err(Unavailable(format!("there is no {}", missing.join(", no "))));
    }
    if with_disk && !Path::new("/dev/loop-control").exists() {
        return Err(Unavailable("the kernel has no loop devices".to_owned()));
    }
    let forbidden = |what: &str, error: &dyn std::error::Error| Unavailable(format!("{what}: {error}"));
    let kinds = ["--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "true"];
    run("trying namespaces", &mut command("unshare", kinds)).map_err(|error| forbidden("no namespaces", &error))?;
    let group = Hierarchies::of_this_machine()?.group(format!("hatest-try-{}", std::process::id()));
    let tried = group.make().and_then(|()| group.remove());
    tried.map_err(|error| forbidden("no control groups of one's own", &error))
}

fn is_there(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|paths| std::env::split_paths(&paths).any(|path| path.join(program).exists()))
}
