//! The control group that holds every process of a host: how they are found, frozen and ended.
//!
//! Both kinds of cgroups freeze (kernel: `admin-guide/cgroup-v1/freezer-subsystem`, `admin-guide/cgroup-v2`, "cgroup.freeze").
//! The second is preferred where it is mounted, also beside the first: it ends frozen processes, which the first does not.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

use super::error::{HostsError, Unavailable};
use super::run::{QUICK, wait_for};

/// The hierarchies of this machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hierarchies {
    second: Option<PathBuf>,
    freezer: Option<PathBuf>,
    all: Vec<PathBuf>,
}

impl Hierarchies {
    pub(crate) fn of_this_machine() -> Result<Self, Unavailable> {
        let mounts =
            fs::read_to_string("/proc/self/mounts").map_err(|error| Unavailable(format!("no mounts: {error}")))?;
        let found = Self::among(&mounts);
        if found.second.is_none() && found.freezer.is_none() {
            return Err(Unavailable("no control groups are mounted that can freeze".to_owned()));
        }
        Ok(found)
    }

    fn among(mounts: &str) -> Self {
        let mut found = Self::default();
        for line in mounts.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [_, path, kind, options, ..] = words[..] else { continue };
            let path = PathBuf::from(path);
            match kind {
                "cgroup2" if found.second.is_none() => found.second = Some(path.clone()),
                "cgroup" if options.split(',').any(|option| option == "freezer") => found.freezer = Some(path.clone()),
                "cgroup" => {}
                _ => continue,
            }
            found.all.push(path);
        }
        found
    }

    /// The group of that name.
    pub(crate) fn group(&self, name: String) -> Group {
        Group { name, hierarchies: self.clone() }
    }
}

/// One host's group, and those of its containers below it.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    name: String,
    hierarchies: Hierarchies,
}

impl Group {
    /// As Docker's `--cgroup-parent` takes it.
    pub(crate) fn parent(&self) -> String {
        format!("/{}", self.name)
    }

    /// Where the group is, in the hierarchies that can freeze.
    fn places(&self) -> impl Iterator<Item = PathBuf> {
        let Hierarchies { second, freezer, .. } = &self.hierarchies;
        [second, freezer].into_iter().flatten().map(|mount| mount.join(&self.name))
    }

    pub(crate) fn make(&self) -> Result<(), HostsError> {
        for place in self.places() {
            let inner = inner(&place);
            fs::create_dir_all(&inner).map_err(HostsError::file("making the control group", &inner))?;
        }
        Ok(())
    }

    /// A line of shell by which a process joins the group, with what it starts later.
    pub(crate) fn join(&self) -> String {
        self.places().map(|place| format!("echo 0 >{}/cgroup.procs && ", inner(&place).display())).collect()
    }

    /// Every process, containers included, by its id on the machine.
    pub(crate) fn processes(&self) -> Vec<i32> {
        let mut found = Vec::new();
        for place in self.places() {
            for group in below(&place) {
                let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
                found.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The processes whose program is called that.
    pub(crate) fn processes_named(&self, name: &str) -> Vec<i32> {
        let is_it = |id: &i32| fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|found| found.trim() == name);
        self.processes().into_iter().filter(is_it).collect()
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.places().any(|place| is_frozen(&place))
    }

    /// Stops every process, or lets it go on, and waits until that is so.
    pub(crate) fn set_frozen(&self, frozen: bool) -> Result<(), HostsError> {
        let Some(place) = self.places().next() else { return Ok(()) };
        let what = || format!("{} {}", if frozen { "freezing" } else { "thawing" }, self.name);
        // The first kind gives up on a process that cannot be frozen just now, so it is told again.
        wait_for(what, QUICK, || {
            drop(write_frozen(&place, frozen));
            (is_frozen(&place) == frozen).then_some(())
        })
    }

    /// Ends every process and removes the group.
    pub(crate) fn remove(&self) -> Result<(), HostsError> {
        let what = || format!("ending the processes of {}: {:?}", self.name, self.processes());
        wait_for(what, QUICK, || {
            // Also the paused containers: what the first kind of cgroup holds frozen cannot be killed.
            for place in self.places() {
                below(&place).iter().for_each(|group| drop(write_frozen(group, false)));
            }
            let living = self.processes();
            for id in &living {
                kill(*id, Signal::KILL);
            }
            living.is_empty().then_some(())
        })?;
        let places = || self.hierarchies.all.iter().map(|mount| mount.join(&self.name));
        wait_for(
            || format!("removing the control groups of {}", self.name),
            QUICK,
            || {
                // From the innermost on; one that has just lost its last process may be busy for a moment.
                places().flat_map(|place| below(&place)).for_each(|group| drop(fs::remove_dir(group)));
                places().all(|place| !place.exists()).then_some(())
            },
        )
    }
}

/// Sends a signal; a process that is gone is what it was sent for.
pub(crate) fn kill(id: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(id) {
        let _gone = kill_process(pid, signal);
    }
}

/// Where the host's own processes are: a group of the second kind with groups below it may hold none itself.
fn inner(place: &Path) -> PathBuf {
    place.join("host")
}

/// A group and all below it, the innermost first.
fn below(group: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        found.extend(below(&entry.path()));
    }
    if group.exists() {
        found.push(group.to_owned());
    }
    found
}

fn write_frozen(group: &Path, frozen: bool) -> std::io::Result<()> {
    let first = group.join("freezer.state");
    if first.exists() {
        return fs::write(first, if frozen { "FROZEN" } else { "THAWED" });
    }
    fs::write(group.join("cgroup.freeze"), if frozen { "1" } else { "0" })
}

fn is_frozen(group: &Path) -> bool {
    let has = |file: &str, line: &str| {
        fs::read_to_string(group.join(file)).is_ok_and(|text| text.lines().any(|found| found == line))
    };
    has("freezer.state", "FROZEN") || has("cgroup.events", "frozen 1")
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn finds_both_kinds() {
        let only_second = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0";
        let both = "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup /sys/fs/cgroup/freezer cgroup rw,freezer 0 0\n\
                    cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\ntmpfs /run tmpfs rw 0 0";
        let found = Hierarchies::among(only_second);
        assert_eq!((found.second, found.freezer), (Some("/sys/fs/cgroup".into()), None));
        let found = Hierarchies::among(both);
        assert_eq!(found.second, Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(found.freezer, Some("/sys/fs/cgroup/freezer".into()));
        assert_eq!(found.all.len(), 3);
    }

    /// Each kind that this machine has is tried by itself.
    #[test]
    fn each_kind_freezes_thaws_and_ends_a_process() {
        let found = Hierarchies::of_this_machine().unwrap_or_default();
        let second = Hierarchies { freezer: None, ..found.clone() };
        let first = Hierarchies { second: None, ..found };
        for (kind, hierarchies) in [("first", first), ("second", second)] {
            let group = hierarchies.group(format!("hatest-unit-{kind}-{}", std::process::id()));
            if group.places().next().is_none() || group.make().is_err() {
                eprintln!("skipped: no control groups of the {kind} kind, or not root");
                continue;
            }
            let script = format!("{} while :; do echo; sleep 0.01; done", group.join());
            let mut child = Command::new("sh").args(["-c", &script]).stdout(Stdio::null()).spawn().unwrap();
            let id = i32::try_from(child.id()).unwrap();
            wait_for(|| "the process joins".to_owned(), QUICK, || group.processes().contains(&id).then_some(()))
                .unwrap();
            group.set_frozen(true).unwrap();
            assert!(group.is_frozen(), "{kind}");
            group.set_frozen(false).unwrap();
            assert!(!group.is_frozen(), "{kind}");
            group.set_frozen(true).unwrap();
            let ended = std::thread::spawn(move || child.wait());
            group.remove().unwrap();
            assert!(!ended.join().unwrap().unwrap().success(), "{kind}: killed");
            assert!(group.places().all(|place| !place.exists()), "{kind}");
        }
    }
}
