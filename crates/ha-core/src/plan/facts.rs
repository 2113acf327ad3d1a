//! What must be known of a node before `up` can be planned.

use std::collections::BTreeMap;

use crate::observe::{NodeObservation, Unobserved};
use crate::ports::Image;
use crate::values::{NodeName, SystemIdentifier};

/// What was found on a node whose engine answers.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeFacts {
    /// Its containers and servers.
    pub observation: NodeObservation,
    /// PostgreSQL's image, if the engine has it.
    pub postgres_image: Option<Image>,
    /// Keycloak's image as the topology names it.
    pub keycloak_base: Option<Image>,
    /// The same with the standby extension.
    pub keycloak_image: Option<Image>,
    /// What the images lack, as far as they were looked at.
    pub lacks: Lacking,
    /// Whether network and volumes are there.
    pub prepared: bool,
    /// What is in the data volume.
    pub data: DataState,
    /// Keycloak's and the replication role's passwords are those of the secrets file; `None` when not known.
    pub passwords_fit: Option<bool>,
    /// The first set-up, of Keycloak (administrator, service client) and what comes before it, came to its end with these
    /// secrets and this version; `None` where this node's Keycloak cannot take part in it now.
    pub keycloak_set_up: Option<bool>,
    /// What it keeps of the topology is what the file says; `None` where it keeps none, or none that can be read.
    pub topology_noted: Option<bool>,
    /// Nodes of this cluster whose data its engine has, and that the topology does not name. Looked for where the node
    /// itself has no database.
    pub unnamed: Vec<String>,
}

/// Programs that ha-cli's scripts need, and that the images of a node lack. Images of which something is to be made are looked at;
/// what could not be found out is not among them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lacking {
    /// PostgreSQL's.
    pub postgres: Vec<String>,
    /// Keycloak's, as the topology names it.
    pub keycloak: Vec<String>,
}

/// What is in a node's data volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataState {
    /// There is no volume.
    NoVolume,
    /// An empty one.
    Empty,
    /// What an interrupted `initdb` or base backup left.
    Partial,
    /// A whole database.
    Complete {
        /// Whose.
        system: SystemIdentifier,
        /// It starts as a standby.
        standby: bool,
    },
    /// A whole database of which the node does not know that it was given it: its state volume was removed, or somebody put it there.
    Unpinned {
        /// Whose.
        system: SystemIdentifier,
        /// It starts as a standby.
        standby: bool,
        /// The fingerprints of secrets that were written into it ([`secrets_fingerprint`](crate::layout::secrets_fingerprint)).
        set_up: Vec<String>,
        /// A person, or the label of the container, says that it is the node's.
        vouched: bool,
    },
    /// None, though the node was given one once: its disk was lost or replaced.
    Lost {
        /// The database it was given.
        system: SystemIdentifier,
    },
    /// Files that are no database of ours.
    Foreign {
        /// The first of them.
        found: String,
    },
    /// It could not be looked at, since the image is not here yet.
    Unexamined,
}

impl NodeFacts {
    /// The system identifier of the database that the node has or had, from its server or from its volumes.
    #[must_use]
    pub fn system(&self) -> Option<SystemIdentifier> {
        match (&self.observation.postgres, &self.data) {
            (Ok(postgres), _) => Some(postgres.system_identifier),
            (Err(_), DataState::Complete { system, .. } | DataState::Lost { system }) => Some(*system),
            (Err(_), _) => None,
        }
    }
}

/// What is known of each node: facts, or why there are none.
pub type Facts = BTreeMap<NodeName, Result<NodeFacts, Unobserved>>;
