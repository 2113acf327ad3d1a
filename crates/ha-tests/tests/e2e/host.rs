//! What tests do behind the program's back, with the `docker` command.

use std::process::Command;
use std::time::{Duration, Instant};

/// Until which a container must have been paused.
const FREEZE_LIMIT: Duration = Duration::from_secs(30);

/// Runs `docker`, at most a minute, and returns what it printed; ends the test when it fails.
#[track_caller]
pub(crate) fn docker(arguments: &[&str]) -> String {
    let begun = Instant::now();
    loop {
        let (well, out, err) = try_docker(arguments);
        if well {
            return out;
        }
        // The freezer gives up on processes that are busy just then; the container is as it was.
        let busy = err.contains("unable to freeze") && begun.elapsed() < FREEZE_LIMIT;
        assert!(busy, "docker {arguments:?}: {err}");
    }
}

/// The same, with both outputs, whatever became of it.
pub(crate) fn try_docker(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new("timeout").arg("60").arg("docker").args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// Waits until the container's log has that text.
#[track_caller]
pub(crate) fn said(container: &str, text: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let (_, out, err) = try_docker(&["logs", container]);
        if out.contains(text) || err.contains(text) {
            return;
        }
        assert!(Instant::now() < deadline, "{container} did not say {text:?}: {out}\n{err}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Runs a shell script as root on the volumes of a node: `/data` and `/state`.
#[track_caller]
pub(crate) fn on_volumes(cluster: &str, node: &str, script: &str) -> String {
    let volume = |kind: &str, path: &str| format!("{cluster}-{node}-{kind}:{path}");
    in_container(cluster, &[&volume("data", "/data"), &volume("state", "/state")], script, &[])
}

/// Runs a shell script with its arguments as root in PostgreSQL's image, without any network.
#[track_caller]
pub(crate) fn in_container(cluster: &str, volumes: &[&str], script: &str, arguments: &[&str]) -> String {
    let (label, image) = (label(cluster), postgres_image());
    let mut command = vec!["run", "--rm", "--network", "none", "--label", &label, "-u", "root"];
    command.extend(volumes.iter().flat_map(|volume| ["-v", volume]));
    command.extend(["--entrypoint", "/bin/sh", &image, "-euc", script, "sh"]);
    command.extend(arguments);
    docker(&command)
}

/// By this label what a test made is removed with its cluster.
pub(crate) fn label(cluster: &str) -> String {
    format!("{}={cluster}", ha_core::layout::LABEL_CLUSTER)
}

pub(crate) fn postgres_image() -> String {
    ha_tests::PairOptions::default().postgres_image
}
