//! Whether a container is what it should be.

use std::collections::BTreeMap;

use super::model::Up;
use crate::layout::{self, Component, LABEL_SPEC};
use crate::observe::ComponentObservation;
use crate::plan::{Action, Change, StepId};
use crate::ports::{Container, ContainerStatus, Image};
use crate::topology::Node;

impl Up<'_> {
    /// One that the engine would not start again by itself is to be started again, where the plan does not make it anew anyway.
    pub(super) fn keep_running(
        &mut self,
        node: &Node,
        component: Component,
        container: &ComponentObservation,
        after: Option<StepId>,
    ) {
        let anew = |action: &Action| match action {
            Action::StartPostgres { change: Change::Replace { .. }, .. } => component == Component::Postgres,
            Action::StartKeycloak { change: Change::Replace { .. } } => component == Component::Keycloak,
            _ => false,
        };
        let anew = self.plan.steps.iter().any(|step| step.node == node.name && anew(&step.action));
        if matches!(container, Ok(Some(container)) if !anew && layout::stays_down(container)) {
            self.plan.add(&node.name, Action::KeepRunning { component }, after);
        }
    }
}

/// How a container that is there becomes what it should be; `None` when it is and runs.
pub(super) fn change(
    component: Component,
    container: &Container,
    image: Option<&Image>,
    wanted: impl Fn(&Image) -> Option<BTreeMap<String, String>>,
) -> Option<Change> {
    let replace = |reason: &str| Some(Change::Replace { reason: reason.to_owned() });
    let Some(image) = image else { return replace("its image is to be made anew") };
    if container.image_id != image.id {
        return replace("it runs another image");
    }
    if let Some(why) = layout::altered(component, container) {
        return replace(&why);
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
