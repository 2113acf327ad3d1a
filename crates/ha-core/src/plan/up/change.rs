//! Whether a container is what it should be.

use std::collections::BTreeMap;

use crate::layout::LABEL_SPEC;
use crate::plan::Change;
use crate::ports::{Container, ContainerStatus, Image};

/// How a container that is there becomes what it should be; `None` when it is and runs.
pub(super) fn change(
    container: &Container,
    image: Option<&Image>,
    wanted: impl Fn(&Image) -> Option<BTreeMap<String, String>>,
) -> Option<Change> {
    let replace = |reason: &str| Some(Change::Replace { reason: reason.to_owned() });
    let Some(image) = image else { return replace("its image is to be made anew") };
    if container.image_id != image.id {
        return replace("it runs another image");
    }
    let label = wanted(image).and_then(|labels| labels.get(LABEL_SPEC).cloned());
    if label.is_none() || label.as_ref() != container.labels.get(LABEL_SPEC) {
        return replace("its configuration changed");
    }
    if container.off_network {
        return replace("it was taken off the cluster's network");
    }
    match container.status {
        ContainerStatus::Running => None,
        ContainerStatus::Created
        | ContainerStatus::Paused
        | ContainerStatus::Restarting
        | ContainerStatus::Exited { .. } => Some(Change::Start),
        ContainerStatus::Dead => replace("it is half removed"),
    }
}
