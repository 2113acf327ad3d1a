//! Another PostgreSQL on the other node.

use ha_core::steps::StepError;
use ha_tests::{Pair, PairOptions, engine_is_wanted};

use crate::host::{docker, postgres_image};
use crate::up;

/// An image that says it is another minor version: a real one cannot be had everywhere.
struct Pretender(String);

impl Drop for Pretender {
    fn drop(&mut self) {
        let _ = crate::host::try_docker(&["image", "rm", "-f", &self.0]);
    }
}

fn pretender(cluster: &str) -> Pretender {
    let tag = format!("{cluster}-pretender:1");
    let container = format!("{cluster}-pretender");
    let script = "printf '%s\\n' '#!/bin/sh' 'echo \"postgres (PostgreSQL) 17.99 (Pretended)\"' \
                  >/usr/local/sbin/postgres; chmod 0755 /usr/local/sbin/postgres";
    docker(&[
        "run",
        "--name",
        &container,
        "--label",
        &crate::host::label(cluster),
        "--network",
        "none",
        "-u",
        "root",
        "--entrypoint",
        "/bin/sh",
        &postgres_image(),
        "-euc",
        script,
    ]);
    docker(&["commit", &container, &tag]);
    // The image declares a volume, so that its container has one without a name or a label to find it by.
    docker(&["rm", "-v", &container]);
    Pretender(tag)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_of_another_version_is_not_made() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::prepare(PairOptions::postgres_only()).await.unwrap();
    let primary = [pair.primary().name.clone()];
    let plan = up::plan_for(pair.cluster(), &primary).await.unwrap();
    up::run(pair.cluster(), &plan).await.unwrap();
    let real = pair.superuser(pair.primary(), "SHOW server_version").await.unwrap();
    let real = real.split(' ').next().unwrap().to_owned();

    let other = pretender(pair.topology().cluster.name.as_str());
    let mut topology = pair.topology().clone();
    topology.images.postgres.clone_from(&other.0);
    let cluster = up::variant(&pair, topology, pair.cluster().secrets().clone());
    let standby = [pair.standby().name.clone()];
    let plan = up::plan_for(&cluster, &standby).await.unwrap();
    let mut error = up::run(&cluster, &plan).await.unwrap_err();
    let error = error.failures.remove(0).error;
    let StepError::Job { message, .. } = &error else { panic!("{error:?}") };
    assert!(message.contains("17.99") && message.contains(&real), "both versions: {message}");
    assert!(message.contains("the same image on both nodes"), "{message}");
    // With the right image, the same goes on.
    pair.up(false).await.unwrap();
    up::replicates(&pair, "same_version").await;
}
