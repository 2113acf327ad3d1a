//! What is put into a file before it is destroyed is all there, and PostgreSQL starts on it.

use std::io::Write as _;

use futures_util::StreamExt as _;
use ha_core::layout::{Component, PASSFILE_PATH};
use ha_core::plan::BackupWay;
use ha_tests::{Pair, PairOptions, engine_is_wanted};

use crate::host::{docker, in_container, label};
use crate::program::Running;
use crate::site::Site;

/// The answer of a server that is started on the backup, cut off from everybody, as docs/backup.md says.
pub(crate) fn ask(site: &Site, file: &str, database: &str, sql: &str) -> String {
    let folder = site.path(file).parent().unwrap().display().to_string();
    let script = "mkdir -m 700 /tmp/db && tar -xf \"/backup/$1\" -C /tmp/db && cd /tmp/db && \
                  rm -f standby.signal postmaster.pid && chown -R postgres . && \
                  { gosu postgres pg_ctl -D /tmp/db -w -t 50 -l /tmp/log -o '-c listen_addresses=' start >/dev/null || \
                    { cat /tmp/log >&2; exit 1; }; } && gosu postgres psql -XAtqc \"$3\" \"$2\"";
    in_container(&site.cluster, &[&format!("{folder}:/backup:ro")], script, &[file, database, sql])
}

const COUNT: &str = "SELECT count(*), sum(n) FROM precious";
const COUNTED: &str = "50000|1250025000";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_destroyed_is_put_into_a_file_first() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let make = "CREATE TABLE precious AS SELECT n FROM generate_series(1, 50000) AS n";
    pair.superuser(pair.primary(), make).await.unwrap();
    pair.wait_replayed().await.unwrap();
    let site = Site::of(&pair);
    let cluster = pair.cluster();
    let begun = |name: &str| -> Vec<_> {
        let names = std::fs::read_dir(site.path(".")).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|it| it.to_string_lossy().starts_with(name)).collect()
    };

    // What cannot become a file is said before anything is asked or stopped.
    std::fs::write(site.path("taken.tar"), "mine").unwrap();
    for wrong in [
        &["down", "--volumes", "--yes", "--backup", "taken.tar"][..],
        &["rebuild", "vm2", "--yes", "--backup", "no/folder.tar"],
        &["rejoin", "vm2", "--yes", "--backup", "."],
        &["down", "--yes", "--backup", "needs-volumes.tar"],
    ] {
        site.run(wrong).ends_with(2);
    }
    assert_eq!(std::fs::read_to_string(site.path("taken.tar")).unwrap(), "mine");

    // A backup that fails: nothing is destroyed, and no file is left.
    let standby = pair.container(pair.standby(), Component::Postgres);
    docker(&["exec", "-u", "root", &standby, "mv", PASSFILE_PATH, "/ha/aside"]);
    let failed = site.run(&["rebuild", "vm2", "--yes", "--backup", "none.tar", "--output", "json"]).ends_with(1).json();
    assert_eq!((&failed["error"]["code"], &failed["error"]["node"]), (&"backup-failed".into(), &"vm2".into()));
    let said = failed["error"].to_string();
    assert!(said.contains("fe_sendauth") && said.contains("nothing was destroyed"), "{said}");
    docker(&["exec", "-u", "root", &standby, "mv", "/ha/aside", PASSFILE_PATH]);
    assert_eq!(pair.superuser(pair.standby(), COUNT).await.unwrap(), COUNTED);
    assert!(begun("none.tar").is_empty());
    // The same where the file cannot take it all: a limit of the process stands for a disk without room.
    let whole = site.command(&["rebuild", "vm2", "--yes", "--backup", "none.tar", "--output", "json"]);
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 4096; exec \"$@\"", "sh"]);
    limited.arg(whole.get_program()).args(whole.get_args()).current_dir(site.path("."));
    limited.envs(whole.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let failed = Running::start(limited).end().ends_with(1).json();
    let said = failed["error"].to_string();
    assert!(said.contains("File too large") && said.contains("nothing was destroyed"), "{said}");
    assert_eq!(pair.superuser(pair.standby(), COUNT).await.unwrap(), COUNTED);
    assert!(begun("none.tar").is_empty());
    let dry = site.run(&["rebuild", "vm2", "--dry-run", "--backup", "vm2.tar"]).ends_with(0);
    assert!(dry.err.contains("first, vm2's database is put into vm2.tar"), "{dry:?}");
    // Nobody has agreed to anything yet.
    let offered = site.run(&["down", "--volumes"]).ends_with(2);
    assert!(offered.err.contains("`--backup FILE` puts vm1's database into a file first"), "{offered:?}");
    site.run(&["down", "--volumes", "--backup", "vm1.tar"]).ends_with(2);
    assert!(begun("vm1.tar").is_empty() && begun("vm2.tar").is_empty());

    // Of a standby that runs, before it goes.
    let gone = site.run(&["down", "vm2", "--volumes", "--yes", "--backup", "vm2.tar", "--output", "json"]);
    let gone = gone.ends_with(0).json();
    let backup = &gone["backup"];
    assert_eq!((&backup["node"], &backup["way"]), (&"vm2".into(), &"base-backup".into()));
    assert_eq!(backup["bytes"].as_u64(), Some(site.path("vm2.tar").metadata().unwrap().len()));
    assert_eq!(ask(&site, "vm2.tar", "order", COUNT), COUNTED);

    // Of the primary while it runs, by a program that embeds the crates.
    let backup = cluster.plan_backup(&pair.primary().name).await.unwrap();
    assert_eq!(backup.way, BackupWay::BaseBackup);
    let mut pieces = cluster.take_backup(&backup).await.unwrap();
    let mut file = std::fs::File::create(site.path("running.tar")).unwrap();
    while let Some(piece) = pieces.next().await {
        file.write_all(&piece.unwrap()).unwrap();
    }
    assert_eq!(ask(&site, "running.tar", "order", COUNT), COUNTED);

    // Killed in the midst of its work: what a crash leaves is enough to start from.
    pair.superuser(pair.primary(), "CREATE TABLE latest AS SELECT 7 AS n").await.unwrap();
    docker(&["kill", &pair.container(pair.primary(), Component::Postgres)]);
    // From here on nobody can tell whose data would be the newer.
    let refused = site.run(&["down", "--volumes", "--yes", "--backup", "vm1.tar"]).ends_with(5);
    assert!(refused.err.contains("one by one"), "{refused:?}");
    let gone = site.run(&["down", "vm1", "--volumes", "--yes", "--backup", "vm1.tar"]).ends_with(0);
    assert!(gone.err.contains("vm1's database is in vm1.tar"), "{gone:?}");
    assert_eq!(ask(&site, "vm1.tar", "order", "SELECT n FROM latest"), "7");
    assert_eq!(ask(&site, "vm1.tar", "order", COUNT), COUNTED);
    assert_eq!(docker(&["volume", "ls", "-q", "--filter", &format!("label={}", label(&site.cluster))]), "");
}
