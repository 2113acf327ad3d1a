//! In which order servers take a change of settings.
//!
//! A standby with less than its primary of what [`layout::standby_limits`] has stops replaying, and does not start again (PostgreSQL 17,
//! "Hot Standby", administrator's overview): what is raised is raised on the standbys first, what is lowered on the primary first.

use std::collections::BTreeMap;

use super::model::{Up, known};
use crate::advice::{Advice, Remedy, advice};
use crate::layout;
use crate::plan::{Action, Change, DataState, NodeFacts, Refusal, RefusalKind};
use crate::ports::ContainerStatus;
use crate::topology::Node;

/// Names of what becomes more, and of what becomes less.
struct Changed {
    raised: Vec<String>,
    lowered: Vec<String>,
}

impl Changed {
    fn of(now: &BTreeMap<String, u32>, wanted: &BTreeMap<String, u32>) -> Self {
        let names = |which: fn(u32, u32) -> bool| {
            let both = wanted.iter().filter_map(|(name, wanted)| Some((name, *now.get(name)?, *wanted)));
            both.filter(|(_, now, wanted)| which(*now, *wanted)).map(|(name, ..)| name.clone()).collect()
        };
        Self { raised: names(|now, wanted| wanted > now), lowered: names(|now, wanted| wanted < now) }
    }
}

impl Up<'_> {
    /// Whether a node's server is stopped for other settings or another image. One that is replaced for what became of its
    /// container has run with them.
    pub(super) fn is_replaced(&self, node: &Node, facts: &NodeFacts) -> bool {
        let mut whole = facts.clone();
        if let Ok(Some(container)) = &mut whole.observation.postgres_container {
            container.off_network = false;
            container.status = ContainerStatus::Running;
        }
        let change = self.postgres_change(node, &whole, self.is_primary(node));
        matches!(change, Some(Change::Replace { .. })) && matches!(facts.data, DataState::Complete { .. })
    }

    /// The steps that try the new settings, of all nodes: none stops before all have passed.
    pub(super) fn try_settings(&mut self, nodes: &[&Node]) {
        for node in nodes {
            let Some(facts) = known(self.facts, &node.name) else { continue };
            if self.is_replaced(node, facts) {
                let reference = self.topology.images.postgres.clone();
                let pull = facts.postgres_image.is_none().then(|| self.once(node, Action::PullImage { reference }));
                let tried = self.plan.add(&node.name, Action::TrySettings, pull);
                self.tried.push(tried);
            }
        }
    }

    /// Whether the primary changes after its standbys: each of them has shown then that it runs and streams with the new settings.
    /// Refuses what no order makes possible, and what the nodes that are left out would not survive.
    pub(super) fn primary_last(&mut self, nodes: &[&Node]) -> bool {
        let Some(own) = self.primary else { return false };
        let Some(primary) = known(self.facts, &own.name) else { return false };
        let Ok(running) = &primary.observation.postgres else { return false };
        let wanted = layout::standby_limits(self.topology, own, self.share(primary));
        let Changed { raised, lowered } = Changed::of(&running.standby_limits, &wanted);
        let chosen = |node: &Node| nodes.iter().any(|it| it.name == node.name);
        let primary_goes = chosen(own) && self.is_replaced(own, primary);
        let mut refusals = Vec::new();
        let mut refuse = |node: Option<&Node>, message: String, help: Advice| {
            refusals.push(Refusal::new(RefusalKind::Mismatch, node.map(|node| &node.name), message, help));
        };
        let goes = |node: &Node| known(self.facts, &node.name).is_some_and(|facts| self.is_replaced(node, facts));
        let standbys: Vec<&Node> = self.topology.peers_of(&own.name).collect();
        if primary_goes && !raised.is_empty() && !lowered.is_empty() {
            let (up, down) = (raised.join(", "), lowered.join(", "));
            refuse(
                None,
                format!(
                    "{up} would be raised and {down} lowered at once: a standby must never have less than its primary"
                ),
                advice!("first raise {up} alone, {}, then lower {down}", Remedy::UP_ALL),
            );
        }
        for standby in standbys {
            let less = |facts: &NodeFacts| {
                let server = facts.observation.postgres.as_ref().ok()?;
                let raised = Changed::of(&server.standby_limits, &wanted).raised;
                (!raised.is_empty()).then(|| raised.join(", "))
            };
            let short = known(self.facts, &standby.name).and_then(less);
            let primary = &own.name;
            if let Some(short) = short.filter(|_| primary_goes && !chosen(standby)) {
                let message =
                    format!("it would stop replaying, since it has less of {short} than {primary} would have");
                let help =
                    advice!("{} raises it there first, or {} before", Remedy::UP_ALL, Remedy::up(&standby.name),);
                refuse(Some(standby), message, help);
            }
            if !lowered.is_empty() && !primary_goes && chosen(standby) && goes(standby) {
                let down = lowered.join(", ");
                let message = format!("it would not start with less of {down} than {primary} has, which keeps it");
                refuse(Some(standby), message, advice!("{} lowers it on {primary} first", Remedy::UP_ALL));
            }
        }
        self.refusals.extend(refusals);
        // One that has no data yet copies the primary's, and has nothing to show before.
        let shows = |node: &&&Node| !self.is_primary(node) && self.is_whole(node);
        primary_goes && lowered.is_empty() && nodes.iter().any(|node| shows(&node))
    }

    /// Whether a node has its data, as far as is known.
    pub(super) fn is_whole(&self, node: &Node) -> bool {
        known(self.facts, &node.name).is_none_or(|it| matches!(it.data, DataState::Complete { .. }))
    }
}
