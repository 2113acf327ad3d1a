//! Containers that somebody renamed (`docker rename`): nothing finds them by their names any more, neither ha-cli nor, on the
//! cluster's network, a Keycloak its database.

use super::{Refusal, RefusalKind};
use crate::layout::{self, Component};
use crate::observe::NodeObservation;
use crate::topology::Topology;

/// A container under another name than its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Renamed {
    pub(crate) component: Component,
    pub(crate) found: String,
    pub(crate) wanted: String,
}

impl Renamed {
    /// What puts it right, on the node's host; nothing stops for it.
    pub(crate) fn help(&self) -> String {
        format!("on its host: `docker rename {} {}`; nothing is stopped for that", self.found, self.wanted)
    }
}

/// The renamed containers of a node.
pub(crate) fn renamed_on(topology: &Topology, node: &NodeObservation) -> Vec<Renamed> {
    let both = [(Component::Postgres, &node.postgres_container), (Component::Keycloak, &node.keycloak_container)];
    let found = both.into_iter().filter_map(|(component, container)| {
        let found = container.as_ref().ok()?.as_ref()?.name.clone();
        let wanted = layout::container_name(topology, &node.node, component);
        (found != wanted).then_some(Renamed { component, found, wanted })
    });
    found.collect()
}

/// Why nothing is done on a node with such containers.
pub(crate) fn renamed_containers(topology: &Topology, node: &NodeObservation) -> Vec<Refusal> {
    let refusal = |renamed: Renamed| {
        let what = match renamed.component {
            Component::Postgres => "PostgreSQL",
            Component::Keycloak => "Keycloak",
        };
        let message = format!("the container of its {what} was renamed to {}", renamed.found);
        Refusal::new(RefusalKind::Mismatch, Some(&node.node), message, renamed.help())
    };
    renamed_on(topology, node).into_iter().map(refusal).collect()
}
