//! Which cluster the things belong to that stand under this one's names.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::Value;

use crate::context::Context;
use crate::layout::{self, Component, LABEL_CLUSTER, LABEL_ID, LABEL_SYSTEM, TOPOLOGY_PATH};
use crate::plan::Standing;
use crate::ports::{ContainerRuntime, RuntimeError};
use crate::topology::Node;
use crate::values::NodeName;

/// Looks at the engines of `nodes`. One that cannot be asked is left out: whatever is done there fails of itself.
pub(crate) async fn standing(cluster: &Context, nodes: &[NodeName]) -> BTreeMap<NodeName, Standing> {
    let asked = nodes.iter().filter_map(|name| cluster.topology().node(name)).map(async |node| {
        let runtime = cluster.ports.runtimes.get(&node.name)?.as_ref().ok()?;
        Some((node.name.clone(), standing_on(cluster, node, runtime.as_ref()).await.ok()??))
    });
    join_all(asked).await.into_iter().flatten().collect()
}

async fn standing_on(
    cluster: &Context,
    node: &Node,
    runtime: &dyn ContainerRuntime,
) -> Result<Option<Standing>, RuntimeError> {
    let topology = cluster.topology();
    let name = layout::container_name(topology, &node.name, Component::Postgres);
    let Some(container) = runtime.find_container(&name).await? else {
        let volume = runtime.find_volume(&layout::volume_name(topology, &node.name, "data")).await?;
        // One that somebody made beforehand, for a place of its own, belongs to nobody yet.
        let ours = volume.filter(|volume| volume.labels.contains_key(LABEL_CLUSTER));
        return Ok(ours.map(|volume| Standing { id: id(volume.labels.get(LABEL_ID)), system: None }));
    };
    let system = container.labels.get(LABEL_SYSTEM).and_then(|text| text.parse().ok());
    let mut id = id(container.labels.get(LABEL_ID));
    if id.is_none() {
        let kept = runtime.read_file(&name, TOPOLOGY_PATH).await?.unwrap_or_default();
        let kept: Value = serde_json::from_slice(&kept).unwrap_or_default();
        id = kept["cluster"]["id"].as_str().and_then(|text| text.parse().ok());
    }
    Ok(Some(Standing { id, system }))
}

fn id(label: Option<&String>) -> Option<crate::values::ClusterId> {
    label.and_then(|text| text.parse().ok())
}
