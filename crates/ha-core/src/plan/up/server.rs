//! The steps of a node's PostgreSQL.

use super::change::change;
use super::model::{Up, Upstream, known};
use crate::advice::{Remedy, advice};
use crate::layout::{self, Component};
use crate::observe::{PostgresObservation, PostgresRole, UnobservedWhy};
use crate::plan::logins::changed_roles;
use crate::plan::{
    Action, Change, DataState, NodeFacts, Of, Refusal, RefusalKind, StepId, not_with_tablespaces, own_way,
};
use crate::ports::Image;
use crate::topology::Node;
use crate::values::{NodeName, SlotName};

impl Up<'_> {
    /// PostgreSQL. Returns the last of its steps, or `None` when the node cannot be brought up at all.
    #[expect(clippy::option_option, reason = "no step and not possible are two answers")]
    pub(super) fn server(
        &mut self,
        node: &Node,
        facts: &NodeFacts,
        prepared: Vec<StepId>,
        is_primary: bool,
        upstream: &Upstream,
    ) -> Option<Option<StepId>> {
        let mut after = prepared;
        let exists = matches!(facts.data, DataState::Complete { .. });
        if !exists {
            after = vec![self.database(node, is_primary, after, upstream)?];
        }
        after = self.adopt(node, after, upstream);
        let mut last = None;
        let mut guarded = false;
        match self.postgres_change(node, facts, is_primary) {
            Some(change) => {
                let replaced = matches!(change, Change::Replace { .. });
                if replaced {
                    // One after the other, and each only when the one before has shown that it runs. (On a shared network two that
                    // are replaced at once may come back with each other's address as well.)
                    let server =
                        |action: &Action| matches!(action, Action::StartPostgres { .. } | Action::WaitStreaming { .. });
                    let earlier = self.plan.steps.iter().filter(|step| server(&step.action)).map(|step| step.id);
                    after.extend(earlier.chain(self.tried.iter().copied()));
                }
                let permit = is_primary && self.may_start_as_primary(node);
                guarded = is_primary && !permit;
                last = Some(self.plan.add(&node.name, Action::StartPostgres { change, permit }, after));
                let streams = replaced && facts.observation.postgres.as_ref().is_ok_and(PostgresObservation::streams);
                if let Some(primary) = self.primary.filter(|_| streams) {
                    let primary = primary.name.clone();
                    last = Some(self.plan.add(&node.name, Action::WaitStreaming { primary }, last));
                }
            }
            None if !is_primary && self.went_its_own_way(node, facts) => {}
            None => {
                // Where nobody is the primary there is nothing to be told.
                if let Some(primary) = self.primary.filter(|_| !is_primary && self.has_to_be_told(node, facts)) {
                    let primary = primary.name.clone();
                    last = Some(self.plan.add(&node.name, Action::FollowPrimary { primary }, after));
                }
            }
        }
        let settings = is_primary && last.is_none() && self.has_another_profile(node, facts);
        if settings {
            last = Some(self.plan.add(&node.name, Action::ReloadSettings, []));
        }
        if !guarded {
            last = self.tell_again(node, facts, upstream, last);
        }
        self.keep_running(node, Component::Postgres, &facts.observation.postgres_container, last);
        if guarded {
            self.plan.notes.push(format!(
                "{0} was the primary, and not every other node can be asked whether it was promoted meanwhile: its guard asks \
                 them at the start, and without an answer it becomes a standby (`ha-cli failover --to {0}` then makes it the \
                 primary again)",
                node.name
            ));
            return Some(last);
        }
        if is_primary && ((last.is_some() && !settings) || !self.provisioned(node, facts)) {
            last = Some(self.plan.add(&node.name, Action::ProvisionDatabase, last));
        }
        Some(last)
    }

    /// The step that makes a database where there is none.
    fn database(&mut self, node: &Node, is_primary: bool, after: Vec<StepId>, upstream: &Upstream) -> Option<StepId> {
        if is_primary {
            if let Some(system) = self.system {
                self.refusals.push(Refusal::new(
                    RefusalKind::Unsafe,
                    Some(&node.name),
                    format!(
                        "it has no database, but the cluster with system identifier {system} exists: its disk was lost"
                    ),
                    advice!(
                        "a new database would be a second cluster; the surviving standby holds the data: {}",
                        Remedy::FAILOVER,
                    ),
                ));
                return None;
            }
            return Some(self.plan.add(&node.name, Action::InitDatabase, after));
        }
        let primary = self.primary?;
        let name = &primary.name;
        if upstream.database.is_none() && !self.runs(primary) {
            self.refusals.push(Refusal::new(
                RefusalKind::Unreachable,
                Some(&node.name),
                format!("it has no database yet, and {name}, which it would copy, does not run"),
                advice!("bring {name} up first: {}", Remedy::up(name)),
            ));
            return None;
        }
        let server = known(self.facts, name).and_then(|facts| facts.observation.postgres.as_ref().ok());
        let slot = SlotName::of_standby(&node.name);
        let lacks_it = |it: &PostgresObservation| it.slots.iter().all(|found| found.name != slot.as_str());
        if upstream.database.is_none() && server.is_some_and(lacks_it) {
            self.refusals.push(Refusal::new(
                RefusalKind::Mismatch,
                Some(&node.name),
                format!("it has no database yet, and {name}, which it would copy, has no replication slot for it"),
                advice!("{} makes that first; {} before this does as well", Remedy::UP_ALL, Remedy::up(name)),
            ));
            return None;
        }
        if let Some(refusal) = server.and_then(|it| not_with_tablespaces(self.topology, &node.name, name, it)) {
            self.refusals.push(refusal);
            return None;
        }
        let from = name.clone();
        let mut after = after;
        after.extend(upstream.database);
        Some(self.plan.add(&node.name, Action::CopyDatabase { from }, after))
    }

    pub(super) fn runs(&self, node: &Node) -> bool {
        known(self.facts, &node.name).is_some_and(|facts| facts.observation.postgres.is_ok())
    }

    pub(super) fn postgres_change(&self, node: &Node, facts: &NodeFacts, is_primary: bool) -> Option<Change> {
        let container = facts.observation.postgres_container.as_ref().ok()?;
        let Some(container) = container else { return Some(Change::Create) };
        let upstream = self.primary.filter(|_| !is_primary);
        let (hashed, _) = layout::postgres_files(self.topology, node, self.share(facts), upstream, self.secrets);
        let wanted = |image: &Image| {
            let system = self.system?;
            Some(layout::postgres_container(self.topology, node, &image.id, system, &hashed).labels)
        };
        // It runs and takes no queries: an earlier run that was interrupted did not see it ready.
        let not_up = facts.observation.postgres.as_ref().err().is_some_and(|unobserved| match unobserved.why {
            UnobservedWhy::Refused | UnobservedWhy::NotReady => true,
            UnobservedWhy::Denied
            | UnobservedWhy::Unproven
            | UnobservedWhy::Silent
            | UnobservedWhy::NoWay
            | UnobservedWhy::Failed => false,
        });
        change(Component::Postgres, container, facts.postgres_image.as_ref(), wanted)
            .or(not_up.then_some(Change::Start))
    }

    /// Whether every peer was looked at, and none of them has been promoted without this node: else its guard asks for
    /// itself. One that runs as primary already becomes none by a restart.
    fn may_start_as_primary(&self, node: &Node) -> bool {
        let server =
            |name: &NodeName| known(self.facts, name).and_then(|facts| facts.observation.postgres.as_ref().ok());
        let runs = server(&node.name).is_some_and(|it| it.role == PostgresRole::Primary);
        let fresh = self.system.is_none();
        let agrees = |peer: &Node| match server(&peer.name) {
            Some(running) => running.promotion.as_ref().is_none_or(|it| it.primary == node.name),
            None => known(self.facts, &peer.name).is_some(),
        };
        runs || fresh || self.topology.peers_of(&node.name).all(agrees)
    }

    /// Whether a standby that runs holds what the primary does not, and so cannot follow it: said, and left to a person.
    fn went_its_own_way(&mut self, node: &Node, facts: &NodeFacts) -> bool {
        let running = |facts: &NodeFacts| facts.observation.postgres.as_ref().ok().cloned();
        let Some(upstream) = self.primary else { return false };
        let primary = known(self.facts, &upstream.name).and_then(running);
        let (Some(server), Some(primary)) = (running(facts), primary) else { return false };
        let way = own_way(Of { node: &node.name, server: &server }, &primary);
        if let Some(promotion) = way {
            self.plan.notes.push(format!(
                "{0} holds what {1} lacks: its data comes from the promotion in generation {2}, and {1}'s does not; \
                 `ha-cli rejoin {0}` shows what that is, and makes it a standby",
                node.name, upstream.name, promotion.generation
            ));
        }
        way.is_some()
    }

    /// Whether a standby that runs is to read anew whom it follows, by which promotion, and how durably.
    fn has_to_be_told(&self, node: &Node, facts: &NodeFacts) -> bool {
        self.follows_another(facts) || self.knows_another_promotion(facts) || self.has_another_profile(node, facts)
    }

    /// Whether its server runs by another durability profile; one that runs alone does so by a person's word.
    fn has_another_profile(&self, node: &Node, facts: &NodeFacts) -> bool {
        facts.observation.postgres.as_ref().is_ok_and(|postgres| {
            let alone = postgres.promotion.as_ref().is_some_and(|record| record.run_alone);
            let wanted = layout::synchronous_standby_names(self.topology, &node.name);
            !alone && postgres.synchronous_standby_names != wanted
        })
    }

    /// Whether the standby has not written down which promotion it follows.
    fn knows_another_promotion(&self, facts: &NodeFacts) -> bool {
        let promotion = |facts: &NodeFacts| facts.observation.postgres.as_ref().ok()?.promotion.clone();
        let primary = self.primary.and_then(|primary| known(self.facts, &primary.name)).and_then(promotion);
        let streams = facts.observation.postgres.as_ref().is_ok_and(PostgresObservation::streams);
        primary.is_some() && streams && promotion(facts) != primary
    }

    /// Whether it is told to follow another than the primary, or nobody, as its guard does. Where the primary was not seen, who it is is a guess, and
    /// no reason to turn a standby round.
    fn follows_another(&self, facts: &NodeFacts) -> bool {
        let Some(primary) = self.primary.filter(|primary| known(self.facts, &primary.name).is_some()) else {
            return false;
        };
        let (host, port) = layout::peer_endpoint(self.topology, primary);
        let right = format!("{host}:{port}");
        facts
            .observation
            .postgres
            .as_ref()
            .is_ok_and(|it| it.role == PostgresRole::Standby && it.upstream.as_ref() != Some(&right))
    }

    /// Whether roles, database and slots are there: the probe's role got in to Keycloak's database, which both come
    /// from provisioning, every standby has its slot, no earlier version made them, and nobody has changed the roles since.
    fn provisioned(&self, node: &Node, facts: &NodeFacts) -> bool {
        facts.observation.postgres.as_ref().is_ok_and(|postgres| {
            self.topology.peers_of(&node.name).all(|peer| {
                let slot = SlotName::of_standby(&peer.name);
                postgres.slots.iter().any(|found| found.name == slot.as_str())
            })
        }) && facts.passwords_fit != Some(false)
            && facts.keycloak_set_up != Some(false)
            && !self.a_keycloak_reads_no_wal()
            && facts
                .observation
                .postgres
                .as_ref()
                .is_ok_and(|it| it.unmade.is_empty() && changed_roles(self.topology, it).is_empty())
    }

    /// Whether a read-only Keycloak says that the right is gone which provisioning gives it; with the data it comes to every
    /// standby.
    fn a_keycloak_reads_no_wal(&self) -> bool {
        let mut all = self.facts.values().filter_map(|facts| facts.as_ref().ok()?.observation.postgres.as_ref().ok());
        all.any(|postgres| postgres.keycloak_wal_unread)
    }
}
