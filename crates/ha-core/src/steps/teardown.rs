//! Stopping and removing.

use futures_util::future::{Either, select};
use futures_util::pin_mut;

use super::StepError;
use super::at::At;
use crate::layout::{self, Component};

pub(super) async fn stop(at: &At<'_>, component: Component) -> Result<(), StepError> {
    let limit = at.cluster.limits.stop;
    let name = layout::container_name(at.cluster.topology(), &at.node.name, component);
    let stop = at.runtime.stop_container(&name, limit);
    if component != Component::Postgres {
        return Ok(stop.await.map(drop)?);
    }
    pin_mut!(stop);
    // Where somebody watches, the server's own end counts. The engine has been told by then, and goes on clearing up.
    let seen = at.cluster.ports.control.await_shutdown(&at.node.name, limit);
    match select(seen, stop).await {
        Either::Left((Ok(control), _)) => at.ended.add(&at.node.name, control),
        Either::Left((Err(_), stop)) => drop(stop.await?),
        Either::Right((stopped, _)) => drop(stopped?),
    }
    Ok(())
}

pub(super) async fn remove_containers(at: &At<'_>) -> Result<(), StepError> {
    let labels = layout::selector(at.cluster.topology(), Some(&at.node.name));
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
