//! What was seen of one node, in the words that its findings need.

use crate::health::ReportedRole;
use crate::layout;
use crate::observe::{NodeObservation, PostgresObservation, PostgresRole};
use crate::topology::{Node, Topology};
use crate::values::NodeName;

/// A node of the topology with what was seen of it.
pub(super) struct Seen<'a> {
    pub(super) node: &'a Node,
    pub(super) observation: &'a NodeObservation,
    /// The primary that was promoted since this server ended, or although it would start as one: it comes back by `rejoin` only.
    pub(super) replaced_by: Option<&'a NodeName>,
}

impl<'a> Seen<'a> {
    pub(super) fn postgres(&self) -> Option<&'a PostgresObservation> {
        self.observation.postgres.as_ref().ok()
    }

    /// Where its log is to be read: with no way to the engine from here, on the host itself.
    pub(super) fn log_shows(&self, topology: &Topology, component: layout::Component, what: &str) -> String {
        let name = &self.node.name;
        if self.observation.engine.is_ok() {
            return format!("`ha-cli logs {name} --component {component}` shows {what}");
        }
        let container = layout::container_name(topology, name, component);
        format!("`docker logs {container}`, on its host, shows {what} (its engine does not answer here)")
    }

    pub(super) fn role(&self) -> ReportedRole {
        match self.postgres().map(|postgres| postgres.role) {
            Some(PostgresRole::Primary) => ReportedRole::Primary,
            Some(PostgresRole::Standby) => ReportedRole::Standby,
            None => ReportedRole::Unknown,
        }
    }
}
