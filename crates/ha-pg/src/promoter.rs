//! A session that stands ready to promote its server.

use std::time::Duration;

use ha_core::ports::{ContainerRuntime, ExecSession, PostgresError, RuntimeError};
use tokio::time::{Instant, sleep};

use crate::psql;

/// Between two looks at whether recovery has ended: it takes about 40 ms, and `pg_promote` itself looks every 100 ms.
const LOOK_AGAIN: Duration = Duration::from_millis(4);
/// For one line of an answer to a statement that waits for nothing.
const LINE_LIMIT: Duration = Duration::from_secs(5);

/// Generation, id, primary, timeline, and the ids of the promotions before, where there are any.
macro_rules! write_lineage {
    () => {
        "SELECT format('ALTER DATABASE postgres SET \"ha.lineage\" = %L', concat_ws(' ', \
         current_setting('ha.generation'), current_setting('ha.promotion'), current_setting('ha.primary'), \
         ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint, \
         nullif(current_setting('ha.ancestors', true), ''))) \
         WHERE NOT pg_is_in_recovery() AND current_setting('ha.promotion', true) <> ''"
    };
}

/// Writes into the data itself which promotion it comes from, as a setting of the database `postgres`, so that whoever follows has it
/// too, told of the promotion or not ([`PostgresObservation::lineage`]). For `psql`; does nothing in recovery, or where no
/// promotion is written down. A database's settings are in a shared catalog, which can be read from every database.
///
/// [`PostgresObservation::lineage`]: ha_core::observe::PostgresObservation::lineage
pub(crate) const WRITE_LINEAGE: &str = concat!(write_lineage!(), " \\gexec");
/// The same where none is written yet: from the creation on.
pub(crate) const BEGIN_LINEAGE: &str = concat!(
    write_lineage!(),
    " AND NOT EXISTS (SELECT FROM (SELECT unnest(setconfig) AS setting FROM pg_db_role_setting \
     WHERE setrole = 0 AND setdatabase = (SELECT oid FROM pg_database WHERE datname = 'postgres')) AS noted \
     WHERE setting LIKE 'ha.lineage=%') \\gexec\n"
);

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

    /// Whether it is a standby whose replay is paused, or has stopped by itself.
    pub(crate) async fn replay_stands(&mut self) -> Result<bool, PostgresError> {
        self.ask("SELECT CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END;").await
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

    /// Ends recovery and returns once writes are accepted, and one has been made: the data's lineage. A primary stays one.
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
        self.session.write_line(WRITE_LINEAGE).await?;
        self.ask("SELECT true;").await.map(drop)
    }
}
