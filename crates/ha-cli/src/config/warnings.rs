//! What is not wrong, but worth knowing before something runs.

use std::net::IpAddr;
use std::sync::Arc;

use ha_core::topology::{FieldPath, Topology};

use super::reader::Places;
use crate::diagnostic::{Diagnostic, Source};

pub(super) fn of(topology: &Topology, source: &Arc<Source>, places: &Places) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    let mut warn = |path: FieldPath, message: String, help: &str| {
        let at = places.nearest(&path);
        warnings.push(Diagnostic::new(source, at, path.to_string(), message, help).into_warning());
    };
    for (index, node) in topology.nodes().iter().enumerate() {
        if is_public(node.address) {
            warn(
                FieldPath::node(index, "address"),
                format!("is {}, a public address, and nothing between the nodes is encrypted yet", node.address),
                "use a private network or a VPN between the hosts, and a firewall in front of the ports",
            );
        }
    }
    for (index, node) in topology.nodes().iter().enumerate().filter(|_| !topology.cluster.demo) {
        if let Some(other) = topology.nodes()[..index].iter().find(|other| other.address == node.address) {
            warn(
                FieldPath::node(index, "address"),
                format!("is {}, as that of {}: two nodes on one host are lost together", node.address, other.name),
                "give each node a host of its own; demo = true is for a trial on one",
            );
        }
    }
    let url = &topology.cluster.public_url;
    if !topology.cluster.demo && url.starts_with("http://") {
        warn(
            FieldPath::of("cluster", "public_url"),
            format!("is \"{url}\": passwords and tokens travel unencrypted"),
            "put a proxy with TLS in front, and give its https:// URL here",
        );
    }
    warnings
}

/// Whether packets to the address may cross the internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]);
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_documentation() || shared)
        }
        IpAddr::V6(v6) => {
            let documentation = v6.segments()[..2] == [0x2001, 0xdb8];
            !(v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local() || documentation)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_networks_are_not_public() {
        for private in ["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.7", "127.0.0.1", "fd00::1", "192.0.2.1"] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["8.8.8.8", "100.128.0.1", "172.32.0.1", "2a00::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
