//! Made-up observations for tests: a cluster in which all is well, to be damaged by each test in its own way.

use std::collections::BTreeMap;

use super::{
    DatabaseRole, HostObservation, KeycloakMode, KeycloakObservation, KeycloakState, NodeObservation,
    PostgresObservation, PostgresRole, Sender, SlotObservation, Unobserved, UnobservedWhy, WalReceiver,
};
use crate::docker::{Container, ContainerSpec, ContainerStatus, EngineInfo, Image};
use crate::layout::{self, Component, KeycloakExtension, MachineShare};
use crate::secrets::Secrets;
use crate::topology::{DesiredRole, Node, NodeSpec, Topology, TopologySpec};
use crate::values::{
    Lineage, Lsn, NodeName, PromotionRecord, Secret, ServerVersion, SlotName, SystemIdentifier, TimelineId,
};

pub(crate) const SYSTEM: SystemIdentifier = SystemIdentifier(7_412_345_678_901_234_567);
pub(crate) const EXTENSION: KeycloakExtension = KeycloakExtension { jar: b"jar", driver_class: "org.example.Driver" };

pub(crate) fn pair_spec() -> TopologySpec {
    TopologySpec::new("sso", "https://sso.example.org")
        .node(NodeSpec::primary("vm1", "192.0.2.11"))
        .node(NodeSpec::standby("vm2", "192.0.2.12"))
}

pub(crate) fn pair() -> Topology {
    pair_spec().validate().unwrap()
}

pub(crate) fn strict_pair() -> Topology {
    let mut spec = pair_spec();
    spec.replication.durability = "strict".to_owned();
    spec.validate().unwrap()
}

pub(crate) fn demo() -> Topology {
    let mut spec = pair_spec();
    spec.cluster.demo = true;
    spec.validate().unwrap()
}

pub(crate) fn strict_three() -> Topology {
    let mut spec = pair_spec().node(NodeSpec::standby("vm3", "192.0.2.13"));
    spec.replication.durability = "strict".to_owned();
    spec.validate().unwrap()
}

pub(crate) fn three() -> Topology {
    pair_spec().node(NodeSpec::standby("vm3", "192.0.2.13")).validate().unwrap()
}

pub(crate) fn name(text: &str) -> NodeName {
    text.parse().unwrap()
}

/// Secrets that contain what files and statements give a meaning to.
pub(crate) fn secrets() -> Secrets {
    let secret = |text: &str| Secret::new(text);
    Secrets {
        keycloak_db_password: secret("DbPw-it's $a \\secret"),
        replication_password: secret("ReplPw:with\\colon"),
        probe_password: secret("ProbePw-1"),
        keycloak_admin_password: secret("AdminPw-1"),
        keycloak_client_secret: secret("ClientSecret-1"),
        keycloak_bootstrap_secret: secret("Bootstrap$Secret-1"),
    }
}

pub(crate) fn unobserved(why: UnobservedWhy, message: &str) -> Unobserved {
    Unobserved { why, message: message.to_owned() }
}

pub(crate) fn engine(id: &str) -> EngineInfo {
    EngineInfo {
        id: id.to_owned(),
        host: format!("host-of-{id}"),
        version: "20.10.24".to_owned(),
        api_version: "1.41".to_owned(),
        kernel: "6.1".to_owned(),
        architecture: "x86_64".to_owned(),
        cpus: 2,
        memory_bytes: 8 << 30,
        root_dir: "/var/lib/docker".to_owned(),
        clock_unix_ms: None,
        warnings: Vec::new(),
    }
}

pub(crate) fn image(id: &str) -> Image {
    Image {
        id: id.to_owned(),
        digests: Vec::new(),
        environment: Vec::new(),
        volumes: Vec::new(),
        labels: BTreeMap::new(),
        size_bytes: 1,
    }
}

pub(crate) fn postgres_image() -> Image {
    image("sha256:postgres")
}

pub(crate) fn keycloak_base() -> Image {
    image("sha256:keycloak")
}

pub(crate) fn keycloak_image() -> Image {
    image("sha256:keycloak-ha")
}

/// The container that a description makes.
pub(crate) fn container_of(spec: &ContainerSpec, status: ContainerStatus) -> Container {
    Container {
        id: format!("id-{}", spec.name),
        name: spec.name.clone(),
        image_id: spec.image.clone(),
        status,
        labels: spec.labels.clone(),
        entrypoint: spec.entrypoint.clone().unwrap_or_default(),
        restart: spec.restart,
        restarts: 0,
        started_at: None,
        oom_killed: false,
        ports: spec.ports.clone(),
        start_error: None,
        off_network: false,
    }
}

/// The container that a node should have for a component.
pub(crate) fn container(topology: &Topology, node: &Node, component: Component) -> Container {
    let nodes = if topology.cluster.demo { topology.nodes().len() as u64 } else { 1 };
    let share = MachineShare::of_memory(engine("x").memory_bytes, nodes);
    let spec = match component {
        Component::Postgres => {
            let (hashed, _) = layout::postgres_files(topology, node, share, None, &secrets());
            layout::postgres_container(topology, node, &postgres_image().id, SYSTEM, &hashed)
        }
        Component::Keycloak => layout::keycloak_container(topology, node, &keycloak_image(), share),
    };
    container_of(&spec, ContainerStatus::Running)
}

/// A promotion of that generation.
pub(crate) fn promotion(generation: u64, primary: &str) -> PromotionRecord {
    let id = format!("6f9619ff-8b86-d011-b42d-{generation:012}").parse().unwrap();
    PromotionRecord { generation, id, primary: name(primary), run_alone: false, ancestors: Vec::new() }
}

/// The same, written into the data, and the timeline that it led to.
pub(crate) fn lineage(generation: u64, primary: &str, timeline: u32) -> Lineage {
    Lineage { promotion: promotion(generation, primary), timeline: TimelineId(timeline) }
}

/// The roles as `up` makes them.
pub(crate) fn roles(topology: &Topology) -> Vec<DatabaseRole> {
    let role = |name: &str, connection_limit: i64| DatabaseRole {
        name: name.to_owned(),
        login: true,
        superuser: name == "postgres",
        replication: name == layout::REPLICATION_ROLE,
        expired: false,
        connection_limit,
        monitor: name == layout::PROBE_ROLE,
    };
    let keycloak = role(&topology.postgres.user, i64::from(topology.postgres.keycloak_connections()));
    vec![keycloak, role(layout::REPLICATION_ROLE, -1), role(layout::PROBE_ROLE, -1), role("postgres", -1)]
}

/// A PostgreSQL without any replication around it.
fn alone(role: PostgresRole) -> PostgresObservation {
    PostgresObservation {
        system_identifier: SYSTEM,
        timeline: TimelineId(1),
        version: ServerVersion(170_006),
        role,
        write_lsn: None,
        receive_lsn: None,
        flush_lsn: None,
        replay_lsn: None,
        replay_paused: None,
        replay_age_seconds: None,
        receiver: None,
        upstream: None,
        senders: Vec::new(),
        slots: Vec::new(),
        synchronous_standby_names: String::new(),
        data_checksums: true,
        wal_log_hints: true,
        prepared_transactions: 0,
        unmade: Vec::new(),
        made_with: None,
        oldest_wal_lsn: None,
        prepared: Vec::new(),
        transactions: Vec::new(),
        logins: Vec::new(),
        verifiers_as_set: BTreeMap::new(),
        unlogged_relations: 0,
        unlogged_tables: Vec::new(),
        clock_unix_ms: None,
        clock: None,
        probe_refused: None,
        tablespaces: Vec::new(),
        wal_bytes: Some(16 << 20),
        durable: Vec::new(),
        overridden: Vec::new(),
        databases: Vec::new(),
        standby_limits: BTreeMap::new(),
        pending_restart: Vec::new(),
        collation_mismatch: false,
        promotion: Some(promotion(1, "vm1")),
        lineage: Some(lineage(1, "vm1", 1)),
        set_up: None,
        keycloak_heap_percent: None,
        keycloak_wal_unread: false,
        host: HostObservation::default(),
    }
}

const NOW: Lsn = Lsn::new(0x300_0148);

/// The primary of a topology in which every standby streams.
pub(crate) fn primary(topology: &Topology, node: &NodeName) -> PostgresObservation {
    let peers: Vec<_> = topology.peers_of(node).map(|peer| peer.name.clone()).collect();
    let strict = topology.replication.durability == crate::topology::Durability::Strict;
    PostgresObservation {
        write_lsn: Some(NOW),
        senders: peers
            .iter()
            .map(|peer| Sender {
                name: peer.to_string(),
                state: "streaming".to_owned(),
                sync_state: if strict { "quorum" } else { "async" }.to_owned(),
                flush_lsn: Some(NOW),
                replay_lsn: Some(NOW),
                replay_lag_seconds: None,
            })
            .collect(),
        slots: peers
            .iter()
            .map(|peer| SlotObservation {
                name: SlotName::of_standby(peer).to_string(),
                active: true,
                wal_status: Some("reserved".to_owned()),
                restart_lsn: None,
                retained_bytes: Some(0),
                safe_wal_bytes: Some(1 << 32),
            })
            .collect(),
        synchronous_standby_names: layout::synchronous_standby_names(topology, node),
        ..alone(PostgresRole::Primary)
    }
}

/// A standby that has replayed everything.
pub(crate) fn standby(topology: &Topology, node: &NodeName, primary: &Node) -> PostgresObservation {
    let (host, port) = layout::peer_endpoint(topology, primary);
    PostgresObservation {
        synchronous_standby_names: layout::synchronous_standby_names(topology, node),
        receive_lsn: Some(NOW),
        flush_lsn: Some(NOW),
        replay_lsn: Some(NOW),
        replay_paused: Some(false),
        replay_age_seconds: Some(12.5),
        receiver: Some(WalReceiver {
            status: "streaming".to_owned(),
            slot: Some(SlotName::of_standby(node).to_string()),
            host: Some(host.clone()),
            port: Some(port),
            silent_seconds: Some(0.5),
        }),
        upstream: Some(format!("{host}:{port}")),
        ..alone(PostgresRole::Standby)
    }
}

pub(crate) fn keycloak(mode: KeycloakMode) -> KeycloakObservation {
    KeycloakObservation {
        state: KeycloakState::Ready,
        mode,
        warm: None,
        service_client: Some(super::ServiceClient::Usable),
        detail: None,
    }
}

/// One node of a cluster in which all is well.
pub(crate) fn well(topology: &Topology, node: &Node) -> NodeObservation {
    let (postgres, mode) = match node.initial_role {
        DesiredRole::Primary => (primary(topology, &node.name), KeycloakMode::ReadWrite),
        DesiredRole::Standby => (standby(topology, &node.name, topology.initial_primary()), KeycloakMode::ReadOnly),
    };
    let engine_id = if topology.cluster.demo { "shared".to_owned() } else { format!("engine-{}", node.name) };
    NodeObservation {
        node: node.name.clone(),
        engine: Ok(engine(&engine_id)),
        postgres_container: Ok(Some(container(topology, node, Component::Postgres))),
        keycloak_container: Ok(Some(container(topology, node, Component::Keycloak))),
        last_words: None,
        lost_volumes: Vec::new(),
        postgres: Ok(postgres),
        keycloak: keycloak(mode),
        host: HostObservation::default(),
    }
}

/// A cluster in which all is well.
pub(crate) fn healthy(topology: &Topology) -> Vec<NodeObservation> {
    topology.nodes().iter().map(|node| well(topology, node)).collect()
}
