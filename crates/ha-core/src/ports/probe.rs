//! Reading a PostgreSQL's state.

use std::time::Duration;

use async_trait::async_trait;

use crate::observe::PostgresObservation;
use crate::values::NodeName;

/// Reads the state of one node's PostgreSQL, replication included. Never writes.
#[cfg_attr(any(test, feature = "test-util"), mockall::automock)]
#[async_trait]
pub trait ReplicationProbe: Send + Sync {
    /// Takes one observation, waiting at most `timeout` (wall time, connection included).
    ///
    /// # Errors
    /// [`ProbeError::TimedOut`] says nothing about whether the server runs.
    async fn observe(&self, node: &NodeName, timeout: Duration) -> Result<PostgresObservation, ProbeError>;
}

/// Why a PostgreSQL could not be read. Every text is a fragment that reads after "failed to …:".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The host answers, nobody listens on the port: the server does not run.
    #[error("nothing listens at {endpoint}")]
    ConnectionRefused {
        /// Where.
        endpoint: String,
    },
    /// No answer in time.
    #[error("{endpoint} did not answer within {} s", after.as_secs_f32())]
    TimedOut {
        /// Where.
        endpoint: String,
        /// How long was waited.
        after: Duration,
    },
    /// The host or the network is not there.
    #[error("{endpoint} cannot be reached")]
    Unreachable {
        /// Where.
        endpoint: String,
        /// What came back.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server runs and does not accept connections yet (SQLSTATE 57P03): starting, recovering, or stopping.
    #[error("the server at {endpoint} is not ready: {message}")]
    NotReady {
        /// Where.
        endpoint: String,
        /// The server's words.
        message: String,
    },
    /// `pg_hba.conf` does not admit this machine (SQLSTATE 28000).
    #[error("the server at {endpoint} does not admit this machine: {message}")]
    NotAdmitted {
        /// Where.
        endpoint: String,
        /// The server's words.
        message: String,
    },
    /// The password is wrong (SQLSTATE 28P01).
    #[error("the server at {endpoint} refused the password of role {role}")]
    WrongPassword {
        /// Where.
        endpoint: String,
        /// Whose password.
        role: String,
    },
    /// What answers has not proven that it knows the role's secret: it is not believed, and was not told the password.
    #[error(
        "what answers at {endpoint} has not proven that it is this cluster's PostgreSQL, and was told no password: {message}"
    )]
    Unproven {
        /// Where.
        endpoint: String,
        /// What it did instead.
        message: String,
    },
    /// The server answered with another error.
    #[error("the server at {endpoint} answered {sqlstate}: {message}")]
    Server {
        /// Where.
        endpoint: String,
        /// The SQLSTATE.
        sqlstate: String,
        /// The server's words.
        message: String,
    },
    /// The answer was not understood, or the way through the engine failed.
    #[error("reading the state of {endpoint} failed")]
    Other {
        /// Where.
        endpoint: String,
        /// What came back.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
