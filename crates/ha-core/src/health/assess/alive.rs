//! Signs of life of a server that could not be asked: on a busy host, or behind a cut way, it may serve all the same, and nobody is to take
//! its place because of that.

use super::seen::Seen;
use crate::observe::{KeycloakMode, KeycloakState, UnobservedWhy};
use crate::ports::ContainerStatus;

/// What shows that a server lives which did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignOfLife {
    /// Its Keycloak answers that it takes writes, which it can tell only with its database.
    KeycloakWrites,
    /// Its Keycloak is ready, and so has its database.
    KeycloakReady,
    /// Its container runs, and a program in it has answered. The server may hang all the same.
    ContainerAnswers,
}

impl SignOfLife {
    /// Of a server that was not seen.
    pub(super) fn of(seen: &Seen<'_>) -> Option<Self> {
        let observation = seen.observation;
        let why = observation.postgres.as_ref().err()?.why;
        if observation.keycloak.state == KeycloakState::Ready {
            let writes = observation.keycloak.mode == KeycloakMode::ReadWrite;
            return Some(if writes { Self::KeycloakWrites } else { Self::KeycloakReady });
        }
        let runs = matches!(&observation.postgres_container, Ok(Some(it)) if it.status == ContainerStatus::Running);
        let silent = matches!(why, UnobservedWhy::Silent | UnobservedWhy::Failed);
        (runs && silent && !observation.host.is_empty()).then_some(Self::ContainerAnswers)
    }

    /// In words, of the node's PostgreSQL.
    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::KeycloakWrites => "its Keycloak answers that it takes writes, so its PostgreSQL serves",
            Self::KeycloakReady => "its Keycloak is ready, so its PostgreSQL serves",
            Self::ContainerAnswers => "its container runs and answers",
        }
    }
}
