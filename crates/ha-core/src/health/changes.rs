//! What is different between two reports. Pure.

use std::fmt;

use super::{ClusterState, Code, Finding, NodeReport, PostgresState, ReplicationState, Report, ReportedRole};
use crate::observe::{KeycloakMode, KeycloakState};
use crate::values::{NodeName, SystemIdentifier, TimelineId};

/// One difference that somebody who watches wants to know of. Figures that move all the time are none.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The cluster's state.
    State(ClusterState, ClusterState),
    /// A node's role.
    Role(NodeName, ReportedRole, ReportedRole),
    /// Its timeline: there was a promotion.
    Timeline(NodeName, TimelineId, TimelineId),
    /// Its database is another one.
    Database(NodeName, SystemIdentifier, SystemIdentifier),
    /// How far its PostgreSQL is.
    Postgres(NodeName, PostgresState, PostgresState),
    /// How far its Keycloak is.
    Keycloak(NodeName, KeycloakState, KeycloakState),
    /// Whether its Keycloak takes writes.
    Mode(NodeName, KeycloakMode, KeycloakMode),
    /// Whether WAL arrives.
    Replication(NodeName, ReplicationState, ReplicationState),
    /// What the primary makes of it: `async`, `quorum` and so on.
    SyncState(NodeName, String, String),
    /// Something is wrong that was not before.
    Appeared(Finding),
    /// Something is not wrong any more.
    Vanished(Finding),
}

impl Change {
    /// Whether things got worse by it; `None` where that cannot be said.
    #[must_use]
    pub fn worse(&self) -> Option<bool> {
        match self {
            Self::State(from, to) => Some(rank(*to) > rank(*from)),
            Self::Postgres(_, _, to) => Some(*to != PostgresState::Running),
            Self::Keycloak(_, _, to) => Some(*to != KeycloakState::Ready),
            Self::Replication(_, _, to) => Some(*to != ReplicationState::Streaming),
            Self::Appeared(finding) | Self::Vanished(finding) if finding.code == Code::AtWork => None,
            Self::Appeared(_) => Some(true),
            Self::Vanished(_) => Some(false),
            Self::Database(..) => Some(true),
            Self::Role(..) | Self::Timeline(..) | Self::Mode(..) | Self::SyncState(..) => None,
        }
    }
}

const fn rank(state: ClusterState) -> u8 {
    match state {
        ClusterState::Healthy => 0,
        ClusterState::Degraded => 1,
        ClusterState::Down => 2,
    }
}

/// The differences, in a fixed order: the cluster, node by node, what vanished, what appeared.
#[must_use]
pub fn changes(before: &Report, after: &Report) -> Vec<Change> {
    let mut changes = Vec::new();
    if before.state != after.state {
        changes.push(Change::State(before.state, after.state));
    }
    for node in &after.nodes {
        if let Some(old) = before.nodes.iter().find(|old| old.name == node.name) {
            of_node(old, node, &mut changes);
        }
    }
    changes.extend(only_in(&before.findings, &after.findings).map(Change::Vanished));
    changes.extend(only_in(&after.findings, &before.findings).map(Change::Appeared));
    changes
}

fn of_node(old: &NodeReport, new: &NodeReport, changes: &mut Vec<Change>) {
    let name = || new.name.clone();
    if old.role != new.role {
        changes.push(Change::Role(name(), old.role, new.role));
    }
    // Not seen is no change: see `carry`.
    if let (Some(from), Some(to)) = (old.postgres.system_identifier, new.postgres.system_identifier)
        && from != to
    {
        changes.push(Change::Database(name(), from, to));
    }
    if let (Some(from), Some(to)) = (old.postgres.timeline, new.postgres.timeline)
        && from != to
    {
        changes.push(Change::Timeline(name(), from, to));
    }
    if old.postgres.state != new.postgres.state {
        changes.push(Change::Postgres(name(), old.postgres.state, new.postgres.state));
    }
    if old.keycloak.state != new.keycloak.state {
        changes.push(Change::Keycloak(name(), old.keycloak.state, new.keycloak.state));
    }
    if old.keycloak.mode != new.keycloak.mode {
        changes.push(Change::Mode(name(), old.keycloak.mode, new.keycloak.mode));
    }
    if let (Some(from), Some(to)) = (&old.replication, &new.replication) {
        if from.state != to.state {
            changes.push(Change::Replication(name(), from.state, to.state));
        }
        if let (Some(from), Some(to)) = (&from.sync_state, &to.sync_state)
            && from != to
        {
            changes.push(Change::SyncState(name(), from.clone(), to.clone()));
        }
    }
}

/// Findings of `these` that are not among `those`. The same cause on the same node is the same finding, whatever figures
/// its message carries; where there are several of it, their number counts.
fn only_in<'a>(these: &'a [Finding], those: &'a [Finding]) -> impl Iterator<Item = Finding> + 'a {
    let same = |a: &Finding, b: &Finding| a.code == b.code && a.node == b.node;
    these
        .iter()
        .enumerate()
        .filter(move |(index, finding)| {
            let before = these[..*index].iter().filter(|other| same(other, finding)).count();
            before >= those.iter().filter(|other| same(other, finding)).count()
        })
        .map(|(_, finding)| finding.clone())
}

/// `after`, with what is only not seen now filled in from `before`: so that a node which was away while it was promoted
/// is noticed when it is back. To be compared with the next report, not to be shown.
#[must_use]
pub fn carry(before: &Report, after: &Report) -> Report {
    let mut carried = after.clone();
    for node in &mut carried.nodes {
        let Some(old) = before.nodes.iter().find(|old| old.name == node.name) else { continue };
        let postgres = &mut node.postgres;
        postgres.timeline = postgres.timeline.or(old.postgres.timeline);
        postgres.system_identifier = postgres.system_identifier.or(old.postgres.system_identifier);
        match (&mut node.replication, &old.replication) {
            (Some(new), Some(old)) if new.sync_state.is_none() => new.sync_state.clone_from(&old.sync_state),
            // A node of unknown role has no replication to show; that of a primary is over.
            (new @ None, old) if node.role == ReportedRole::Unknown => new.clone_from(old),
            _ => {}
        }
    }
    carried
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(from, to) => write!(f, "the cluster is {}, was {}", word(to), word(from)),
            Self::Role(node, from, to) => write!(f, "{node}: role {}, was {}", word(to), word(from)),
            Self::Timeline(node, from, to) => write!(f, "{node}: timeline {to}, was {from}"),
            Self::Database(node, from, to) => write!(f, "{node}: another database, {to}, was {from}"),
            Self::Postgres(node, from, to) => write!(f, "{node}: PostgreSQL {}, was {}", word(to), word(from)),
            Self::Keycloak(node, from, to) => write!(f, "{node}: Keycloak {}, was {}", word(to), word(from)),
            Self::Mode(node, from, to) => write!(f, "{node}: Keycloak is {}, was {}", word(to), word(from)),
            Self::Replication(node, from, to) => write!(f, "{node}: replication {}, was {}", word(to), word(from)),
            Self::SyncState(node, from, to) => write!(f, "{node}: standby {to}, was {from}"),
            Self::Appeared(finding) => write!(f, "{}{} [{}]", on(finding), finding.message, finding.code),
            Self::Vanished(finding) => write!(f, "{}no longer: {} [{}]", on(finding), finding.message, finding.code),
        }
    }
}

fn on(finding: &Finding) -> String {
    finding.node.as_ref().map_or_else(String::new, |node| format!("{node}: "))
}

/// The word that the report's JSON has for it.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
