//! The addresses of this machine.

use std::net::IpAddr;

/// Interfaces and their addresses, those first at which another host most likely reaches this one. Empty where the
/// system does not tell; nothing depends on it but what is offered.
pub(super) fn of_this_machine() -> Vec<(String, IpAddr)> {
    let mut list: Vec<(String, IpAddr)> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .map(|interface| (interface.name.clone(), interface.ip()))
        .collect();
    list.sort_by_key(|(name, address)| rank(name, *address));
    list
}

/// Those worth offering: no loopback, no link-local ones, none of Docker's own bridges, no IPv6, which a node cannot have.
pub(super) fn worth_offering(list: &[(String, IpAddr)]) -> Vec<(String, IpAddr)> {
    list.iter().filter(|(name, address)| rank(name, *address) < 4).cloned().collect()
}

fn rank(name: &str, address: IpAddr) -> u8 {
    let bridge = name.starts_with("docker") || name.starts_with("br-") || name.starts_with("veth");
    match address {
        _ if bridge => 4,
        _ if address.is_loopback() => 5,
        IpAddr::V4(v4) if v4.is_link_local() => 5,
        // Private before public: what runs between the nodes is not encrypted yet.
        IpAddr::V4(v4) if v4.is_private() => 0,
        IpAddr::V4(_) => 1,
        IpAddr::V6(_) => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_hosts_cannot_reach_is_not_offered() {
        let list: Vec<(String, IpAddr)> = [
            ("lo", "127.0.0.1"),
            ("docker0", "172.17.0.1"),
            ("br-1234", "172.18.0.1"),
            ("eth0", "fe80::1"),
            ("eth0", "2001:db8::7"),
            ("eth0", "198.51.100.7"),
            ("eth1", "10.0.0.7"),
        ]
        .map(|(name, address)| (name.to_owned(), address.parse().unwrap()))
        .into();
        let offered: Vec<String> = worth_offering(&list).iter().map(|(_, address)| address.to_string()).collect();
        assert_eq!(offered, ["198.51.100.7", "10.0.0.7"]);
        assert!(rank("eth1", "10.0.0.7".parse().unwrap()) < rank("eth0", "198.51.100.7".parse().unwrap()));
    }

    #[test]
    fn this_machine_has_a_loopback_address() {
        assert!(of_this_machine().iter().any(|(_, address)| address.is_loopback()));
    }
}
