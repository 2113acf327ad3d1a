//! How servers that do not run have ended.

use futures_util::future::{join_all, join3};

use super::observe::{observe, runtime_failure};
use crate::cluster::Cluster;
use crate::layout::{self, PGDATA, PROMOTION_PATH};
use crate::observe::{CONTROL_FILE, ControlFile, Unobserved, UnobservedWhy};
use crate::plan::{StoppedServer, SwitchoverFacts, SwitchoverNode};
use crate::ports::{Container, ContainerRuntime, ContainerStatus};
use crate::topology::Node;

pub(crate) async fn switchover_facts(cluster: &Cluster) -> SwitchoverFacts {
    let nodes = cluster.topology.nodes();
    let facts = join_all(nodes.iter().map(|node| facts_of(cluster, node))).await;
    nodes.iter().map(|node| node.name.clone()).zip(facts).collect()
}

async fn facts_of(cluster: &Cluster, node: &Node) -> SwitchoverNode {
    let observation = observe(cluster, node).await;
    let stopped = match (&observation.postgres_container, cluster.ports.runtimes.get(&node.name)) {
        (Ok(Some(container)), Some(Ok(runtime))) if has_exited(container) => {
            Some(stopped_server(runtime.as_ref(), container).await)
        }
        _ => None,
    };
    SwitchoverNode { observation, stopped }
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
