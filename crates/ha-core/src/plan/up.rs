//! From what is there to what should be.

mod adopt;
mod change;
mod conflicts;
mod keycloak;
mod limits;
mod model;
mod primary;
mod server;

pub use self::model::UpOptions;

use self::adopt::adopt;
use self::conflicts::{
    foreign_data, images, lacking, old_images, one_engine_each, one_system, passwords, renamed, unnamed,
};
use self::model::{Up, Upstream, has_database, known};
use self::primary::{none_left, note_of_nobody, the_primary};
use super::left_out::shut_out;
use super::{Action, Change, DataState, Facts, NodeFacts, Plan, PlannedStep, Refusal, StepId};
use crate::layout::MachineShare;
use crate::observe::ComponentObservation;
use crate::secrets::Secrets;
use crate::topology::{Durability, Node, Topology};
use crate::values::NodeName;

/// Plans `up` for the `selected` nodes. Pure.
///
/// Facts of nodes that are not selected count, too: a database is made only where no node has one.
///
/// # Errors
/// Every reason why it would not be safe or not be possible.
pub fn decide_up(
    topology: &Topology,
    secrets: &Secrets,
    selected: &[NodeName],
    facts: &Facts,
    options: UpOptions,
) -> Result<Plan, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let (facts, adopted) = adopt(topology, secrets, facts);
    let facts = &facts;
    renamed(topology, selected, facts, &mut refusals);
    one_engine_each(topology, facts, &mut refusals);
    foreign_data(topology, selected, facts, &mut refusals);
    old_images(topology, selected, facts, &mut refusals);
    images(topology, selected, facts, &mut refusals);
    lacking(topology, selected, facts, &mut refusals);
    passwords(topology, facts, &mut refusals);
    shut_out(topology, facts, &mut refusals);
    let system = one_system(facts, &mut refusals);
    if system.is_none() {
        unnamed(facts, &mut refusals);
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    if let Some(plan) = images_first(topology, selected, facts, options.without_keycloak) {
        return Ok(plan);
    }
    let primary = the_primary(topology, facts, system, options).map_err(|refusal| vec![refusal])?;
    let (plan, tried, pulled) = (Plan::default(), Vec::new(), Vec::new());
    let mut up = Up { topology, secrets, facts, adopted, system, primary, plan, tried, pulled, refusals };
    up.run(selected, options.without_keycloak);
    match (primary, system) {
        _ if !up.refusals.is_empty() => return Err(up.refusals),
        (None, Some(system)) if up.plan.is_empty() => return Err(vec![none_left(topology, facts, system)]),
        (None, _) => up.plan.notes.push(note_of_nobody(topology, facts)),
        (Some(_), _) => {}
    }
    Ok(up.plan)
}

/// What needs an image to be seen is seen before anything else is decided: data that nothing has looked at, and whether a
/// container is what it should be, whose image somebody has removed: the same image back is no reason to stop anything.
fn images_first(topology: &Topology, selected: &[NodeName], facts: &Facts, without_keycloak: bool) -> Option<Plan> {
    let mut plan = Plan { look_again: true, ..Plan::default() };
    for (name, node) in facts {
        let Ok(node) = node else { continue };
        let observation = &node.observation;
        let unseen = node.data == DataState::Unexamined || is_there(&observation.postgres_container);
        let unseen_keycloak = !without_keycloak && is_there(&observation.keycloak_container);
        let wanted = [
            (unseen && node.postgres_image.is_none(), &topology.images.postgres),
            (unseen_keycloak && node.keycloak_base.is_none(), &topology.images.keycloak),
        ];
        for (_, reference) in wanted.into_iter().filter(|(wanted, _)| *wanted && selected.contains(name)) {
            let pull = Action::PullImage { reference: reference.clone() };
            // On a shared engine one pull serves all.
            if !topology.cluster.demo || plan.steps.iter().all(|step| step.action != pull) {
                plan.add(name, pull, []);
            }
        }
    }
    (!plan.is_empty()).then_some(plan)
}

const fn is_there(container: &ComponentObservation) -> bool {
    matches!(container, Ok(Some(_)))
}

impl Up<'_> {
    fn run(&mut self, selected: &[NodeName], without_keycloak: bool) {
        for name in selected {
            if let Some(Err(unobserved)) = self.facts.get(name) {
                let note = format!("{name} is left out: {}", unobserved.message);
                self.plan.notes.push(note);
            }
        }
        // The primary first, so that the steps of the others can wait for its; where its settings change with theirs, after all
        // but those that are to copy it.
        let mut upstream = Upstream::default();
        let mut order: Vec<&Node> = self.topology.nodes().iter().filter(|it| selected.contains(&it.name)).collect();
        self.try_settings(&order);
        if self.system.is_none() {
            // For a new cluster nothing is made on any node before every image is known to do.
            for &node in &order {
                let pulls = known(self.facts, &node.name).map(|facts| self.pulls(node, facts, without_keycloak));
                self.pulled.extend(pulls.unwrap_or_default());
            }
        }
        let primary_last = self.primary_last(&order);
        order.sort_by_key(|node| match (self.is_primary(node), primary_last && self.is_whole(node)) {
            (false, true) => 0,
            (true, _) => 1,
            (false, false) => 2,
        });
        let mut standby_servers = Vec::new();
        let mut pending_keycloaks = Vec::new();
        for node in order {
            let Some(facts) = known(self.facts, &node.name) else { continue };
            let is_primary = self.is_primary(node);
            if self.primary.is_none() && !has_database(facts) {
                let note = format!(
                    "{} is left out: it has no database, and there is no primary that it could copy",
                    node.name
                );
                self.plan.notes.push(note);
                continue;
            }
            let prepared = self.hosts(node, facts, without_keycloak);
            let Some(server) = self.server(node, facts, prepared, is_primary, &upstream) else { continue };
            if is_primary {
                upstream.database = server;
            } else {
                standby_servers.extend(server);
            }
            // One whose guard asks the others first may become a standby, and nothing can be set up in that.
            let guarded = |it: &PlannedStep| {
                it.node == node.name && matches!(it.action, Action::StartPostgres { permit: false, .. })
            };
            let sets_up = is_primary && !self.plan.steps.iter().any(guarded);
            pending_keycloaks.push((node, facts, sets_up, server));
        }
        if without_keycloak {
            pending_keycloaks.clear();
        }
        let known_keycloaks: Vec<_> = pending_keycloaks.iter().map(|&(node, facts, ..)| (node, facts)).collect();
        let first = self.keycloaks_first(&known_keycloaks);
        pending_keycloaks.sort_by_key(|(node, ..)| (!first.contains(&node.name), !self.is_primary(node)));
        let mut shown = Vec::new();
        for (node, facts, is_primary, server) in pending_keycloaks {
            // In strict, the first write waits for a standby, and so does the Keycloak that writes it.
            let mut after: Vec<StepId> = server.into_iter().collect();
            if is_primary && self.topology.replication.durability == Durability::Strict {
                after.extend(&standby_servers);
            }
            // One after the other, and each only when the one before serves again.
            let shows = first.contains(&node.name);
            if shows || is_primary {
                after.extend(&shown);
            }
            let keycloak = self.keycloak(node, facts, after, is_primary, &upstream);
            if is_primary {
                upstream.keycloak = keycloak;
            } else if shows {
                shown.extend(keycloak);
            }
        }
        for name in selected {
            self.note_topology(name);
        }
    }

    /// What a node was brought up with is written down where nothing of its PostgreSQL changes, with which it would be; and last.
    fn note_topology(&mut self, node: &NodeName) {
        let another = known(self.facts, node).is_some_and(|facts| facts.topology_noted == Some(false));
        let with_the_server = |step: &&PlannedStep| {
            let made =
                matches!(step.action, Action::StartPostgres { change: Change::Create | Change::Replace { .. }, .. });
            made && step.node == *node
        };
        if another && self.plan.steps.iter().find(with_the_server).is_none() {
            let before: Vec<_> = self.plan.steps.iter().filter(|step| step.node == *node).map(|step| step.id).collect();
            self.plan.add(node, Action::NoteTopology, before);
        }
    }

    fn is_primary(&self, node: &Node) -> bool {
        self.primary.is_some_and(|primary| primary.name == node.name)
    }

    fn share(&self, node: &NodeFacts) -> MachineShare {
        let nodes = if self.topology.cluster.demo { self.topology.nodes().len() as u64 } else { 1 };
        let memory = node.observation.engine.as_ref().map_or(0, |engine| engine.memory_bytes);
        MachineShare::of_memory(memory, nodes)
    }

    /// Images, network, volumes. Returns the steps that the first container of the node waits for: Keycloak's image, too, since
    /// one that will not do is known as soon as it is here.
    fn hosts(&mut self, node: &Node, facts: &NodeFacts, without_keycloak: bool) -> Vec<StepId> {
        let mut steps = self.pulls(node, facts, without_keycloak);
        if !facts.prepared {
            // An image that will not do is found before anything is made for it. Nodes on one engine share the network, and
            // older engines make two of one name when two ask at once.
            let mut others = self.plan.steps.iter().filter(|step| step.action == Action::PrepareVolumes);
            let other = others.next_back().filter(|_| self.topology.cluster.demo).map(|step| step.id);
            let before: Vec<_> = steps.iter().chain(&self.pulled).copied().chain(other).collect();
            steps.push(self.plan.add(&node.name, Action::PrepareVolumes, before));
        }
        steps
    }

    /// Images that a node lacks.
    fn pulls(&mut self, node: &Node, facts: &NodeFacts, without_keycloak: bool) -> Vec<StepId> {
        let mut steps = Vec::new();
        if facts.postgres_image.is_none() {
            let reference = self.topology.images.postgres.clone();
            // On a shared engine one pull serves all.
            let pull = Action::PullImage { reference };
            steps.push(self.once(node, pull));
        }
        if !without_keycloak && facts.keycloak_base.is_none() && self.keycloak_change(node, facts).is_some() {
            let reference = self.topology.images.keycloak.clone();
            steps.push(self.once(node, Action::PullImage { reference }));
        }
        steps
    }

    /// A step that is done once a node, and of the demo's nodes by one for all, since they share the engine.
    fn once(&mut self, node: &Node, action: Action) -> StepId {
        let here = |step: &&PlannedStep| self.topology.cluster.demo || step.node == node.name;
        match self.plan.steps.iter().filter(here).find(|step| step.action == action) {
            Some(step) => step.id,
            None => self.plan.add(&node.name, action, []),
        }
    }
}

#[cfg(test)]
mod tests;
