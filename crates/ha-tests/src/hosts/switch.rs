//! The network: a bridge in a namespace of its own, and a cable from it to each host and to the machine.
//!
//! In a namespace of its own nothing is added to the machine's packet filter, and the machine's own does not matter.

use std::net::IpAddr;
use std::process::Command;

use super::claim::Claim;
use super::error::HostsError;
use super::run::{QUICK, command, run, succeed};

/// The bridge's namespace, and the bridge's part of the rig's names.
pub(crate) const SWITCH: &str = "switch";
/// The port of the switch that leads to the machine.
pub(crate) const MACHINE_PORT: &str = "machine";
/// How many hosts a rig can have: the names of ports must not be the beginning of each other.
pub(crate) const MOST_HOSTS: usize = 9;

/// The bridge does not hand frames to a packet filter for IP, and IPv6 does not speak up unasked.
const QUIET: &str = "for key in iptables ip6tables arptables; do
  file=/proc/sys/net/bridge/bridge-nf-call-$key; [ ! -w $file ] || echo 0 >$file; done
for key in all default; do
  file=/proc/sys/net/ipv6/conf/$key/disable_ipv6; [ ! -w $file ] || echo 1 >$file; done";

/// Makes the bridge and the cable to the machine.
pub(crate) fn make(claim: &Claim) -> Result<(), HostsError> {
    let (machine, switch) = (claim.name(), claim.name_of(SWITCH));
    let what = "making the switch";
    run(what, &mut command("ip", ["netns", "add", &switch]))?;
    run(what, &mut inside(claim, SWITCH, "sh", ["-c", QUIET]))?;
    batch(
        what,
        Some(&switch),
        &[
            "link add br0 type bridge stp_state 0 forward_delay 0".into(),
            "link set lo up".into(),
            "link set br0 up".into(),
        ],
    )?;
    let address = claim.machine_address();
    let hardware = Claim::hardware_address(address);
    batch(
        "laying the cable to this machine",
        None,
        &[
            format!("link add {machine} address {hardware} type veth peer name {MACHINE_PORT} netns {switch}"),
            format!("addr add {address}/24 dev {machine}"),
            format!("link set {machine} up"),
        ],
    )?;
    plug(claim, MACHINE_PORT)?;
    know_each_other(claim, None, &machine)
}

/// Lays the cable to a host, and makes its namespace if it has none.
pub(crate) fn connect(claim: &Claim, host: usize) -> Result<(), HostsError> {
    let (port, switch) = (port(host), claim.name_of(SWITCH));
    let namespace = claim.name_of(&port);
    let what = format!("laying the cable to host {host}");
    run(&what, &mut command("ip", ["netns", "add", &namespace]))?;
    let address = claim.host_address(host);
    let hardware = Claim::hardware_address(address);
    batch(
        &what,
        Some(&switch),
        &[format!("link add {port} type veth peer name eth0 address {hardware} netns {namespace}")],
    )?;
    batch(
        &what,
        Some(&namespace),
        &[format!("addr add {address}/24 dev eth0"), "link set lo up".into(), "link set eth0 up".into()],
    )?;
    plug(claim, &port)?;
    know_each_other(claim, Some(&namespace), "eth0")
}

/// Puts a cable into the bridge.
pub(crate) fn plug(claim: &Claim, port: &str) -> Result<(), HostsError> {
    let switch = claim.name_of(SWITCH);
    run("plugging in a cable", &mut command("ip", ["-n", &switch, "link", "set", port, "master", "br0", "up"]))
        .map(drop)
}

/// Takes a host's cable out. From then on it is silent: nothing that its death sends gets out.
pub(crate) fn unplug(claim: &Claim, host: usize) -> Result<(), HostsError> {
    let switch = claim.name_of(SWITCH);
    let port = port(host);
    if !link_exists(claim, &port)? {
        return Ok(());
    }
    run("pulling out a cable", &mut command("ip", ["-n", &switch, "link", "set", &port, "down"])).map(drop)
}

/// Removes a host's cable and its namespace, as far as they are there.
pub(crate) fn disconnect(claim: &Claim, host: usize) -> Result<(), HostsError> {
    let port = port(host);
    // The kernel removes the cable with the namespace too, but a while later, and then its name would be taken.
    if link_exists(claim, &port)? {
        let switch = claim.name_of(SWITCH);
        run("removing a cable", &mut command("ip", ["-n", &switch, "link", "del", &port]))?;
    }
    remove_namespace(claim, &port)
}

/// Removes the network namespace of one part, if it is there.
pub(crate) fn remove_namespace(claim: &Claim, part: &str) -> Result<(), HostsError> {
    if !claim.namespace_path(part).exists() {
        return Ok(());
    }
    run("removing a network namespace", &mut command("ip", ["netns", "del", &claim.name_of(part)])).map(drop)
}

/// Removes the machine's own interface, if it is there.
pub(crate) fn remove_machine_interface(claim: &Claim) -> Result<(), HostsError> {
    let name = claim.name();
    if !std::path::Path::new("/sys/class/net").join(&name).exists() {
        return Ok(());
    }
    run("removing this machine's interface", &mut command("ip", ["link", "del", &name])).map(drop)
}

/// A program in the network namespace of one part.
pub(crate) fn inside<'a>(
    claim: &Claim,
    part: &str,
    program: &'a str,
    arguments: impl IntoIterator<Item = &'a str>,
) -> Command {
    let mut command = command("ip", ["netns", "exec", &claim.name_of(part), program]);
    command.args(arguments);
    command
}

/// The switch's port of a host, which is also the host's own name.
pub(crate) fn port(host: usize) -> String {
    format!("vm{host}")
}

fn link_exists(claim: &Claim, port: &str) -> Result<bool, HostsError> {
    if !claim.namespace_path(SWITCH).exists() {
        return Ok(false);
    }
    let mut look = command("ip", ["-n", &claim.name_of(SWITCH), "link", "show", port]);
    Ok(super::run::output("looking for a cable", &mut look, None, QUICK)?.status.success())
}

/// A host that is dead is silent, as one behind a router: without this the kernel would give up on it after three
/// seconds without an answer to ARP, and connections would end sooner than they do between real networks.
fn know_each_other(claim: &Claim, namespace: Option<&str>, interface: &str) -> Result<(), HostsError> {
    let addresses = (1..=MOST_HOSTS).map(|host| claim.host_address(host)).chain([claim.machine_address()]);
    let line = |address: IpAddr| {
        let hardware = Claim::hardware_address(address);
        format!("neigh replace {address} lladdr {hardware} nud permanent dev {interface}")
    };
    batch("writing down the neighbours", namespace, &addresses.map(line).collect::<Vec<_>>())
}

fn batch(what: &str, namespace: Option<&str>, lines: &[String]) -> Result<(), HostsError> {
    let mut ip = Command::new("ip");
    if let Some(namespace) = namespace {
        ip.args(["-n", namespace]);
    }
    ip.args(["-batch", "-"]);
    succeed(what, &mut ip, Some(&(lines.join("\n") + "\n")), QUICK).map(drop)
}
