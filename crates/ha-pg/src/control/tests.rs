//! What a real server cannot be made to show at will: containers that exit, restart, stay silent.

use super::*;
use ha_core::ports::{
    Container, ContainerRuntime, ContainerStatus, ExecOutput, LogLine, MockContainerRuntime, RestartPolicy, Stream,
};
use ha_core::topology::{NodeSpec, TopologySpec};
use tokio::time::Instant;

fn control(runtime: MockContainerRuntime) -> (EngineControl, NodeName) {
    let spec = TopologySpec::new("sso", "https://sso.example.org").node(NodeSpec::primary("vm1", "192.0.2.11"));
    let spec = spec.node(NodeSpec::standby("vm2", "192.0.2.12"));
    let topology = Arc::new(spec.validate().expect("nothing is wrong with it"));
    let node = topology.initial_primary().name.clone();
    let engines = Engines::from([(node.clone(), Arc::new(runtime) as Arc<dyn ContainerRuntime>)]);
    (EngineControl::new(topology, engines), node)
}

fn container(status: ContainerStatus) -> Container {
    Container {
        id: "id".to_owned(),
        name: "sso-vm1-postgres".to_owned(),
        image_id: "image".to_owned(),
        status,
        labels: [].into(),
        entrypoint: Vec::new(),
        restart: RestartPolicy::UnlessStopped,
        restarts: 3,
        started_at: None,
        oom_killed: false,
        ports: Vec::new(),
        start_error: None,
        off_network: false,
    }
}

fn no_server_in(status: ContainerStatus) -> MockContainerRuntime {
    let mut runtime = MockContainerRuntime::new();
    runtime.expect_exec().returning(|_, _, _| Ok(ExecOutput { exit_code: 2, stdout: vec![], stderr: vec![] }));
    runtime.expect_find_container().returning(move |_| Ok(Some(container(status))));
    runtime.expect_logs().returning(|_, _| {
        let line = LogLine { stream: Stream::Stderr, text: "FATAL: data directory is damaged".to_owned() };
        Ok(Box::pin(futures_util::stream::iter([Ok(line)])))
    });
    runtime
}

#[tokio::test(start_paused = true)]
async fn an_exited_container_is_noticed_at_once_with_its_last_words() {
    let (control, node) = control(no_server_in(ContainerStatus::Exited { code: 1 }));
    let started = Instant::now();
    match control.wait_ready(&node, Duration::from_secs(60)).await {
        Err(PostgresError::Exited { code: 1, log }) => assert!(log.contains("damaged"), "{log}"),
        other => panic!("{other:?}"),
    }
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_container_that_is_restarted_again_and_again() {
    let (control, node) = control(no_server_in(ContainerStatus::Restarting));
    match control.wait_ready(&node, Duration::from_secs(60)).await {
        Err(PostgresError::Refused { message, .. }) => assert!(message.contains("3 times"), "{message}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_becomes_ready_is_given_up_in_time() {
    let (control, node) = control(no_server_in(ContainerStatus::Running));
    let started = Instant::now();
    let limit = Duration::from_secs(5);
    match control.wait_ready(&node, limit).await {
        Err(PostgresError::TimedOut { after, .. }) => assert_eq!(after, limit),
        other => panic!("{other:?}"),
    }
    assert!(started.elapsed() <= limit);
}

#[tokio::test]
async fn a_node_without_an_engine_is_an_error_and_not_a_panic() {
    let (control, _) = control(MockContainerRuntime::new());
    let standby = "vm2".parse().unwrap();
    assert!(matches!(control.wait_ready(&standby, LIMIT).await, Err(PostgresError::Runtime(_))));
}

/// Whoever holds it may hold it for ever: to try again is no way on.
#[test]
fn a_lock_that_somebody_holds_is_told_with_what_shows_the_holder() {
    let message = "canceling statement due to lock timeout".to_owned();
    let error = refused("make roles", PsqlError::Server { sqlstate: "55P03".to_owned(), message }).to_string();
    assert!(error.contains("lock timeout") && error.contains("pg_stat_activity"), "{error}");
}
