//! Transactions that somebody has left open, and those who may log in.

use serde::{Deserialize, Serialize};

/// A session with an open transaction (`pg_stat_activity`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenTransaction {
    /// Its process, by which it can be ended.
    pub pid: i32,
    /// `active`, `idle in transaction`, …
    pub state: Option<String>,
    /// Who has logged in.
    pub role: Option<String>,
    /// Where.
    pub database: Option<String>,
    /// `application_name`: what the client calls itself.
    pub application: Option<String>,
    /// How old it is.
    pub seconds: f64,
}

/// A transaction that was prepared and neither committed nor rolled back (`pg_prepared_xacts`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreparedTransaction {
    /// Its name.
    pub gid: String,
    /// Who prepared it.
    pub role: String,
    /// Where.
    pub database: String,
    /// How long ago.
    pub seconds: f64,
    /// It was prepared on another primary, before this one was promoted.
    #[serde(default)]
    pub inherited: bool,
}

/// A role as far as everybody may see it (`pg_roles`): whether it can log in, but for its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseRole {
    /// Its name.
    pub name: String,
    /// `LOGIN`.
    pub login: bool,
    /// `SUPERUSER`.
    pub superuser: bool,
    /// `REPLICATION`.
    pub replication: bool,
    /// `VALID UNTIL` a time that is past.
    pub expired: bool,
    /// `CONNECTION LIMIT`; -1 without one.
    pub connection_limit: i64,
    /// A member of `pg_monitor`.
    pub monitor: bool,
}
