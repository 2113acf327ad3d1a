//! How servers that do not run have ended.

use futures_util::future::{join_all, join3};

use super::observe::{observe, runtime_failure};
use crate::cluster::Cluster;
use crate::layout::{self, Component, PGDATA, PROMOTION_PATH};
use crate::observe::{CONTROL_FILE, ControlFile, Unobserved, UnobservedWhy};
use crate::plan::{RoleFact, RoleFacts, StoppedServer};
use crate::ports::{Container, ContainerRuntime, ContainerStatus, ExecSpec};
use crate::topology::Node;
use crate::values::NodeName;

pub(crate) async fn role_facts(cluster: &Cluster) -> RoleFacts {
    let nodes = cluster.topology.nodes();
    let facts = join_all(nodes.iter().map(|node| facts_of(cluster, node))).await;
    nodes.iter().map(|node| node.name.clone()).zip(facts).collect()
}

/// The same, and, of nodes that nothing is known of from here, whether a standby can speak to their servers.
pub(crate) async fn facts_for_failover(cluster: &Cluster) -> RoleFacts {
    let mut facts = role_facts(cluster).await;
    let dark: Vec<_> = facts
        .iter()
        .filter(|(_, fact)| fact.observation.postgres.is_err() && fact.observation.postgres_container.is_err())
        .map(|(name, _)| name.clone())
        .collect();
    let witnesses: Vec<_> =
        facts.iter().filter(|(_, fact)| fact.observation.postgres.is_ok()).map(|(name, _)| name.clone()).collect();
    let heard = join_all(dark.iter().map(|node| heard_by(cluster, node, &witnesses))).await;
    for (node, heard_by) in dark.iter().zip(heard) {
        if let Some(fact) = facts.get_mut(node) {
            fact.heard_by = heard_by;
        }
    }
    facts
}

/// The first of the witnesses that gets an answer from the server of `node`.
async fn heard_by(cluster: &Cluster, node: &NodeName, witnesses: &[NodeName]) -> Option<NodeName> {
    let topology = cluster.topology();
    let target = topology.node(node)?;
    let asked = witnesses.iter().map(|witness| async move {
        let Some(Ok(runtime)) = cluster.ports.runtimes.get(witness) else { return None };
        let container = layout::container_name(topology, witness, Component::Postgres);
        let conninfo = layout::replication_conninfo(topology, witness, target);
        let argv = ["psql", "-X", "-w", "-q", &conninfo, "-c", "IDENTIFY_SYSTEM"].map(str::to_owned).to_vec();
        let exec = ExecSpec { argv, ..ExecSpec::default() };
        let output = runtime.exec(&container, &exec, cluster.limits.observe * 2).await.ok()?;
        (output.exit_code == 0).then(|| witness.clone())
    });
    join_all(asked).await.into_iter().flatten().next()
}

async fn facts_of(cluster: &Cluster, node: &Node) -> RoleFact {
    let observation = observe(cluster, node).await;
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
        ContainerStatus::Exited { .. } => true,
        ContainerStatus::Created
        | ContainerStatus::Running
        | ContainerStatus::Paused
        | ContainerStatus::Restarting
        | ContainerStatus::Dead => false,
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

/// The control file in a container's data directory.
pub(crate) async fn control_file(runtime: &dyn ContainerRuntime, container: &str) -> Result<ControlFile, Unobserved> {
    let failed = |message: String| Unobserved { why: UnobservedWhy::Failed, message };
    let path = format!("{PGDATA}/{CONTROL_FILE}");
    let bytes = runtime.read_file(container, &path).await.map_err(|error| runtime_failure(&error))?;
    let bytes = bytes.ok_or_else(|| failed(format!("{path} is missing in {container}")))?;
    ControlFile::parse(&bytes).map_err(|error| failed(error.to_string()))
}
