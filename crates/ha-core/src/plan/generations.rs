//! Which generations are whose: each node has its own, as the proposers of Paxos have their ballots, so that two promotions that knew
//! nothing of each other are not in one.

use crate::topology::Topology;
use crate::values::NodeName;

/// The generations are dealt out among so many nodes, or a multiple where there are more. A number that is the same for a pair and for
/// three: a node keeps its generations when others join or leave the cluster whose names come after its own. Where the names of two
/// hosts' files differ in another way, two promotions may still come to one; their ids put them in an order then
/// ([`PromotionRecord::order`](crate::values::PromotionRecord::order)), and the guard starts neither beside the other.
const SHARES: usize = 16;
/// So many promotions of a node that cannot be asked may be unknown here.
const ROOM: u64 = 10;

/// The first of `node`'s generations after `latest`. By the names of the nodes, since the files of two hosts may list them in another
/// order. Where a node cannot be asked (`unseen`), there is room left for what it may have gone through, so that the new one is later.
pub(super) fn next(topology: &Topology, node: &NodeName, latest: u64, unseen: bool) -> u64 {
    let nodes = topology.nodes();
    let place = nodes.iter().filter(|other| other.name < *node).count() as u64;
    let count = nodes.len().next_multiple_of(SHARES) as u64;
    let latest = latest + if unseen { ROOM * count } else { 0 };
    // The first after the latest that leaves `place` when the first node's is 1.
    latest + 1 + (place + count - latest % count) % count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::subsequence;

    use super::*;
    use crate::topology::{NodeSpec, TopologySpec};

    fn topology(names: &[String]) -> Topology {
        let mut spec = TopologySpec::new("sso", "https://sso.example.org");
        for (at, name) in names.iter().enumerate() {
            let address = format!("192.0.2.{}", at + 10);
            let node = if at == 0 { NodeSpec::primary(name, &address) } else { NodeSpec::standby(name, &address) };
            spec = spec.node(node);
        }
        spec.validate().unwrap()
    }

    #[test]
    fn a_node_counts_on_from_the_latest_in_steps_of_its_own() {
        let three = topology(&["vm1", "vm2", "vm3"].map(str::to_owned));
        let generations = |node: &str, latest: &[u64]| -> Vec<u64> {
            latest.iter().map(|&latest| next(&three, &node.parse().unwrap(), latest, false)).collect()
        };
        assert_eq!(generations("vm1", &[0, 1, 2, 17]), [1, 17, 17, 33]);
        assert_eq!(generations("vm2", &[1, 2, 17, 18]), [2, 18, 18, 34]);
        assert_eq!(generations("vm3", &[1, 2, 3, 178]), [3, 3, 19, 179]);
        assert_eq!(next(&three, &"vm2".parse().unwrap(), 1, true), 162);
    }

    fn names() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::btree_set("[a-z][a-z0-9]{0,5}", 3..6).prop_map(|names| names.into_iter().collect())
    }

    proptest! {
        /// One file has two nodes and another three, or was left behind when the cluster shrank; each lists them in its own order.
        #[test]
        fn files_of_a_cluster_that_grew_or_shrank_give_no_generation_twice(
            names in names(),
            small in 2..5_usize,
            turned in any::<bool>(),
            one in 0..5_usize,
            other in 0..5_usize,
            latest in (0..300_u64, 0..300_u64),
            unseen in any::<(bool, bool)>(),
        ) {
            let small = small.min(names.len() - 1);
            let (one, other) = (one % small, other % names.len());
            prop_assume!(one != other);
            let mut larger = names.clone();
            if turned {
                larger.reverse();
            }
            let (smaller, larger) = (topology(&names[..small]), topology(&larger));
            let first = next(&smaller, &names[one].parse().unwrap(), latest.0, unseen.0);
            let second = next(&larger, &names[other].parse().unwrap(), latest.1, unseen.1);
            prop_assert_ne!(first, second);
            prop_assert!(first > latest.0 && second > latest.1);
        }

        /// Whatever part of them a file knows, in whatever order: its own nodes have generations that differ.
        #[test]
        fn of_one_file_no_two_nodes_have_one_generation(
            names in names().prop_flat_map(|names| { let most = names.len(); subsequence(names, 2..=most) }).prop_shuffle(),
            latest in proptest::collection::vec(0..300_u64, 5),
        ) {
            let topology = topology(&names);
            let mut given: Vec<u64> =
                names.iter().zip(&latest).map(|(name, &latest)| next(&topology, &name.parse().unwrap(), latest, false)).collect();
            given.sort_unstable();
            given.dedup();
            prop_assert_eq!(given.len(), names.len());
        }
    }
}
