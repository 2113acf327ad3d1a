//! What ends a time without a primary, short of a switchover.

use super::failover::{FailoverOptions, decide_failover};
use super::roles::View;
use crate::advice::Remedy;
use crate::topology::{Durability, Node};
use crate::values::NodeName;

/// The way out for who was just refused a switchover.
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
pub(super) fn is_primary_at_rest(view: &View<'_>, node: &NodeName) -> bool {
    let agrees = |peer: &Node| view.promotion(&peer.name).is_none_or(|record| record.primary == *node);
    view.stopped(node).is_some_and(|it| !it.standby) && view.topology.peers_of(node).all(agrees)
}

/// Commands as a sentence.
pub(crate) fn one_of(remedies: &[Remedy]) -> String {
    let words: Vec<_> = remedies.iter().map(ToString::to_string).collect();
    words.join(", where that is not possible ")
}
