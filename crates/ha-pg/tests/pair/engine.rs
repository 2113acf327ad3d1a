//! The engine of this machine: what the tests do to it by hand, and as a port.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ha_core::ports::ContainerRuntime;
use ha_docker::DockerRuntime;

/// Runs `docker` with these arguments; the test fails when it does.
pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = Command::new("timeout").args(["60", "docker"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Freezes every process of a container. The kernel may fail to ("unable to freeze") while some of them are being made,
/// on a busy machine for a while.
pub(crate) fn pause(container: &str) {
    let started = Instant::now();
    loop {
        let output = Command::new("timeout").args(["60", "docker", "pause", container]).output().unwrap();
        if output.status.success() {
            return;
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(complaint.contains("unable to freeze") && started.elapsed() < Duration::from_secs(30), "{complaint}");
    }
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

/// What the server says to a statement that it refuses.
pub(crate) fn refusal(container: &str, database: &str, statement: &str) -> String {
    let psql = ["exec", "-u", "postgres", container, "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c"];
    let output = Command::new("timeout").args(["60", "docker"]).args(psql).arg(statement).output().unwrap();
    assert!(!output.status.success(), "{statement} was let through: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The same engine as a port. Made anew for each test: it belongs to the runtime that it is used in.
pub(crate) fn runtime() -> Arc<dyn ContainerRuntime> {
    Arc::new(DockerRuntime::local())
}
