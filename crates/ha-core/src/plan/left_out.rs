//! Nodes that the servers know of, and the file does not: it is an old copy, or another one.

use std::collections::BTreeMap;

use super::roles::View;
use super::{Refusal, RefusalKind};
use crate::advice::{Remedy, advice};
use crate::values::{NodeName, SlotName};

/// Refuses a change of roles for which such a node would not be looked at: with `strict` it may hold what nobody else has, and it would
/// follow nobody afterwards.
pub(super) fn left_out(view: &View<'_>) -> Vec<Refusal> {
    let known = |name: &str| view.topology.nodes().iter().any(|node| node.name.as_str() == name);
    let mut found = BTreeMap::new();
    for node in view.topology.nodes() {
        let Some(server) = view.server(&node.name) else { continue };
        // Written as `ANY 1 ("vm2", "vm3")`.
        let confirming = server.synchronous_standby_names.split('"').skip(1).step_by(2).map(str::to_owned);
        // By the slot that a node of its name has; anybody else may have others.
        let streaming = server.senders.iter().map(|sender| &sender.name).filter(|name| {
            let slot = name.parse::<NodeName>().map(|name| SlotName::of_standby(&name));
            slot.is_ok_and(|slot| server.slots.iter().any(|it| it.active && it.name == slot.as_str()))
        });
        for name in confirming.chain(streaming.cloned()).filter(|name| !known(name)) {
            found.entry(name).or_insert(&node.name);
        }
    }
    let refuse = |(name, by): (&String, &&NodeName)| {
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
    found.iter().map(refuse).collect()
}
