//! How the standbys follow.

mod durability;
mod limits;
mod slots;
mod standby;

use super::seen::Seen;
use crate::health::{Code, Finding};
use crate::observe::PostgresObservation;
use crate::plan::drop_tablespaces;
use crate::topology::Topology;
use crate::values::NodeName;

pub(super) use slots::unused_of_standby as unused_slots_of_standby;
pub(super) use standby::of_standby;

/// What the primary says of its standbys.
pub(super) fn of_primary(topology: &Topology, primary: &Seen<'_>, seen: &[Seen<'_>], findings: &mut Vec<Finding>) {
    let Some(postgres) = primary.postgres() else { return };
    let name = &primary.node.name;
    let known = |application: &str| topology.peers_of(name).any(|peer| peer.name.as_str() == application);
    for sender in postgres.senders.iter().filter(|sender| !known(&sender.name)) {
        findings.push(Finding::new(
            Code::UnknownStandby,
            Some(name),
            format!("\"{}\" streams from it and is no node of this topology", sender.name),
            "add it to ha.toml, or find out who reads your data",
        ));
    }
    slots::unused_of_primary(topology, name, postgres, findings);
    tablespaces(topology, name, postgres, findings);
    durability::of_primary(topology, primary, postgres, findings);
    for node in seen {
        durability::in_force(topology, node, findings);
    }
    for standby in seen.iter().filter(|standby| standby.node.name != *name) {
        slots::of_standby(standby, name, postgres, findings);
    }
}

/// Directories inside the primary's container, of which nobody else has anything.
fn tablespaces(topology: &Topology, primary: &NodeName, postgres: &PostgresObservation, findings: &mut Vec<Finding>) {
    let names = &postgres.tablespaces;
    if !names.is_empty() {
        findings.push(Finding::new(
            Code::Tablespace,
            Some(primary),
            format!(
                "it has tablespaces beside the data directory ({}): no copy takes them along, they go with the container, and a standby \
                 that lacks their directories ends at them",
                names.join(", ")
            ),
            format!(
                "{}; a standby that has ended at it is then copied anew (`rebuild`)",
                drop_tablespaces(topology, primary, names)
            ),
        ));
    }
}
