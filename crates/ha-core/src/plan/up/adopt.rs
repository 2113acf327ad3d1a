//! Databases whose nodes know nothing of them any more, since their state volumes were removed.
//!
//! What is this cluster's own becomes the node's again: another node holds the same database, the database itself tells that it was
//! set up with these secrets, or a person says so. Of any other nobody knows what it is worth, and it is left alone.

use std::collections::BTreeSet;

use super::model::{Up, Upstream};
use crate::layout;
use crate::plan::Facts;
use crate::plan::{Action, DataState, NodeFacts, StepId};
use crate::secrets::Secrets;
use crate::topology::{Node, Topology};
use crate::values::{ClusterId, NodeName, SystemIdentifier};

/// The facts with this cluster's own databases as the nodes', and the nodes that adopt theirs.
pub(super) fn adopt(topology: &Topology, secrets: &Secrets, facts: &Facts) -> (Facts, BTreeSet<NodeName>) {
    let mut settled = facts.clone();
    let mut adopted = BTreeSet::new();
    // What one is found to be tells of the others.
    for known_elsewhere in [false, true] {
        let known: Vec<_> = settled.values().flatten().filter_map(NodeFacts::system).collect();
        for (name, node) in settled.iter_mut().filter_map(|(name, node)| Some((name, node.as_mut().ok()?))) {
            let DataState::Unpinned { system, standby, set_up, vouched } = node.data.clone() else { continue };
            let tells = vouched || tells_itself(topology, secrets, system, &set_up);
            if tells || (known_elsewhere && known.contains(&system)) {
                adopted.insert(name.clone());
                node.data = DataState::Complete { system, standby };
            }
        }
    }
    (settled, adopted)
}

fn tells_itself(topology: &Topology, secrets: &Secrets, system: SystemIdentifier, set_up: &[String]) -> bool {
    let derived = topology.cluster.id.as_ref() == Some(&ClusterId::of_database(system));
    derived || set_up.contains(&layout::secrets_fingerprint(secrets, system))
}

impl Up<'_> {
    /// The step that gives a node its database again, where it has lost what it knew of it; what its server waits for.
    pub(super) fn adopt(&mut self, node: &Node, after: Vec<StepId>, upstream: &Upstream) -> Vec<StepId> {
        let Some(system) = self.system.filter(|_| self.adopted.contains(&node.name)) else { return after };
        let adopted = self.plan.add(&node.name, Action::AdoptDatabase { system }, after);
        [adopted].into_iter().chain(upstream.database).collect()
    }

    /// What was written down beside the database: by which promotion the primary is one; whom a standby follows, which is said once
    /// its data has told where it comes from.
    pub(super) fn tell_again(
        &mut self,
        node: &Node,
        facts: &NodeFacts,
        upstream: &Upstream,
        last: Option<StepId>,
    ) -> Option<StepId> {
        let adopted = self.adopted.contains(&node.name);
        if self.is_primary(node) {
            // Or the cluster is of a time when nothing was written down.
            let unknown = facts.observation.postgres.as_ref().is_ok_and(|postgres| postgres.promotion.is_none());
            return if adopted || unknown {
                Some(self.plan.add(&node.name, Action::RecallPromotion, last))
            } else {
                last
            };
        }
        match self.primary.filter(|primary| adopted && (upstream.database.is_some() || self.runs(primary))) {
            Some(primary) => {
                let primary = primary.name.clone();
                Some(self.plan.add(&node.name, Action::FollowPrimary { primary }, last))
            }
            None => last,
        }
    }
}
