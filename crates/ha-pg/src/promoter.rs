//! A session that stands ready to promote its server.

use std::time::Duration;

use ha_core::ports::{ContainerRuntime, ExecSession, PostgresError, RuntimeError};
use tokio::time::{Instant, sleep};

use crate::psql;

/// Between two looks at whether recovery has ended: it takes about 40 ms, and `pg_promote` itself looks every 100 ms.
const LOOK_AGAIN: Duration = Duration::from_millis(4);
/// For one line of an answer to a statement that waits for nothing.
const LINE_LIMIT: Duration = Duration::from_secs(5);

/// `psql` on the server's local socket, connected.
pub(crate) struct Promoter {
    session: Box<dyn ExecSession>,
}

impl Promoter {
    /// Connects; returns once the server has answered.
    pub(crate) async fn open(
        runtime: &dyn ContainerRuntime,
        container: &str,
        timeout: Duration,
    ) -> Result<Self, PostgresError> {
        let session = runtime.open_exec(container, &psql::session("postgres", timeout)).await?;
        let mut promoter = Self { session };
        promoter.ask("SELECT pg_is_in_recovery();").await?;
        Ok(promoter)
    }

    async fn ask(&mut self, statement: &str) -> Result<bool, PostgresError> {
        self.session.write_line(statement).await?;
        match self.session.read_line(LINE_LIMIT).await?.as_deref() {
            Some("t") => Ok(true),
            Some("f") => Ok(false),
            other => {
                let said = other.map_or_else(|| "psql ended".to_owned(), |line| format!("psql said {line:?}"));
                Err(RuntimeError::Invalid { message: said }.into())
            }
        }
    }

    /// Ends recovery and returns once writes are accepted. A primary is left alone.
    pub(crate) async fn promote(mut self, timeout: Duration) -> Result<(), PostgresError> {
        let deadline = Instant::now() + timeout;
        // Signalled and not waited for: the server looks for its end too seldom.
        self.ask("SELECT CASE WHEN pg_is_in_recovery() THEN pg_promote(false) ELSE true END;").await?;
        while self.ask("SELECT pg_is_in_recovery();").await? {
            if Instant::now() >= deadline {
                return Err(PostgresError::TimedOut {
                    what: "the end of recovery".to_owned(),
                    after: timeout,
                    last: "it was still in recovery".to_owned(),
                });
            }
            sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }
}
