//! Making and starting a container that lasts.

use super::StepError;
use super::at::At;
use crate::layout::{self, Component, DATA_PATH, PGDATA};
use crate::ports::{ContainerSpec, ContainerStatus, HostFile, RestartPolicy, RuntimeError};

/// Makes it, and the network that it wants, which somebody may have removed.
pub(super) async fn create(at: &At<'_>, spec: &ContainerSpec) -> Result<(), StepError> {
    let topology = at.cluster.topology();
    at.runtime.ensure_network(&layout::network_name(topology), &layout::labels(topology, None)).await?;
    at.runtime.create_container(spec).await?;
    Ok(())
}

/// Has the engine start it again by itself.
pub(super) async fn keep_running(at: &At<'_>, component: Component) -> Result<(), StepError> {
    let name = layout::container_name(at.cluster.topology(), &at.node.name, component);
    Ok(at.runtime.set_restart_policy(&name, RestartPolicy::UnlessStopped).await?)
}

/// Whether a container may go, since all that lasts of it is in volumes. A tablespace is not: its directory is in the container
/// that it was made in, and would go with it.
pub(super) async fn may_go(at: &At<'_>, name: &str) -> Result<(), StepError> {
    let links = match at.runtime.read_links(name, &format!("{PGDATA}/pg_tblspc")).await {
        Ok(links) => links,
        Err(RuntimeError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let inside = |place: &&String| !place.starts_with(&format!("{DATA_PATH}/"));
    let places: Vec<_> = links.values().filter(inside).cloned().collect();
    if places.is_empty() {
        return Ok(());
    }
    Err(StepError::Changed(format!(
        "its container cannot be replaced: it holds tablespaces, in {}, and nothing else does; nothing was touched: start it \
         (`docker start {name}`), move what is in them back (ALTER TABLE ALL IN TABLESPACE … SET TABLESPACE pg_default) and drop them \
         (DROP TABLESPACE)",
        places.join(" and ")
    )))
}

/// Whether it is there, and comes back to its network with a start. Where it would not, it is gone, and is to be made anew.
pub(super) async fn is_there(at: &At<'_>, name: &str) -> Result<bool, StepError> {
    let Some(found) = at.runtime.find_container(name).await? else { return Ok(false) };
    // Docker 29 takes a container off its network for good when a start fails, for a port or an address (moby #51758), and starts
    // it without any the next time.
    if found.off_network && found.status != ContainerStatus::Running {
        return anew(at, name).await;
    }
    Ok(true)
}

/// Puts its files into it, and starts it. `false` where its network was removed: it does not start any more, also where there is
/// another network of that name by now. Then it is gone, and is to be made anew; what lasts of it is in volumes.
pub(super) async fn start(at: &At<'_>, name: &str, files: &[HostFile]) -> Result<bool, StepError> {
    at.runtime.put_files(name, files).await?;
    match at.runtime.start_container(name).await {
        Ok(()) => Ok(true),
        Err(RuntimeError::NotFound { what }) if what.starts_with("network ") => anew(at, name).await,
        Err(error) => Err(error.into()),
    }
}

async fn anew(at: &At<'_>, name: &str) -> Result<bool, StepError> {
    may_go(at, name).await?;
    at.runtime.remove_container(name).await?;
    Ok(false)
}
