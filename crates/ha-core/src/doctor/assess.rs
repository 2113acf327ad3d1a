//! From the facts to a report. Pure: the same facts give the same report.

use super::check::{Check, CheckCode, DoctorReport, Verdict};
use super::disk::{IMAGES_BYTES, NEW_DATABASE_BYTES, Need};
use super::facts::{ImageFact, Inside, InsideFailure, Known, NodeFacts, NotKnown};
use super::{clock, disk, engine, images, kernel, memory, peers, ports};
use crate::layout;
use crate::topology::{Node, Topology};
use crate::values::NodeName;

/// Tells what the facts about `selected` mean. The facts of the other nodes are needed as well: what has to be the same
/// everywhere is held against them.
#[must_use]
pub fn assess(topology: &Topology, selected: &[NodeName], facts: &[NodeFacts]) -> DoctorReport {
    let checks = topology
        .nodes()
        .iter()
        .filter(|node| selected.contains(&node.name))
        .filter_map(|node| {
            let own = facts.iter().find(|facts| facts.node == node.name)?;
            let others: Vec<_> = facts.iter().filter(|facts| facts.node != node.name).collect();
            Some(of_node(topology, node, own, &others))
        })
        .flatten()
        .collect();
    DoctorReport::new(topology.cluster.name.clone(), checks)
}

fn of_node(topology: &Topology, node: &Node, own: &NodeFacts, others: &[&NodeFacts]) -> Vec<Check> {
    use CheckCode::{
        Address, Architecture, Clock, ContainerStart, DiskSpace, DiskSync, DiskWrite, Engine, EngineExposed,
        ImageKeycloak, ImagePostgres, KernelForwarding, KernelHugePages, KernelOvercommit, KernelSwap, Memory,
        PortKeycloak, PortPostgres,
    };
    let mut checks = vec![engine::engine(&own.engine).on(&node.name, Engine, None)];
    let mut add = |code, verdict: Verdict| checks.push(verdict.on(&node.name, code, None));
    let no_engine = NotKnown(format!("the engine of {} could not be asked", node.name));
    let info = own.engine.as_ref().map_err(|_| &no_engine);
    // Without an engine, nothing else can be known; that is said once for each, so that no check is simply missing.
    let inside: Result<&Inside, &NotKnown> = match (&own.engine, &own.inside) {
        (Err(_), _) => Err(&no_engine),
        (_, Ok(inside)) => Ok(inside),
        (_, Err(InsideFailure::NotTried(why) | InsideFailure::NoAnswer(why))) => Err(why),
        (_, Err(InsideFailure::NoContainer(_))) => Err(&NO_CONTAINER),
    };
    let unknown = |why: &NotKnown| Verdict::unknown(why.0.clone());

    add(EngineExposed, info.map_or_else(unknown, engine::exposed));
    let started = own.inside.as_ref().map(|_| ());
    add(ContainerStart, info.map_or_else(unknown, |_| engine::containers(started)));
    add(Address, info.map_or_else(unknown, |_| ports::address(&own.postgres_port, &own.keycloak_port, node)));
    add(PortPostgres, info.map_or_else(unknown, |_| ports::port(&own.postgres_port, node, node.postgres_port)));
    add(PortKeycloak, info.map_or_else(unknown, |_| ports::port(&own.keycloak_port, node, node.keycloak_port)));

    let insides: Vec<_> = others.iter().map(|other| (&other.node, other.inside.as_ref().ok())).collect();
    let postgres = &topology.images.postgres;
    add(
        ImagePostgres,
        info.map_or_else(unknown, |_| {
            // Of one in which not even a container's first program is to be had, nothing else is seen.
            let shell = Inside { lacks: vec![layout::SHELL.to_owned()], ..Inside::default() };
            let no_shell = matches!(&own.inside, Err(InsideFailure::NoContainer(why)) if layout::says_no_shell(why));
            images::postgres(&own.postgres_image, postgres, inside.ok().or(no_shell.then_some(&shell)), &insides)
        }),
    );
    let keycloaks: Vec<_> = others.iter().map(|other| (&other.node, &other.keycloak_image)).collect();
    add(
        ImageKeycloak,
        info.map_or_else(unknown, |_| images::keycloak(&own.keycloak_image, topology, &own.keycloak_lacks, &keycloaks)),
    );
    let engines: Vec<_> = others.iter().filter_map(|other| Some((&other.node, other.engine.as_ref().ok()?))).collect();
    add(Architecture, info.map_or_else(unknown, |info| images::architecture(info, &engines)));

    add(DiskSpace, inside.map_or_else(unknown, |inside| disk::space(&inside.disks, need(topology, own, others))));
    if let Some(speed) = &own.disk_speed {
        let speed: &Known<_> = &info.map_err(Clone::clone).and_then(|_| speed.clone());
        add(DiskSync, disk::syncs(speed));
        add(DiskWrite, disk::throughput(speed));
    }
    let fact = inside.ok().map(|inside| inside.memory);
    add(Memory, info.map_or_else(unknown, |info| memory::memory(topology, info.memory_bytes, fact, own.running)));
    let clocks: Vec<_> = others.iter().map(|other| (&other.node, &other.clock)).collect();
    add(Clock, info.map_or_else(unknown, |_| clock::clock(&own.clock, &clocks)));
    add(KernelOvercommit, inside.map_or_else(unknown, |inside| kernel::overcommit(&inside.kernel)));
    add(KernelSwap, inside.map_or_else(unknown, |inside| kernel::swapping(&inside.kernel, inside.memory.swap_bytes)));
    add(KernelHugePages, inside.map_or_else(unknown, |inside| kernel::huge_pages(&inside.kernel)));
    add(KernelForwarding, info.map_or_else(unknown, kernel::forwarding));

    for peer in &own.peers {
        let on = |code, verdict: Verdict| verdict.on(&node.name, code, Some(&peer.peer));
        checks.push(on(CheckCode::PeerPostgres, peers::reach(peer)));
        if let Some(speed) = &peer.speed {
            let durability = topology.replication.durability;
            checks.push(on(CheckCode::PeerRoundTrip, peers::round_trip(speed, durability)));
            checks.push(on(CheckCode::PeerBandwidth, peers::bandwidth(speed)));
        }
    }
    checks
}

static NO_CONTAINER: std::sync::LazyLock<NotKnown> =
    std::sync::LazyLock::new(|| NotKnown("no container could be started there".to_owned()));

/// What a node needs on its disk: images that it does not have, a database where it has none, and WAL.
fn need(topology: &Topology, own: &NodeFacts, others: &[&NodeFacts]) -> Need {
    const MIB: u64 = 1 << 20;
    let here = |facts: &NodeFacts| {
        let absent = |fact: &Known<ImageFact>| !matches!(fact, Ok(ImageFact::Present(_)));
        let images = if absent(&facts.postgres_image) || absent(&facts.keycloak_image) { IMAGES_BYTES } else { 0 };
        // A new standby copies its primary; which of the others that is may change, so the largest counts.
        let copy = others.iter().filter_map(|other| other.inside.as_ref().ok()?.data_bytes).max();
        let database = if facts.has_data == Ok(true) { 0 } else { copy.unwrap_or(NEW_DATABASE_BYTES) };
        (images, database)
    };
    let replication = &topology.replication;
    let wal = u64::from(replication.slot_keep_mib) * MIB;
    if topology.cluster.demo {
        // One disk for all; the images are there once.
        let all = others.iter().copied().chain([own]);
        let (images, databases) =
            all.map(here).fold((0, 0), |(images, sum), (image, database)| (images.max(image), sum + database));
        return Need { now: images + databases, wal: wal * topology.nodes().len() as u64 };
    }
    let (images, database) = here(own);
    Need { now: images + database, wal }
}

#[cfg(test)]
mod tests;
