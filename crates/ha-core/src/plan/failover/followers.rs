//! What becomes of the other nodes.

use crate::observe::PostgresRole;
use crate::plan::roles::{View, prove_service};
use crate::plan::{Action, Plan, StepId};
use crate::topology::Node;
use crate::values::NodeName;

/// Stopped servers that would come back as a primary come back as standbys of `to`. The guard would see to it as well, but
/// may find nobody to ask.
pub(super) fn keep_back(view: &View<'_>, plan: &mut Plan, to: &NodeName, promoted: Option<StepId>) {
    let fenced: Vec<_> =
        plan.steps.iter().filter(|step| step.action == Action::Fence).map(|step| step.node.clone()).collect();
    for node in view.topology.peers_of(to) {
        let as_primary = view.stopped(&node.name).is_some_and(|stopped| !stopped.standby);
        if as_primary || fenced.contains(&node.name) {
            plan.add(&node.name, Action::Demote { to: to.clone(), proven: false }, promoted);
        }
    }
}

/// The other standbys follow, slots wait for those that are away, and Keycloak shows that it serves.
pub(super) fn afterwards(view: &View<'_>, plan: &mut Plan, to: &NodeName, promoted: Option<StepId>) {
    prove_service(view, plan, to, to, promoted);
    let slots = plan.add(to, Action::EnsureSlots { slots: view.slots(to) }, promoted);
    let followers: Vec<_> = view.topology.peers_of(to).filter(|node| follows(view, node, to)).collect();
    let mut told = Vec::new();
    for node in &followers {
        told.push(plan.add(&node.name, Action::FollowPrimary { primary: to.clone() }, [slots]));
    }
    // One was the primary once, and keeps WAL for nobody now. A slot that is in use yet is let go of by what follows `to`.
    for node in followers {
        if view.server(&node.name).is_some_and(|server| !server.slots.is_empty()) {
            plan.add(&node.name, Action::DropSlots { slots: view.slots(&node.name) }, told.clone());
        }
    }
}

/// It runs as a standby, and its data is an earlier state of what `to` has.
pub(super) fn follows(view: &View<'_>, node: &Node, to: &NodeName) -> bool {
    view.has_role(node, PostgresRole::Standby) && view.own_way(&node.name, to).is_none()
}
