//! Nodes that the servers know of, and the file does not: it is an old copy, or another one.

use std::collections::BTreeMap;

use super::roles::View;
use super::{Facts, Refusal, RefusalKind};
use crate::advice::{Remedy, advice};
use crate::observe::PostgresObservation;
use crate::topology::Topology;
use crate::values::{NodeName, SlotName};

/// Refuses a change of roles for which such a node would not be looked at: with `strict` it may hold what nobody else has, and it would
/// follow nobody afterwards.
pub(super) fn left_out(view: &View<'_>) -> Vec<Refusal> {
    let servers = view.topology.nodes().iter().filter_map(|node| Some((&node.name, view.server(&node.name)?)));
    let found = servers.flat_map(|(by, server)| {
        // Written as `ANY 1 ("vm2", "vm3")`.
        let confirming = server.synchronous_standby_names.split('"').skip(1).step_by(2).map(str::to_owned);
        confirming.chain(streaming(server)).map(move |name| (name, by))
    });
    let refuse = |(name, by): (String, &NodeName)| {
        let message = format!(
            "this file has no node {name}, and {by} has one as its standby: what that holds would not be looked at, and it would \
             follow nobody"
        );
        let help = advice!(
            "use the newest ha.toml, which has it. Where it was taken out on purpose, and there is a primary, {} writes that down once it \
             is stopped; else put it in once more, and say --give-up if what it holds can go",
            Remedy::UP_ALL
        );
        Refusal::new(RefusalKind::Unsafe, None, message, help)
    };
    unknown(view.topology, found).into_iter().map(refuse).collect()
}

/// Refuses to bring nodes up by a file that lacks one which follows right now: it would be shut out, and confirm nothing any more.
pub(super) fn shut_out(topology: &Topology, facts: &Facts, refusals: &mut Vec<Refusal>) {
    let servers =
        facts.iter().filter_map(|(by, facts)| Some((by, facts.as_ref().ok()?.observation.postgres.as_ref().ok()?)));
    let found = servers.flat_map(|(by, server)| streaming(server).map(move |name| (name, by)));
    refusals.extend(unknown(topology, found).into_iter().map(|(name, by)| {
        let message = format!("this file has no node {name}, which streams from {by} and would be shut out");
        let help = "use the newest ha.toml, which has it; where it was taken out on purpose, stop its PostgreSQL first";
        Refusal::new(RefusalKind::Unsafe, None, message, help)
    }));
}

/// Whom a server sends its WAL, by the slot that a node of this name has; anybody else may have others.
fn streaming(server: &PostgresObservation) -> impl Iterator<Item = String> {
    let names = server.senders.iter().map(|sender| sender.name.clone());
    names.filter(|name| {
        let slot = name.parse::<NodeName>().map(|name| SlotName::of_standby(&name));
        slot.is_ok_and(|slot| server.slots.iter().any(|it| it.active && it.name == slot.as_str()))
    })
}

/// Those that the file does not have, each with who knows of it.
fn unknown<'f>(
    topology: &Topology,
    found: impl Iterator<Item = (String, &'f NodeName)>,
) -> BTreeMap<String, &'f NodeName> {
    let known = |name: &str| topology.nodes().iter().any(|node| node.name.as_str() == name);
    let mut unknown = BTreeMap::new();
    for (name, by) in found.filter(|(name, _)| !known(name)) {
        unknown.entry(name).or_insert(by);
    }
    unknown
}
