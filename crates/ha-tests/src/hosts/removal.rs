//! Removes everything that goes by a rig's number, whoever made it and however far it came.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::cgroup::Hierarchies;
use super::claim::Claim;
use super::error::HostsError;
use super::host::Host;
use super::switch::{self, MOST_HOSTS, SWITCH, port};

/// May be called again, and on what is half made. What does not go keeps nothing else from being removed.
pub(crate) fn remove(claim: &Claim) -> Result<(), HostsError> {
    let hierarchies = Hierarchies::of_this_machine()?;
    let parts = parts(claim);
    let mut outcomes = Vec::new();
    for number in (1..=MOST_HOSTS).filter(|number| parts.contains(&port(*number))) {
        outcomes.push(Host::new(claim, &hierarchies, number).go_dark(claim));
    }
    if parts.contains(SWITCH) {
        outcomes.push(hierarchies.group(claim.name_of(SWITCH)).remove());
        outcomes.push(switch::remove_machine_interface(claim));
        outcomes.push(switch::remove_namespace(claim, SWITCH));
    }
    outcomes.push(remove_folder(&claim.data_dir()));
    outcomes.into_iter().collect::<Result<(), _>>()?;
    // The last trace: as long as it is there, the next rig to be made looks for more.
    remove_folder(&claim.run_dir())
}

/// Every part of the rig of which there is a trace: a folder is made before anything else of it, and removed last.
fn parts(claim: &Claim) -> BTreeSet<String> {
    let entries = fs::read_dir(claim.run_dir()).into_iter().flatten().flatten();
    let folders = entries.filter_map(|entry| entry.file_name().into_string().ok());
    claim.namespaces().into_iter().chain(folders).collect()
}

fn remove_folder(folder: &Path) -> Result<(), HostsError> {
    // Nothing is mounted in the machine's own namespace; should it be, it is not deleted through.
    let mounts = fs::read_to_string("/proc/self/mounts").map_err(HostsError::file("reading", "/proc/self/mounts"))?;
    let mounted = |line: &str| line.split(' ').nth(1).is_some_and(|at| Path::new(at).starts_with(folder));
    if let Some(line) = mounts.lines().find(|line| mounted(line)) {
        return Err(HostsError::NotUnderstood {
            what: "removing",
            path: folder.to_owned(),
            problem: format!("something is mounted there: {line}"),
        });
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(HostsError::file("removing", folder)(error)),
        _ => Ok(()),
    }
}
