//! The PostgreSQL of a node.
//!
//! Three volumes: the database in a folder of the first, so that a new one can be made beside it and take its place by a
//! rename; configuration and identity in the second; what was done to the cluster in the third.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::conninfo::{MAINTENANCE_DATABASE, PROBE_ROLE, REPLICATION_ROLE, passfile};
use super::paths::{
    CONF_PATH, DATA_PATH, DURABILITY_PATH, GUARD_PATH, HBA_PATH, HISTORY_PATH, IDENT_PATH, PASSFILE_PATH, PGDATA,
    PROMOTION_PATH, STATE_PATH, UPSTREAM_PATH,
};
use super::promotion::guard_files;
use super::quoting::postgresql_conf_value as quoted;
use super::scripts::GUARD_SCRIPT;
use super::topology::topology_file;
use super::upstream::upstream_file;
use super::{
    Component, LABEL_COMPONENT, LABEL_IMAGE, LABEL_SPEC, LABEL_SYSTEM, MachineShare, container_name, labels,
    network_name, one_off_name, path_mtu, rights, spec_hash, volume_name,
};
use crate::ports::{ContainerSpec, HostFile, Mount, PortBinding, RestartPolicy};
use crate::secrets::Secrets;
use crate::topology::{Durability, Node, RESERVED_CONNECTIONS, SUPERUSER_CONNECTIONS, Topology};
use crate::values::{NodeName, SystemIdentifier};

/// What a server's container starts with.
pub(super) const GUARD_ENTRYPOINT: [&str; 2] = ["/bin/sh", GUARD_PATH];

/// `postgresql.conf` of a node: all but what depends on the roles of the moment.
#[must_use]
pub fn postgresql_conf(topology: &Topology, node: &Node, share: MachineShare) -> String {
    let replication = &topology.replication;
    let cluster_name = format!("{}-{}", topology.cluster.name, node.name);
    // Room for every node, twice, for base backups, and for a new connection while the old one is not yet given up.
    let senders = topology.nodes().len() * 2 + 4;
    let max_wal_mib = (replication.slot_keep_mib / 4).clamp(256, 1024);
    let mut lines = vec![
        ("cluster_name", quoted(&cluster_name)),
        ("listen_addresses", quoted("*")),
        ("hba_file", quoted(HBA_PATH)),
        ("ident_file", quoted(IDENT_PATH)),
        ("password_encryption", "scram-sha-256".to_owned()),
        ("max_connections", topology.postgres.max_connections.to_string()),
        ("superuser_reserved_connections", SUPERUSER_CONNECTIONS.to_string()),
        ("reserved_connections", RESERVED_CONNECTIONS.to_string()),
        // What a standby must not have lower than its primary is the same on every node.
        ("max_worker_processes", "8".to_owned()),
        ("max_wal_senders", senders.to_string()),
        ("max_replication_slots", senders.to_string()),
        ("max_prepared_transactions", "0".to_owned()),
        ("max_locks_per_transaction", "64".to_owned()),
        ("shared_buffers", quoted(&format!("{}MB", share.shared_buffers_mib()))),
        ("effective_cache_size", quoted(&format!("{}MB", share.effective_cache_mib()))),
        ("dynamic_shared_memory_type", "posix".to_owned()),
        ("jit", "off".to_owned()),
        // What pg_rewind needs to find every block that differs, beside data checksums.
        ("wal_level", "replica".to_owned()),
        ("wal_log_hints", "on".to_owned()),
        ("full_page_writes", "on".to_owned()),
        ("max_wal_size", quoted(&format!("{max_wal_mib}MB"))),
        ("wal_keep_size", quoted(&format!("{}MB", replication.wal_keep_mib))),
        ("max_slot_wal_keep_size", quoted(&format!("{}MB", replication.slot_keep_mib))),
        ("synchronous_commit", "on".to_owned()),
        ("hot_standby", "on".to_owned()),
        // No row that a query on a standby still needs is removed on the primary: Keycloak would answer 500. While a
        // standby is away its slot holds them, until the slot is given up at max_slot_wal_keep_size.
        ("hot_standby_feedback", "on".to_owned()),
        // For what else replay may conflict with, such as a table's lock: it waits no longer than what is promised.
        ("max_standby_streaming_delay", quoted("1s")),
        ("max_standby_archive_delay", quoted("1s")),
        // 5 s by default: with synchronous replication, commits wait that long after a crash that is over.
        ("wal_retrieve_retry_interval", quoted("200ms")),
        ("wal_receiver_status_interval", quoted("1s")),
        ("wal_receiver_timeout", quoted("10s")),
        ("wal_sender_timeout", quoted("10s")),
        ("recovery_target_timeline", quoted("latest")),
        ("tcp_keepalives_idle", "10".to_owned()),
        ("tcp_keepalives_interval", "5".to_owned()),
        ("tcp_keepalives_count", "3".to_owned()),
        // Keepalives say nothing while sent data waits for an answer. A sender to a host that is gone could not be ended for
        // a quarter of an hour, and a checkpoint that takes its slot away would wait for that.
        ("tcp_user_timeout", quoted("60s")),
        ("log_line_prefix", quoted("%m [%p] %q%u@%d ")),
        ("log_timezone", quoted("UTC")),
        ("timezone", quoted("UTC")),
        // Statements are never logged: they may carry what must not stand in a log.
        ("log_statement", "none".to_owned()),
        ("log_min_error_statement", "panic".to_owned()),
        ("log_parameter_max_length", "0".to_owned()),
        ("log_parameter_max_length_on_error", "0".to_owned()),
    ];
    let given: Vec<_> = topology.postgres.settings.iter().map(|(name, value)| (name.as_str(), quoted(value))).collect();
    lines.retain(|(name, _)| !topology.postgres.settings.keys().any(|given| given.eq_ignore_ascii_case(name)));
    lines.extend(given);
    let mut text =
        "# Written by ha-cli; changes are lost. Own settings belong into [postgres.settings] of ha.toml.\n".to_owned();
    for (name, value) in lines {
        writeln!(text, "{name} = {value}").expect("a String takes everything");
    }
    // The last word is that of the promotion: whoever runs alone by a person's word waits for no standby.
    for path in [UPSTREAM_PATH, DURABILITY_PATH, PROMOTION_PATH] {
        writeln!(text, "include_if_exists = {}", quoted(path)).expect("a String takes everything");
    }
    text
}

/// What a standby must not have less of than its primary (PostgreSQL 17, "Hot Standby", administrator's overview).
pub const STANDBY_LIMITS: [&str; 5] = [
    "max_connections",
    "max_worker_processes",
    "max_wal_senders",
    "max_prepared_transactions",
    "max_locks_per_transaction",
];

/// [`STANDBY_LIMITS`] as a node's configuration sets them; without one that is not written as a plain number.
#[must_use]
pub fn standby_limits(topology: &Topology, node: &Node, share: MachineShare) -> BTreeMap<String, u32> {
    let conf = postgresql_conf(topology, node, share);
    let lines = conf.lines().filter_map(|line| line.split_once(" = "));
    let limits = lines.filter_map(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let value = value.trim_matches('\'').trim().parse().ok()?;
        STANDBY_LIMITS.contains(&name.as_str()).then_some((name, value))
    });
    limits.collect()
}

/// What a node's `postgresql.conf` says, by the settings' names in lower case, but for what follows the machine's memory.
#[must_use]
pub fn configured(topology: &Topology, node: &Node) -> BTreeMap<String, String> {
    let conf = postgresql_conf(topology, node, MachineShare::of_memory(0, 1));
    let lines = conf.lines().filter_map(|line| line.split_once(" = "));
    let unquoted = |value: &str| match value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(inner) => inner.replace("''", "'"),
        None => value.to_owned(),
    };
    let mut settings: BTreeMap<_, _> =
        lines.map(|(name, value)| (name.to_ascii_lowercase(), unquoted(value))).collect();
    let given = |name: &str| topology.postgres.settings.keys().any(|given| given.eq_ignore_ascii_case(name));
    settings.retain(|name, _| {
        let of_memory = ["shared_buffers", "effective_cache_size"].contains(&name.as_str()) && !given(name);
        !of_memory && name != "include_if_exists"
    });
    settings
}

/// What `synchronous_standby_names` of a node should be.
#[must_use]
pub fn synchronous_standby_names(topology: &Topology, node: &NodeName) -> String {
    let standbys: Vec<_> = topology.peers_of(node).map(|peer| format!("\"{}\"", peer.name)).collect();
    match topology.replication.durability {
        Durability::Async => String::new(),
        Durability::Strict => format!("ANY 1 ({})", standbys.join(", ")),
    }
}

/// The part of the configuration that follows the durability profile, which may change while the server runs. Keycloak's
/// standby extension reads the profile from the server, too.
fn durability_file(topology: &Topology, node: &NodeName) -> HostFile {
    let text = format!(
        "# Written by ha-cli.\nha.durability = {}\nsynchronous_standby_names = {}\n",
        quoted(&topology.replication.durability.to_string()),
        quoted(&synchronous_standby_names(topology, node))
    );
    HostFile::new(DURABILITY_PATH, text, 0o644)
}

/// `pg_hba.conf`, the same on every node: the superuser on the local socket by peer authentication and nowhere else; Keycloak's role
/// from the node's own Docker network; replication and probes also from the other nodes.
#[must_use]
pub fn pg_hba_conf(topology: &Topology) -> String {
    let postgres = &topology.postgres;
    // What comes from the host itself has the host's own address, or the gateway's of the Docker network.
    let mut networks = vec!["samenet".to_owned()];
    for other in topology.nodes() {
        networks.push(format!("{}/{}", other.address, if other.address.is_ipv4() { 32 } else { 128 }));
        networks.extend(other.admit.iter().cloned());
    }
    let mut text = format!(
        "# Written by ha-cli; changes are lost.\n\
         local all postgres peer\n\
         local all all reject\n\
         host {} {} samenet scram-sha-256\n",
        postgres.database, postgres.user
    );
    for network in networks {
        // A rewind reads the new primary's files over an ordinary connection.
        writeln!(text, "host replication,{MAINTENANCE_DATABASE} {REPLICATION_ROLE} {network} scram-sha-256")
            .expect("a String takes everything");
        // Not in Keycloak's database, whose owner has a say in every session there.
        writeln!(text, "host {MAINTENANCE_DATABASE} {PROBE_ROLE} {network} scram-sha-256")
            .expect("a String takes everything");
    }
    text
}

/// The files of the state volume: those that the container's hash covers, then those that hold secrets or depend on
/// the roles of the moment.
#[must_use]
pub fn postgres_files(
    topology: &Topology,
    node: &Node,
    share: MachineShare,
    upstream: Option<&Node>,
    secrets: &Secrets,
) -> (Vec<HostFile>, Vec<HostFile>) {
    let hashed = vec![
        HostFile::new(GUARD_PATH, GUARD_SCRIPT, 0o644),
        HostFile::new(CONF_PATH, postgresql_conf(topology, node, share), 0o644),
        HostFile::new(HBA_PATH, pg_hba_conf(topology), 0o644),
        HostFile::new(IDENT_PATH, "# Written by ha-cli: no user name is mapped.\n", 0o644),
    ];
    let mut others = vec![
        // The guard gives it to the image's postgres user: libpq takes a passfile of its owner's only.
        HostFile::new(PASSFILE_PATH, passfile(secrets), 0o600),
        topology_file(topology),
    ];
    others.push(durability_file(topology, &node.name));
    others.extend(guard_files(topology, node));
    if let Some(upstream) = upstream {
        others.push(upstream_file(topology, &node.name, upstream));
    }
    (hashed, others)
}

fn mounts(topology: &Topology, node: &NodeName) -> Vec<Mount> {
    let mount = |kind: &str, path: &str| Mount {
        volume: volume_name(topology, node, kind),
        path: path.to_owned(),
        read_only: false,
    };
    vec![mount("data", DATA_PATH), mount("state", STATE_PATH), mount("history", HISTORY_PATH)]
}

/// The lasting container of a node's PostgreSQL, labelled with the hash of itself and of `files`.
#[must_use]
pub fn postgres_container(
    topology: &Topology,
    node: &Node,
    image_id: &str,
    system: SystemIdentifier,
    files: &[HostFile],
) -> ContainerSpec {
    let mut spec = ContainerSpec {
        name: container_name(topology, &node.name, Component::Postgres),
        image: image_id.to_owned(),
        hostname: Some(format!("{}-postgres", node.name)),
        entrypoint: Some(GUARD_ENTRYPOINT.map(str::to_owned).to_vec()),
        // The guard changes owners, and the image's entrypoint goes on as postgres by itself.
        user: Some("root".to_owned()),
        command: vec!["postgres".to_owned(), "-c".to_owned(), format!("config_file={CONF_PATH}")],
        environment: [("PGDATA".to_owned(), PGDATA.to_owned())].into(),
        labels: labels(topology, Some(&node.name)),
        mounts: mounts(topology, &node.name),
        network: Some(network_name(topology)),
        ports: vec![PortBinding { address: node.address, host_port: node.postgres_port, container_port: 5432 }],
        restart: RestartPolicy::UnlessStopped,
        shm_bytes: Some(256 * 1024 * 1024),
        // A fast shutdown writes a checkpoint and waits for the standby; a kill in the middle costs a recovery.
        stop_timeout_secs: Some(60),
        // The fast one, whatever the image says: a smart shutdown (SIGTERM) waits for Keycloak to go.
        stop_signal: Some("SIGINT".to_owned()),
        ..ContainerSpec::default()
    };
    spec.labels.insert(LABEL_COMPONENT.to_owned(), Component::Postgres.to_string());
    spec.labels.insert(LABEL_SYSTEM.to_owned(), system.to_string());
    spec.labels.insert(LABEL_IMAGE.to_owned(), image_id.to_owned());
    rights::of_postgres(&mut spec, topology);
    path_mtu::found_by_itself(&mut spec);
    let hash = spec_hash(&spec, files);
    spec.labels.insert(LABEL_SPEC.to_owned(), hash);
    spec
}

/// A container that does one job on a node's volumes and ends.
#[must_use]
pub fn one_off_container(
    topology: &Topology,
    node: &Node,
    image_id: &str,
    job: &str,
    arguments: &[String],
) -> ContainerSpec {
    let mut spec = ContainerSpec {
        name: one_off_name(topology, &node.name, job),
        image: image_id.to_owned(),
        entrypoint: Some(vec!["/bin/sh".to_owned(), format!("{STATE_PATH}/{job}.sh")]),
        command: arguments.to_vec(),
        environment: [("PGDATA".to_owned(), PGDATA.to_owned()), ("LC_ALL".to_owned(), "C".to_owned())].into(),
        labels: labels(topology, Some(&node.name)),
        mounts: mounts(topology, &node.name),
        network: Some(network_name(topology)),
        user: Some("root".to_owned()),
        ..ContainerSpec::default()
    };
    spec.labels.insert(LABEL_COMPONENT.to_owned(), format!("job-{job}"));
    rights::of_job(&mut spec);
    path_mtu::found_by_itself(&mut spec);
    spec
}
