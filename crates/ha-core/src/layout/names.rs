//! Names and labels of what stands on an engine.

use std::collections::BTreeMap;
use std::fmt;

use crate::topology::Topology;
use crate::values::NodeName;

/// Which cluster a container, volume or network belongs to.
pub const LABEL_CLUSTER: &str = "org.ha-cli.cluster";
/// The cluster's id, which tells it from another one of the same name.
pub const LABEL_ID: &str = "org.ha-cli.id";
/// Which node.
pub const LABEL_NODE: &str = "org.ha-cli.node";
/// Which part of the node.
pub const LABEL_COMPONENT: &str = "org.ha-cli.component";
/// The hash of what a container was made from; see [`spec_hash`](super::spec_hash).
pub const LABEL_SPEC: &str = "org.ha-cli.spec";
/// The id of the image that a container was made from: another tool keeps the label, and takes a newer image.
pub const LABEL_IMAGE: &str = "org.ha-cli.image";
/// The system identifier of the database that a container was made for.
pub const LABEL_SYSTEM: &str = "org.ha-cli.system-identifier";
/// Label: the id of the image that a prepared image was made from.
pub const LABEL_BASE: &str = "org.ha-cli.base-image";
/// On volumes: the id of the engine they were made on, so that a node whose endpoint leads to another engine one day
/// is noticed.
pub const ENGINE_LABEL: &str = "org.ha-cli.engine";

/// A part of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// Its PostgreSQL.
    Postgres,
    /// Its Keycloak.
    Keycloak,
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Postgres => "postgres",
            Self::Keycloak => "keycloak",
        })
    }
}

/// The name of the lasting container of a component: `sso-vm1-postgres`.
#[must_use]
pub fn container_name(topology: &Topology, node: &NodeName, component: Component) -> String {
    format!("{}-{node}-{component}", topology.cluster.name)
}

/// The name of a container that does one job and goes: `sso-vm1-job-copy`.
#[must_use]
pub fn one_off_name(topology: &Topology, node: &NodeName, job: &str) -> String {
    format!("{}-{node}-job-{job}", topology.cluster.name)
}

/// A node's volumes: `data` (the database), `state` (configuration and identity; outside the data directory, where a base
/// backup or a rewind does not overwrite it) and `history` (what was done to the cluster, and the lock).
pub const VOLUMES: [&str; 3] = ["data", "state", "history"];

/// The name of one of a node's [`VOLUMES`].
#[must_use]
pub fn volume_name(topology: &Topology, node: &NodeName, kind: &str) -> String {
    format!("{}-{node}-{kind}", topology.cluster.name)
}

/// The bridge network of the cluster on an engine.
#[must_use]
pub fn network_name(topology: &Topology) -> String {
    format!("{}-net", topology.cluster.name)
}

/// Labels of everything that is made for a node, or for the whole cluster.
#[must_use]
pub fn labels(topology: &Topology, node: Option<&NodeName>) -> BTreeMap<String, String> {
    let mut labels = selector(topology, node);
    if let Some(id) = &topology.cluster.id {
        labels.insert(LABEL_ID.to_owned(), id.to_string());
    }
    labels
}

/// Labels by which it is found again, also what was made before the cluster had an id.
#[must_use]
pub fn selector(topology: &Topology, node: Option<&NodeName>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([(LABEL_CLUSTER.to_owned(), topology.cluster.name.to_string())]);
    if let Some(node) = node {
        labels.insert(LABEL_NODE.to_owned(), node.to_string());
    }
    labels
}
