//! What an operator sees of the world.

use super::world::World;
use crate::observe::fixtures::{SYSTEM, healthy, keycloak, primary, standby, unobserved};
use crate::observe::{
    ControlFile, ControlState, KeycloakMode, KeycloakObservation, KeycloakState, NodeObservation, PostgresRole,
    UnobservedWhy,
};
use crate::plan::{RoleFact, RoleFacts, StoppedServer};
use crate::ports::ContainerStatus;
use crate::topology::Topology;
use crate::values::{Lsn, TimelineId};

/// Who looks, and decides.
pub(super) struct Operator {
    pub(super) topology: Topology,
    /// What each node shows while all is well; to make that up anew for each look would take most of the time.
    well: Vec<NodeObservation>,
}

impl Operator {
    pub(super) fn of(topology: Topology) -> Self {
        Self { well: healthy(&topology), topology }
    }

    pub(super) fn sees(&self, world: &World) -> RoleFacts {
        world.nodes().map(|node| (world.names[node].clone(), fact(self, world, node))).collect()
    }
}

fn fact(operator: &Operator, world: &World, node: usize) -> RoleFact {
    let topology = &operator.topology;
    let server = &world.servers[node];
    let here = &topology.nodes()[node];
    let mut observation = operator.well[node].clone();
    let mut seen = RoleFact { observation: observation.clone(), stopped: None, heard_by: None };
    if !server.up || !server.visible {
        let no_answer = || unobserved(UnobservedWhy::Silent, "no answer");
        observation.engine = Err(no_answer());
        observation.postgres_container = Err(no_answer());
        observation.keycloak_container = Err(no_answer());
        observation.postgres = Err(no_answer());
        let mut witnesses = world.peers(node).filter(|&peer| {
            world.linked(node, peer) && world.answers(node) && world.answers(peer) && world.servers[peer].visible
        });
        seen.heard_by = witnesses.next().map(|witness| world.names[witness].clone());
        seen.observation = observation;
        return seen;
    }
    let container = observation.postgres_container.as_mut().unwrap().as_mut().unwrap();
    let position = Lsn::new(0x300_0000 + 8 * server.wal.len() as u64);
    // A Keycloak tells what its server is, and that it has none.
    observation.keycloak = match server.runs.filter(|_| !server.hung) {
        Some(PostgresRole::Primary) => keycloak(KeycloakMode::ReadWrite),
        Some(PostgresRole::Standby) => keycloak(KeycloakMode::ReadOnly),
        None => KeycloakObservation { state: KeycloakState::Starting, ..keycloak(KeycloakMode::Unknown) },
    };
    match server.runs {
        Some(_) if server.hung => {
            container.status = ContainerStatus::Paused;
            observation.postgres = Err(unobserved(UnobservedWhy::Silent, "no answer"));
        }
        Some(role) => {
            let mut postgres = match role {
                PostgresRole::Primary => primary(topology, &here.name),
                PostgresRole::Standby => {
                    let upstream = server.upstream.unwrap_or(0);
                    standby(topology, &here.name, &topology.nodes()[upstream])
                }
            };
            if role == PostgresRole::Primary {
                postgres.write_lsn = Some(position);
                for peer in world.peers(node) {
                    let name = world.names[peer].as_str();
                    if world.feeds(node, peer) {
                        let received = Lsn::new(0x300_0000 + 8 * world.servers[peer].wal.len() as u64);
                        let sender = postgres.senders.iter_mut().find(|sender| sender.name == name).unwrap();
                        (sender.flush_lsn, sender.replay_lsn) = (Some(received), Some(received));
                    } else {
                        postgres.senders.retain(|sender| sender.name != name);
                    }
                }
            } else {
                (postgres.receive_lsn, postgres.flush_lsn, postgres.replay_lsn) =
                    (Some(position), Some(position), Some(position));
                if !server.upstream.is_some_and(|upstream| world.feeds(upstream, node)) {
                    postgres.receiver = None;
                }
                if server.upstream.is_none() {
                    postgres.upstream = None;
                }
            }
            postgres.timeline = TimelineId(server.timeline);
            postgres.promotion = Some(server.record.clone());
            postgres.lineage = Some(server.lineage.clone());
            observation.postgres = Ok(postgres);
        }
        None => {
            container.status = ContainerStatus::Exited { code: if server.orderly { 0 } else { 137 } };
            observation.postgres = Err(unobserved(UnobservedWhy::Refused, "nothing listens there"));
            // A standby's end is told otherwise.
            let state = if server.orderly && !server.signal { ControlState::ShutDown } else { ControlState::Other };
            // The last record; whoever has all that was written is past its beginning.
            let checkpoint = Lsn::new(position.bytes() - 1);
            let control = ControlFile { system: SYSTEM, state, checkpoint, timeline: TimelineId(server.timeline) };
            seen.stopped =
                Some(Ok(StoppedServer { control, standby: server.signal, promotion: Some(server.record.clone()) }));
        }
    }
    seen.observation = observation;
    seen
}
