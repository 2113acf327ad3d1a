//! Finding out about hosts, through the engines' ports only.
//!
//! On every node whose engine answers and has PostgreSQL's image, a container is put for the time of the look (the
//! *bench*): what happens inside it is what will happen inside PostgreSQL's own. It writes nothing to the node's volumes.

mod bench;
mod inside;
mod look;
mod peers;

use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, join_all, select};

use self::bench::Bench;
use self::look::Look;
use crate::context::Context;
use crate::doctor::{
    DoctorOptions, DoctorReport, Facts, InsideFailure, Known, NodeFacts, NotKnown, PeerFacts, PortFact, Running, assess,
};
use crate::ports::Clock;
use crate::values::NodeName;

/// The facade's `doctor`.
pub(crate) async fn examine(
    cluster: &Context,
    selected: &[NodeName],
    options: &DoctorOptions,
    clock: &dyn Clock,
    stop: impl Future<Output = ()> + Send,
) -> Option<DoctorReport> {
    let mut stop = pin!(stop);
    let looks = join_all(cluster.topology.nodes().iter().map(|node| look::look(cluster, node, options, clock)));
    let looks = match select(pin!(looks), stop.as_mut()).await {
        Either::Left((looks, _)) => looks,
        Either::Right(((), _)) => return None,
    };
    // Never dropped half-way: what an engine was asked to make could not be removed for certain.
    let benches: Vec<Bench<'_>> = join_all(looks.iter().map(|look| bench::open(cluster, look, options))).await;
    let facts = match select(pin!(find_out(cluster, selected, options, clock, &looks, &benches)), stop).await {
        Either::Left((facts, _)) => Some(facts),
        Either::Right(((), _)) => None,
    };
    bench::close(cluster, &looks, &benches).await;
    Some(assess(&cluster.topology, selected, &facts?))
}

async fn find_out(
    cluster: &Context,
    selected: &[NodeName],
    options: &DoctorOptions,
    clock: &dyn Clock,
    looks: &[Look<'_>],
    benches: &[Bench<'_>],
) -> Facts {
    let insides = join_all(looks.iter().zip(benches).map(|(look, bench)| inside::facts(look, bench))).await;
    let mut facts: Facts =
        looks.iter().zip(benches).zip(insides).map(|((look, bench), inside)| of_node(look, bench, inside)).collect();
    let wanted: Vec<usize> = (0..facts.len()).filter(|&index| selected.contains(&facts[index].node)).collect();
    let reached = join_all(wanted.iter().map(|&index| peers::reach_all(cluster, looks, benches, &facts, index))).await;
    for (&index, peers) in wanted.iter().zip(reached) {
        facts[index].peers = peers;
    }
    if !options.quick {
        speeds(cluster, clock, looks, benches, &wanted, &mut facts).await;
    }
    facts
}

/// What would spoil each other's figures happens one after the other: everything on one engine, and every transfer.
async fn speeds(
    cluster: &Context,
    clock: &dyn Clock,
    looks: &[Look<'_>],
    benches: &[Bench<'_>],
    wanted: &[usize],
    facts: &mut Facts,
) {
    let disk = |index: usize| inside::disk_speed(&benches[index], facts[index].inside.as_ref().ok());
    let disks: Vec<Known<_>> = if cluster.topology.cluster.demo {
        let mut disks = Vec::new();
        for &index in wanted {
            disks.push(disk(index).await);
        }
        disks
    } else {
        join_all(wanted.iter().map(|&index| disk(index))).await
    };
    for (&index, disk) in wanted.iter().zip(disks) {
        facts[index].disk_speed = Some(disk);
    }
    let begun = clock.now();
    for &index in wanted {
        for place in 0..facts[index].peers.len() {
            let peer = &facts[index].peers[place];
            let speed = if clock.now().saturating_sub(begun) < peers::SPEED_TIME {
                peers::speed(cluster, looks, benches, index, peer).await
            } else {
                Err(NotKnown("with so many nodes there was no time left for it: ask for this node alone".to_owned()))
            };
            facts[index].peers[place].speed = Some(speed);
        }
    }
}

fn of_node(look: &Look<'_>, bench: &Bench<'_>, inside: Result<crate::doctor::Inside, InsideFailure>) -> NodeFacts {
    let peers: Vec<PeerFacts> = Vec::new();
    let node = look.node.name.clone();
    match &look.found {
        Ok(found) => NodeFacts {
            node,
            engine: Ok(found.engine.clone()),
            clock: found.clock.clone(),
            running: found.running(),
            has_data: found.has_data.clone(),
            postgres_image: found.postgres_image.clone(),
            keycloak_image: found.keycloak_image.clone(),
            keycloak_lacks: bench.keycloak_lacks.clone(),
            postgres_port: bench.postgres_port.clone(),
            keycloak_port: bench.keycloak_port.clone(),
            inside,
            disk_speed: None,
            peers,
        },
        Err(unobserved) => {
            let why = NotKnown(format!("the engine of {} could not be asked", node));
            NodeFacts {
                node,
                engine: Err(unobserved.clone()),
                clock: Err(why.clone()),
                running: Running::default(),
                has_data: Err(why.clone()),
                postgres_image: Err(why.clone()),
                keycloak_image: Err(why.clone()),
                keycloak_lacks: Err(why.clone()),
                postgres_port: PortFact::Unknown(why.clone()),
                keycloak_port: PortFact::Unknown(why.clone()),
                inside: Err(InsideFailure::NotTried(why)),
                disk_speed: None,
                peers,
            }
        }
    }
}
