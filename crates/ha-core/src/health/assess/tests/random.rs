//! Arbitrary observations: each part of each node is drawn by itself, likely or not.

use proptest::prelude::*;
use proptest::sample::select;

use crate::observe::fixtures::{healthy, primary, standby, three, unobserved};
use crate::observe::{
    HostObservation, KeycloakMode, KeycloakObservation, KeycloakState, NodeObservation, PostgresObservation,
    Unobserved, UnobservedWhy, WalReceiver,
};
use crate::ports::{Container, ContainerStatus};
use crate::values::{Lsn, SystemIdentifier, TimelineId};

fn why() -> impl Strategy<Value = Unobserved> {
    use UnobservedWhy::{Denied, Failed, NoWay, NotReady, Refused, Silent};
    select(vec![Refused, NotReady, Denied, Silent, NoWay, Failed]).prop_map(|why| unobserved(why, "message"))
}

fn lsn() -> impl Strategy<Value = Option<Lsn>> {
    proptest::option::of(prop_oneof![Just(0x300_0148), any::<u64>()].prop_map(Lsn::new))
}

fn word(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(words).prop_map(str::to_owned)
}

fn status() -> impl Strategy<Value = ContainerStatus> {
    use ContainerStatus::{Created, Dead, Exited, Paused, Restarting, Running};
    select(vec![Running, Running, Created, Paused, Restarting, Exited { code: 137 }, Dead])
}

fn container(well: Container) -> impl Strategy<Value = Result<Option<Container>, Unobserved>> {
    let seen = (status(), any::<bool>(), 0..5_u32).prop_map(move |(status, oom_killed, restarts)| {
        Ok(Some(Container { status, oom_killed, restarts, ..well.clone() }))
    });
    prop_oneof![6 => seen, 1 => Just(Ok(None)), 1 => why().prop_map(Err)]
}

fn receiver() -> impl Strategy<Value = Option<WalReceiver>> {
    proptest::option::of(
        word(&["streaming", "streaming", "starting", "waiting", "dreaming"]).prop_map(|status| WalReceiver {
            status,
            slot: None,
            host: None,
            port: None,
            silent_seconds: None,
        }),
    )
}

fn server(index: usize) -> impl Strategy<Value = PostgresObservation> {
    let topology = three();
    let node = topology.nodes()[index].clone();
    let first = topology.initial_primary().clone();
    let roles = prop_oneof![
        Just(primary(&topology, &node.name)),
        Just(standby(&topology, &node.name, &first)),
        Just(standby(&topology, &node.name, &first)),
    ];
    let positions = (lsn(), lsn(), lsn(), lsn(), proptest::option::of(any::<f64>()), receiver());
    let senders = (word(&["vm2", "vm3", "stranger"]), word(&["streaming", "catchup"]), word(&["async", "quorum", "?"]));
    let slots = proptest::option::of(word(&["reserved", "lost", "unreserved"]));
    (roles, any::<bool>(), positions, senders, slots, 1..3_u64, 1..3_u32).prop_map(
        |(mut server, drawn, positions, sender, slot, system, timeline)| {
            // Half of them stay as they are: else a healthy cluster would hardly ever be drawn.
            if drawn {
                (server.write_lsn, server.receive_lsn, server.flush_lsn, server.replay_lsn, ..) = positions;
                (server.replay_age_seconds, server.receiver) = (positions.4, positions.5);
                if let Some(first) = server.senders.first_mut() {
                    (first.name, first.state, first.sync_state) = sender;
                }
                if let Some(first) = server.slots.first_mut() {
                    first.wal_status = slot;
                }
                server.system_identifier = SystemIdentifier(system);
                server.timeline = TimelineId(timeline);
            }
            server
        },
    )
}

fn keycloak() -> impl Strategy<Value = KeycloakObservation> {
    use KeycloakState::{Ready, Starting, Stopped, Unreachable};
    let state = select(vec![Ready, Ready, Ready, Starting, Stopped, Unreachable]);
    let mode = select(vec![KeycloakMode::ReadWrite, KeycloakMode::ReadOnly, KeycloakMode::Unknown]);
    (state, mode).prop_map(|(state, mode)| KeycloakObservation {
        state,
        mode,
        warm: None,
        service_client: None,
        detail: None,
    })
}

fn node(index: usize) -> impl Strategy<Value = NodeObservation> {
    let well = healthy(&three()).swap_remove(index);
    let container_of = |it: &Result<Option<Container>, Unobserved>| container(it.clone().unwrap().unwrap());
    let containers = (container_of(&well.postgres_container), container_of(&well.keycloak_container));
    let postgres = prop_oneof![3 => server(index).prop_map(Ok), 1 => why().prop_map(Err)];
    let engine = prop_oneof![4 => Just(well.engine.clone()), 1 => why().prop_map(Err)];
    let random = (containers, postgres, keycloak(), engine).prop_map({
        let well = well.clone();
        move |((postgres_container, keycloak_container), postgres, keycloak, engine)| NodeObservation {
            node: well.node.clone(),
            engine,
            postgres_container,
            keycloak_container,
            last_words: None,
            lost_volumes: Vec::new(),
            postgres,
            keycloak,
            host: HostObservation::default(),
        }
    });
    prop_oneof![1 => Just(well), 1 => random]
}

/// Observations of a topology of three, some nodes perhaps not looked at.
pub(super) fn nodes() -> impl Strategy<Value = Vec<NodeObservation>> {
    let all = (node(0), node(1), node(2)).prop_map(|(a, b, c)| vec![a, b, c]);
    (all, prop_oneof![5 => Just(3_usize), 1 => 0..3_usize]).prop_map(|(mut nodes, seen)| {
        nodes.truncate(seen);
        nodes
    })
}
