//! Removing what belongs to a pair, by its labels, without the pair.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use ha_core::layout::{LABEL_CLUSTER, LABEL_NODE, VOLUMES};
use ha_core::ports::{ContainerRuntime, RuntimeError};
use ha_docker::DockerRuntime;

/// The first part of the name of every cluster made here; the process's id follows.
const PREFIX: &str = "hatest-";

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A cluster's name that no other test has, and by which a later process knows whether its maker still lives.
#[must_use]
pub fn fresh_name() -> String {
    format!("{PREFIX}{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Removes a cluster from the engine of this machine when it is dropped, whatever became of who made it.
pub struct Removal {
    cluster: String,
    nodes: Vec<String>,
}

impl Removal {
    /// Of the cluster of that name, with the volumes of those nodes.
    #[must_use]
    pub fn of(cluster: impl Into<String>, nodes: Vec<String>) -> Self {
        Self { cluster: cluster.into(), nodes }
    }
}

impl Drop for Removal {
    fn drop(&mut self) {
        let cluster = std::mem::take(&mut self.cluster);
        let nodes = std::mem::take(&mut self.nodes);
        // A thread with a runtime of its own: this may run inside another one, or after it has ended.
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(remove(&DockerRuntime::local(), &cluster, &nodes)).ok()
        });
        // What could not be removed is found by the next pair's sweep.
        drop(thread.join());
    }
}

/// Removes the containers, volumes and the network of one cluster.
async fn remove(runtime: &dyn ContainerRuntime, cluster: &str, nodes: &[String]) -> Result<(), RuntimeError> {
    let labels = BTreeMap::from([(LABEL_CLUSTER.to_owned(), cluster.to_owned())]);
    for container in runtime.list_containers(&labels).await? {
        runtime.remove_container(&container.name).await?;
    }
    for node in nodes {
        for kind in VOLUMES {
            runtime.remove_volume(&format!("{cluster}-{node}-{kind}")).await?;
        }
    }
    runtime.remove_network(&format!("{cluster}-net")).await?;
    Ok(())
}

/// Removes the clusters of test processes that do not live any more.
pub(crate) async fn sweep(runtime: &dyn ContainerRuntime) -> Result<(), RuntimeError> {
    let mut dead: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for container in runtime.list_containers(&BTreeMap::new()).await? {
        let Some(cluster) = container.labels.get(LABEL_CLUSTER).filter(|name| is_of_the_dead(name)) else { continue };
        let nodes = dead.entry(cluster.clone()).or_default();
        if let Some(node) = container.labels.get(LABEL_NODE)
            && !nodes.contains(node)
        {
            nodes.push(node.clone());
        }
    }
    for (cluster, nodes) in dead {
        remove(runtime, &cluster, &nodes).await?;
    }
    Ok(())
}

/// `hatest-<pid>-<n>` of a process that is gone. Where there is no `/proc`, nobody is taken for dead.
fn is_of_the_dead(cluster: &str) -> bool {
    let pid = cluster.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
    let Some(pid) = pid.and_then(|pid| pid.parse::<u32>().ok()) else { return false };
    Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{pid}")).exists()
}
