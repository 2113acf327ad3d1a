//! What was seen of a node as a whole.

use super::{HostObservation, KeycloakObservation, PostgresObservation};
use crate::docker::{Container, EngineInfo};
use crate::values::NodeName;

/// Everything that was seen of one node in one look.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeObservation {
    /// Which node.
    pub node: NodeName,
    /// Its engine.
    pub engine: Result<EngineInfo, Unobserved>,
    /// The container of its PostgreSQL; `Ok(None)` when the engine has none.
    pub postgres_container: Result<Option<Container>, Unobserved>,
    /// The container of its Keycloak.
    pub keycloak_container: Result<Option<Container>, Unobserved>,
    /// Why a server that ended, or ends again and again, does so, in the words of its log; where it was asked.
    pub last_words: Option<String>,
    /// Where that container is gone and others of the node's volumes are not: the volumes that are gone as well.
    pub lost_volumes: Vec<String>,
    /// Its PostgreSQL.
    pub postgres: Result<PostgresObservation, Unobserved>,
    /// Its Keycloak.
    pub keycloak: KeycloakObservation,
    /// The room on its host: what its PostgreSQL told, or a program in that one's container where somebody ran it.
    pub host: HostObservation,
}

/// A component's container, or why it is not known.
pub type ComponentObservation = Result<Option<Container>, Unobserved>;

/// Why something was not seen. Not seen is not the same as not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unobserved {
    /// What kind of reason.
    pub why: UnobservedWhy,
    /// What came back, for a person.
    pub message: String,
}

/// Kinds of reasons that decisions tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnobservedWhy {
    /// Nobody listens, and the host says so: it does not run.
    Refused,
    /// It runs and is not ready.
    NotReady,
    /// It answers, and does not let this machine or this password in.
    Denied,
    /// Somebody answers, and has not proven to be it: nothing is known.
    Unproven,
    /// No answer: nothing is known.
    Silent,
    /// It was not asked: there is no way from this machine.
    NoWay,
    /// An answer that was not understood, or another error.
    Failed,
}
