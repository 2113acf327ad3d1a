//! One node's Keycloak.

use std::time::Duration;

use async_trait::async_trait;

use crate::observe::{HandoverObservation, KeycloakObservation, ServiceClient};
use crate::values::{NodeName, Secret};

pub use crate::observe::KeycloakState;

/// Speaks to one node's Keycloak over HTTP: its state, and what `verify` and the first set-up need of its admin API.
/// Calls of one implementation go to the node's own address, never to the public URL.
#[cfg_attr(any(test, feature = "test-util"), mockall::automock)]
#[async_trait]
pub trait KeycloakAdmin: Send + Sync {
    /// The node's role and readiness as its standby extension tells (`/realms/master/ha/role`), at most `timeout`.
    /// A Keycloak that does not answer is an observation, too, not an error.
    async fn observe(&self, node: &NodeName, timeout: Duration) -> KeycloakObservation;

    /// Whether a confidential client of the master realm would get in with this secret and may create realms, as the standby
    /// extension tells (`/realms/master/ha/service-client`): nothing is written, and no session is made. `None` where that
    /// cannot be told within `timeout`.
    async fn service_client(
        &self,
        node: &NodeName,
        client_id: &str,
        secret: &Secret,
        timeout: Duration,
    ) -> Option<ServiceClient>;

    /// Makes that client what it should be, whatever became of it. `permit` is what the engine has put into the container:
    /// whoever may do that may do anything there.
    async fn mend_service_client(
        &self,
        node: &NodeName,
        permit: &Secret,
        client_id: &str,
        secret: &Secret,
    ) -> Result<(), KeycloakError>;

    /// Waits until it is ready, at most `timeout`.
    ///
    /// # Errors
    /// [`KeycloakError::TimedOut`], or the last answer when that says more.
    async fn wait_ready(&self, node: &NodeName, timeout: Duration) -> Result<(), KeycloakError>;

    /// What its standby extension tells of a planned change of roles, at most `timeout`.
    ///
    /// # Errors
    /// It does not answer, or its extension knows nothing of it.
    async fn handover(&self, node: &NodeName, timeout: Duration) -> Result<HandoverObservation, KeycloakError> {
        let _ = timeout;
        Err(KeycloakError::NotFound { what: format!("word of load balancers at {node}") })
    }

    /// A token for what `grant` says, from a realm of the node.
    ///
    /// # Errors
    /// [`KeycloakError::Denied`] when the credentials are refused (`invalid_grant`, `invalid_client`).
    async fn token(&self, node: &NodeName, realm: &str, grant: &TokenGrant) -> Result<Secret, KeycloakError>;

    /// The same, and the session that the login made, where it made one.
    ///
    /// # Errors
    /// As [`token`](Self::token).
    async fn login(&self, node: &NodeName, realm: &str, grant: &TokenGrant) -> Result<Login, KeycloakError>;

    /// Makes a realm, enabled, with nothing but the defaults; [`KeycloakError::Exists`] when there is one.
    async fn create_realm(&self, node: &NodeName, token: &Secret, realm: &str) -> Result<(), KeycloakError>;

    /// Removes a realm and all that is in it; `false` when there was none.
    async fn delete_realm(&self, node: &NodeName, token: &Secret, realm: &str) -> Result<bool, KeycloakError>;

    /// Whether the realm is known to that node, by its public discovery document.
    async fn realm_is_served(&self, node: &NodeName, realm: &str) -> Result<bool, KeycloakError>;

    /// Names of the realms whose name starts so, as the token may see them; none where it may see none.
    async fn realms_starting_with(
        &self,
        node: &NodeName,
        token: &Secret,
        prefix: &str,
    ) -> Result<Vec<String>, KeycloakError>;

    /// Makes a user with a lasting password; returns its id. When there is one of that name, its id.
    async fn ensure_user(
        &self,
        node: &NodeName,
        token: &Secret,
        realm: &str,
        user: &UserSpec,
    ) -> Result<String, KeycloakError>;

    /// Grants realm roles of that realm to a user; those it has already stay.
    async fn grant_realm_roles(
        &self,
        node: &NodeName,
        token: &Secret,
        realm: &str,
        user_id: &str,
        roles: &[String],
    ) -> Result<(), KeycloakError>;

    /// Makes a confidential client with a service account and these realm roles, or brings it in line with them.
    async fn ensure_service_client(
        &self,
        node: &NodeName,
        token: &Secret,
        realm: &str,
        client_id: &str,
        secret: &Secret,
        roles: &[String],
    ) -> Result<(), KeycloakError>;

    /// Makes a public client for which the password grant is allowed, for a login that is tried.
    async fn create_public_client(
        &self,
        node: &NodeName,
        token: &Secret,
        realm: &str,
        client_id: &str,
    ) -> Result<(), KeycloakError>;

    /// Removes a client; `false` when there was none.
    async fn delete_client(
        &self,
        node: &NodeName,
        token: &Secret,
        realm: &str,
        client_id: &str,
    ) -> Result<bool, KeycloakError>;
}

/// How a token is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenGrant {
    /// `grant_type=password`.
    Password {
        /// The client, a public one.
        client_id: String,
        /// The user.
        username: String,
        /// The user's password.
        password: Secret,
    },
    /// `grant_type=client_credentials`.
    ClientCredentials {
        /// The client.
        client_id: String,
        /// Its secret.
        client_secret: Secret,
    },
}

/// What a login gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The access token.
    pub token: Secret,
    /// The id of the user session, as in `offline_user_session.user_session_id`.
    pub session: Option<String>,
}

/// A user to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSpec {
    /// The user's name, at least 3 characters (Keycloak's default user profile).
    pub username: String,
    /// The user's password, lasting.
    pub password: Secret,
    /// An address for the profile, since a profile without one asks for it at the first login.
    pub email: String,
    /// Likewise.
    pub first_name: String,
    /// Likewise.
    pub last_name: String,
}

/// Why a Keycloak did not do what it was asked. Every text is a fragment that reads after "failed to …:".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeycloakError {
    /// Nobody answers.
    #[error("no Keycloak answers at {url}")]
    Unreachable {
        /// Where.
        url: String,
        /// What came back.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer in time.
    #[error("{url} did not answer within {} s", after.as_secs_f32())]
    TimedOut {
        /// Where.
        url: String,
        /// How long was waited.
        after: Duration,
    },
    /// It answers and did not become ready in time.
    #[error("{url} was not ready after {} s: {detail}", after.as_secs_f32())]
    NotReady {
        /// Where.
        url: String,
        /// How long was waited.
        after: Duration,
        /// What it said last.
        detail: String,
    },
    /// The credentials or the token are refused, or not enough.
    #[error("{url} refused the credentials: {message}")]
    Denied {
        /// Where.
        url: String,
        /// HTTP's status: 403 where who asks is known and may not, else 401 or 400.
        status: u16,
        /// Keycloak's words.
        message: String,
    },
    /// This node is read-only.
    #[error("{url} is read-only: its PostgreSQL is a standby")]
    ReadOnly {
        /// Where.
        url: String,
    },
    /// There is one already.
    #[error("{what} exists already")]
    Exists {
        /// What.
        what: String,
    },
    /// There is none.
    #[error("there is no {what}")]
    NotFound {
        /// What.
        what: String,
    },
    /// Another answer than expected.
    #[error("{url} answered {status}: {message}")]
    Unexpected {
        /// Where.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What it said, shortened.
        message: String,
    },
}
