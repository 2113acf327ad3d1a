//! What has happened to a pair.

use std::time::Duration;

use tokio::sync::OnceCell;

use crate::tokens::Tokens;

/// What has happened to the pair so far. A step that failed stays failed: it cannot be taken back.
#[derive(Default)]
pub(crate) struct Story {
    pub promoted: OnceCell<Result<Promoted, String>>,
    pub demoted: OnceCell<Result<Demoted, String>>,
}

impl Story {
    pub(crate) fn report(&self, version: &str) {
        if let Some(Ok(promoted)) = self.promoted.get() {
            println!(
                "Keycloak {version}: after pg_promote() first write {} ms, role URLs {} ms",
                promoted.first_write.as_millis(),
                promoted.role_changed.as_millis()
            );
        }
        if let Some(Ok(demoted)) = self.demoted.get() {
            println!(
                "Keycloak {version}: after the restart as a standby, role URLs {} ms, first login {} ms",
                demoted.role_changed.as_millis(),
                demoted.first_login.as_millis()
            );
        }
    }
}

pub(crate) struct Promoted {
    /// By name: a `Realm` would hold the world that holds this, and the pair would never be removed.
    pub realm: String,
    /// Of a session made here before.
    pub own: Tokens,
    /// Of a session made on the primary before.
    pub other: Tokens,
    /// The realm of a user who was locked out here before.
    pub locked: String,
    pub directory: Directory,
    pub tries: Vec<String>,
    /// From the return of `pg_promote()`: when the last write that was refused had begun, the last question that was answered by
    /// "read-only", and when the first of the other kind was answered.
    pub refused_until: Duration,
    pub read_only_until: Duration,
    pub first_write: Duration,
    pub role_changed: Duration,
    pub started_before: String,
}

pub(crate) struct Demoted {
    /// Of a session made and stored between promotion and demotion.
    pub stored: Tokens,
    /// From the moment at which PostgreSQL takes queries again.
    pub role_changed: Duration,
    pub first_login: Duration,
}

/// A realm with a directory that nobody answers for: whoever synchronises with it says so, every second.
pub(crate) struct Directory {
    pub name: String,
    pub id: String,
}
