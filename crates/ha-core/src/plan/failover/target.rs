//! Who takes over.

use super::model::FailoverOptions;
use crate::advice::{Remedy, advice};
use crate::observe::PostgresRole;
use crate::plan::roles::View;
use crate::plan::{Refusal, RefusalKind};
use crate::topology::Node;
use crate::values::{Lsn, PromotionRecord, TimelineId};

/// The one that has most, and has all that is known of, but for what a person gives up.
pub(super) fn target<'v>(view: &View<'v>, options: &FailoverOptions) -> Result<&'v Node, Refusal> {
    let to = chosen(view, options)?;
    for other in view.topology.peers_of(&to.name) {
        match view.own_way(&other.name, &to.name) {
            Some(_) if options.give_up.contains(&other.name) => {}
            Some(promotion) => return Err(lacks(view, to, other, promotion)),
            None if is_ahead(view, other, to) => {
                return Err(Refusal::new(
                    RefusalKind::Unsafe,
                    Some(&to.name),
                    format!("{} has received more: what it has and {} lacks would be lost", other.name, to.name),
                    advice!("{}", Remedy::failover(&other.name)),
                ));
            }
            None => {}
        }
    }
    Ok(to)
}

fn chosen<'v>(view: &View<'v>, options: &FailoverOptions) -> Result<&'v Node, Refusal> {
    let unknown =
        |name| Refusal::new(RefusalKind::Mismatch, Some(name), "it is no node of this cluster", "see ha.toml");
    if let Some(name) = options.give_up.iter().find(|name| view.topology.node(name).is_none()) {
        return Err(unknown(name));
    }
    if let Some(name) = &options.to {
        let node = view.topology.node(name).ok_or_else(|| unknown(name))?;
        if options.give_up.contains(name) {
            return Err(Refusal::new(
                RefusalKind::Mismatch,
                Some(name),
                "it is to be the primary, and what it holds is to be given up",
                "name the one that is to be the primary with --to, the other with --give-up",
            ));
        }
        if !view.has_role(node, PostgresRole::Standby) {
            return Err(Refusal::new(
                RefusalKind::Unreachable,
                Some(name),
                "it is not seen to run as a standby",
                advice!("bring it up first: {}", Remedy::up(name)),
            ));
        }
        return Ok(node);
    }
    let standbys = view.topology.nodes().iter().filter(|node| view.has_role(node, PostgresRole::Standby));
    let most = standbys
        .filter(|node| !options.give_up.contains(&node.name))
        // Of equals the first, in the topology's order; of these, one that knows of the later promotion is not behind it,
        // and one that replays is sooner there.
        .reduce(|first, next| {
            let replays = |node: &Node| view.server(&node.name).is_none_or(|it| it.replay_paused != Some(true));
            let place = |node: &Node| (position(view, node), view.generation(&node.name), replays(node));
            if place(next) > place(first) { next } else { first }
        });
    most.ok_or_else(|| {
        Refusal::new(
            RefusalKind::Unreachable,
            None,
            "no standby is seen to run",
            advice!("`ha-cli status` shows why; {} starts what is stopped", Remedy::UP_ALL),
        )
    })
}

/// How much a standby has, of nodes in one history.
fn position(view: &View<'_>, node: &Node) -> (Option<TimelineId>, Option<Lsn>) {
    (view.server(&node.name).map(|it| it.timeline), view.received(node))
}

fn is_ahead(view: &View<'_>, other: &Node, to: &Node) -> bool {
    view.has_role(other, PostgresRole::Standby) && position(view, other) > position(view, to)
}

/// What `other` may hold is not on `to`, and it is for a person to say that it may go.
fn lacks(view: &View<'_>, to: &Node, other: &Node, promotion: &PromotionRecord) -> Refusal {
    let (to, name) = (&to.name, &other.name);
    let help = if view.server(name).is_none() {
        advice!("bring {name} back with {}; to give up what it holds: {}", Remedy::up(name), Remedy::choose(to, name))
    } else if view.own_way(to, name).is_none() {
        advice!(
            "its data is older: {}; to give up what {name} holds: {}",
            Remedy::failover(name),
            Remedy::choose(to, name),
        )
    } else {
        advice!(
            "{name} lacks as well what was acknowledged on {to}: look at both while they serve reads, then choose: {} or {}",
            Remedy::choose(to, name),
            Remedy::choose(name, to),
        )
    };
    let message = format!(
        "{} was promoted in generation {} without it: what was acknowledged since then and is on {name} would be lost",
        promotion.primary, promotion.generation
    );
    Refusal::new(RefusalKind::Unsafe, Some(to), message, help)
}
