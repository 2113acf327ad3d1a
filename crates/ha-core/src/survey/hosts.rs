//! Room on the hosts whose PostgreSQL told nothing of it: no engine tells of it either, so a program is run in the container.

use futures_util::future::join_all;

use crate::context::Context;
use crate::layout::PGDATA;
use crate::observe::{HostObservation, NodeObservation};
use crate::ports::{Container, ContainerStatus, ExecSpec};

/// Asks where a server runs and did not tell: it does not answer, or has no `file_fdw`. That takes as long as another look.
pub(crate) async fn ask_hosts(cluster: &Context, nodes: &mut [NodeObservation]) {
    join_all(nodes.iter_mut().filter(|node| node.host.is_empty()).map(async |node| {
        if let Ok(Some(container)) = &node.postgres_container {
            node.host = ask(cluster, node, container).await.unwrap_or_default();
        }
    }))
    .await;
}

/// `None` where it could not be asked: why, the findings about its engine and its server say already.
async fn ask(cluster: &Context, node: &NodeObservation, container: &Container) -> Option<HostObservation> {
    if container.status != ContainerStatus::Running {
        return None;
    }
    let runtime = cluster.ports.runtimes.get(&node.node)?.as_ref().ok()?;
    let argv = ["/bin/sh", "-c", HostObservation::PROGRAM, "sh", PGDATA].map(str::to_owned).to_vec();
    let exec = ExecSpec { argv, ..ExecSpec::default() };
    let output = runtime.exec(&container.name, &exec, cluster.limits.observe).await.ok()?;
    Some(HostObservation::parse(&String::from_utf8_lossy(&output.stdout)))
}
