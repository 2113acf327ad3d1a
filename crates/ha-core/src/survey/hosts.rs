//! Room on the hosts: a program inside each PostgreSQL's container, since no engine tells of it.

use futures_util::future::join_all;

use crate::cluster::Cluster;
use crate::layout::{Component, PGDATA, container_name};
use crate::observe::HostObservation;
use crate::ports::ExecSpec;
use crate::topology::Node;
use crate::values::NodeName;

pub(crate) async fn hosts(cluster: &Cluster) -> Vec<(NodeName, HostObservation)> {
    let nodes = cluster.topology.nodes();
    let seen = join_all(nodes.iter().map(|node| host(cluster, node))).await;
    nodes.iter().map(|node| node.name.clone()).zip(seen.into_iter().map(Option::unwrap_or_default)).collect()
}

/// `None` where it could not be asked: why, the findings about its engine and its server say already.
async fn host(cluster: &Cluster, node: &Node) -> Option<HostObservation> {
    let runtime = cluster.ports.runtimes.get(&node.name)?.as_ref().ok()?;
    let container = container_name(&cluster.topology, &node.name, Component::Postgres);
    let exec = ExecSpec { argv: HostObservation::program(PGDATA), ..ExecSpec::default() };
    let output = runtime.exec(&container, &exec, cluster.limits.observe).await.ok()?;
    Some(HostObservation::parse(&String::from_utf8_lossy(&output.stdout)))
}
