//! Clocks that somebody sets while servers run: libfaketime in PostgreSQL's image, as Debian's package has it.

use std::fs;
use std::path::PathBuf;

use ha_core::health::Code;
use ha_core::layout::Component;
use ha_core::plan::{FailoverOptions, OldData, RejoinStart, SwitchoverOptions};
use ha_core::ports::HostFile;
use ha_core::topology::Node;
use ha_tests::{Pair, engine_is_wanted};

use crate::hands::until;
use crate::host::docker;
use crate::{derived, up};

/// The server alone, behind a script with its name: what libfaketime shares between processes belongs to the first one's user. What
/// the clock is set by stands in a file, which is read anew every second. Time that only goes forward is left alone, as it is by
/// whoever sets a clock.
const DOCKERFILE: &str = r#"
COPY libfaketime.so.1 with-its-clock /opt/
RUN echo +0 >/opt/set && for server in /usr/lib/postgresql/*/bin/postgres; do mv "$server" "$server-itself" && cp /opt/with-its-clock "$server"; done
"#;

const WITH_ITS_CLOCK: &str = r#"#!/bin/sh
export LD_PRELOAD=/opt/libfaketime.so.1 FAKETIME_TIMESTAMP_FILE=/opt/set FAKETIME_CACHE_DURATION=1 FAKETIME_DONT_FAKE_MONOTONIC=1
exec "$(readlink -f "$0")-itself" "$@"
"#;

fn libfaketime() -> Option<Vec<u8>> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
    let files = folders.map(|folder| folder.join("faketime/libfaketime.so.1"));
    files.collect::<Vec<PathBuf>>().iter().find_map(|file| fs::read(file).ok())
}

fn set(pair: &Pair, node: &Node, by: &str) {
    let container = pair.container(node, Component::Postgres);
    docker(&["exec", "-u", "root", &container, "sh", "-c", &format!("echo {by} >/opt/set")]);
}

/// `clock-skew` of an hour and nothing else, in these words, while what is written arrives and is not called late.
async fn is_told(pair: &Pair, words: &str, table: &str) {
    until(pair, &[Code::ClockSkew]).await;
    up::replicates(pair, table).await;
    let report = until(pair, &[Code::ClockSkew]).await;
    let found = report.findings.iter().find(|finding| finding.code == Code::ClockSkew).unwrap();
    let seconds = found.message.split(' ').find_map(|word| word.parse::<f64>().ok());
    assert!(
        seconds.is_some_and(|seconds| (seconds - 3600.0).abs() < 1.5) && found.message.ends_with(words),
        "{found:?}"
    );
    let late = report.nodes.iter().filter_map(|node| node.replication.as_ref()?.lag_seconds);
    assert!(late.into_iter().all(|seconds| (0.0..60.0).contains(&seconds)), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_set_by_an_hour_is_told_and_changes_of_roles_go_on() {
    if !engine_is_wanted() {
        return;
    }
    let Some(library) = libfaketime() else {
        println!("skipped: no libfaketime on this machine (Debian: libfaketime)");
        return;
    };
    let files =
        vec![HostFile::new("libfaketime.so.1", library, 0o644), HostFile::new("with-its-clock", WITH_ITS_CLOCK, 0o755)];
    let (pair, _image) = derived::pair("clock", DOCKERFILE, files).await;
    pair.up(false).await.unwrap();
    until(&pair, &[]).await;

    let (vm1, vm2) = (pair.primary(), pair.standby());
    set(&pair, vm2, "-3600");
    is_told(&pair, "s behind vm1's", "standby_behind").await;
    set(&pair, vm2, "+3600");
    is_told(&pair, "s ahead of vm1's", "standby_ahead").await;
    set(&pair, vm2, "+0");
    until(&pair, &[]).await;
    set(&pair, vm1, "-3600");
    is_told(&pair, "s ahead of vm1's", "primary_behind").await;

    // The primary is an hour behind, and its roles change.
    let cluster = pair.cluster();
    let planned = cluster.plan_switchover(&SwitchoverOptions::default()).await.unwrap();
    up::run(cluster, &planned.plan).await.unwrap();
    until(&pair, &[Code::ClockSkew]).await;
    // The new one is set back by as much while it serves, and is lost.
    pair.superuser(vm2, "CREATE TABLE before_it_was_set_back AS SELECT 1 AS n").await.unwrap();
    set(&pair, vm2, "-7200");
    until(&pair, &[Code::ClockSkew]).await;
    docker(&["kill", &pair.container(vm2, Component::Postgres)]);
    let planned = cluster.plan_failover(&FailoverOptions::default()).await.unwrap();
    up::run(cluster, &planned.plan).await.unwrap();
    assert_eq!(pair.superuser(vm1, "SELECT n FROM before_it_was_set_back").await.unwrap(), "1");
    // The time in its container goes on being set where it was.
    let RejoinStart::Inspect { primary, stop, .. } = cluster.begin_rejoin(&vm2.name).await.unwrap() else {
        panic!("it does not stream")
    };
    up::run(cluster, &stop).await.unwrap();
    let found = cluster.inspect(&vm2.name, &primary).await;
    let (_, plan) = cluster.plan_rejoin(&vm2.name, &primary, &found, OldData::Keep).await;
    up::run(cluster, &plan).await.unwrap();
    until(&pair, &[Code::ClockSkew]).await;
    set(&pair, vm1, "+0");
    set(&pair, vm2, "+0");
    until(&pair, &[]).await;
    up::replicates(&pair, "put_right").await;
}
