//! Programs inside a container that are talked to.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ha_core::ports::{ContainerRuntime, ExecSession, ExecSpec, RuntimeError};
use ha_docker::DockerRuntime;

use crate::execs::shell;
use crate::support::{Owned, PATIENCE, engine, eventually};

fn spec(script: &str) -> ExecSpec {
    ExecSpec { argv: ["sh", "-c", script].map(str::to_owned).to_vec(), ..ExecSpec::default() }
}

async fn open(engine: &DockerRuntime, name: &str, script: &str) -> Box<dyn ExecSession> {
    engine.open_exec(name, &spec(script)).await.unwrap()
}

async fn line(session: &mut Box<dyn ExecSession>) -> Option<String> {
    session.read_line(PATIENCE).await.unwrap()
}

/// Holds a lock until its input ends.
const HOLD: &str = "exec 9>/tmp/lock; flock -n 9 || exit 1; echo held; exec cat";

async fn is_free(engine: &DockerRuntime, name: &str) -> bool {
    let tried = engine.exec(name, &spec("exec 9>/tmp/lock; flock -n 9"), PATIENCE).await.unwrap();
    tried.exit_code == 0
}

#[tokio::test]
async fn lines_go_there_and_come_back() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    let mut given = spec("cat");
    given.stdin = Some(b"first\n".to_vec());
    let mut session = engine.open_exec(&own.name, &given).await.unwrap();
    assert_eq!(line(&mut session).await.unwrap(), "first");
    for text in ["one", "", "drei \u{fc} und mehr"] {
        session.write_line(text).await.unwrap();
        assert_eq!(line(&mut session).await.unwrap(), text);
    }
    // A wait that is over takes nothing with it.
    let error = session.read_line(Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error, RuntimeError::TimedOut { .. }), "{error:?}");
    session.write_line("still there").await.unwrap();
    assert_eq!(line(&mut session).await.unwrap(), "still there");
}

#[tokio::test]
async fn a_program_that_ends_is_at_its_end() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    let mut session = open(&engine, &own.name, "echo one; echo complaint >&2; printf 'no end'").await;
    assert_eq!(line(&mut session).await.unwrap(), "one");
    assert_eq!(line(&mut session).await.unwrap(), "no end");
    for _ in 0..2 {
        assert_eq!(line(&mut session).await, None);
    }
}

#[tokio::test]
async fn a_program_that_cannot_be_started_says_why() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    let missing = ExecSpec { argv: vec!["/no/such/program".to_owned()], ..ExecSpec::default() };
    // Engines differ: the reason is an error, or comes as what the program says, which is over then.
    let words = match engine.open_exec(&own.name, &missing).await {
        Ok(mut session) => match session.read_line(PATIENCE).await {
            Ok(words) => words.unwrap(),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    };
    assert!(words.contains("no such file"), "{words}");
    assert!(engine.open_exec("hatest-docker-none", &missing).await.is_err());
}

#[tokio::test]
async fn dropping_the_session_ends_the_program() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    for _ in 0..5 {
        let mut session = open(&engine, &own.name, HOLD).await;
        assert_eq!(line(&mut session).await.unwrap(), "held");
        assert!(!is_free(&engine, &own.name).await);
        let before = Instant::now();
        drop(session);
        eventually("the lock becoming free", || is_free(&engine, &own.name)).await;
        println!("free {} ms after the session was dropped", before.elapsed().as_millis());
    }
}

#[tokio::test]
async fn a_client_that_is_killed_ends_the_program() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    let mut client = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sessions::holds_until_it_is_killed", "--nocapture"])
        .env("HA_TEST_SESSION_IN", &own.name)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let holds = || async { !is_free(&engine, &own.name).await };
    eventually("the lock being held", holds).await;
    client.kill().unwrap();
    client.wait().unwrap();
    eventually("the lock becoming free", || is_free(&engine, &own.name)).await;
}

/// The client of the test above, in a process of its own; nothing by itself.
#[tokio::test]
async fn holds_until_it_is_killed() {
    let Some(name) = std::env::var("HA_TEST_SESSION_IN").ok() else { return };
    let engine = engine().unwrap();
    let mut session = open(&engine, &name, HOLD).await;
    assert_eq!(line(&mut session).await.unwrap(), "held");
    drop(session.read_line(PATIENCE * 10).await);
}

#[tokio::test]
async fn a_container_that_is_stopped_is_the_end() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    let mut session = open(&engine, &own.name, "echo begun; exec cat").await;
    assert_eq!(line(&mut session).await.unwrap(), "begun");
    engine.stop_container(&own.name, Duration::from_secs(1)).await.unwrap();
    match session.read_line(PATIENCE).await {
        Ok(end) => assert_eq!(end, None),
        Err(error) => assert!(!matches!(error, RuntimeError::TimedOut { .. }), "{error:?}"),
    }
}

#[tokio::test]
async fn many_sessions_do_not_stand_in_each_others_way() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(open(&engine, &own.name, "exec cat").await);
    }
    // Other calls go on beside them.
    assert_eq!(shell(&engine, &own.name, "echo beside").await, "beside\n");
    for (number, session) in sessions.iter_mut().enumerate() {
        session.write_line(&number.to_string()).await.unwrap();
        assert_eq!(line(session).await.unwrap(), number.to_string());
    }
}
