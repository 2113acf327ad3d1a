//! Taking nodes down in an order that loses nothing.

use super::{Action, Plan, Refusal, StepId, renamed_containers};
use crate::layout::Component;
use crate::observe::{NodeObservation, PostgresRole};
use crate::topology::Topology;
use crate::values::NodeName;

/// Plans `down` for the `selected` nodes: every Keycloak first, then the primary, whose shutdown waits until its
/// standbys have everything, then the standbys. With `volumes`, containers, volumes and network go, too.
///
/// # Errors
/// Somebody renamed a container of theirs.
pub fn decide_down(
    topology: &Topology,
    selected: &[NodeName],
    observations: &[NodeObservation],
    volumes: bool,
) -> Result<Plan, Vec<Refusal>> {
    let chosen = observations.iter().filter(|observation| selected.contains(&observation.node));
    let renamed: Vec<_> = chosen.flat_map(|observation| renamed_containers(topology, observation)).collect();
    if !renamed.is_empty() {
        return Err(renamed);
    }
    let mut plan = Plan::default();
    let of = |name: &NodeName| observations.iter().find(|observation| observation.node == *name);
    let mut nodes: Vec<_> = topology.nodes().iter().map(|node| &node.name).filter(|it| selected.contains(it)).collect();
    nodes.retain(|name| {
        let unreachable = of(name).and_then(|observation| observation.engine.as_ref().err());
        if let Some(unobserved) = unreachable {
            plan.notes.push(format!("{name} is left out: {}", unobserved.message));
        }
        unreachable.is_none()
    });
    let is_primary = |name: &NodeName| {
        of(name).and_then(|it| it.postgres.as_ref().ok()).is_some_and(|it| it.role == PostgresRole::Primary)
    };
    nodes.sort_by_key(|name| !is_primary(name));
    let running = |name: &NodeName, component: Component| {
        let container = of(name).and_then(|observation| match component {
            Component::Postgres => observation.postgres_container.as_ref().ok()?.as_ref(),
            Component::Keycloak => observation.keycloak_container.as_ref().ok()?.as_ref(),
        });
        container.is_some_and(|container| {
            use crate::ports::ContainerStatus as Status;
            match container.status {
                Status::Running | Status::Paused | Status::Restarting => true,
                Status::Created | Status::Exited { .. } | Status::Dead => false,
            }
        })
    };
    let mut keycloaks: Vec<StepId> = Vec::new();
    for name in &nodes {
        if running(name, Component::Keycloak) {
            keycloaks.push(plan.add(name, Action::Stop { component: Component::Keycloak }, []));
        }
    }
    let mut primary_stopped = None;
    let mut last: Vec<(&NodeName, Vec<StepId>)> = Vec::new();
    for name in &nodes {
        let mut after = keycloaks.clone();
        after.extend(primary_stopped);
        if running(name, Component::Postgres) {
            let stop = plan.add(name, Action::Stop { component: Component::Postgres }, after.clone());
            if is_primary(name) {
                primary_stopped = Some(stop);
            }
            after = vec![stop];
        }
        last.push((name, after));
    }
    if volumes {
        let mut removed = Vec::new();
        for (name, after) in last {
            let containers = plan.add(name, Action::RemoveContainers, after);
            removed.push((name, plan.add(name, Action::RemoveVolumes, [containers])));
        }
        // In the demo the network is everybody's.
        let all: Vec<_> = removed.iter().map(|(_, step)| *step).collect();
        for (index, (name, step)) in removed.into_iter().enumerate() {
            if !topology.cluster.demo {
                plan.add(name, Action::RemoveNetwork, [step]);
            } else if index == 0 && all.len() == topology.nodes().len() {
                plan.add(name, Action::RemoveNetwork, all.clone());
            }
        }
    }
    Ok(plan)
}

#[cfg(test)]
mod tests;
