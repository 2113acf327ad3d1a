//! Links that carry less than Ethernet's 1500 bytes.
//!
//! Docker's networks have an MTU of 1500 whatever the host's own link has: a VPN, VXLAN and PPPoE have less. Where something on the
//! way also drops the ICMP messages that would say so, small messages pass and large ones vanish: everybody can log in, and a base
//! backup or a busy standby hangs. So the kernel finds by itself what passes (RFC 4821), once it sees large segments vanish.

use crate::ports::ContainerSpec;

/// Namespaced, and so settable for a container, since Linux 4.1; 1: where a black hole shows.
const PROBING: (&str, &str) = ("net.ipv4.tcp_mtu_probing", "1");

pub(super) fn found_by_itself(spec: &mut ContainerSpec) {
    spec.sysctls.insert(PROBING.0.to_owned(), PROBING.1.to_owned());
}
