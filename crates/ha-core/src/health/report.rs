//! The report: the object that `--output json` prints. Fields are added, never renamed; what is not known is `null`
//! or `unknown`, never 0.

use std::fmt;

use serde::Serialize;

use super::Finding;
use crate::observe::{HostObservation, KeycloakMode, KeycloakState, Room};
use crate::plan::Outlook;
use crate::topology::Durability;
use crate::values::{ClusterName, Lsn, NodeName, SystemIdentifier, TimelineId};

/// The state of a cluster at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The version of this object, 1.
    pub schema: u32,
    /// The cluster's name.
    pub cluster: ClusterName,
    /// All in one word.
    pub state: ClusterState,
    /// The durability profile of the topology.
    pub durability: Durability,
    /// Each node, in the topology's order.
    pub nodes: Vec<NodeReport>,
    /// What is wrong, gravest first.
    pub findings: Vec<Finding>,
    /// What the death of each node would mean now, the primary first; empty where there is not exactly one primary.
    pub outlook: Vec<Outlook>,
}

impl Report {
    /// Whether this node is seen to be a primary.
    #[must_use]
    pub fn is_primary(&self, node: &NodeName) -> bool {
        self.nodes.iter().any(|seen| seen.name == *node && seen.role == ReportedRole::Primary)
    }
}

/// The state of a cluster in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClusterState {
    /// One primary that serves, every standby streams, every Keycloak is ready.
    Healthy,
    /// The read-write service works, something beside it does not.
    Degraded,
    /// The read-write service does not work, or is not seen to work (a primary that cannot be asked may serve all the
    /// same: who watches is better called once too often), or there is more than one.
    Down,
}

impl fmt::Display for ClusterState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Down => "down",
        })
    }
}

/// A node in the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeReport {
    /// Its name.
    pub name: NodeName,
    /// Its role, as its PostgreSQL says.
    pub role: ReportedRole,
    /// Its PostgreSQL.
    pub postgres: PostgresReport,
    /// Its Keycloak.
    pub keycloak: KeycloakReport,
    /// The room on its host.
    pub host: HostReport,
    /// How it follows the primary; `null` on the primary.
    pub replication: Option<ReplicationReport>,
}

/// A role as seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReportedRole {
    /// Accepts writes.
    Primary,
    /// Follows.
    Standby,
    /// Could not be asked.
    Unknown,
}

/// A PostgreSQL in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PostgresReport {
    /// How far it is.
    pub state: PostgresState,
    /// Where its WAL is: written on a primary, replayed on a standby.
    pub lsn: Option<Lsn>,
    /// Its timeline.
    pub timeline: Option<TimelineId>,
    /// Its system identifier.
    pub system_identifier: Option<SystemIdentifier>,
    /// Its version, `17.6`.
    pub version: Option<String>,
    /// What its WAL takes on the disk, in bytes.
    pub wal_bytes: Option<u64>,
}

/// How far a PostgreSQL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PostgresState {
    /// Answers queries.
    Running,
    /// Runs, does not answer queries yet.
    Starting,
    /// Does not run.
    Stopped,
    /// Nobody answers.
    Unreachable,
}

/// A Keycloak in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeycloakReport {
    /// How far it is.
    pub state: KeycloakState,
    /// Whether it takes writes.
    pub mode: KeycloakMode,
    /// Its own URL on the node.
    pub url: String,
    /// What the last collections of garbage have left in its heap, in percent of the most that it may have; `null` where it
    /// is not known.
    pub heap_percent: Option<u8>,
}

/// How a standby follows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplicationReport {
    /// Whether WAL arrives.
    pub state: ReplicationState,
    /// WAL received and written, as far as the standby tells.
    pub receive_lsn: Option<Lsn>,
    /// WAL on its disk.
    pub flush_lsn: Option<Lsn>,
    /// WAL replayed, that is visible to queries.
    pub replay_lsn: Option<Lsn>,
    /// WAL written by the primary and not replayed here, in bytes.
    pub lag_bytes: Option<u64>,
    /// 0 when it streams and all that was received is replayed; else the age of what was replayed last, in seconds.
    pub lag_seconds: Option<f64>,
    /// What the primary makes of it: `async`, `potential`, `sync`, `quorum`.
    pub sync_state: Option<String>,
    /// Its slot on the primary.
    pub slot: Option<SlotReport>,
}

/// Whether WAL arrives at a standby.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplicationState {
    /// It arrives as it is written.
    Streaming,
    /// Older WAL is on its way.
    Catchup,
    /// None arrives.
    Stopped,
    /// Not known.
    Unknown,
}

/// A slot in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlotReport {
    /// Its name.
    pub name: String,
    /// `reserved`, `extended`, `unreserved`, `lost`.
    pub wal_status: Option<String>,
    /// WAL kept for it, in bytes.
    pub retained_bytes: Option<u64>,
}

/// The room on a node's host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct HostReport {
    /// The file system that holds the database and its WAL.
    pub disk: Option<Room>,
    /// When that is full at the present rate, in seconds; known only to who looks for minutes, and where it fills.
    pub disk_full_in_seconds: Option<u64>,
    /// Its memory.
    pub memory: Option<Room>,
}

impl From<HostObservation> for HostReport {
    fn from(seen: HostObservation) -> Self {
        Self { disk: seen.disk, memory: seen.memory, disk_full_in_seconds: None }
    }
}
