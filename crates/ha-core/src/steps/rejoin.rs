//! Bringing a node back that has data of its own.

use std::time::Duration;

use super::StepError;
use super::at::At;
use super::come_back;
use super::database::image;
use super::one_off::{self, Job};
use crate::layout::{self, Component, PASSFILE_PATH};
use crate::observe::PostgresRole;
use crate::ports::{ExecSpec, HostFile, LogLine, ProgressUpdate};
use crate::values::NodeName;

/// Between two looks at whether it streams.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// A job on the volumes of a node.
async fn job(
    at: &At<'_>,
    name: &str,
    script: &str,
    arguments: Vec<String>,
    files: Vec<HostFile>,
    seen: impl FnMut(&LogLine) + Send,
) -> Result<(), StepError> {
    let image = image(at).await?;
    let job = Job { name, script, arguments, files, limit: at.cluster.limits.copy };
    one_off::run(at.cluster, at.node, at.runtime, &image, job, seen).await?;
    Ok(())
}

pub(super) async fn rewind(at: &At<'_>, from: &NodeName) -> Result<(), StepError> {
    let topology = at.cluster.topology();
    let upstream = topology.node(from).ok_or_else(|| StepError::Changed(format!("the topology has no node {from}")))?;
    let conninfo = layout::conninfo(topology, &at.node.name, upstream);
    let report = |line: &LogLine| {
        if let Some(update) = rewind_progress(&line.text) {
            at.progress.update(update);
        }
    };
    let files = vec![HostFile::new(PASSFILE_PATH, layout::passfile(at.cluster.secrets()), 0o600)];
    come_back::still_down(at).await?;
    job(at, "rewind", layout::REWIND_SCRIPT, vec![conninfo], files, report).await
}

pub(super) async fn forget_old_data(at: &At<'_>) -> Result<(), StepError> {
    // The server runs by now: no file that it reads is touched. And what has begun goes on when the caller gives up.
    let name = layout::container_name(at.cluster.topology(), &at.node.name, Component::Postgres);
    let argv = ["/bin/sh", "-c", layout::FORGET_SCRIPT].map(str::to_owned).to_vec();
    let exec = ExecSpec { argv, ..ExecSpec::default() };
    let output = at.runtime.exec(&name, &exec, at.cluster.limits.copy).await?;
    if output.exit_code == 0 {
        return Ok(());
    }
    Err(StepError::Job { code: output.exit_code, message: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
}

/// Reads a line of `pg_rewind --progress`: ` 31745/31745 kB (100%) copied`.
fn rewind_progress(line: &str) -> Option<ProgressUpdate> {
    let (amounts, _) = line.trim().split_once(" kB (")?;
    let (done, total) = amounts.split_once('/')?;
    let bytes = |text: &str| text.trim().parse::<u64>().ok().map(|kib| kib * 1024);
    Some(ProgressUpdate { what: "rewind".to_owned(), done_bytes: bytes(done)?, total_bytes: bytes(total) })
}

/// Waits until the primary says that it streams to this node.
pub(super) async fn wait_streaming(at: &At<'_>, primary: &NodeName) -> Result<(), StepError> {
    let cluster = at.cluster;
    let (clock, limit) = (&cluster.ports.clock, cluster.limits.postgres_ready);
    let begun = clock.now();
    loop {
        let last = match cluster.ports.probe.observe(primary, cluster.limits.observe).await {
            Ok(seen) if seen.role == PostgresRole::Primary => {
                let sender = seen.senders.iter().find(|sender| sender.name == at.node.name.as_str());
                match sender {
                    Some(sender) if sender.state == "streaming" => return Ok(()),
                    Some(sender) => format!("{primary} says \"{}\"", sender.state),
                    None => format!("{primary} does not send to it"),
                }
            }
            Ok(_) => return Err(StepError::Changed(format!("{primary} is no primary any more"))),
            Err(error) => error.to_string(),
        };
        if clock.now().saturating_sub(begun) > limit {
            return Err(StepError::Changed(format!(
                "it does not stream yet after {} s ({last}); it goes on by itself, and its log says what keeps it",
                limit.as_secs()
            )));
        }
        clock.sleep(LOOK_AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::rewind_progress;

    #[test]
    fn reads_the_progress_of_pg_rewind() {
        let update = rewind_progress("   31745/63490 kB (50%) copied").unwrap();
        assert_eq!((update.done_bytes, update.total_bytes), (31745 * 1024, Some(63490 * 1024)));
        assert_eq!(rewind_progress("pg_rewind: Done!"), None);
    }
}
