//! Who takes over.

use super::FailoverOptions;
use crate::observe::PostgresRole;
use crate::plan::roles::View;
use crate::plan::{Refusal, RefusalKind};
use crate::topology::Node;

/// The one that has most, and has all that is known of.
pub(super) fn target<'v>(view: &View<'v>, options: &FailoverOptions) -> Result<&'v Node, Refusal> {
    // Of equals, one that knows of the later promotion is not behind it.
    let position =
        |node: &Node| (view.server(&node.name).map(|it| it.timeline), view.received(node), view.generation(&node.name));
    let standbys = view.topology.nodes().iter().filter(|node| view.has_role(node, PostgresRole::Standby));
    // Of equals the first, in the topology's order.
    let best = standbys.reduce(|first, next| if position(next) > position(first) { next } else { first });
    let Some(best) = best else {
        return Err(Refusal::new(
            RefusalKind::Unreachable,
            None,
            "no standby is seen to run",
            "`ha-cli status` shows why; `ha-cli up NODE` starts what is stopped",
        ));
    };
    let to = match &options.to {
        None => best,
        Some(name) => {
            let node = view.topology.node(name).ok_or_else(|| {
                Refusal::new(RefusalKind::Mismatch, Some(name), "it is no node of this cluster", "see ha.toml")
            })?;
            if !view.has_role(node, PostgresRole::Standby) {
                return Err(Refusal::new(
                    RefusalKind::Unreachable,
                    Some(name),
                    "it is not seen to run as a standby",
                    format!("bring it up first: `ha-cli up {name}`"),
                ));
            }
            node
        }
    };
    if (position(to).0, position(to).1) < (position(best).0, position(best).1) {
        return Err(Refusal::new(
            RefusalKind::Unsafe,
            Some(&to.name),
            format!("{} has received more: what it has and {} lacks would be lost", best.name, to.name),
            format!("`ha-cli failover --to {}`", best.name),
        ));
    }
    let own = view.generation(&to.name);
    let nodes = view.topology.nodes().iter().filter(|node| !was_only_meant_to_be(view, node));
    let mut known = nodes.filter_map(|node| view.known(&node.name));
    if let Some(latest) = known.find(|record| record.generation > own && record.primary != to.name) {
        return Err(Refusal::new(
            RefusalKind::Unsafe,
            Some(&to.name),
            format!(
                "it follows generation {own}, and there is a later one: {} was promoted in generation {} without it",
                latest.primary, latest.generation
            ),
            format!("its data is older: bring {0} back with `ha-cli up {0}`", latest.primary),
        ));
    }
    Ok(to)
}

/// It was written down as the primary, and runs as a standby whose data does not come from that promotion: the command was
/// interrupted before it. Had it been promoted all the same, it would be on a later timeline than any other.
fn was_only_meant_to_be(view: &View<'_>, node: &Node) -> bool {
    let Some(server) = view.server(&node.name).filter(|server| server.role == PostgresRole::Standby) else {
        return false;
    };
    let (Some(meant), Some(lineage)) = (&server.promotion, &server.lineage) else { return false };
    meant.primary == node.name && meant.generation > lineage.generation
}
