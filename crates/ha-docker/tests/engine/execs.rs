//! Programs inside a container.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ha_core::ports::{ContainerRuntime, ExecOutput, ExecSpec, RuntimeError};
use ha_docker::DockerRuntime;

use crate::support::{Owned, PATIENCE, engine};

pub(crate) fn spec(script: &str) -> ExecSpec {
    ExecSpec { argv: ["sh", "-c", script].map(str::to_owned).to_vec(), ..ExecSpec::default() }
}

/// What a script writes; it must succeed.
pub(crate) async fn shell(engine: &DockerRuntime, name: &str, script: &str) -> String {
    let output = engine.exec(name, &spec(script), PATIENCE).await.unwrap();
    assert_eq!(output.exit_code, 0, "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn output_and_exit_code_come_back_apart() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    let output = engine.exec(&own.name, &spec("echo out; echo err >&2; exit 5"), PATIENCE).await.unwrap();
    assert_eq!(output, ExecOutput { exit_code: 5, stdout: b"out\n".to_vec(), stderr: b"err\n".to_vec() });
    let mut as_user = spec("echo $(id -u) $WORD");
    as_user.user = Some("nobody".to_owned());
    as_user.environment = BTreeMap::from([("WORD".to_owned(), "said".to_owned())]);
    assert_eq!(engine.exec(&own.name, &as_user, PATIENCE).await.unwrap().stdout, b"65534 said\n");
    // Exit codes must not be looked at before the engine knows them: many short ones would show it.
    for code in 0..20 {
        let output = engine.exec(&own.name, &spec(&format!("exit {code}")), PATIENCE).await.unwrap();
        assert_eq!(output.exit_code, code);
    }
}

#[tokio::test]
async fn stdin_arrives_whole_and_ends() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    // More than any pipe or socket holds, sent back at once: reading and writing must go on together.
    let input: Vec<u8> = (0..3_000_000u32).map(|number| (number % 251) as u8).collect();
    let mut cat = spec("cat");
    cat.stdin = Some(input.clone());
    let output = engine.exec(&own.name, &cat, PATIENCE).await.unwrap();
    assert_eq!((output.exit_code, output.stdout == input), (0, true));
    let mut unread = spec("echo done");
    unread.stdin = Some(input);
    let output = engine.exec(&own.name, &unread, PATIENCE).await.unwrap();
    assert_eq!((output.exit_code, output.stdout.as_slice()), (0, b"done\n".as_slice()));
    let mut empty = spec("wc -c");
    empty.stdin = Some(vec![]);
    assert_eq!(engine.exec(&own.name, &empty, PATIENCE).await.unwrap().stdout, b"0\n");
}

#[tokio::test]
async fn a_program_that_is_not_there_has_a_code_and_a_reason() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    let missing = ExecSpec { argv: vec!["/no/such/program".to_owned()], ..ExecSpec::default() };
    let output = engine.exec(&own.name, &missing, PATIENCE).await.unwrap();
    assert!(matches!(output.exit_code, 126 | 127), "{output:?}");
    let words = [output.stdout, output.stderr].concat();
    assert!(String::from_utf8_lossy(&words).contains("no such file"), "{}", String::from_utf8_lossy(&words));
}

#[tokio::test]
async fn a_program_that_does_not_end_is_given_up() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    let before = Instant::now();
    let error = engine.exec(&own.name, &spec("sleep 100"), Duration::from_millis(500)).await.unwrap_err();
    assert!(matches!(error, RuntimeError::TimedOut { .. }), "{error:?}");
    assert!(before.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn nothing_runs_in_what_does_not_run() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    engine.create_container(&own.shell("exit 0")).await.unwrap();
    let error = engine.exec(&own.name, &spec("true"), PATIENCE).await.unwrap_err();
    assert!(matches!(&error, RuntimeError::Refused { status: 409, .. }), "{error:?}");
    let error = engine.exec("hatest-docker-none", &spec("true"), PATIENCE).await.unwrap_err();
    assert!(matches!(&error, RuntimeError::NotFound { .. }), "{error:?}");
}
