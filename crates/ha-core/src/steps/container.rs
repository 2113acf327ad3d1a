//! Making and starting a container that lasts.

use super::StepError;
use super::run::At;
use crate::layout;
use crate::ports::{ContainerSpec, HostFile, RuntimeError};

/// Makes it, and the network that it wants, which somebody may have removed.
pub(super) async fn create(at: &At<'_>, spec: &ContainerSpec) -> Result<(), StepError> {
    let topology = at.cluster.topology();
    at.runtime.ensure_network(&layout::network_name(topology), &layout::labels(topology, None)).await?;
    at.runtime.create_container(spec).await?;
    Ok(())
}

/// Puts its files into it, and starts it. `false` where its network was removed: it does not start any more, also where there is
/// another network of that name by now. Then it is gone, and is to be made anew; what lasts of it is in volumes.
pub(super) async fn start(at: &At<'_>, name: &str, files: &[HostFile]) -> Result<bool, StepError> {
    at.runtime.put_files(name, files).await?;
    match at.runtime.start_container(name).await {
        Ok(()) => Ok(true),
        Err(RuntimeError::NotFound { what }) if what.starts_with("network ") => {
            at.runtime.remove_container(name).await?;
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}
