//! Containers that somebody renamed (`docker rename`): nothing finds them by their names any more, neither ha-cli nor, on the
//! cluster's network, a Keycloak its database.

use super::{Refusal, RefusalKind, RoleFacts};
use crate::layout::{self, Component};
use crate::observe::NodeObservation;
use crate::topology::Topology;
use crate::values::NodeName;

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

/// Why no change of roles is begun: it has to do with every node.
pub(crate) fn renamed_anywhere(topology: &Topology, facts: &RoleFacts) -> Vec<Refusal> {
    facts.values().flat_map(|fact| renamed_containers(topology, &fact.observation)).collect()
}

/// The same of servers alone: where the primary is gone, a Keycloak's name keeps nobody from taking its place.
pub(crate) fn renamed_servers(topology: &Topology, facts: &RoleFacts) -> Vec<Refusal> {
    let servers = facts.values().flat_map(|fact| {
        let renamed = renamed_on(topology, &fact.observation).into_iter();
        renamed.filter(|it| it.component == Component::Postgres).map(|it| refusal(&fact.observation.node, &it))
    });
    servers.collect()
}

/// Why nothing is done on a node with such containers.
pub(crate) fn renamed_containers(topology: &Topology, node: &NodeObservation) -> Vec<Refusal> {
    renamed_on(topology, node).iter().map(|renamed| refusal(&node.node, renamed)).collect()
}

fn refusal(node: &NodeName, renamed: &Renamed) -> Refusal {
    let what = match renamed.component {
        Component::Postgres => "PostgreSQL",
        Component::Keycloak => "Keycloak",
    };
    let message = format!("the container of its {what} was renamed to {}", renamed.found);
    Refusal::new(RefusalKind::Mismatch, Some(node), message, renamed.help())
}
