//! How servers that do not run have ended.

use std::time::Duration;

use futures_util::future::{Either, join_all, join3, select};
use futures_util::pin_mut;

use super::last_words::last_words;
use super::observe::observe;
use crate::context::Context;
use crate::layout::{self, Component, PGDATA, PROMOTION_PATH};
use crate::observe::Unobserved;
use crate::plan::{RoleFact, RoleFacts, StoppedServer};
use crate::ports::{Container, ContainerRuntime, ContainerStatus, ExecSpec};
use crate::reading::{control_file, runtime_failure};
use crate::topology::Node;
use crate::values::NodeName;

/// A node that runs has answered by then; the others are not troubled by it.
const PROMPT: Duration = Duration::from_millis(500);

pub(crate) async fn role_facts(cluster: &Context) -> RoleFacts {
    let nodes = cluster.topology.nodes();
    let facts = join_all(nodes.iter().map(|node| facts_of(cluster, node))).await;
    nodes.iter().map(|node| node.name.clone()).zip(facts).collect()
}

/// The same, and, of nodes that nothing is known of from here, whether another one can speak to their servers.
pub(crate) async fn facts_for_failover(cluster: &Context) -> RoleFacts {
    let nodes = cluster.topology.nodes();
    let facts = join_all(nodes.iter().map(|node| facts_with_others_eyes(cluster, node))).await;
    nodes.iter().map(|node| node.name.clone()).zip(facts).collect()
}

/// A host that is gone is waited for once: while it does not answer here, the others ask it.
async fn facts_with_others_eyes(cluster: &Context, node: &Node) -> RoleFact {
    let look = facts_of(cluster, node);
    pin_mut!(look);
    let fact = match select(look, cluster.ports.clock.sleep(PROMPT)).await {
        Either::Left((fact, _)) => fact,
        Either::Right(((), look)) => {
            let heard = heard_by(cluster, node);
            pin_mut!(heard);
            match select(look, heard).await {
                Either::Left((fact, heard)) if is_dark(&fact) => return RoleFact { heard_by: heard.await, ..fact },
                Either::Left((fact, _)) => fact,
                Either::Right((heard_by, look)) => {
                    let fact = look.await;
                    return if is_dark(&fact) { RoleFact { heard_by, ..fact } } else { fact };
                }
            }
        }
    };
    if is_dark(&fact) { RoleFact { heard_by: heard_by(cluster, node).await, ..fact } } else { fact }
}

/// Nothing is known of it from here.
const fn is_dark(fact: &RoleFact) -> bool {
    fact.observation.postgres.is_err() && fact.observation.postgres_container.is_err()
}

/// The first of the other nodes that gets an answer from its server.
async fn heard_by(cluster: &Context, target: &Node) -> Option<NodeName> {
    let topology = cluster.topology();
    let asked = topology.peers_of(&target.name).map(|witness| async move {
        let Some(Ok(runtime)) = cluster.ports.runtimes.get(&witness.name) else { return None };
        let container = layout::container_name(topology, &witness.name, Component::Postgres);
        let conninfo = layout::replication_conninfo(topology, &witness.name, target);
        let argv = ["psql", "-X", "-w", "-q", &conninfo, "-c", "IDENTIFY_SYSTEM"].map(str::to_owned).to_vec();
        let exec = ExecSpec { argv, ..ExecSpec::default() };
        let output = runtime.exec(&container, &exec, cluster.limits.observe * 2).await.ok()?;
        (output.exit_code == 0).then(|| witness.name.clone())
    });
    join_all(asked).await.into_iter().flatten().next()
}

async fn facts_of(cluster: &Context, node: &Node) -> RoleFact {
    let mut observation = observe(cluster, node).await;
    if let Some(Ok(runtime)) = cluster.ports.runtimes.get(&node.name) {
        observation.last_words = last_words(runtime.as_ref(), &observation).await;
    }
    let stopped = match (&observation.postgres_container, cluster.ports.runtimes.get(&node.name)) {
        (Ok(Some(container)), Some(Ok(runtime))) if has_exited(container) => {
            Some(stopped_server(runtime.as_ref(), container).await)
        }
        _ => None,
    };
    RoleFact { observation, stopped, heard_by: None }
}

const fn has_exited(container: &Container) -> bool {
    match container.status {
        ContainerStatus::Exited { .. } | ContainerStatus::Created => true,
        ContainerStatus::Running | ContainerStatus::Paused | ContainerStatus::Restarting | ContainerStatus::Dead => {
            false
        }
    }
}

async fn stopped_server(runtime: &dyn ContainerRuntime, container: &Container) -> Result<StoppedServer, Unobserved> {
    let signal = format!("{PGDATA}/standby.signal");
    let (control, signal, promotion) = join3(
        control_file(runtime, &container.name),
        runtime.read_file(&container.name, &signal),
        runtime.read_file(&container.name, PROMOTION_PATH),
    )
    .await;
    let promotion = promotion.map_err(|error| runtime_failure(&error))?;
    Ok(StoppedServer {
        control: control?,
        standby: signal.map_err(|error| runtime_failure(&error))?.is_some(),
        promotion: promotion.and_then(|text| layout::read_promotion(&String::from_utf8_lossy(&text))),
    })
}
