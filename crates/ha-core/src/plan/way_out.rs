//! What ends a time without a primary, told by the very decisions that would then be taken.

use super::ancestry::unwritten;
use super::failover::{FailoverOptions, decide_failover};
use super::roles::{RoleFacts, View};
use super::switchover::{SwitchoverOptions, decide_switchover};
use crate::advice::Remedy;
use crate::observe::PostgresRole;
use crate::topology::{Durability, Node, Topology};
use crate::values::{NodeName, PromotionRecord};

/// A promotion that is written down on the node that it is of, a standby as before: a command was ended before it was made.
pub(super) fn unfinished<'v>(view: &View<'v>) -> Option<&'v PromotionRecord> {
    let intent = |node: &Node| {
        let server = view.server(&node.name).filter(|server| server.role == PostgresRole::Standby)?;
        let record = server.promotion.as_ref().filter(|record| record.primary == node.name)?;
        let lineage = server.lineage.as_ref()?;
        let made = lineage.promotion.comes_from(&record.id) || unwritten(server).is_some();
        (!made).then_some(record)
    };
    view.topology.nodes().iter().filter_map(intent).max_by_key(|record| record.generation)
}

/// The way out where nobody is the primary.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WayOut {
    /// The promotion that was begun and not made.
    pub(crate) unfinished: Option<PromotionRecord>,
    /// The command that ends it, and after it what else may.
    pub(crate) remedies: Vec<Remedy>,
}

/// Tells the way out. Pure.
pub(crate) fn way_out(topology: &Topology, facts: &RoleFacts) -> WayOut {
    let view = View { topology, facts };
    let unfinished = unfinished(&view).cloned();
    let mut remedies = Vec::new();
    if let Some(record) = &unfinished {
        let options = SwitchoverOptions { to: Some(record.primary.clone()), ..SwitchoverOptions::default() };
        if decide_switchover(topology, facts, &options).is_ok() {
            remedies.push(Remedy::switchover(&record.primary));
        }
    }
    remedies.extend(without_switchover(&view));
    WayOut { unfinished, remedies }
}

/// The same for who was just refused a switchover.
///
/// Whose server is stopped is started first: its data counts, and a failover without it may lose what only it has.
pub(super) fn without_switchover(view: &View<'_>) -> Vec<Remedy> {
    let stopped = view.topology.nodes().iter().filter(|node| view.stopped(&node.name).is_some());
    // One that would start as a primary before the others.
    let (primaries, standbys): (Vec<_>, Vec<_>) = stopped.partition(|node| is_primary_at_rest(view, &node.name));
    let mut remedies: Vec<_> = primaries.into_iter().chain(standbys).map(|node| Remedy::up(&node.name)).collect();
    let strict = view.topology.replication.durability == Durability::Strict;
    let decide = |run_alone| {
        let options = FailoverOptions { run_alone, ..FailoverOptions::default() };
        decide_failover(view.topology, view.facts, &options)
    };
    match decide(false) {
        Ok(_) => remedies.push(Remedy::FAILOVER),
        Err(_) if strict && decide(true).is_ok() => remedies.push(Remedy::FAILOVER_ALONE),
        Err(refusals) => {
            remedies.extend(refusals.into_iter().flat_map(|refusal| refusal.help.remedies));
            remedies.push(Remedy::FAILOVER);
        }
    }
    let mut told: Vec<Remedy> = Vec::new();
    remedies.retain(|remedy| {
        let new = !told.contains(remedy);
        told.push(remedy.clone());
        new
    });
    remedies
}

/// Its data would start as a primary's, and no other node knows of another one.
fn is_primary_at_rest(view: &View<'_>, node: &NodeName) -> bool {
    let agrees = |peer: &Node| view.promotion(&peer.name).is_none_or(|record| record.primary == *node);
    view.stopped(node).is_some_and(|it| !it.standby) && view.topology.peers_of(node).all(agrees)
}

/// Commands as a sentence.
pub(crate) fn one_of(remedies: &[Remedy]) -> String {
    let words: Vec<_> = remedies.iter().map(ToString::to_string).collect();
    words.join(", where that is not possible ")
}
