//! An image whose tools are BusyBox's, as Alpine's are, and whose folders are those of `postgres:18`.

use std::fs;

use ha_core::doctor::{CheckCode, CheckResult, DoctorOptions};
use ha_core::layout::Component;
use ha_core::plan::{FailoverOptions, OldData, RejoinMethod, RejoinStart, SwitchoverOptions};
use ha_core::ports::{ContainerRuntime as _, HostFile, ImageBuild};
use ha_docker::TokioClock;
use ha_tests::{Pair, PairOptions, engine_is_wanted, fresh_name};

use crate::host::{docker, label, try_docker};
use crate::up::run;

/// In front of Debian's own tools; the shell as well. What Debian's BusyBox lacks, `flock`, refuses what Alpine's does.
const DOCKERFILE: &str = r#"
COPY busybox flock /busybox/
RUN cd /busybox && for tool in $(./busybox --list); do [ -e "$tool" ] || ln -s busybox "$tool"; done && \
    ln -sf /busybox/busybox /bin/sh
ENV PATH=/busybox:$PATH PGDATA=/var/lib/postgresql/18/docker
VOLUME /var/lib/postgresql
"#;

const FLOCK: &str = r#"#!/bin/sh
case ${1:-} in
-n | -x | -s | -u) exec /usr/bin/flock "$@" ;;
*) echo "flock: unrecognized option: ${1#-}" >&2 && exit 1 ;;
esac
"#;

struct Images(String);

impl Drop for Images {
    fn drop(&mut self) {
        let _ = try_docker(&["image", "rm", "-f", &self.0]);
    }
}

/// BusyBox of this machine, linked statically as Debian's package busybox-static has it.
fn busybox() -> Option<Vec<u8>> {
    ["/bin/busybox", "/usr/bin/busybox"].iter().find_map(|path| fs::read(path).ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_with_the_tools_of_alpine_and_the_folders_of_a_newer_one_does_all_that_ours_does() {
    if !engine_is_wanted() {
        return;
    }
    let Some(busybox) = busybox() else {
        println!("skipped: no BusyBox on this machine (Debian: busybox-static)");
        return;
    };
    let tag = format!("{}-busybox:1", fresh_name());
    let _images = Images(tag.clone());
    let options = PairOptions { postgres_image: tag.clone(), ..PairOptions::postgres_only() };
    let pair = Pair::prepare(options).await.unwrap();
    let cluster_label = label(pair.topology().cluster.name.as_str());
    let (key, value) = cluster_label.split_once('=').unwrap();
    let build = ImageBuild {
        tag,
        context: vec![
            HostFile::new("Dockerfile", format!("FROM {}{DOCKERFILE}", PairOptions::default().postgres_image), 0o644),
            HostFile::new("busybox", busybox, 0o755),
            HostFile::new("flock", FLOCK, 0o755),
        ],
        labels: [(key.to_owned(), value.to_owned())].into(),
    };
    pair.runtime().build_image(&build).await.unwrap();
    let cluster = pair.cluster();
    let (vm1, vm2) = (pair.primary().name.clone(), pair.standby().name.clone());
    let container = pair.container(pair.primary(), Component::Postgres);

    pair.up(false).await.unwrap();
    let shell = docker(&["exec", &container, "sh", "-c", "readlink /bin/sh; df --output=avail . 2>&1 || :"]);
    assert!(shell.starts_with("/busybox/busybox") && shell.contains("unrecognized option"), "{shell}");
    // All of the database is in the volume with a name; the one without is above it, and empty.
    assert_eq!(docker(&["exec", &container, "ls", "/var/lib/postgresql"]).trim(), "data");

    // The lock, the record, the guard's files.
    let planned = cluster.plan_switchover(&SwitchoverOptions::default()).await.unwrap();
    run(cluster, &planned.plan).await.unwrap();
    // The new primary is lost, with what only it has: a failover, and a rewind.
    let old = pair.container(pair.standby(), Component::Postgres);
    docker(&["stop", &container]);
    pair.superuser(pair.standby(), "CREATE TABLE only_here AS SELECT 1").await.unwrap();
    docker(&["kill", &old]);
    docker(&["start", &container]);
    cluster.ports().control.wait_ready(&vm1, crate::up::PATIENCE).await.unwrap();
    let planned = cluster.plan_failover(&FailoverOptions::default()).await.unwrap();
    assert_eq!(planned.to, vm1);
    run(cluster, &planned.plan).await.unwrap();
    let Ok(RejoinStart::Inspect { primary, stop, .. }) = cluster.begin_rejoin(&vm2).await else {
        panic!("its data has to be looked at");
    };
    run(cluster, &stop).await.unwrap();
    let found = cluster.inspect(&vm2, &primary).await;
    let (method, plan) = cluster.plan_rejoin(&vm2, &primary, &found, OldData::Keep).await;
    assert_eq!(method, RejoinMethod::Rewind, "{found:?}");
    assert!(found.unwrap().only_here.is_some(), "what only it has is seen");
    run(cluster, &plan).await.unwrap();
    pair.wait_replayed().await.unwrap();

    let options = DoctorOptions { quick: true, unix_ms: 0, run: "busybox".to_owned() };
    let report = cluster.doctor(&[vm1], &options, &TokioClock::start(), std::future::pending()).await.unwrap();
    let check = report.checks.iter().find(|check| check.code == CheckCode::ImagePostgres).unwrap();
    assert_eq!(check.result, CheckResult::Ok, "{check:?}");
}
