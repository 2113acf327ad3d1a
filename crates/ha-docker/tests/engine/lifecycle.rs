//! Made, started, stopped, removed.

use std::time::{Duration, Instant};

use ha_core::ports::{ContainerRuntime, ContainerStatus, RestartPolicy, RuntimeError};

use crate::support::{Owned, PATIENCE, engine, eventually};

#[tokio::test]
async fn a_container_goes_through_its_states() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    assert_eq!(engine.find_container(&own.name).await.unwrap(), None);

    let mut spec = own.shell("trap 'exit 7' TERM INT; while :; do sleep 0.05; done");
    spec.restart = RestartPolicy::UnlessStopped;
    spec.hostname = Some("inside".to_owned());
    spec.environment.insert("GREETING".to_owned(), "hello".to_owned());
    spec.stop_timeout_secs = Some(5);
    spec.shm_bytes = Some(128 << 20);
    spec.memory_bytes = Some(256 << 20);
    spec.sysctls.insert("kernel.shmmni".to_owned(), "1234".to_owned());
    let id = engine.create_container(&spec).await.unwrap();
    let made = engine.find_container(&own.name).await.unwrap().expect("it was made");
    assert_eq!((&made.id, &made.name, made.status), (&id, &own.name, ContainerStatus::Created));
    assert_eq!((made.labels.get("ha-docker-test"), &made.started_at), (Some(&own.name), &None));
    assert!(!engine.stop_container(&own.name, PATIENCE).await.unwrap(), "it did not run");

    engine.start_container(&own.name).await.unwrap();
    engine.start_container(&own.name).await.expect("starting twice is no error");
    let running = engine.find_container(&own.name).await.unwrap().unwrap();
    assert_eq!(running.status, ContainerStatus::Running);
    assert!(running.started_at.is_some());
    let seen =
        "echo $(hostname) $GREETING $(df -k /dev/shm | tail -1 | awk '{print $2}') $(cat /proc/sys/kernel/shmmni)";
    assert_eq!(crate::execs::shell(&engine, &own.name, seen).await, "inside hello 131072 1234\n");

    assert!(engine.stop_container(&own.name, PATIENCE).await.unwrap());
    let stopped = engine.find_container(&own.name).await.unwrap().unwrap();
    assert_eq!(stopped.status, ContainerStatus::Exited { code: 7 }, "its own way to stop");
    assert!(!engine.stop_container(&own.name, PATIENCE).await.unwrap(), "it ran no more");

    assert!(engine.remove_container(&own.name).await.unwrap());
    assert!(!engine.remove_container(&own.name).await.unwrap(), "there was none any more");
    assert!(matches!(
        engine.stop_container(&own.name, PATIENCE).await,
        Err(RuntimeError::NotFound { what }) if what == format!("container {}", own.name)
    ));
}

#[tokio::test]
async fn a_deaf_container_is_killed_after_the_timeout_though_calls_are_shorter() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.started(&own.shell("trap '' TERM INT; echo deaf; while :; do sleep 0.1; done")).await;
    eventually("the trap", || async {
        let logs = crate::logs::all(&engine, &own.name).await;
        logs.iter().any(|line| line.text == "deaf")
    })
    .await;
    let hasty = engine.clone().with_call_limit(Duration::from_secs(2));
    let before = Instant::now();
    assert!(hasty.stop_container(&own.name, Duration::from_secs(3)).await.unwrap());
    assert!(before.elapsed() >= Duration::from_secs(2), "killed too early");
    let stopped = engine.find_container(&own.name).await.unwrap().unwrap();
    assert_eq!(stopped.status, ContainerStatus::Exited { code: 137 });
}

#[tokio::test]
async fn exit_codes_are_values_whenever_they_are_asked_for() {
    let Some(engine) = engine() else { return };
    for code in [0, 3] {
        let own = Owned::new(&engine);
        own.started(&own.shell(&format!("sleep 0.2; exit {code}"))).await;
        assert_eq!(engine.wait_container(&own.name, PATIENCE).await.unwrap(), code, "while it ran");
        assert_eq!(engine.wait_container(&own.name, PATIENCE).await.unwrap(), code, "after it had exited");
    }
}

#[tokio::test]
async fn a_container_that_was_never_started_has_not_exited() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    engine.create_container(&own.shell("exit 4")).await.unwrap();
    let limit = Duration::from_millis(300);
    assert!(
        matches!(engine.wait_container(&own.name, limit).await, Err(RuntimeError::TimedOut { after, .. }) if after == limit)
    );
    let (code, started) = tokio::join!(engine.wait_container(&own.name, PATIENCE), engine.start_container(&own.name));
    started.unwrap();
    assert_eq!(code.unwrap(), 4);
}

#[tokio::test]
async fn waiting_has_its_limit() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    let limit = Duration::from_millis(300);
    let before = Instant::now();
    let error = engine.wait_container(&own.name, limit).await.unwrap_err();
    assert!(matches!(error, RuntimeError::TimedOut { .. }), "{error}");
    assert!(before.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn two_may_remove_the_same_container() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    let (one, two) = tokio::join!(engine.remove_container(&own.name), engine.remove_container(&own.name));
    assert!(one.unwrap() | two.unwrap());
    assert_eq!(engine.find_container(&own.name).await.unwrap(), None);
}

#[tokio::test]
async fn containers_are_listed_by_all_their_labels() {
    let Some(engine) = engine() else { return };
    let (one, other) = (Owned::new(&engine), Owned::new(&engine));
    let mut spec = one.shell("exit 9");
    spec.labels.insert("role".to_owned(), "special".to_owned());
    one.started(&spec).await;
    engine.wait_container(&one.name, PATIENCE).await.unwrap();
    engine.create_container(&other.shell("exit 0")).await.unwrap();

    let found = engine.list_containers(&spec.labels).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].name, found[0].status), (&one.name, ContainerStatus::Exited { code: 9 }));
    let mut wrong = spec.labels.clone();
    wrong.insert("role".to_owned(), "other".to_owned());
    assert_eq!(engine.list_containers(&wrong).await.unwrap(), []);
}

#[tokio::test]
async fn the_engine_tells_of_itself() {
    let Some(engine) = engine() else { return };
    let info = engine.engine().await.unwrap();
    assert!(!info.id.is_empty() && !info.host.is_empty() && info.root_dir.starts_with('/'), "{info:?}");
    assert!(info.cpus > 0 && info.memory_bytes > 1 << 20 && info.version.contains('.'), "{info:?}");
    let here = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    let there = info.clock_unix_ms.expect("the engine tells its time");
    assert!((here - there).abs() < 5000, "the same machine's clock: {here} and {there}");
}
