//! What is known of each node's role, for the decisions that change roles.

use std::collections::BTreeMap;

use super::ancestry::{self, Of};
use super::generations;
use super::{Action, Plan, Refusal, RefusalKind, StepId};
use crate::advice::{Advice, Remedy, shown};
use crate::layout;
use crate::observe::{ControlFile, NodeObservation, PostgresObservation, PostgresRole, Unobserved, UnobservedWhy};
use crate::ports::ContainerStatus;
use crate::topology::{Durability, Node, Topology};
use crate::values::{Lsn, NodeName, PromotionId, PromotionRecord, SlotName};

/// What was found of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleFact {
    /// Its containers and servers.
    pub observation: NodeObservation,
    /// Its server, where the container has exited.
    pub stopped: Option<Result<StoppedServer, Unobserved>>,
    /// A peer that has just spoken to its server, where this machine has no way to know what the server does.
    pub heard_by: Option<NodeName>,
}

/// A server whose container has exited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoppedServer {
    /// How it ended.
    pub control: ControlFile,
    /// It comes back as a standby.
    pub standby: bool,
    /// The promotion that it knows of.
    pub promotion: Option<PromotionRecord>,
}

/// What was found of each node.
pub type RoleFacts = BTreeMap<NodeName, RoleFact>;

pub(super) struct View<'a> {
    pub(super) topology: &'a Topology,
    pub(super) facts: &'a RoleFacts,
}

impl<'a> View<'a> {
    pub(super) fn server(&self, node: &NodeName) -> Option<&'a PostgresObservation> {
        self.facts.get(node)?.observation.postgres.as_ref().ok()
    }

    pub(super) fn has_role(&self, node: &Node, role: PostgresRole) -> bool {
        self.server(&node.name).is_some_and(|server| server.role == role)
    }

    /// What comes up empty on `to`, where it is promoted.
    pub(super) fn comes_up_empty(&self, to: &NodeName) -> Option<String> {
        let server = self.server(to).filter(|server| server.unlogged_relations > 0)?;
        let what = match &server.unlogged_tables[..] {
            [] => format!("{} relations of Keycloak's database", server.unlogged_relations),
            tables => shown(tables),
        };
        Some(format!("unlogged, and so empty on {to} once it is the primary: {what}"))
    }

    /// The nodes beside `to` that are not seen to run as standbys.
    pub(super) fn unseen(&self, to: &NodeName) -> Vec<&'a NodeName> {
        let is_standby = |node: &Node| self.has_role(node, PostgresRole::Standby);
        let names = self.topology.nodes().iter().filter(|node| !is_standby(node)).map(|node| &node.name);
        names.filter(|name| *name != to).collect()
    }

    /// With `strict`, the old primary is one of the nodes that are not seen; of two more, one may have confirmed what `to` lacks.
    pub(super) fn may_lack_confirmed(&self, to: &NodeName) -> bool {
        self.topology.replication.durability == Durability::Strict && self.unseen(to).len() > 1
    }

    /// The nodes that accept writes, in the topology's order.
    pub(super) fn primaries(&self) -> Vec<&Node> {
        self.topology.nodes().iter().filter(|node| self.has_role(node, PostgresRole::Primary)).collect()
    }

    pub(super) fn stopped(&self, node: &NodeName) -> Option<&'a StoppedServer> {
        self.facts.get(node)?.stopped.as_ref()?.as_ref().ok()
    }

    /// What a node was told of promotions, running or not.
    pub(super) fn promotion(&self, node: &NodeName) -> Option<&'a PromotionRecord> {
        match self.server(node) {
            Some(server) => server.promotion.as_ref(),
            None => self.stopped(node)?.promotion.as_ref(),
        }
    }

    /// The latest promotion that a node knows of: it was told of it, or its data comes from it.
    pub(super) fn known(&self, node: &NodeName) -> Option<&'a PromotionRecord> {
        let lineage = self.server(node).and_then(|server| Some(&server.lineage.as_ref()?.promotion));
        // Of equals the last, which says whether it runs alone as well.
        lineage.into_iter().chain(self.promotion(node)).max_by_key(|record| record.order())
    }

    /// The generation of the latest promotion that a node knows of; 0 where it knows of none.
    pub(super) fn generation(&self, node: &NodeName) -> u64 {
        self.known(node).map_or(0, |record| record.generation)
    }

    /// The place of that promotion among all; the least where the node knows of none.
    pub(super) fn order(&self, node: &NodeName) -> Option<(u64, &'a PromotionId)> {
        self.known(node).map(PromotionRecord::order)
    }

    /// The latest promotion that any node knows of.
    pub(super) fn latest(&self) -> Option<&PromotionRecord> {
        self.topology.nodes().iter().filter_map(|node| self.known(&node.name)).max_by_key(|it| it.order())
    }

    /// The promotion that a node's data comes from, running or not, and that of `other`, which runs, does not; of a server that
    /// does not run, the one that is written down, which may not have come about.
    pub(super) fn own_way(&self, node: &NodeName, other: &NodeName) -> Option<&'a PromotionRecord> {
        let other = self.server(other)?;
        match self.server(node) {
            Some(server) => ancestry::own_way(Of { node, server }, other),
            None => self.promotion(node).filter(|record| !ancestry::has_been_through(other, &record.id)),
        }
    }

    /// The promotions that come before the next one of `to`.
    fn ancestors(&self, to: &NodeName) -> Vec<PromotionId> {
        self.server(to).map_or_else(Vec::new, |server| ancestry::ancestors(Of { node: to, server }))
    }

    /// Whether a standby of the cluster streams from `primary`, as that one tells.
    pub(super) fn has_streaming_standby(&self, primary: &NodeName) -> bool {
        let known = |name: &str| self.topology.peers_of(primary).any(|peer| peer.name.as_str() == name);
        self.server(primary).is_some_and(|server| {
            server.senders.iter().any(|sender| sender.state == "streaming" && known(&sender.name))
        })
    }

    /// Whether a node's Keycloak runs, as far as its container tells.
    pub(super) fn keycloak_runs(&self, node: &NodeName) -> bool {
        self.facts.get(node).is_some_and(|fact| {
            matches!(&fact.observation.keycloak_container, Ok(Some(it)) if it.status == ContainerStatus::Running)
        })
    }

    /// Whether a primary acknowledged writes that no standby had confirmed, as far as anybody knows, since the last promotion
    /// that the data of `of` comes from. A later one that is only written down ends nothing.
    pub(super) fn ran_alone(&self, of: &NodeName) -> bool {
        let lineage = self.server(of).and_then(|server| server.lineage.as_ref());
        let is_past = |id| lineage.is_some_and(|it| it.promotion.ancestors.contains(id));
        let known = self.topology.nodes().iter().filter_map(|node| self.promotion(&node.name));
        known.filter(|record| record.run_alone).any(|record| !is_past(&record.id))
    }

    /// Writes down that `to` is about to be the primary, in a [generation](generations) of its own: what an interrupted run wrote there
    /// may be of a promotion that came about, and a node that cannot be asked may have been promoted without anybody here knowing.
    ///
    /// What it comes from is told by `source`: the node itself, or the primary whose data it has.
    pub(super) fn record(&self, to: &NodeName, source: &NodeName, run_alone: bool) -> Action {
        let unseen = self.topology.nodes().iter().any(|node| self.promotion(&node.name).is_none());
        let latest = self.latest().map_or(0, |record| record.generation);
        let generation = generations::next(self.topology, to, latest, unseen);
        Action::RecordPromotion { generation, primary: to.clone(), run_alone, ancestors: self.ancestors(source) }
    }

    /// Why a node's engine cannot be used.
    pub(super) fn no_engine(&self, node: &NodeName) -> Option<&str> {
        self.facts.get(node)?.observation.engine.as_ref().err().map(|error| error.message.as_str())
    }

    /// Its container runs, and its server takes no queries yet.
    pub(super) fn is_starting(&self, node: &NodeName) -> bool {
        self.facts.get(node).is_some_and(|facts| {
            let runs =
                matches!(&facts.observation.postgres_container, Ok(Some(it)) if it.status == ContainerStatus::Running);
            let why = facts.observation.postgres.as_ref().err().map(|unobserved| unobserved.why);
            runs && matches!(why, Some(UnobservedWhy::Refused | UnobservedWhy::NotReady))
        })
    }

    pub(super) fn follows_another(&self, standby: &PostgresObservation, primary: &NodeName) -> bool {
        self.topology.node(primary).is_some_and(|primary| {
            let (host, port) = layout::peer_endpoint(self.topology, primary);
            standby.upstream.as_ref() != Some(&format!("{host}:{port}"))
        })
    }

    /// The slots that the other nodes need on `primary`.
    pub(super) fn slots(&self, primary: &NodeName) -> Vec<SlotName> {
        self.topology.peers_of(primary).map(|peer| SlotName::of_standby(&peer.name)).collect()
    }

    /// How much a standby has: what it received, or replayed, where it has not received anything since its start.
    pub(super) fn received(&self, node: &Node) -> Option<Lsn> {
        let server = self.server(&node.name)?;
        [server.flush_lsn, server.receive_lsn, server.replay_lsn].into_iter().flatten().max()
    }
}

/// The command that promoted this primary was ended before the promotion was written into the data: done again, that writes it.
pub(super) fn write_lineage(view: &View<'_>, plan: &mut Plan, primary: &NodeName) {
    let record = view.server(primary).and_then(ancestry::unwritten);
    if record.is_some_and(|record| record.primary == *primary && record.generation > 1) {
        plan.add(primary, Action::Promote, []);
    }
}

/// The proof at the end: nothing waits for it. Where it is known beforehand that it cannot succeed, that is told instead: `from` is
/// the node whose Keycloak takes writes before the change.
pub(super) fn prove_service(
    view: &View<'_>,
    plan: &mut Plan,
    from: &NodeName,
    to: &NodeName,
    promoted: Option<StepId>,
) {
    if !view.keycloak_runs(to) {
        return;
    }
    let trouble = |node| {
        let keycloak = &view.facts.get(node)?.observation.keycloak;
        let way_out = || match keycloak.service_by_hand() {
            Some(what) => what.to_owned(),
            None => format!("{} makes it whole", Remedy::up(to)),
        };
        keycloak.service_trouble().map(|trouble| format!("{trouble}; {}", way_out()))
    };
    match trouble(from).or_else(|| trouble(to)) {
        None => {
            plan.add(to, Action::ProveService, promoted);
        }
        Some(trouble) => plan.notes.push(format!(
            "that people are served afterwards is not proven by a login: ha-cli's own client is of no use, {trouble}"
        )),
    }
}

/// Writes down the same promotion again, with another word about confirmations.
pub(super) fn record_again(record: &PromotionRecord, run_alone: bool) -> Action {
    Action::RecordPromotion {
        generation: record.generation,
        primary: record.primary.clone(),
        run_alone,
        ancestors: record.ancestors.clone(),
    }
}

/// Of several primaries the one of the oldest promotion, the last of equals in the topology's order.
pub(super) fn older<'n>(view: &View<'_>, primaries: &[&'n Node]) -> &'n Node {
    let oldest = primaries
        .iter()
        .copied()
        .reduce(|first, next| if view.order(&next.name) <= view.order(&first.name) { next } else { first });
    oldest.expect("it is asked of primaries that there are")
}

/// More than one node accepts writes: nothing is planned on top of that.
///
/// `help` is given the one whose promotion is the oldest.
pub(super) fn several_primaries(view: &View<'_>, primaries: &[&Node], help: impl Fn(&NodeName) -> Advice) -> Refusal {
    let help = help(&older(view, primaries).name);
    let names: Vec<_> = primaries.iter().map(|node| node.name.to_string()).collect();
    let message = format!("{} are primaries, each with a history of its own", names.join(" and "));
    Refusal::new(RefusalKind::Unsafe, None, message, help)
}
