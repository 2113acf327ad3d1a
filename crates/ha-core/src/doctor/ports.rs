//! Ports and the address: free or ours, and open on the node's address only.

use std::net::SocketAddr;

use super::check::Verdict;
use super::facts::PortFact;
use crate::topology::Node;

pub(super) fn port(fact: &PortFact, node: &Node, port: u16) -> Verdict {
    let meant = SocketAddr::new(node.address, port);
    match fact {
        PortFact::Free => Verdict::ok(format!("{meant} is free")),
        PortFact::Ours { at } => ours(at, meant),
        PortFact::Taken { container } => {
            let by = container
                .as_ref()
                .map_or_else(|| "a program outside Docker".to_owned(), |name| format!("the container {name}"));
            Verdict::error(
                format!("{meant} is in use by {by}"),
                format!(
                    "stop it, or give {} another port in the cluster's file (`ss -ltnp` on the host shows who listens)",
                    node.name
                ),
            )
        }
        PortFact::NoAddress => Verdict::unknown(format!("the host has no address {}", node.address)),
        PortFact::Unknown(why) => Verdict::unknown(why.0.clone()),
    }
}

fn ours(at: &[SocketAddr], meant: SocketAddr) -> Verdict {
    let wider: Vec<_> = at.iter().filter(|at| at.ip().is_unspecified()).map(ToString::to_string).collect();
    if !wider.is_empty() {
        return Verdict::error(
            format!("published on {}, that is on every address of the host", wider.join(", ")),
            "Docker's published ports go past a host's simple firewall: `ha-cli up` publishes it on the node's address only",
        );
    }
    let elsewhere: Vec<_> = at.iter().filter(|at| **at != meant).map(ToString::to_string).collect();
    if !elsewhere.is_empty() || at.is_empty() {
        let at = if elsewhere.is_empty() { "nowhere".to_owned() } else { format!("on {}", elsewhere.join(", ")) };
        return Verdict::warning(
            format!("published {at}, the cluster's file says {meant}"),
            "`ha-cli up` publishes it as the file says",
        );
    }
    Verdict::ok(format!("{meant}, ours, on this address only"))
}

pub(super) fn address(postgres: &PortFact, keycloak: &PortFact, node: &Node) -> Verdict {
    let address = node.address;
    let publishes = |fact: &PortFact| matches!(fact, PortFact::Ours { at } if at.iter().any(|at| at.ip() == address));
    match (postgres, keycloak) {
        (PortFact::NoAddress, _) | (_, PortFact::NoAddress) => Verdict::error(
            format!("the host has no address {address}"),
            "give the host that address, or correct the node's `address` in the cluster's file (`ip -brief address` shows them); \
             is it the engine of another host?",
        ),
        (PortFact::Free, _) | (_, PortFact::Free) => Verdict::ok(format!("{address} is the host's")),
        (a, b) if publishes(a) || publishes(b) => Verdict::ok(format!("{address} is the host's")),
        (PortFact::Unknown(why), _) | (_, PortFact::Unknown(why)) => Verdict::unknown(why.0.clone()),
        // What holds the ports may hold them on an address that only looks like ours.
        (PortFact::Ours { .. } | PortFact::Taken { .. }, PortFact::Ours { .. } | PortFact::Taken { .. }) => {
            Verdict::unknown("neither port could be published, so the address was not tried")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::CheckResult;
    use super::super::facts::NotKnown;
    use super::*;
    use crate::observe::fixtures;

    fn at(text: &str) -> PortFact {
        PortFact::Ours { at: text.split_whitespace().map(|at| at.parse().unwrap()).collect() }
    }

    #[test]
    fn a_port_is_free_or_ours_and_no_wider_than_meant() {
        let topology = fixtures::pair();
        let node = &topology.nodes()[0];
        let table = [
            (PortFact::Free, CheckResult::Ok),
            (at("192.0.2.11:5432"), CheckResult::Ok),
            (at("0.0.0.0:5432"), CheckResult::Error),
            (at("192.0.2.11:5432 [::]:5432"), CheckResult::Error),
            (at("192.0.2.11:5439"), CheckResult::Warning),
            (at("192.0.2.11:5432 192.0.2.99:5432"), CheckResult::Warning),
            (at(""), CheckResult::Warning),
            (PortFact::Taken { container: None }, CheckResult::Error),
            (PortFact::Taken { container: Some("web".into()) }, CheckResult::Error),
            (PortFact::NoAddress, CheckResult::Unknown),
            (PortFact::Unknown(NotKnown("why".into())), CheckResult::Unknown),
        ];
        for (fact, expected) in table {
            assert_eq!(port(&fact, node, 5432).result, expected, "{fact:?}");
        }
        let taken = port(&PortFact::Taken { container: Some("web".into()) }, node, 5432);
        assert!(taken.found.contains("the container web"), "{}", taken.found);
    }

    #[test]
    fn an_address_is_proven_by_publishing_on_it() {
        let topology = fixtures::pair();
        let node = &topology.nodes()[0];
        let taken = || PortFact::Taken { container: None };
        let unknown = || PortFact::Unknown(NotKnown("why".into()));
        let table = [
            (PortFact::Free, PortFact::Free, CheckResult::Ok),
            (taken(), PortFact::Free, CheckResult::Ok),
            (at("192.0.2.11:5432"), taken(), CheckResult::Ok),
            (at("192.0.2.99:5432"), taken(), CheckResult::Unknown),
            (PortFact::NoAddress, unknown(), CheckResult::Error),
            (at("192.0.2.11:5432"), PortFact::NoAddress, CheckResult::Error),
            (taken(), taken(), CheckResult::Unknown),
            (unknown(), unknown(), CheckResult::Unknown),
        ];
        for (postgres, keycloak, expected) in table {
            assert_eq!(address(&postgres, &keycloak, node).result, expected, "{postgres:?} {keycloak:?}");
        }
    }
}
