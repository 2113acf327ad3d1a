//! Images, networks, volumes.

use std::sync::Arc;

use super::StepError;
use super::run::At;
use crate::layout::{self, ENGINE_LABEL};

pub(super) async fn pull(at: &At<'_>, reference: &str) -> Result<(), StepError> {
    let image = at.runtime.pull_image(reference, Arc::clone(&at.progress)).await?;
    let images = &at.cluster.topology().images;
    let fault = |fault: layout::ImageFault| format!("it {}; {}", fault.found, fault.help);
    let mut why = None;
    if *reference == images.postgres {
        why = layout::too_old(&image).or_else(|| layout::postgres_image_fault(&image).map(fault));
    } else if *reference == images.keycloak {
        why = layout::keycloak_image_fault(&image).map(fault);
    }
    why.map_or(Ok(()), |why| Err(StepError::Image(why)))
}

pub(super) async fn build_keycloak_image(at: &At<'_>) -> Result<(), StepError> {
    let topology = at.cluster.topology();
    let reference = &topology.images.keycloak;
    let base = at.runtime.find_image(reference).await?;
    let base = base.ok_or_else(|| StepError::Changed(format!("the image {reference} is gone")))?;
    at.runtime.build_image(&layout::keycloak_image(topology, &base, at.cluster.extension)).await?;
    Ok(())
}

pub(super) async fn prepare(at: &At<'_>) -> Result<(), StepError> {
    let topology = at.cluster.topology();
    let engine = at.runtime.engine().await?;
    at.runtime.ensure_network(&layout::network_name(topology), &layout::labels(topology, None)).await?;
    let mut labels = layout::labels(topology, Some(&at.node.name));
    labels.insert(ENGINE_LABEL.to_owned(), engine.id);
    // The data volume last: once it is there it is looked at, by a container that wants them all.
    for kind in ["state", "history", "data"] {
        at.runtime.ensure_volume(&layout::volume_name(topology, &at.node.name, kind), &labels).await?;
    }
    Ok(())
}
