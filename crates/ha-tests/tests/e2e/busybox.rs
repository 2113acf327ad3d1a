//! An image whose tools are BusyBox's, as Alpine's are, and whose folders are those of `postgres:18`.

use std::collections::BTreeMap;
use std::fs;

use ha_core::Cluster;
use ha_core::doctor::{Check, CheckCode, CheckResult, DoctorOptions, DoctorReport};
use ha_core::layout::Component;
use ha_core::plan::{FailoverOptions, OldData, RejoinMethod, RejoinStart, SwitchoverOptions};
use ha_core::ports::{ContainerRuntime as _, HostFile, ImageBuild};
use ha_core::values::NodeName;
use ha_docker::TokioClock;
use ha_tests::{Pair, PairOptions, engine_is_wanted, fresh_name};

use crate::derived;
use crate::host::{docker, label};
use crate::up::run;

/// In front of Debian's own tools; the shell as well, and PostgreSQL's programs by themselves, without Debian's wrappers in perl, which
/// Alpine's image has none of. What Debian's BusyBox lacks, `flock`, refuses what Alpine's does.
const DOCKERFILE: &str = r#"
COPY busybox flock /busybox/
RUN cd /busybox && for tool in $(./busybox --list); do [ -e "$tool" ] || ln -s busybox "$tool"; done && \
    ln -sf /usr/lib/postgresql/*/bin/* /busybox/ && ln -sf /busybox/busybox /bin/sh && rm -f /usr/bin/perl*
ENV PATH=/busybox:$PATH PGDATA=/var/lib/postgresql/18/docker
VOLUME /var/lib/postgresql
"#;

const FLOCK: &str = r#"#!/bin/sh
case ${1:-} in
-n | -x | -s | -u) exec /usr/bin/flock "$@" ;;
*) echo "flock: unrecognized option: ${1#-}" >&2 && exit 1 ;;
esac
"#;

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
    let files = vec![HostFile::new("busybox", busybox, 0o755), HostFile::new("flock", FLOCK, 0o755)];
    let (pair, _image) = derived::pair("busybox", DOCKERFILE, files).await;
    let cluster = pair.cluster();
    let (vm1, vm2) = (pair.primary().name.clone(), pair.standby().name.clone());
    let container = pair.container(pair.primary(), Component::Postgres);

    // Before anything is there: what can be said is right, and the rest is not known.
    let report = doctor(cluster, &vm1).await;
    for code in [CheckCode::ImagePostgres, CheckCode::ContainerStart, CheckCode::PortPostgres, CheckCode::DiskSpace] {
        assert_eq!(check(&report, code).result, CheckResult::Ok, "{report:?}");
    }
    let peer = check(&report, CheckCode::PeerPostgres);
    assert_eq!(peer.result, CheckResult::Unknown, "{peer:?}");
    assert!(peer.found.contains("has no perl"), "{peer:?}");

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

    let report = doctor(cluster, &vm1).await;
    for code in [CheckCode::ImagePostgres, CheckCode::PeerPostgres, CheckCode::DiskSpace, CheckCode::Memory] {
        assert_eq!(check(&report, code).result, CheckResult::Ok, "{report:?}");
    }
}

async fn doctor(cluster: &Cluster, node: &NodeName) -> DoctorReport {
    let options = DoctorOptions { quick: true, unix_ms: 0, run: "busybox".to_owned() };
    let nodes = [node.clone()];
    cluster.doctor(&nodes, &options, &TokioClock::start(), std::future::pending()).await.unwrap()
}

fn check(report: &DoctorReport, code: CheckCode) -> &Check {
    report.checks.iter().find(|check| check.code == code).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_without_programs_is_refused_before_anything_is_made() {
    if !engine_is_wanted() {
        return;
    }
    for (remove, named) in [("/usr/bin/flock /usr/bin/timeout", "lacks flock, timeout"), ("/bin/sh", "lacks /bin/sh")] {
        let tag = format!("{}-lacking:1", fresh_name());
        let _image = derived::Image(tag.clone());
        let options = PairOptions { postgres_image: tag.clone(), ..PairOptions::postgres_only() };
        let pair = Pair::prepare(options).await.unwrap();
        let label = label(pair.topology().cluster.name.as_str());
        let from = PairOptions::default().postgres_image;
        let build = ImageBuild {
            tag: tag.clone(),
            context: vec![HostFile::new("Dockerfile", format!("FROM {from}\nRUN rm {remove}\n"), 0o644)],
            labels: BTreeMap::new(),
        };
        pair.runtime().build_image(&build).await.unwrap();
        let refusals = crate::up::plan(pair.cluster()).await.unwrap_err();
        // Of either node, whose engine is the same one here.
        let [refusal, _] = &refusals[..] else { panic!("{refusals:?}") };
        assert!(refusal.message.contains(&tag) && refusal.message.contains(named), "{refusal:?}");
        assert!(refusal.help.contains("`postgres` in [images]"), "{refusal:?}");
        let report = doctor(pair.cluster(), &pair.primary().name).await;
        let found = check(&report, CheckCode::ImagePostgres);
        assert!(found.result == CheckResult::Error && found.found.contains(named), "{found:?}");
        for kind in ["container", "volume", "network"] {
            let all: &[&str] = if kind == "container" { &["-a"] } else { &[] };
            let ours = format!("label={label}");
            let list = [&[kind, "ls", "-q", "--filter", &ours], all].concat();
            assert_eq!(docker(&list), "", "a {kind} was made");
        }
    }
}
