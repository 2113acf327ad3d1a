//! The scripts that run inside the containers, tried with made-up programs in place of PostgreSQL's.

#![expect(clippy::disallowed_methods, reason = "the ban on I/O is for the crate itself; scripts need files")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ha_core::layout::{ADOPT_SCRIPT, COPY_SCRIPT, EXAMINE_SCRIPT, GUARD_SCRIPT, INIT_SCRIPT};

const OURS: &str = "7412345678901234567";

/// A container's file system, made up in a folder, with the programs that the scripts call.
struct Fake {
    root: PathBuf,
}

struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    fn facts(&self) -> BTreeMap<&str, &str> {
        self.stdout.lines().filter_map(|line| line.split_once('=')).collect()
    }
}

impl Fake {
    fn new(test: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("scripts-{test}-{}", std::process::id()));
        if root.exists() {
            fs::remove_dir_all(&root).expect("an earlier run's folder goes");
        }
        let fake = Self { root };
        for folder in ["bin", "ha/config", "volume"] {
            fs::create_dir_all(fake.root.join(folder)).expect("a folder of our own");
        }
        fake.file("ha/config/passfile", "secret");
        fake.program("chown", "exit 0");
        fake.program("sleep", "exit 0");
        fake.program("sync", "exit 0");
        fake.program("gosu", "shift; exec \"$@\"");
        fake.program("postgres", "echo 'postgres (PostgreSQL) 17.6 (Debian 17.6-1)'");
        fake.program(
            "pg_controldata",
            "echo \"Database system identifier:           $(cat \"$1/id\")\"\necho 'Database cluster state: shut down'\n\
             echo \"Latest checkpoint's TimeLineID:       2\"",
        );
        for name in ["pg_ctl", "pg_rewind", "psql"] {
            fake.program(name, "exit 1");
        }
        fake.program("timeout", "shift; exec \"$@\"");
        fake.program("docker-entrypoint.sh", "echo \"entrypoint $*\"");
        let make = |folder: &str| {
            format!("mkdir -p \"{folder}\" && echo 17 >\"{folder}/PG_VERSION\" && echo {OURS} >\"{folder}/id\"")
        };
        fake.program("initdb", &make("${1#--pgdata=}"));
        fake.program("pg_basebackup", &make("${1#--pgdata=}"));
        fake
    }

    fn file(&self, path: &str, content: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("a folder of our own");
        fs::write(path, content).expect("a file of our own");
    }

    fn program(&self, name: &str, body: &str) {
        self.file(&format!("bin/{name}"), &format!("#!/bin/sh\n{body}\n"));
        let path = self.root.join("bin").join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a file of our own");
    }

    fn database(&self, id: &str) {
        self.file("volume/pgdata/PG_VERSION", "17\n");
        self.file("volume/pgdata/id", id);
    }

    fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_default().trim().to_owned()
    }

    /// Runs a script with the paths of the container moved into the folder. The scripts themselves take no such prefix:
    /// a guard that could be pointed elsewhere would guard less.
    fn run(&self, script: &str, arguments: &[&str]) -> Run {
        let root = self.root.to_str().expect("a path of plain characters");
        self.file("script.sh", &script.replace("/ha/", &format!("{root}/ha/")).replace("/ha ", &format!("{root}/ha ")));
        let output = Command::new("/bin/sh")
            .arg(self.root.join("script.sh"))
            .args(arguments)
            .env_clear()
            .env("PATH", format!("{root}/bin:/usr/bin:/bin"))
            .env("PGDATA", self.root.join("volume/pgdata"))
            .env("LC_ALL", "C")
            .output()
            .expect("there is a shell");
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        // What a failed test leaves is looked at by a person.
        if !std::thread::panicking() {
            drop(fs::remove_dir_all(&self.root));
        }
    }
}

#[test]
fn every_script_is_one_that_a_plain_shell_reads() {
    for (name, script) in [
        ("guard", GUARD_SCRIPT),
        ("init", INIT_SCRIPT),
        ("copy", COPY_SCRIPT),
        ("examine", EXAMINE_SCRIPT),
        ("adopt", ADOPT_SCRIPT),
    ] {
        let fake = Fake::new(&format!("syntax-{name}"));
        fake.file("script.sh", script);
        let output = Command::new("sh").arg("-n").arg(fake.root.join("script.sh")).output().expect("there is a shell");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// `postgres:18`: the path of before is a link to the one above it, which a new volume is filled with.
#[test]
fn a_new_volume_of_a_newer_image_is_empty() {
    let fake = Fake::new("examine-newer");
    std::os::unix::fs::symlink(".", fake.root.join("volume/data")).expect("a link of our own");
    assert_eq!(fake.run(EXAMINE_SCRIPT, &[]).facts()["data"], "empty");
    fake.file("volume/base/1", "");
    let run = fake.run(EXAMINE_SCRIPT, &[]);
    assert_eq!((run.facts()["data"], run.facts()["found"].trim()), ("foreign", "base"), "{}", run.stderr);
    let other = Fake::new("examine-other-data");
    other.file("volume/data/x", "");
    assert_eq!(other.run(EXAMINE_SCRIPT, &[]).facts()["data"], "foreign", "a folder is somebody's");
}

#[test]
fn an_image_that_lacks_a_program_makes_nothing() {
    for (script, arguments) in
        [(INIT_SCRIPT, &["vm1"][..]), (COPY_SCRIPT, &["host=192.0.2.11", "ha_vm2", OURS, "17.6"])]
    {
        let fake = Fake::new(&format!("lacks-{}", arguments.len()));
        for name in ["gosu", "pg_rewind"] {
            fs::remove_file(fake.root.join("bin").join(name)).expect("a file of our own");
        }
        let run = fake.run(script, arguments);
        assert_eq!(run.code, Some(66), "{}", run.stderr);
        assert!(run.stderr.contains("lacks") && run.stderr.contains(" gosu"), "{}", run.stderr);
        assert!(!fake.has("volume/pgdata") && !fake.has("volume/pgdata.new"), "something was made");
    }
}

#[test]
fn the_guard_starts_no_second_server_on_the_same_data() {
    let fake = Fake::new("guard-second");
    fake.file("ha/identity", OURS);
    fake.database(OURS);
    // The first one's server, which has the lock for as long as it lives.
    fake.program("docker-entrypoint.sh", "echo running; read -r _");
    let root = fake.root.to_str().expect("a path of plain characters").to_owned();
    fake.file(
        "first.sh",
        &GUARD_SCRIPT.replace("/ha/", &format!("{root}/ha/")).replace("/ha ", &format!("{root}/ha ")),
    );
    let mut first = Command::new("/bin/sh")
        .arg(fake.root.join("first.sh"))
        .env_clear()
        .env("PATH", format!("{root}/bin:/usr/bin:/bin"))
        .env("PGDATA", fake.root.join("volume/pgdata"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("there is a shell");
    let mut said = String::new();
    BufReader::new(first.stdout.take().expect("a pipe")).read_line(&mut said).expect("it speaks");
    assert_eq!(said, "running\n");
    let second = fake.run(GUARD_SCRIPT, &["postgres"]);
    assert_eq!(second.code, Some(78), "{}", second.stderr);
    assert!(second.stderr.contains("another container's server runs on this data"), "{}", second.stderr);
    drop(first.stdin.take());
    first.wait().expect("it ends");
    fake.program("docker-entrypoint.sh", "echo \"entrypoint $*\"");
    assert_eq!(fake.run(GUARD_SCRIPT, &["postgres"]).code, Some(0), "its end frees the data");
}

#[test]
fn a_database_is_adopted_only_where_it_is_the_one_that_was_found() {
    let fake = Fake::new("adopt");
    let empty = fake.run(ADOPT_SCRIPT, &[OURS]);
    assert_eq!(empty.code, Some(65), "{}", empty.stderr);
    fake.database(OURS);
    let other = fake.run(ADOPT_SCRIPT, &["1"]);
    assert!(other.code == Some(65) && !fake.has("ha/identity"), "{}", other.stderr);
    for _ in 0..2 {
        let run = fake.run(ADOPT_SCRIPT, &[OURS]);
        assert_eq!((run.code, fake.read("ha/identity").as_str()), (Some(0), OURS), "{}", run.stderr);
    }
    fake.file("ha/identity", "1");
    assert_eq!(fake.run(ADOPT_SCRIPT, &[OURS]).code, Some(65), "the node was given another one");
    assert_eq!(fake.read("ha/identity"), "1");
}

#[test]
fn what_was_written_into_a_database_tells_whose_it_is_where_the_node_does_not_know() {
    let fake = Fake::new("examine-unpinned");
    fake.database(OURS);
    let print = "0123456789abcdef".repeat(4);
    fake.file("volume/pgdata/global/2964", &format!("\u{1}ha.set_up={print}\u{2}ha.set_up=short\u{3}"));
    fake.file("volume/pgdata/pg_wal/000000010000000000000001", &format!("x\nha.set_up={print}y"));
    let run = fake.run(EXAMINE_SCRIPT, &[]);
    assert_eq!(run.facts().get("set_up").map(|text| text.trim()), Some(print.as_str()), "{}{}", run.stdout, run.stderr);
    fake.file("volume/pgdata/global/2964", "nothing");
    fake.file("volume/pgdata/pg_wal/000000010000000000000001", "nothing");
    let run = fake.run(EXAMINE_SCRIPT, &[]);
    assert_eq!((run.code, run.facts().get("set_up").copied()), (Some(0), Some("")), "{}", run.stderr);
    fake.file("ha/identity", OURS);
    assert!(!fake.run(EXAMINE_SCRIPT, &[]).facts().contains_key("set_up"), "the node knows");
}

#[test]
fn the_guard_starts_the_server_on_the_nodes_own_database() {
    let fake = Fake::new("guard-right");
    fake.file("ha/identity", OURS);
    fake.database(OURS);
    let run = fake.run(GUARD_SCRIPT, &["postgres", "-c", "config_file=/x"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "entrypoint postgres -c config_file=/x\n"), "{}", run.stderr);
}

#[test]
fn the_guard_starts_nothing_else() {
    let refused = |fake: &Fake, words: &str| {
        let run = fake.run(GUARD_SCRIPT, &["postgres"]);
        assert_eq!(run.code, Some(78), "{}", run.stderr);
        assert!(run.stderr.contains(words), "{}", run.stderr);
        assert_eq!(run.stdout, "", "the server was started");
    };
    let without = Fake::new("guard-no-identity");
    without.database(OURS);
    refused(&without, "identity is missing");
    without.file("ha/identity", "");
    refused(&without, "identity is missing");

    let empty = Fake::new("guard-empty");
    empty.file("ha/identity", OURS);
    refused(&empty, "the data directory is empty");
    empty.file("volume/pgdata/PG_VERSION", "");
    refused(&empty, "the data directory is empty");

    let other = Fake::new("guard-other");
    other.file("ha/identity", OURS);
    other.database("1");
    refused(&other, "the data has system identifier 1");
}

/// A node whose data is a primary's, of generation 3 and timeline 2, with one peer that answers so.
fn would_be_primary(test: &str, answer: &str) -> Fake {
    let fake = Fake::new(test);
    fake.file("ha/identity", OURS);
    fake.database(OURS);
    fake.file("ha/config/peers", "vm2 host='192.0.2.12' port=5433 user=ha_replication\n");
    fake.file("ha/config/upstream.d/vm2.conf", "primary_conninfo = 'host=192.0.2.12'\n");
    fake.file("ha/config/promotion.conf", "ha.generation = '3'\nha.promotion = 'mine'\nha.primary = 'vm1'\n");
    fake.file("answer", answer);
    fake.program("psql", &format!("echo asked >>'{0}/asked'; cat '{0}/answer'", fake.root.display()));
    fake
}

/// The decision table of docs/guard.md, row by row.
#[test]
fn the_guard_starts_a_primary_only_where_nobody_else_can_be_one() {
    let says = |timeline, recovery, promotion: &str| format!("{OURS}|{timeline}|0/3000148|\n{recovery}\n{promotion}");
    let table = [
        // A standby that knows of nothing later.
        (says(2, "on", "3\nmine\n"), None, false),
        (says(2, "on", "2\nolder\n"), None, false),
        (says(1, "on", ""), None, false),
        // The primary of this generation or a later one is followed where its data comes from this node's promotion.
        (says(2, "off", "3\nmine\n\n"), Some("vm2 is the primary"), true),
        (says(3, "off", "4\nlater\nmine\n"), Some("vm2 is the primary"), true),
        (says(4, "off", "5\nlater\nother mine oldest\n"), Some("vm2 is the primary"), true),
        (says(3, "off", "4\nlater\nother oldest\n"), Some("does not come from this node's last promotion"), false),
        (says(3, "off", "4\nlater\n"), Some("does not come from this node's last promotion"), false),
        (says(2, "off", "3\nother\n"), Some("does not come from this node's last promotion"), false),
        // One that is behind the times is no one to follow.
        (says(3, "off", "2\nolder\n"), Some("of the older generation 2"), false),
        // A promotion is under way, or was made by somebody else.
        (says(2, "on", "4\nlater\n"), Some("generation 4, this node of 3"), false),
        (says(2, "on", "3\nother\n"), Some("another promotion in generation 3"), false),
        (says(3, "on", "3\nmine\n"), Some("timeline 3, this node on 2"), false),
        // Nobody, somebody of another cluster, nonsense.
        (String::new(), Some("no answer from vm2"), false),
        ("1|2|0/3000148|\noff\n4\nlater\n".to_owned(), Some("no answer from vm2"), false),
        ("nonsense\n".to_owned(), Some("no answer from vm2"), false),
    ];
    for (row, (answer, why, follows)) in table.iter().enumerate() {
        let fake = would_be_primary(&format!("guard-role-{row}"), answer);
        let run = fake.run(GUARD_SCRIPT, &["postgres"]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), "entrypoint postgres\n"), "{answer}: {}", run.stderr);
        assert_eq!(fake.has("volume/pgdata/standby.signal"), why.is_some(), "{answer}: {}", run.stderr);
        assert!(why.is_none_or(|why| run.stderr.contains(why)), "{answer}: {}", run.stderr);
        let upstream = if why.is_some() { fake.read("ha/config/upstream.conf") } else { String::new() };
        assert_eq!(upstream.contains("primary_conninfo"), *follows, "{answer}: {upstream}");
        assert!(why.is_none() || *follows || upstream.contains("follows nobody"), "{answer}: {upstream}");
    }
}

#[test]
fn a_standby_follows_only_who_has_been_through_the_promotion_that_it_knows_of() {
    let says = |recovery, promotion: &str| format!("{OURS}|2|0/3000148|\n{recovery}\n{promotion}");
    for (row, (primary, answer, follows)) in [
        ("vm1", says("off", "4\nlater\nmine oldest\n"), true),
        ("vm1", says("on", "3\nmine\n\n"), true),
        ("vm1", says("off", "4\nlater\noldest\n"), false),
        ("vm1", says("on", "2\nolder\noldest\n"), false),
        ("vm1", String::new(), false),
        // One that somebody saw follow another trusts an upstream that does not answer.
        ("vm2", says("off", "4\nlater\nmine oldest\n"), true),
        ("vm2", says("off", "4\nlater\noldest\n"), false),
        ("vm2", String::new(), true),
    ]
    .into_iter()
    .enumerate()
    {
        let fake = would_be_primary(&format!("guard-upstream-{row}"), &answer);
        fake.file("volume/pgdata/standby.signal", "");
        fake.file(
            "ha/config/promotion.conf",
            &format!("ha.generation = '3'\nha.promotion = 'mine'\nha.primary = '{primary}'\n"),
        );
        fake.file("ha/config/upstream.conf", &fake.read("ha/config/upstream.d/vm2.conf"));
        let run = fake.run(GUARD_SCRIPT, &["postgres"]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), "entrypoint postgres\n"), "{answer}: {}", run.stderr);
        assert_eq!(
            fake.read("ha/config/upstream.conf").contains("primary_conninfo"),
            follows,
            "{answer}: {}",
            run.stderr
        );
        assert_eq!(run.stderr.contains("follows nobody"), !follows, "{answer}: {}", run.stderr);
        assert!(fake.has("asked"), "{answer}");
    }
}

#[test]
fn a_standby_and_a_primary_with_permission_ask_nobody() {
    let fake = would_be_primary("guard-permit", "");
    let soon = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs() + 60;
    fake.file("ha/config/permit", &format!("{soon}\n"));
    assert_eq!(fake.run(GUARD_SCRIPT, &["postgres"]).code, Some(0));
    assert!(!fake.has("asked") && !fake.has("volume/pgdata/standby.signal"));
    assert!(!fake.has("ha/config/permit"), "it holds once");
    // One of the past, or one that is none, holds for nothing.
    for permit in ["1\n", "", "soon\n"] {
        let fake = would_be_primary("guard-permit-old", "");
        fake.file("ha/config/permit", permit);
        assert_eq!(fake.run(GUARD_SCRIPT, &["postgres"]).code, Some(0));
        assert!(fake.has("asked") && fake.has("volume/pgdata/standby.signal"), "{permit}");
        assert!(!fake.has("ha/config/permit"));
    }
    let fake = would_be_primary("guard-standby", "");
    fake.file("volume/pgdata/standby.signal", "");
    assert_eq!(fake.run(GUARD_SCRIPT, &["postgres"]).code, Some(0));
    assert!(!fake.has("asked"));
}

#[test]
fn the_guard_starts_nothing_when_a_program_it_needs_fails() {
    let fake = Fake::new("guard-no-controldata");
    fake.file("ha/identity", OURS);
    fake.database(OURS);
    fake.program("pg_controldata", "exit 1");
    let run = fake.run(GUARD_SCRIPT, &["postgres"]);
    assert_ne!(run.code, Some(0));
    assert_eq!(run.stdout, "");
}

#[test]
fn the_examination_tells_every_state_apart() {
    let facts = |fake: &Fake, wanted: &[(&str, &str)]| {
        let run = fake.run(EXAMINE_SCRIPT, &[]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let facts = run.facts();
        for (key, value) in wanted {
            assert_eq!(facts.get(key), Some(value), "{key}: {}", run.stdout);
        }
    };
    let fake = Fake::new("examine");
    facts(&fake, &[("data", "empty"), ("image_version", "17.6")]);
    fs::create_dir(fake.root.join("volume/lost+found")).expect("a folder of our own");
    facts(&fake, &[("data", "empty")]);
    fs::create_dir(fake.root.join("volume/pgdata.new")).expect("a folder of our own");
    facts(&fake, &[("data", "partial")]);
    fake.file("volume/photos", "");
    facts(&fake, &[("data", "foreign"), ("found", "photos ")]);
    fs::remove_file(fake.root.join("volume/photos")).expect("it was there");
    fake.file("volume/pgdata/x", "");
    facts(&fake, &[("data", "foreign"), ("found", "x ")]);
    fake.database(OURS);
    facts(&fake, &[("data", "complete"), ("system_identifier", OURS)]);
    assert!(!fake.run(EXAMINE_SCRIPT, &[]).facts().contains_key("identity"));
    fake.file("ha/identity", OURS);
    fake.file("volume/pgdata/standby.signal", "");
    facts(&fake, &[("data", "complete"), ("identity", OURS), ("standby_signal", "yes")]);
}

#[test]
fn a_new_database_is_pinned_and_then_put_in_its_place() {
    let fake = Fake::new("init");
    let run = fake.run(INIT_SCRIPT, &["vm1"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(run.stdout, format!("system_identifier={OURS}\n"));
    let promotion =
        ha_core::layout::read_promotion(&fake.read("ha/config/promotion.conf")).expect("it is written down");
    assert_eq!((promotion.generation, promotion.primary.as_str()), (1, "vm1"));
    assert_eq!(fake.read("ha/identity"), OURS);
    assert!(fake.has("volume/pgdata/PG_VERSION") && !fake.has("volume/pgdata.new"));
    // Again: it is there.
    fake.program("initdb", "exit 9");
    assert_eq!(fake.run(INIT_SCRIPT, &["vm1"]).code, Some(0));
}

#[test]
fn no_database_is_made_in_place_of_one_that_is_gone() {
    let fake = Fake::new("init-lost");
    fake.file("ha/identity", "1");
    let run = fake.run(INIT_SCRIPT, &["vm1"]);
    assert_eq!(run.code, Some(65));
    assert!(run.stderr.contains("gone"), "{}", run.stderr);
    assert!(!fake.has("volume/pgdata"));
    // What an interrupted run pinned and did not put in its place is made anew.
    fs::create_dir_all(fake.root.join("volume/pgdata.new")).expect("a folder of our own");
    assert_eq!(fake.run(INIT_SCRIPT, &["vm1"]).code, Some(0));
    assert_eq!(fake.read("ha/identity"), OURS);
}

#[test]
fn a_copy_becomes_a_standby_of_the_database_it_was_meant_to_copy() {
    let fake = Fake::new("copy");
    let run = fake.run(COPY_SCRIPT, &["host=x", "ha_vm2", OURS, "17.6"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(fake.has("volume/pgdata/standby.signal") && !fake.has("volume/pgdata.new"));
    assert_eq!(fake.read("ha/identity"), OURS);
}

#[test]
fn a_copy_that_fails_leaves_nothing() {
    let fake = Fake::new("copy-fails");
    for (arguments, code) in [(["host=x", "ha_vm2", "1", "17.6"], 65), (["host=x", "ha_vm2", OURS, "17.5"], 66)] {
        let run = fake.run(COPY_SCRIPT, &arguments);
        assert_eq!(run.code, Some(code), "{}", run.stderr);
        assert!(!fake.has("volume/pgdata") && !fake.has("volume/pgdata.new") && !fake.has("ha/identity"));
    }
    fake.program("pg_basebackup", "mkdir \"${1#--pgdata=}\"; echo 'No space left on device' >&2; exit 1");
    let run = fake.run(COPY_SCRIPT, &["host=x", "ha_vm2", OURS, "17.6"]);
    assert_eq!(run.code, Some(1));
    assert!(!fake.has("volume/pgdata.new"), "what was copied takes the room that is needed");
}
