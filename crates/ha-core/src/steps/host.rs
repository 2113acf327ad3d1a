//! Images, networks, volumes.

use std::sync::Arc;

use super::StepError;
use super::at::At;
use crate::layout::{self, Component, ENGINE_LABEL};
use crate::ports::RuntimeError;
use crate::reading;

pub(super) async fn pull(at: &At<'_>, reference: &str) -> Result<(), StepError> {
    let image = match at.runtime.pull_image(reference, Arc::clone(&at.progress)).await {
        Ok(image) => image,
        Err(error) => return Err(not_pulled(at, reference, error).await),
    };
    let images = &at.cluster.topology().images;
    let fault = |fault: layout::ImageFault| format!("it {}; {}", fault.found, fault.help);
    let (component, mut why) = if *reference == images.postgres {
        let why = layout::too_old(&image).or_else(|| layout::postgres_image_fault(&image).map(fault));
        (Component::Postgres, why)
    } else {
        (Component::Keycloak, layout::keycloak_image_fault(&image).map(fault))
    };
    if why.is_none() {
        let lacks = reading::lacks(at.cluster, at.node, at.runtime, component, &image).await.unwrap_or_default();
        why = layout::programs_fault(component, &lacks).map(fault);
    }
    why.map_or(Ok(()), |why| Err(StepError::Image(why)))
}

/// Where only its name is gone, the image of the container that is there has what it takes.
async fn not_pulled(at: &At<'_>, reference: &str, error: RuntimeError) -> StepError {
    let RuntimeError::PullFailed { message, .. } = &error else { return error.into() };
    let topology = at.cluster.topology();
    if *reference != topology.images.postgres {
        return error.into();
    }
    let name = layout::container_name(topology, &at.node.name, Component::Postgres);
    let Ok(Some(container)) = at.runtime.find_container(&name).await else { return error.into() };
    let Ok(Some(image)) = at.runtime.find_image(&container.image_id).await else { return error.into() };
    let message = format!(
        "{message}; the image that {name} was made from is there, and has lost this name: where it is the one that is meant, \
         `docker tag {} {reference}` on that host gives it back",
        image.id
    );
    RuntimeError::PullFailed { reference: reference.to_owned(), message }.into()
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
