//! What a node was brought up with, as it is noted there.

use super::keycloak::proxy_headers;
use super::paths::TOPOLOGY_PATH;
use crate::ports::HostFile;
use crate::topology::Topology;

/// Where each node keeps the topology that it was brought up with.
pub(crate) fn topology_file(topology: &Topology) -> HostFile {
    HostFile::new(TOPOLOGY_PATH, topology_json(topology), 0o644)
}

/// The normalised topology, without secrets, as it is kept on each node.
#[must_use]
pub fn topology_json(topology: &Topology) -> String {
    let nodes: Vec<_> = topology
        .nodes()
        .iter()
        .map(|node| {
            serde_json::json!({
                "name": node.name, "address": node.address, "role": node.initial_role,
                "postgres_port": node.postgres_port, "keycloak_port": node.keycloak_port, "admit": node.admit,
            })
        })
        .collect();
    let value = serde_json::json!({
        "schema": 1,
        "cluster": {
            "name": topology.cluster.name, "public_url": topology.cluster.public_url, "demo": topology.cluster.demo,
            "id": topology.cluster.id,
        },
        "images": {"postgres": topology.images.postgres, "keycloak": topology.images.keycloak},
        "postgres": {
            "database": topology.postgres.database, "user": topology.postgres.user,
            "max_connections": topology.postgres.max_connections, "settings": topology.postgres.settings,
        },
        "keycloak": {
            "admin": topology.keycloak.admin, "pool_size": topology.keycloak.pool_size,
            "poll_interval_ms": topology.keycloak.poll_interval_ms, "options": topology.keycloak.options,
            "proxy_headers": proxy_headers(topology.keycloak.proxy_headers),
        },
        "replication": {
            "durability": topology.replication.durability, "slot_keep_mib": topology.replication.slot_keep_mib,
            "wal_keep_mib": topology.replication.wal_keep_mib,
        },
        "nodes": nodes,
    });
    let mut text = serde_json::to_string_pretty(&value).expect("plain values serialise");
    text.push('\n');
    text
}
