//! Nothing of hosts is left when they are gone, however they went.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use ha_tests::hosts::{Hosts, HostsError, HostsOptions};

use crate::actor::{Actor, Stage};
use crate::world::{PATIENCE, eventually};

pub(crate) fn nothing_is_left_after_a_drop() {
    let hosts = Hosts::start(&HostsOptions::new(1).disk(64)).unwrap();
    let name = hosts.name();
    let before = traces(&name);
    for kind in ["namespace", "interface", "process", "folder", "loop device", "control group"] {
        assert!(before.iter().any(|trace| trace.starts_with(kind)), "no {kind} would be seen: {before:#?}");
    }
    // All kinds of trouble that a test may leave behind.
    hosts.set_latency(1, std::time::Duration::from_millis(5)).unwrap();
    hosts.isolate(1).unwrap();
    hosts.freeze(1).unwrap();
    drop(hosts);
    assert_eq!(traces(&name), Vec::<String>::new());
}

pub(crate) fn nothing_is_left_after_a_panic() {
    let (sender, name) = mpsc::channel();
    let failed = thread::spawn(move || {
        let hosts = Hosts::start(&HostsOptions::new(2)).unwrap();
        sender.send(hosts.name()).unwrap();
        panic!("a panic on purpose, with hosts in hand");
    });
    assert!(failed.join().is_err());
    assert_eq!(traces(&name.recv().unwrap()), Vec::<String>::new());
}

pub(crate) fn what_a_killed_process_left_is_removed_by_the_next() {
    let maker = Actor::on(Stage::Machine, &["hosts"]);
    let name = maker.hears(4 * PATIENCE).expect("it makes hosts");
    let others = Hosts::start(&HostsOptions::new(1)).unwrap();
    assert_ne!(others.name(), name, "hosts of a process that lives are left alone");
    maker.kill();
    assert!(traces(&name).len() > 3);
    let next = Hosts::start(&HostsOptions::new(1)).unwrap();
    if next.name() == name {
        // It got the number that was free again: what there is now is its own.
        let made_by = |trace: &String| trace.starts_with("process");
        assert!(traces(&name).iter().any(made_by));
        next.remove().unwrap();
    }
    assert_eq!(traces(&name), Vec::<String>::new());
}

pub(crate) fn a_start_that_fails_leaves_nothing() {
    let error = Hosts::start(&HostsOptions::new(1).image("ha-cli.invalid/none:0")).err().unwrap();
    assert!(matches!(&error, HostsError::NoImage(image) if image == "ha-cli.invalid/none:0"), "{error}");
    // A disk too small for what is to be on it.
    let error = Hosts::start(&HostsOptions::new(2).image(crate::world::image()).disk(8)).err().unwrap();
    let said = error.to_string();
    assert!(said.contains("making a disk of 8 MiB") || said.contains("no space left"), "{said}");
    // Whatever else is there belongs to somebody who lives, and so holds a lock.
    eventually("what the failed start made is gone", || without_a_lock().is_empty());
}

pub(crate) fn three_hosts_reach_each_other() {
    let hosts = Hosts::start(&HostsOptions::new(3)).unwrap();
    let _echoes: Vec<Actor> = (1..=3).map(|host| Actor::echo(&hosts, host, 7000)).collect();
    for to in 1..=3 {
        for stage in (1..=3).map(|host| Stage::Host(&hosts, host)).chain([Stage::Machine]) {
            Actor::connected(stage, hosts.address(to).unwrap(), 7000);
        }
    }
    hosts.cut(1, 3).unwrap();
    let between = |from: usize, to: usize| (Stage::Host(&hosts, from), hosts.address(to).unwrap(), 7000);
    for (stage, to, port) in [between(1, 2), between(2, 3)] {
        Actor::connected(stage, to, port);
    }
    for (stage, to, port) in [between(1, 3), between(3, 1)] {
        assert_eq!(Actor::attempt(stage, to, port), "no connection: timed out");
    }
    assert!(matches!(hosts.boot(4), Err(HostsError::NoSuchHost { number: 4, count: 3 })));
}

/// What there is on the machine that goes by a rig's name.
fn traces(name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut look = |kind: &str, texts: Vec<String>| {
        found.extend(texts.into_iter().filter(|text| is_of(name, text)).map(|text| format!("{kind} {text}")));
    };
    look("namespace", entries("/run/netns"));
    look("interface", entries("/sys/class/net"));
    for folder in ["/run", "/var/tmp"] {
        look("folder", entries(folder));
    }
    look("loop device", loop_devices());
    look("mount", fs::read_to_string("/proc/self/mountinfo").unwrap().lines().map(str::to_owned).collect());
    look("control group", control_groups());
    look("process", processes());
    found
}

/// The name, and not that of a rig whose number only begins alike.
fn is_of(name: &str, text: &str) -> bool {
    text.match_indices(name).any(|(at, _)| !text[at + name.len()..].starts_with(|next: char| next.is_ascii_digit()))
}

/// What goes by the name of a rig that nobody holds.
fn without_a_lock() -> Vec<String> {
    let all = ["/run", "/var/tmp", "/sys/class/net", "/run/netns"].into_iter().flat_map(entries);
    let rig = |name: &String| name.split(['-', '.']).next().unwrap_or_default().to_owned();
    let is_held = |name: &String| Path::new("/run").join(format!("{}.lock", rig(name))).exists();
    all.filter(|name| name.starts_with("hatest") && !is_held(name)).collect()
}

fn entries(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

fn loop_devices() -> Vec<String> {
    let files = entries("/sys/block").into_iter().map(|name| PathBuf::from("/sys/block").join(name));
    files.filter_map(|device| fs::read_to_string(device.join("loop/backing_file")).ok()).collect()
}

fn control_groups() -> Vec<String> {
    let output = Command::new("find").args(["/sys/fs/cgroup", "-maxdepth", "3", "-type", "d"]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// The control groups and the command line of every process that lives. A dead one whose parent died before it is for the
/// machine's first process to bury.
fn processes() -> Vec<String> {
    let numbers = entries("/proc").into_iter().filter(|name| name.starts_with(|first: char| first.is_ascii_digit()));
    let read = |path: &Path, file: &str| fs::read(path.join(file)).unwrap_or_default();
    let told = |number: String| {
        let path = Path::new("/proc").join(&number);
        if String::from_utf8_lossy(&read(&path, "status")).contains("State:\tZ") {
            return String::new();
        }
        let groups = read(&path, "cgroup");
        let line = read(&path, "cmdline");
        format!("{number} {} {}", String::from_utf8_lossy(&line).replace('\0', " "), String::from_utf8_lossy(&groups))
    };
    numbers.map(told).collect()
}

/// Whether a process with that text in its command line lives, a while from now on.
pub(crate) fn no_process_with(text: &str) {
    eventually(&format!("no process with {text} is left"), || {
        !processes().iter().any(|process| process.contains(text))
    });
}
