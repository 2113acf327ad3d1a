//! One server's container: running SQL there, and waiting for what the server does.

use std::fmt;
use std::time::Duration;

use futures_util::StreamExt as _;
use ha_core::layout::MAINTENANCE_DATABASE;
use ha_core::ports::{ContainerRuntime, ContainerStatus, LogOptions, PostgresError, RuntimeError};
use ha_core::values::Lsn;
use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::psql::{self, PsqlError};

/// Most time for one look in a loop of looks.
const LOOK_LIMIT: Duration = Duration::from_secs(10);
/// From the start of one look to that of the next.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// Most time for the log of a container that has exited.
const LOG_LIMIT: Duration = Duration::from_secs(5);
/// How much of that log is shown.
const LOG_LINES: u32 = 20;

/// A server's container.
pub(crate) struct Server<'a> {
    pub(crate) runtime: &'a dyn ContainerRuntime,
    pub(crate) container: String,
}

/// What is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// Connections are accepted on the local socket.
    Ready,
    /// WAL up to that position is replayed.
    Replayed(Lsn),
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("PostgreSQL accepting connections on its local socket"),
            Self::Replayed(target) => write!(f, "replay up to {target}"),
        }
    }
}

/// What one look at a server showed.
enum Look {
    Reached,
    /// Not yet, and what there was instead.
    NotYet(String),
}

impl Server<'_> {
    pub(crate) async fn run(&self, script: &str, timeout: Duration) -> Result<String, PsqlError> {
        psql::run(self.runtime, &self.container, MAINTENANCE_DATABASE, script, timeout).await
    }

    /// Looks again and again until the goal is reached, or looking again is of no use.
    pub(crate) async fn wait(&self, goal: Goal, limit: Duration) -> Result<(), PostgresError> {
        let deadline = Instant::now() + limit;
        let mut last = "nothing was seen".to_owned();
        loop {
            let next = Instant::now() + LOOK_INTERVAL;
            let look_limit = LOOK_LIMIT.min(deadline.saturating_duration_since(Instant::now()));
            match timeout_at(deadline, self.look(goal, look_limit)).await {
                Ok(Ok(Look::Reached)) => return Ok(()),
                Ok(Ok(Look::NotYet(seen))) => last = seen,
                Ok(Err(error)) => return Err(error),
                Err(_) => {}
            }
            if next >= deadline {
                return Err(PostgresError::TimedOut { what: goal.to_string(), after: limit, last });
            }
            sleep_until(next).await;
        }
    }

    async fn look(&self, goal: Goal, limit: Duration) -> Result<Look, PostgresError> {
        let script = match goal {
            Goal::Ready => "SELECT 1;\n",
            Goal::Replayed(_) => ASK_REPLAY,
        };
        let answer = match self.run(script, limit).await {
            Ok(answer) => answer,
            // Whatever the reason, a server whose container is gone never gets there.
            Err(error) => return self.must_run().await.map(|()| Look::NotYet(error.to_string())),
        };
        match goal {
            Goal::Ready => Ok(Look::Reached),
            Goal::Replayed(target) => judge_replay(&answer, target),
        }
    }

    /// An error when the container does not run, so that nobody waits for it; `Ok` when it does.
    async fn must_run(&self) -> Result<(), PostgresError> {
        let found = match self.runtime.find_container(&self.container).await {
            Ok(Some(found)) => found,
            Ok(None) => return Err(RuntimeError::NotFound { what: format!("container {}", self.container) }.into()),
            // The engine may be back at the next look.
            Err(error) if error.is_transient() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        match found.status {
            ContainerStatus::Exited { code } => Err(PostgresError::Exited { code, log: self.log_tail().await }),
            // The restart policy hides the code; without it, one would wait for a server that never comes.
            ContainerStatus::Restarting | ContainerStatus::Dead => Err(PostgresError::Refused {
                what: "start".to_owned(),
                message: format!(
                    "its container exits and has been restarted {} times; its last lines:\n{}",
                    found.restarts,
                    self.log_tail().await
                ),
            }),
            ContainerStatus::Created | ContainerStatus::Running | ContainerStatus::Paused => Ok(()),
        }
    }

    async fn log_tail(&self) -> String {
        let options = LogOptions { tail: Some(LOG_LINES), ..LogOptions::default() };
        let collect = async {
            let lines = self.runtime.logs(&self.container, &options).await?;
            let lines: Vec<String> = lines.filter_map(async |line| line.ok().map(|line| line.text)).collect().await;
            Ok::<_, RuntimeError>(lines.join("\n"))
        };
        match timeout(LOG_LIMIT, collect).await {
            Ok(Ok(lines)) => lines,
            Ok(Err(error)) => format!("(the log could not be read: {error})"),
            Err(_) => "(the log could not be read in time)".to_owned(),
        }
    }
}

#[derive(Deserialize)]
struct Replay {
    in_recovery: bool,
    replayed: Option<Lsn>,
    paused: Option<bool>,
}

// A statement of its own for each look: one that waited inside the server would hold a snapshot, and replay waits for
// snapshots.
const ASK_REPLAY: &str = "SELECT json_build_object('in_recovery', standby, 'replayed', pg_last_wal_replay_lsn(), \
                          'paused', CASE WHEN standby THEN pg_is_wal_replay_paused() END) \
                          FROM (SELECT pg_is_in_recovery() AS standby) AS server;\n";

fn judge_replay(answer: &str, target: Lsn) -> Result<Look, PostgresError> {
    let refuse = |message: String| PostgresError::Refused { what: "replay".to_owned(), message };
    let seen: Replay = serde_json::from_str(answer).map_err(|error| refuse(error.to_string()))?;
    if seen.replayed.is_some_and(|replayed| replayed >= target) {
        return Ok(Look::Reached);
    }
    if !seen.in_recovery {
        return Err(refuse("it is a primary and follows nobody".to_owned()));
    }
    let position = seen.replayed.map_or_else(|| "nothing".to_owned(), |lsn| lsn.to_string());
    let paused = if seen.paused == Some(true) { ", and replay is paused" } else { "" };
    Ok(Look::NotYet(format!("it has replayed {position}{paused}")))
}
