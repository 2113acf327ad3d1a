//! The steps of a node's Keycloak.

use std::collections::BTreeSet;

use super::change::change;
use super::model::{Up, Upstream};
use crate::layout::{self, Component};
use crate::observe::KeycloakState;
use crate::plan::{Action, Change, NodeFacts, StepId};
use crate::ports::Image;
use crate::topology::Node;
use crate::values::NodeName;

impl Up<'_> {
    /// The nodes whose Keycloaks change before the primary's: standbys that show first whether one starts with the new options. Only
    /// where both serve, and in the same image: the schema of another release is made by the primary's.
    pub(super) fn keycloaks_first(&self, nodes: &[(&Node, &NodeFacts)]) -> BTreeSet<NodeName> {
        let other_options = |facts: &NodeFacts| {
            let container = facts.observation.keycloak_container.as_ref().ok().and_then(Option::as_ref);
            let same = container.zip(facts.keycloak_image.as_ref()).is_some_and(|(it, image)| it.image_id == image.id);
            same && facts.observation.keycloak.state == KeycloakState::Ready
        };
        let changing = nodes.iter().filter(|(node, facts)| {
            other_options(facts) && matches!(self.keycloak_change(node, facts), Some(Change::Replace { .. }))
        });
        let (primary, standbys): (Vec<_>, Vec<_>) = changing.partition(|(node, _)| self.is_primary(node));
        if primary.is_empty() { BTreeSet::new() } else { standbys.iter().map(|(node, _)| node.name.clone()).collect() }
    }

    /// Keycloak. Returns the step after which its schema is there.
    pub(super) fn keycloak(
        &mut self,
        node: &Node,
        facts: &NodeFacts,
        after: Vec<StepId>,
        is_primary: bool,
        upstream: &Upstream,
    ) -> Option<StepId> {
        let change = self.keycloak_change(node, facts);
        let mut last = None;
        let server = after.clone();
        if let Some(change) = change {
            let mut after = after;
            if facts.keycloak_image.is_none() {
                let mut pull = None;
                if facts.keycloak_base.is_none() {
                    let reference = self.topology.images.keycloak.clone();
                    pull = Some(self.once(node, Action::PullImage { reference }));
                }
                let known = self.plan.steps.iter().find(|step| {
                    self.topology.cluster.demo && matches!(step.action, Action::BuildKeycloakImage { .. })
                });
                let build = known.map(|step| step.id);
                let base = facts.keycloak_base.as_ref();
                let without = base.map(|base| layout::left_out_variables(self.topology, base)).unwrap_or_default();
                let action = Action::BuildKeycloakImage { without };
                after.push(build.unwrap_or_else(|| self.plan.add(&node.name, action, pull)));
            }
            if !is_primary {
                after.extend(upstream.keycloak);
            }
            last = Some(self.plan.add(&node.name, Action::StartKeycloak { change }, after));
        }
        self.keep_running(node, Component::Keycloak, &facts.observation.keycloak_container, last);
        if is_primary && (facts.keycloak_set_up == Some(false) || facts.keycloak_set_up.is_none()) {
            let ready = facts.observation.keycloak.state == KeycloakState::Ready;
            if last.is_some() || ready {
                // Its requests end where its server is replaced meanwhile.
                let before = last.map_or(server, |last| vec![last]);
                self.plan.add(&node.name, Action::ProvisionKeycloak, before);
            }
        } else if is_primary && last.is_none() && facts.observation.keycloak.is_service_client_to_be_mended() {
            self.plan.add(&node.name, Action::MendServiceClient, server);
        }
        last
    }

    pub(super) fn keycloak_change(&self, node: &Node, facts: &NodeFacts) -> Option<Change> {
        let container = facts.observation.keycloak_container.as_ref().ok()?;
        let Some(container) = container else { return Some(Change::Create) };
        let share = self.share(facts);
        let wanted = |image: &Image| Some(layout::keycloak_container(self.topology, node, image, share).labels);
        // As above: it runs, and nobody saw it ready, nor set it up.
        let not_up = match facts.observation.keycloak.state {
            KeycloakState::Starting | KeycloakState::Stopped => true,
            KeycloakState::Ready | KeycloakState::Unreachable => false,
        };
        change(Component::Keycloak, container, facts.keycloak_image.as_ref(), wanted)
            .or(not_up.then_some(Change::Start))
    }
}
