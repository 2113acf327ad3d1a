//! Administering one PostgreSQL: what a probe may not do.

use std::time::Duration;

use async_trait::async_trait;

use super::RuntimeError;
use crate::observe::ControlFile;
use crate::values::{NodeName, Secret, SlotName};

/// Changes one node's PostgreSQL. Implementations go through the node's engine to the server's local socket with peer
/// authentication, so that no superuser needs a password or a way in over the network.
#[cfg_attr(any(test, feature = "test-util"), mockall::automock)]
#[async_trait]
pub trait PostgresControl: Send + Sync {
    /// Waits until the server accepts connections on its local socket, at most `timeout`.
    ///
    /// # Errors
    /// [`PostgresError::Exited`] at once when its container stops, with the last lines of its log.
    async fn wait_ready(&self, node: &NodeName, timeout: Duration) -> Result<(), PostgresError>;

    /// Makes roles, the database, its extension and the slots what they should be. May be repeated: what is there is
    /// brought in line, a password that already fits is left alone. Runs on the primary only.
    async fn provision(&self, node: &NodeName, provision: &Provision) -> Result<(), PostgresError>;

    /// Whether `password` is the password of `role` on that server, without logging in with it; `None` when there is no
    /// such role.
    async fn password_fits(
        &self,
        node: &NodeName,
        role: &str,
        password: &Secret,
    ) -> Result<Option<bool>, PostgresError>;

    /// Writes into the data, for every server that follows, that roles and Keycloak are set up: a text without `=`, that
    /// [`PostgresObservation::set_up`](crate::observe::PostgresObservation::set_up) shows.
    async fn note_set_up(&self, node: &NodeName, text: &str) -> Result<(), PostgresError>;

    /// Whether a table of Keycloak's has such a row, asked by a session that Keycloak's own role has logged in to: whatever
    /// its owner has made of that table runs with that role's rights and no others.
    async fn has_row(&self, node: &NodeName, login: &DatabaseLogin, row: &Row) -> Result<bool, PostgresError>;

    /// The unlogged tables of Keycloak's database, a few of them, asked by a session that Keycloak's own role has logged in to. Their
    /// names are fit for a statement.
    async fn unlogged_tables(&self, node: &NodeName, login: &DatabaseLogin) -> Result<Vec<String>, PostgresError>;

    /// Waits until this standby has replayed everything up to the primary's position of now or later; at most
    /// `timeout`. `target` is the primary's position.
    async fn wait_replayed(
        &self,
        node: &NodeName,
        target: crate::values::Lsn,
        timeout: Duration,
    ) -> Result<(), PostgresError>;

    /// Writes all changed pages to disk (`CHECKPOINT`; a restart point on a standby), at most `timeout`, so that a
    /// shutdown or the end of recovery soon after has little left to write.
    async fn checkpoint(&self, node: &NodeName, timeout: Duration) -> Result<(), PostgresError>;

    /// Opens a session through which [`promote`](Self::promote) then acts without having to wait for one. It is kept until
    /// it was used, at most `timeout` while it is idle; that there is none costs time and nothing else.
    ///
    /// # Errors
    /// No session came about.
    async fn prepare_promotion(&self, node: &NodeName, timeout: Duration) -> Result<(), PostgresError>;

    /// Ends recovery (`pg_promote`) and waits until the server accepts writes, at most `timeout`, which counts in whole
    /// seconds. May be repeated: a primary is left alone.
    ///
    /// # Errors
    /// After an error the server may be a primary all the same, or become one: look before anything else is done.
    async fn promote(&self, node: &NodeName, timeout: Duration) -> Result<(), PostgresError>;

    /// Opens a session through which [`await_shutdown`](Self::await_shutdown) sees the server's end as it happens. It is kept
    /// until it was used; that there is none costs time and nothing else.
    ///
    /// # Errors
    /// No session came about.
    async fn watch_shutdown(&self, node: &NodeName) -> Result<(), PostgresError> {
        Err(PostgresError::Refused { what: "be watched".to_owned(), message: format!("{node} has no such session") })
    }

    /// Waits, at most `timeout`, until the server has been shut down in an orderly way and is gone, as the session that was
    /// [opened](Self::watch_shutdown) before sees it, and returns its last word. The shutdown itself is somebody else's.
    ///
    /// # Errors
    /// There is no session, or it saw something else: nothing is known of the server then.
    async fn await_shutdown(&self, node: &NodeName, timeout: Duration) -> Result<ControlFile, PostgresError> {
        let what = format!("be seen to end within {} s", timeout.as_secs());
        Err(PostgresError::Refused { what, message: format!("{node} has no such session") })
    }

    /// Makes physical slots that keep WAL from now on, on a primary or a standby. Those that are there are left alone.
    async fn ensure_slots(&self, node: &NodeName, slots: &[SlotName]) -> Result<(), PostgresError>;

    /// Drops physical slots, so that they keep no WAL for nobody. Those that are in use or not there are left alone.
    async fn drop_unused_slots(&self, node: &NodeName, slots: &[SlotName]) -> Result<(), PostgresError>;
}

/// What a primary's roles, database and slots should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provision {
    /// Login roles that may come over the network, none of them a superuser.
    pub roles: Vec<Role>,
    /// Keycloak's database.
    pub database: Database,
    /// One physical slot for each standby, WAL reserved from the moment of their making.
    pub slots: Vec<SlotName>,
    /// The [fingerprint](crate::layout::secrets_fingerprint) of the secrets that the roles get, to be written into the data.
    pub made_with: Option<String>,
}

/// How somebody logs in to a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseLogin {
    /// The database.
    pub database: String,
    /// The role.
    pub role: String,
    /// Its password.
    pub password: Secret,
}

/// A row that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The table, in the schema `public`.
    pub table: &'static str,
    /// The column that tells it.
    pub column: &'static str,
    /// What stands there.
    pub value: String,
}

/// A login role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its password; only its SCRAM verifier is sent.
    pub password: Secret,
    /// May replicate.
    pub replication: bool,
    /// Roles that it is a member of, for example `pg_monitor`.
    pub member_of: Vec<String>,
    /// Most sessions that it may have at once (`CONNECTION LIMIT`); no limit of its own where absent.
    pub connection_limit: Option<u32>,
}

/// Keycloak's database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// The role that owns it.
    pub owner: String,
}

/// Why a PostgreSQL was not administered. Every text is a fragment that reads after "failed to …:".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The engine did not do its part.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The server's container does not run (any more).
    #[error("the PostgreSQL container exited with code {code}; its last lines:\n{log}")]
    Exited {
        /// Its exit code.
        code: i64,
        /// The last lines of its log.
        log: String,
    },
    /// It did not come so far in time.
    #[error("{what} did not happen within {} s; {last}", after.as_secs_f32())]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        after: Duration,
        /// What was last seen.
        last: String,
    },
    /// The server refused a statement.
    #[error("the server refused to {what}: {message}")]
    Refused {
        /// What was tried.
        what: String,
        /// The server's words.
        message: String,
    },
    /// The server is in recovery, where nothing can be written.
    #[error("the server is a standby, where nothing can be written")]
    InRecovery,
}
