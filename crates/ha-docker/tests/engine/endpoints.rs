//! Endpoints where no engine answers as it should.

use std::error::Error;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ha_core::ports::{ContainerRuntime, LogOptions, RuntimeError};
use ha_core::topology::DockerEndpoint;
use ha_docker::{ConnectError, DockerRuntime};

use crate::fake::{Fake, REFUSED};

const LIMIT: Duration = Duration::from_millis(400);
const VOLUME: &str = r#"{"Name":"x","Driver":"local","Mountpoint":"/m","Labels":null,"Options":null,"Scope":"local"}"#;

fn unix(path: &str) -> DockerRuntime {
    DockerRuntime::at(&DockerEndpoint::Unix(path.into())).unwrap()
}

#[tokio::test]
async fn no_socket_is_no_engine() {
    let error = unix("/nonexistent/docker.sock").engine().await.unwrap_err();
    assert!(
        matches!(&error, RuntimeError::Unreachable { endpoint, .. } if endpoint == "unix:///nonexistent/docker.sock")
    );
    let source = error.source().expect("what came back").to_string();
    assert!(source.contains("No such file") && source.contains("/nonexistent/docker.sock"), "{source}");
}

#[tokio::test]
async fn a_socket_that_nobody_listens_on_is_no_engine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("docker.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let error = unix(path.to_str().unwrap()).find_container("x").await.unwrap_err();
    assert!(matches!(&error, RuntimeError::Unreachable { .. }), "{error:?}");
    assert!(error.source().unwrap().to_string().contains("refused"), "{:?}", error.source());
}

#[tokio::test]
async fn a_frozen_engine_is_given_up_within_the_limit() {
    let fake = Fake::answering(|_| None);
    let runtime = fake.runtime().with_call_limit(LIMIT);
    let calls: [(&str, Option<RuntimeError>, u32); 4] = {
        let before = Instant::now();
        let mut last = before;
        let mut took = || {
            let elapsed = last.elapsed();
            last = Instant::now();
            (elapsed.as_millis() / LIMIT.as_millis()) as u32
        };
        [
            ("engine", runtime.engine().await.err(), took()),
            ("find", runtime.find_container("x").await.err(), took()),
            ("wait", runtime.wait_container("x", Duration::from_secs(60)).await.err(), took()),
            ("logs", runtime.logs("x", &LogOptions::default()).await.err(), took()),
        ]
    };
    for (call, error, limits) in calls {
        assert!(matches!(error, Some(RuntimeError::TimedOut { .. })), "{call}: {error:?}");
        assert!(limits <= 3, "{call} took {limits} times the limit");
    }
}

#[tokio::test]
async fn an_engine_that_freezes_during_long_work_is_noticed() {
    // It answers what comes first, then nothing: a host that dies while a container is waited for.
    let pings = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&pings);
    let fake = Fake::of_api("1.41", move |path| {
        if path.ends_with("/_ping") && counted.fetch_add(1, Ordering::Relaxed) < 2 {
            return Some("OK".to_owned());
        }
        path.ends_with("/json")
            .then(|| r#"{"Id":"1","Name":"/x","State":{"Status":"running","ExitCode":0}}"#.to_owned())
    });
    let before = Instant::now();
    let error = fake.runtime().with_call_limit(LIMIT).wait_container("x", Duration::from_secs(600)).await.unwrap_err();
    assert!(matches!(error, RuntimeError::TimedOut { .. }), "{error:?}");
    assert!(before.elapsed() < LIMIT * 8, "noticed after {:?} only", before.elapsed());
    assert_eq!(pings.load(Ordering::Relaxed), 4, "two were answered, the first one and one meanwhile; two were not");
    assert!(error.to_string().contains("waiting for the exit of container x"), "{error}");
}

#[tokio::test]
async fn an_old_engine_is_named() {
    let answer = |path: &str| match path {
        "/_ping" => Some("OK".to_owned()),
        "/version" => Some(r#"{"Version":"18.09.9","ApiVersion":"1.39","MinAPIVersion":"1.12"}"#.to_owned()),
        _ => None,
    };
    for fake in [Fake::of_api("1.39", answer), Fake::answering(answer)] {
        let error = fake.runtime().engine().await.unwrap_err();
        assert!(
            matches!(&error, RuntimeError::EngineTooOld { version, api_version, .. } if version == "18.09.9" && api_version == "1.39"),
            "{error:?}"
        );
    }
}

/// One to come, or one whose `min-api-version` says so, which has given up the versions that are spoken here.
#[tokio::test]
async fn an_engine_of_the_future_is_asked_for_the_oldest_version_that_it_speaks() {
    let fake = Fake::of_api("1.60", |path| match path {
        "/_ping" => Some("OK".to_owned()),
        "/v1.44/_ping" => Some(format!("{REFUSED}\"client version 1.44 is too old\"}}")),
        "/version" => Some(r#"{"Version":"40.0.0","ApiVersion":"1.60","MinAPIVersion":"1.50"}"#.to_owned()),
        "/v1.50/volumes/x" => Some(VOLUME.to_owned()),
        _ => None,
    });
    assert!(fake.runtime().with_call_limit(LIMIT).find_volume("x").await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_no_engine_is_told() {
    let fake = Fake::answering(|_| Some("<html>welcome</html>".to_owned()));
    let error = fake.runtime().engine().await.unwrap_err();
    assert!(matches!(&error, RuntimeError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn one_connection_and_one_negotiation_serve_many_calls() {
    let pings = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&pings);
    let fake = Fake::of_api("1.41", move |path| match path {
        "/_ping" => {
            counted.fetch_add(1, Ordering::Relaxed);
            Some("OK".to_owned())
        }
        "/v1.41/volumes/x" => Some(VOLUME.to_owned()),
        _ => None,
    });
    let runtime = fake.runtime();
    for _ in 0..5 {
        assert_eq!(runtime.find_volume("x").await.unwrap().unwrap().mountpoint, "/m");
    }
    assert_eq!((pings.load(Ordering::Relaxed), fake.connections.load(Ordering::Relaxed)), (1, 1));
}

#[tokio::test]
async fn an_engine_that_hangs_up_is_asked_again_by_whoever_calls() {
    let fake = Fake::of_api("1.41", |path| (path == "/_ping").then(|| "OK".to_owned()));
    let runtime = fake.runtime().with_call_limit(LIMIT);
    assert!(matches!(runtime.find_volume("x").await, Err(RuntimeError::TimedOut { .. })));
    drop(fake);
    let error = runtime.find_volume("x").await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}

/// Only somebody else than root can be refused: the test starts itself again as nobody.
#[test]
fn a_socket_of_others_is_told() {
    const CHILD: &str = "HA_TEST_SOCKET";
    if let Ok(socket) = std::env::var(CHILD) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(unix(&socket).engine()).unwrap_err();
        assert!(matches!(&error, RuntimeError::PermissionDenied { .. }), "{error:?}");
        println!("refused as expected");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let socket = folder.path().join("docker.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o000)).unwrap();
    // A copy that nobody may read and run, wherever this was built.
    let program = folder.path().join("test");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut child = Command::new(&program);
    child
        .args(["endpoints::a_socket_of_others_is_told", "--exact", "--nocapture"])
        .env(CHILD, &socket)
        .current_dir("/");
    if std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        child.uid(65534).gid(65534);
    }
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("refused as expected"), "{said}");
}

#[test]
fn a_node_elsewhere_is_not_reached_by_a_local_endpoint() {
    let mut node = node("192.0.2.77");
    let error = DockerRuntime::connect(&node).unwrap_err();
    assert!(matches!(&error, ConnectError::NotThisHost { node, .. } if node == "vm2"), "{error}");
    assert!(error.help().contains("ssh://user@192.0.2.77"), "{}", error.help());
    node.address = "127.0.0.1".parse().unwrap();
    assert!(DockerRuntime::connect(&node).is_ok());
}

fn node(address: &str) -> ha_core::topology::Node {
    ha_core::topology::Node {
        name: "vm2".parse().unwrap(),
        address: address.parse().unwrap(),
        initial_role: ha_core::topology::DesiredRole::Standby,
        docker: DockerEndpoint::Local,
        postgres_port: 5433,
        keycloak_port: 3124,
        admit: vec![],
    }
}

#[tokio::test]
async fn a_host_that_refuses_tcp_or_ssh_is_no_engine() {
    // Port 1 of this machine: refused at once, by ssh in its own words.
    let runtime = DockerRuntime::at(&DockerEndpoint::Ssh { destination: "nobody@127.0.0.1:1".to_owned() }).unwrap();
    let error = runtime.engine().await.unwrap_err();
    assert!(matches!(&error, RuntimeError::Unreachable { .. }), "{error:?}");
    // Without the program it is said, too, so the test needs none.
    let source = error.source().unwrap().to_string();
    assert!(source.contains("refused") || source.contains("ssh program"), "{source}");
}
