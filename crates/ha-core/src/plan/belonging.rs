//! Whether what stands on the engines under this cluster's names is this cluster's: two files may well have one name.

use std::collections::BTreeMap;

use super::{Refusal, RefusalKind};
use crate::advice::{Remedy, advice};
use crate::topology::Topology;
use crate::values::{ClusterId, NodeName, SystemIdentifier};

/// What a node's engine holds under the names of this cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The id that it was made with, or was given since.
    pub id: Option<ClusterId>,
    /// The database that its container was made for.
    pub system: Option<SystemIdentifier>,
}

impl Standing {
    /// Whether this is the id that the node has, or would be given.
    fn has(&self, id: &ClusterId) -> bool {
        self.id.as_ref().or(self.of_database().as_ref()) == Some(id)
    }

    fn of_database(&self) -> Option<ClusterId> {
        self.system.map(ClusterId::of_database)
    }
}

/// Says of which nodes what stands there is another cluster's. Pure. Nodes of which nothing is known, or on which nothing
/// stands, are not in `standing`.
#[must_use]
pub fn strangers(topology: &Topology, standing: &BTreeMap<NodeName, Standing>) -> Vec<Refusal> {
    let Some(own) = &topology.cluster.id else { return Vec::new() };
    // A host that came to its id by itself holds the same database as one with the file's.
    let systems: Vec<_> = standing.values().filter(|it| it.has(own)).filter_map(|it| it.system).collect();
    let is_own = |it: &Standing| {
        let drawn = it.id.is_some() && it.id != it.of_database();
        it.has(own) || (!drawn && it.system.is_some_and(|system| systems.contains(&system)))
    };
    standing
        .iter()
        .filter(|(_, it)| !is_own(it))
        .map(|(node, it)| {
            let name = &topology.cluster.name;
            let (message, help) = match &it.id {
                Some(other) => (
                    format!("what stands there belongs to another cluster called {name}: its id is {other}, the file's is {own}"),
                    "nothing was touched: use the file that it was made from, or give this cluster a name, and ports, of its own"
                        .into(),
                ),
                None => (
                    format!("what stands there was made from a file of a cluster {name} without an id, and this file has the id {own}"),
                    advice!(
                        "nothing was touched: if this is its file, take the line `id` out of it, and {} finds out the right one; if \
                         not, give this cluster a name, and ports, of its own",
                        Remedy::UP_ALL
                    ),
                ),
            };
            Refusal::new(RefusalKind::Unsafe, Some(node), message, help)
        })
        .collect()
}

/// The id of a cluster whose file has none: the one that its nodes have, else the one that its database gives; none as
/// long as there is no database. Pure.
#[must_use]
pub fn settle_id(standing: &BTreeMap<NodeName, Standing>) -> Option<ClusterId> {
    // One that `setup` drew is only on the nodes that it reached; the others can tell what their database gives.
    let drawn = standing.values().filter(|it| it.id != it.of_database()).find_map(|it| it.id.clone());
    drawn.or_else(|| standing.values().find_map(|it| it.id.clone().or_else(|| it.of_database())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{NodeSpec, TopologySpec};

    fn topology(id: Option<&str>) -> Topology {
        let mut spec = TopologySpec::new("sso", "https://sso.example.org")
            .node(NodeSpec::primary("vm1", "192.0.2.11"))
            .node(NodeSpec::standby("vm2", "192.0.2.12"));
        spec.cluster.id = id.map(str::to_owned);
        spec.validate().unwrap()
    }

    fn standing(nodes: [(Option<&str>, Option<u64>); 2]) -> BTreeMap<NodeName, Standing> {
        let standing = nodes.map(|(id, system)| Standing {
            id: id.map(|id| id.parse().unwrap()),
            system: system.map(SystemIdentifier),
        });
        ["vm1", "vm2"].map(|name| name.parse().unwrap()).into_iter().zip(standing).collect()
    }

    fn refused(id: Option<&str>, nodes: [(Option<&str>, Option<u64>); 2]) -> Vec<String> {
        strangers(&topology(id), &standing(nodes)).iter().map(ToString::to_string).collect()
    }

    const OWN: &str = "0123456789abcdef";
    const OTHER: &str = "fedcba9876543210";

    #[test]
    fn another_id_is_anothers() {
        assert!(refused(Some(OWN), [(Some(OWN), Some(1)), (Some(OWN), None)]).is_empty());
        let said = refused(Some(OWN), [(Some(OWN), Some(1)), (Some(OTHER), Some(2))]);
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with("vm2: ") && said[0].contains(OTHER) && said[0].contains(OWN), "{said:?}");
    }

    #[test]
    fn a_file_without_an_id_takes_what_is_there() {
        assert!(refused(None, [(Some(OWN), Some(1)), (None, Some(1))]).is_empty());
        assert_eq!(settle_id(&standing([(None, Some(1)), (Some(OWN), Some(1))])), Some(OWN.parse().unwrap()));
        let derived = ClusterId::of_database(SystemIdentifier(1));
        assert_eq!(settle_id(&standing([(None, Some(1)), (None, Some(1))])), Some(derived.clone()));
        let one_settled = [(Some(derived.as_str()), Some(1)), (Some(OWN), Some(1))];
        assert_eq!(settle_id(&standing(one_settled)), Some(OWN.parse().unwrap()), "the drawn one");
        assert_eq!(settle_id(&standing([(None, None), (None, None)])), None, "there is no database yet");
    }

    #[test]
    fn what_was_made_without_an_id_is_not_taken_over_by_a_file_with_a_drawn_one() {
        assert_eq!(refused(Some(OWN), [(None, Some(1)), (None, Some(1))]).len(), 2);
        let derived = ClusterId::of_database(SystemIdentifier(1));
        assert!(refused(Some(derived.as_str()), [(None, Some(1)), (None, Some(1))]).is_empty());
        // The other host of the same cluster was settled without asking this one.
        assert!(refused(Some(OWN), [(Some(OWN), Some(1)), (Some(derived.as_str()), Some(1))]).is_empty());
        assert!(refused(Some(OWN), [(Some(OWN), Some(1)), (None, Some(1))]).is_empty());
        assert_eq!(refused(Some(OWN), [(Some(OWN), Some(1)), (Some(derived.as_str()), Some(2))]).len(), 1);
        assert_eq!(refused(Some(OWN), [(Some(OWN), Some(1)), (None, Some(2))]).len(), 1);
    }
}
