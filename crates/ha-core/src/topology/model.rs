//! A topology that makes sense.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{DockerEndpoint, Hooks};
use crate::values::{ClusterId, ClusterName, NodeName};

/// One cluster: a Keycloak service, its PostgreSQL primary and its standbys. Made by
/// [`TopologySpec::validate`](super::TopologySpec::validate) only.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Topology {
    /// The service as a whole.
    pub cluster: Cluster,
    /// The images that run on every node.
    pub images: Images,
    /// What holds for every PostgreSQL.
    pub postgres: Postgres,
    /// What holds for every Keycloak.
    pub keycloak: Keycloak,
    /// How the standbys follow.
    pub replication: Replication,
    /// What is run when something happens.
    pub hooks: Hooks,
    pub(super) nodes: Vec<Node>,
}

impl Topology {
    pub(super) const fn assemble(
        cluster: Cluster,
        images: Images,
        postgres: Postgres,
        keycloak: Keycloak,
        replication: Replication,
        hooks: Hooks,
        nodes: Vec<Node>,
    ) -> Self {
        Self { cluster, images, postgres, keycloak, replication, hooks, nodes }
    }

    /// The nodes in their order.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node of that name.
    #[must_use]
    pub fn node(&self, name: &NodeName) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == *name)
    }

    /// The node that is primary when the cluster is created.
    ///
    /// # Panics
    /// Never: validation refuses a topology without one.
    #[must_use]
    pub fn initial_primary(&self) -> &Node {
        self.nodes
            .iter()
            .find(|node| node.initial_role == DesiredRole::Primary)
            .expect("validation refuses a topology without a primary")
    }

    /// Every node but that one.
    pub fn peers_of<'a>(&'a self, name: &'a NodeName) -> impl Iterator<Item = &'a Node> {
        self.nodes.iter().filter(move |node| node.name != *name)
    }
}

/// The service as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The first part of the name of everything that is made.
    pub name: ClusterName,
    /// The issuer of every token, without a slash at its end.
    pub public_url: String,
    /// What tells it from another cluster of the same name.
    pub id: Option<ClusterId>,
    /// All nodes on one engine, for a trial.
    pub demo: bool,
}

/// The images that run on every node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// An image with the contract of the official `postgres` image.
    pub postgres: String,
    /// An image with the contract of Keycloak's own image.
    pub keycloak: String,
}

/// What holds for every PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postgres {
    /// Keycloak's database.
    pub database: String,
    /// Keycloak's role.
    pub user: String,
    /// `max_connections` of every server.
    pub max_connections: u32,
    /// Further settings, by name.
    pub settings: BTreeMap<String, String>,
}

/// What holds for every Keycloak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keycloak {
    /// The administrator in the master realm.
    pub admin: String,
    /// Which headers of the proxy in front are believed.
    pub proxy_headers: ProxyHeaders,
    /// Most connections of one Keycloak to its database.
    pub pool_size: u32,
    /// How often the read-only Keycloak looks for changes that arrived, in milliseconds.
    pub poll_interval_ms: u32,
    /// Further options, by name.
    pub options: BTreeMap<String, String>,
}

/// Which headers of a reverse proxy Keycloak believes (`proxy-headers`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyHeaders {
    /// None: what the connection says counts.
    None,
    /// `X-Forwarded-*`.
    XForwarded,
    /// `Forwarded`, RFC 7239.
    Forwarded,
}

/// How the standbys follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replication {
    /// What an acknowledged transaction is worth.
    pub durability: Durability,
    /// `max_slot_wal_keep_size`, in MiB.
    pub slot_keep_mib: u32,
    /// `wal_keep_size`, in MiB.
    pub wal_keep_mib: u32,
}

/// What an acknowledged transaction is worth when a node is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// A failover may lose the last moments; how much is shown.
    Async,
    /// Nothing acknowledged is lost, whatever dies; while the standby is away, writes wait.
    Strict,
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Async => "async",
            Self::Strict => "strict",
        })
    }
}

/// The role that a node is meant to have when the cluster is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DesiredRole {
    /// Accepts writes.
    Primary,
    /// Follows the primary.
    Standby,
}

impl fmt::Display for DesiredRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Primary => "primary",
            Self::Standby => "standby",
        })
    }
}

/// A host with its PostgreSQL and its Keycloak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: NodeName,
    /// Where the other nodes reach it.
    pub address: IpAddr,
    /// Its role when the cluster is created.
    pub initial_role: DesiredRole,
    /// How its engine is reached.
    pub docker: DockerEndpoint,
    /// PostgreSQL's port on the address.
    pub postgres_port: u16,
    /// Keycloak's port on the address.
    pub keycloak_port: u16,
    /// Further networks from which peers and probes come, as `address/length`.
    pub admit: Vec<String>,
}

impl Node {
    /// Keycloak's own URL on this node, not the public one.
    #[must_use]
    pub fn keycloak_url(&self) -> String {
        match self.address {
            IpAddr::V4(address) => format!("http://{address}:{}", self.keycloak_port),
            IpAddr::V6(address) => format!("http://[{address}]:{}", self.keycloak_port),
        }
    }
}
