//! A topology as a person or a program writes it down, before it is known to make sense.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::HooksSpec;

/// The whole description. [`TopologySpec::validate`](Self::validate) turns it into a
/// [`Topology`](super::Topology) or says everything that is wrong with it.
///
/// ```
/// use ha_core::topology::{NodeSpec, TopologySpec};
/// let spec = TopologySpec::new("sso", "https://sso.example.org")
///     .node(NodeSpec::primary("vm1", "192.0.2.11"))
///     .node(NodeSpec::standby("vm2", "192.0.2.12"));
/// let topology = spec.validate().expect("nothing is wrong with it");
/// assert_eq!(topology.initial_primary().name.as_str(), "vm1");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TopologySpec {
    /// The service as a whole.
    pub cluster: ClusterSpec,
    /// The images that run on every node.
    pub images: ImagesSpec,
    /// What holds for every PostgreSQL.
    pub postgres: PostgresSpec,
    /// What holds for every Keycloak.
    pub keycloak: KeycloakSpec,
    /// How the standbys follow.
    pub replication: ReplicationSpec,
    /// What is run when something happens.
    pub hooks: HooksSpec,
    /// The hosts, in the order in which locks are taken and things are shown.
    pub nodes: Vec<NodeSpec>,
}

impl TopologySpec {
    /// A description with every default and no node yet.
    #[must_use]
    pub fn new(cluster: impl Into<String>, public_url: impl Into<String>) -> Self {
        Self {
            cluster: ClusterSpec { name: cluster.into(), public_url: public_url.into(), id: None, demo: false },
            images: ImagesSpec::default(),
            postgres: PostgresSpec::default(),
            keycloak: KeycloakSpec::default(),
            replication: ReplicationSpec::default(),
            hooks: HooksSpec::default(),
            nodes: Vec::new(),
        }
    }

    /// Adds a node.
    #[must_use]
    pub fn node(mut self, node: NodeSpec) -> Self {
        self.nodes.push(node);
        self
    }
}

/// `[cluster]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSpec {
    /// The first part of the name of everything that is made; see [`ClusterName`](crate::values::ClusterName).
    pub name: String,
    /// The address under which people and clients reach Keycloak, whichever node answers. It becomes the issuer of
    /// every token, so changing it later invalidates what was issued.
    pub public_url: String,
    /// What tells it from another cluster of the same name; see [`ClusterId`](crate::values::ClusterId). None: it is known by
    /// its name alone.
    pub id: Option<String>,
    /// All nodes on one engine, for a trial: nothing is highly available then.
    pub demo: bool,
}

/// `[images]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagesSpec {
    /// An image with the contract of the official `postgres` image.
    pub postgres: String,
    /// An image with the contract of Keycloak's own image.
    pub keycloak: String,
}

impl Default for ImagesSpec {
    fn default() -> Self {
        Self { postgres: "postgres:17".to_owned(), keycloak: "keycloak/keycloak:26.7.3".to_owned() }
    }
}

/// `[postgres]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresSpec {
    /// Keycloak's database.
    pub database: String,
    /// Keycloak's role: owner of its database, no superuser.
    pub user: String,
    /// Connections that every server accepts, the same on all nodes: a standby with fewer than its primary stops
    /// (PostgreSQL 17, "Hot Standby", administrator's overview). 0 computes it from the pools.
    pub max_connections: u32,
    /// Further settings for `postgresql.conf`, by name.
    pub settings: BTreeMap<String, String>,
}

impl Default for PostgresSpec {
    fn default() -> Self {
        Self {
            database: "keycloak".to_owned(),
            user: "keycloak".to_owned(),
            max_connections: 0,
            settings: BTreeMap::new(),
        }
    }
}

/// `[keycloak]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeycloakSpec {
    /// The administrator in the master realm.
    pub admin: String,
    /// Which headers of the proxy in front are believed: `none`, `xforwarded` or `forwarded`. With `none`, a client
    /// cannot lie about its address; with another value, only the proxy may reach Keycloak's port.
    pub proxy_headers: String,
    /// Most connections that one Keycloak opens to its database.
    pub pool_size: u32,
    /// How often the read-only Keycloak looks for changes that arrived, in milliseconds.
    pub poll_interval_ms: u32,
    /// Further options for `keycloak.conf`, by name.
    pub options: BTreeMap<String, String>,
}

impl Default for KeycloakSpec {
    fn default() -> Self {
        Self {
            admin: "admin".to_owned(),
            proxy_headers: "none".to_owned(),
            pool_size: 50,
            poll_interval_ms: 100,
            options: BTreeMap::new(),
        }
    }
}

/// `[replication]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicationSpec {
    /// `async` or `strict`; `sync` is known and refused.
    pub durability: String,
    /// Most WAL that a slot keeps for a standby that is away, in MiB (`max_slot_wal_keep_size`): past it the standby
    /// must be rebuilt, before it the primary's disk fills.
    pub slot_keep_mib: u32,
    /// WAL kept for a rewind in any case, in MiB (`wal_keep_size`).
    pub wal_keep_mib: u32,
}

impl Default for ReplicationSpec {
    fn default() -> Self {
        Self { durability: "async".to_owned(), slot_keep_mib: 4096, wal_keep_mib: 512 }
    }
}

/// `[[nodes]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSpec {
    /// The node's name.
    pub name: String,
    /// The IP address at which the other nodes reach it; its ports are published there and nowhere else.
    pub address: String,
    /// `primary` or `standby` (also `replica`): the role when the cluster is created. Later, roles live in
    /// PostgreSQL alone.
    pub role: String,
    /// How its Docker engine is reached: `local`, `unix://…`, `tcp://…`, `ssh://…`.
    pub docker: String,
    /// For `tcp://`: the folder with `ca.pem`, `cert.pem` and `key.pem`.
    pub docker_certificates: Option<PathBuf>,
    /// PostgreSQL's port on the address.
    pub postgres_port: u16,
    /// Keycloak's port on the address.
    pub keycloak_port: u16,
    /// Further addresses or networks (CIDR) from which this node's peers and probes come.
    pub admit: Vec<String>,
}

impl NodeSpec {
    /// The node that starts as primary, on the ports 5432 and 3123 of `address`, its engine local to it.
    #[must_use]
    pub fn primary(name: impl Into<String>, address: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            address: address.into(),
            role: "primary".to_owned(),
            docker: "local".to_owned(),
            docker_certificates: None,
            postgres_port: 5432,
            keycloak_port: 3123,
            admit: Vec::new(),
        }
    }

    /// A node that starts as standby, on the ports 5433 and 3124 of `address`, its engine local to it.
    #[must_use]
    pub fn standby(name: impl Into<String>, address: impl Into<String>) -> Self {
        Self { role: "standby".to_owned(), postgres_port: 5433, keycloak_port: 3124, ..Self::primary(name, address) }
    }

    /// The same node with another Docker endpoint.
    #[must_use]
    pub fn docker(mut self, endpoint: impl Into<String>) -> Self {
        self.docker = endpoint.into();
        self
    }

    /// The same node on other ports.
    #[must_use]
    pub const fn ports(mut self, postgres: u16, keycloak: u16) -> Self {
        self.postgres_port = postgres;
        self.keycloak_port = keycloak;
        self
    }
}
