//! Stopping and removing.

use super::StepError;
use super::run::At;
use crate::layout::{self, Component};

pub(super) async fn stop(at: &At<'_>, component: Component) -> Result<(), StepError> {
    let name = layout::container_name(at.cluster.topology(), &at.node.name, component);
    at.runtime.stop_container(&name, at.cluster.limits.stop).await?;
    Ok(())
}

pub(super) async fn remove_containers(at: &At<'_>) -> Result<(), StepError> {
    let labels = layout::labels(at.cluster.topology(), Some(&at.node.name));
    for container in at.runtime.list_containers(&labels).await? {
        at.runtime.remove_container(&container.name).await?;
    }
    Ok(())
}

pub(super) async fn remove_volumes(at: &At<'_>) -> Result<(), StepError> {
    for kind in layout::VOLUMES {
        at.runtime.remove_volume(&layout::volume_name(at.cluster.topology(), &at.node.name, kind)).await?;
    }
    Ok(())
}

pub(super) async fn remove_network(at: &At<'_>) -> Result<(), StepError> {
    at.runtime.remove_network(&layout::network_name(at.cluster.topology())).await?;
    Ok(())
}
