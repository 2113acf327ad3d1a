//! The container of a node's component, also where somebody renamed it.

use crate::layout::{self, Component, LABEL_COMPONENT};
use crate::ports::{Container, ContainerRuntime, RuntimeError};
use crate::topology::Topology;
use crate::values::NodeName;

/// The one of its name, else the one that carries its labels.
pub(crate) async fn container_of(
    topology: &Topology,
    node: &NodeName,
    runtime: &dyn ContainerRuntime,
    component: Component,
) -> Result<Option<Container>, RuntimeError> {
    let name = layout::container_name(topology, node, component);
    if let Some(container) = runtime.find_container(&name).await? {
        return Ok(Some(container));
    }
    let mut labels = layout::selector(topology, Some(node));
    labels.insert(LABEL_COMPONENT.to_owned(), component.to_string());
    Ok(runtime.list_containers(&labels).await?.into_iter().next())
}
