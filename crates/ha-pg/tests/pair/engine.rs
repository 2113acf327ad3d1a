//! The engine of this machine: what the tests do to it by hand, and as a port.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use ha_core::ports::{
    Container, ContainerRuntime, ContainerStatus, ExecOutput, LogLine, MockContainerRuntime, RuntimeError, Stream,
};

/// Runs `docker` with these arguments; the test fails when it does.
pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = try_docker(arguments, None);
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Runs a statement as the superuser.
pub(crate) fn sql(container: &str, database: &str, statement: &str) -> String {
    docker(&[
        "exec",
        "-u",
        "postgres",
        container,
        "psql",
        "-XAtq",
        "-v",
        "ON_ERROR_STOP=1",
        "-d",
        database,
        "-c",
        statement,
    ])
}

fn try_docker(arguments: &[&str], stdin: Option<&[u8]>) -> Output {
    let mut child = Command::new("timeout")
        .args(["60", "docker"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    // A program that does not read is not this function's business.
    drop(pipe.write_all(stdin.unwrap_or_default()));
    drop(pipe);
    child.wait_with_output().unwrap()
}

/// The calls that this crate makes, done by the `docker` program.
pub(crate) fn runtime() -> Arc<dyn ContainerRuntime> {
    let mut runtime = MockContainerRuntime::new();
    runtime.expect_exec().returning(|name, exec, _| {
        let mut arguments = vec!["exec".to_owned(), "-i".to_owned()];
        if let Some(user) = &exec.user {
            arguments.extend(["-u".to_owned(), user.clone()]);
        }
        for (key, value) in &exec.environment {
            arguments.extend(["-e".to_owned(), format!("{key}={value}")]);
        }
        arguments.push(name.to_owned());
        arguments.extend(exec.argv.iter().cloned());
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let output = try_docker(&arguments, exec.stdin.as_deref());
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        if complaint.starts_with("Error response from daemon") {
            return Err(RuntimeError::Refused { status: 409, message: complaint });
        }
        let exit_code = output.status.code().unwrap().into();
        Ok(ExecOutput { exit_code, stdout: output.stdout, stderr: output.stderr })
    });
    runtime.expect_find_container().returning(|name| Ok(find(name)));
    runtime.expect_logs().returning(|name, _| {
        let output = try_docker(&["logs", "--tail", "20", name], None);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let lines: Vec<_> =
            text.lines().map(|line| Ok(LogLine { stream: Stream::Stderr, text: line.to_owned() })).collect();
        Ok(Box::pin(futures_util::stream::iter(lines)))
    });
    Arc::new(runtime)
}

fn find(name: &str) -> Option<Container> {
    let output = try_docker(&["inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name], None);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (status, code) = text.trim().split_once(' ')?;
    let status = match status {
        "created" => ContainerStatus::Created,
        "running" => ContainerStatus::Running,
        "paused" => ContainerStatus::Paused,
        "restarting" => ContainerStatus::Restarting,
        "exited" => ContainerStatus::Exited { code: code.parse().unwrap() },
        _ => ContainerStatus::Dead,
    };
    Some(Container {
        id: name.to_owned(),
        name: name.to_owned(),
        image_id: String::new(),
        status,
        labels: [].into(),
        restarts: 0,
        started_at: None,
        oom_killed: false,
        ports: Vec::new(),
    })
}
