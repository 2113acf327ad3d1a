//! What a host may lack: a port, room on its disk, an image.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use ha_core::ports::RuntimeError;
use ha_core::steps::StepError;
use ha_tests::{Pair, PairOptions, engine_is_wanted};

use crate::host::{docker, label, postgres_image};
use crate::up;

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_another_program() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::prepare(PairOptions::postgres_only()).await.unwrap();
    let port = pair.primary().postgres_port;
    let another = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let error = up::failure(pair.cluster()).await;
    assert!(
        matches!(&error, StepError::Runtime(RuntimeError::PortTaken { port: taken, .. }) if *taken == port),
        "{error:?}"
    );
    assert!(error.to_string().contains(&format!("port {port} of 127.0.0.1 is in use")), "{error}");
    assert!(error.help().unwrap().contains("ss -ltnp"), "{error}");
    drop(another);
    pair.up(false).await.unwrap();
    up::replicates(&pair, "listens").await;
}

/// The standby's disk is small, and something else takes its room while the base backup runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_during_the_base_backup() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::prepare(PairOptions::postgres_only()).await.unwrap();
    let name = pair.topology().cluster.name.to_string();
    let volume = format!("{name}-vm2-data");
    docker(&[
        "volume",
        "create",
        "-d",
        "local",
        "-o",
        "type=tmpfs",
        "-o",
        "device=tmpfs",
        "-o",
        "o=size=400m",
        &volume,
    ]);
    // Keeps the file system mounted, and so its content, between the jobs.
    let keeper = format!("{name}-keeper");
    docker(&[
        "run",
        "-d",
        "--name",
        &keeper,
        "--label",
        &label(&name),
        "--network",
        "none",
        "-u",
        "root",
        "-v",
        &format!("{volume}:/data"),
        "--entrypoint",
        "sleep",
        &postgres_image(),
        "3600",
    ]);
    let inside = |script: &str| docker(&["exec", &keeper, "/bin/sh", "-euc", script]);
    // In a folder that every file system has, and that counts as nobody's data; 10 MB are left.
    inside("mkdir /data/lost+found; dd if=/dev/zero of=/data/lost+found/ballast bs=1M count=390 status=none");
    let error = up::failure(pair.cluster()).await;
    let StepError::Job { message, .. } = &error else { panic!("{error:?}") };
    assert!(message.contains("No space left on device"), "{message}");
    assert!(error.help().unwrap().contains("disk is full"), "{error:?}");
    assert_eq!(inside("ls -A /data"), "lost+found", "what was half copied is gone");
    inside("rm /data/lost+found/ballast");
    pair.up(false).await.unwrap();
    up::replicates(&pair, "fits").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_had() {
    if !engine_is_wanted() {
        return;
    }
    // Port 1 of this host: nobody listens there, on no machine.
    let image = "localhost:1/no/such-image:17";
    let options = PairOptions { postgres_image: image.to_owned(), ..PairOptions::postgres_only() };
    let pair = Pair::prepare(options).await.unwrap();
    let begun = Instant::now();
    let error = up::failure(pair.cluster()).await;
    let StepError::Runtime(RuntimeError::PullFailed { reference, message }) = &error else { panic!("{error:?}") };
    assert_eq!(reference, image);
    assert!(message.contains("refused"), "the engine's own words: {message}");
    assert!(error.help().unwrap().contains("docker load"), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(120));
}
