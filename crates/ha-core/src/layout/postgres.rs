//! The PostgreSQL of a node.
//!
//! Three volumes: the database in a folder of the first, so that a new one can be made beside it and take its place by a
//! rename; configuration and identity in the second; what was done to the cluster in the third.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use self::postgresql_conf_value as quoted;
use super::promotion::{PROMOTION_PATH, guard_files};
use super::{
    Component, LABEL_COMPONENT, LABEL_IMAGE, LABEL_SPEC, LABEL_SYSTEM, MachineShare, container_name, labels,
    network_name, one_off_name, path_mtu, rights, spec_hash, volume_name,
};
use crate::ports::{ContainerSpec, HostFile, Mount, PortBinding, RestartPolicy};
use crate::secrets::Secrets;
use crate::topology::{Durability, Node, RESERVED_CONNECTIONS, SUPERUSER_CONNECTIONS, Topology};
use crate::values::{NodeName, SlotName, SystemIdentifier};

/// Where the data volume is mounted: the place that the official image declares a volume.
pub const DATA_PATH: &str = "/var/lib/postgresql/data";
/// The data directory.
pub const PGDATA: &str = "/var/lib/postgresql/data/pgdata";
/// Where the state volume is mounted.
pub const STATE_PATH: &str = "/ha";
/// Where the history volume is mounted.
pub const HISTORY_PATH: &str = "/ha-history";
/// The system identifier that this node belongs to, decimal, in a line of its own.
pub const IDENTITY_PATH: &str = "/ha/identity";
/// The topology, without secrets, that the node was last brought up with.
pub const TOPOLOGY_PATH: &str = "/ha/topology.json";
/// Stands while the data is changed in its place: until it is gone, nothing can be made of that data.
pub const REWINDING_PATH: &str = "/ha/rewinding";
/// The replication role's password for libpq.
pub const PASSFILE_PATH: &str = "/ha/config/passfile";

/// The role that standbys replicate with.
pub const REPLICATION_ROLE: &str = "ha_replication";
/// The database that belongs to the superuser, and in which everything is done that need not be done in Keycloak's.
pub const MAINTENANCE_DATABASE: &str = "postgres";
/// The role that probes read with.
pub const PROBE_ROLE: &str = "ha_probe";

/// Runs instead of the image's entrypoint and hands over to it when the data is what it should be.
pub const GUARD_SCRIPT: &str = include_str!("assets/guard.sh");
/// Makes the database of a new cluster.
pub const INIT_SCRIPT: &str = concat!(include_str!("assets/tools.sh"), include_str!("assets/init.sh"));
/// Makes a standby's database by a base backup.
pub const COPY_SCRIPT: &str =
    concat!(include_str!("assets/tools.sh"), include_str!("assets/swap.sh"), include_str!("assets/copy.sh"));
/// Gives a node the database in its data volume, whose state volume was removed.
pub const ADOPT_SCRIPT: &str = include_str!("assets/adopt.sh");
/// Tells what is in a data volume.
pub const EXAMINE_SCRIPT: &str = include_str!("assets/examine.sh");

/// Tells what the data of a stopped server holds that its primary does not have.
pub const INSPECT_SCRIPT: &str = include_str!("assets/inspect.sh");
/// Takes the data of a stopped server back to where it left the primary's history.
pub const REWIND_SCRIPT: &str = concat!(include_str!("assets/swap.sh"), include_str!("assets/rewind.sh"));
/// Writes a base backup of a running server to its standard output.
pub const BACKUP_SCRIPT: &str = include_str!("assets/backup.sh");
/// Tries settings on a database of no worth.
pub const TRY_SCRIPT: &str = include_str!("assets/try.sh");
/// Removes the data that was put aside.
pub const FORGET_SCRIPT: &str = include_str!("assets/forget.sh");

const GUARD_PATH: &str = "/ha/guard.sh";
/// What a server's container starts with.
pub(super) const GUARD_ENTRYPOINT: [&str; 2] = ["/bin/sh", GUARD_PATH];
const CONF_PATH: &str = "/ha/config/postgresql.conf";
const HBA_PATH: &str = "/ha/config/pg_hba.conf";
const IDENT_PATH: &str = "/ha/config/pg_ident.conf";
const DURABILITY_PATH: &str = "/ha/config/durability.conf";
const UPSTREAM_PATH: &str = "/ha/config/upstream.conf";

/// Where the other nodes reach the PostgreSQL of `to`: over the cluster's own network when both stand on one engine (the
/// demo), else at the address that `to` publishes.
#[must_use]
pub fn peer_endpoint(topology: &Topology, to: &Node) -> (String, u16) {
    if topology.cluster.demo {
        (container_name(topology, &to.name, Component::Postgres), 5432)
    } else {
        (to.address.to_string(), to.postgres_port)
    }
}

/// A value of a libpq connection string.
#[must_use]
pub fn conninfo_value(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// What every connection asks of the server before it tells it anything: proof that it knows the role's secret, by
/// SCRAM-SHA-256. Without it libpq sends the password in clear text to whoever asks, and believes whoever lets it in.
const PROOF: &str = "require_auth=scram-sha-256";

/// How `node` connects to `upstream` to replicate. The password comes from the passfile.
///
/// The timeouts are the client's part of noticing a host that is gone without a word: libpq's defaults wait for the
/// kernel, two hours and more.
#[must_use]
pub fn conninfo(topology: &Topology, node: &NodeName, upstream: &Node) -> String {
    let (host, port) = peer_endpoint(topology, upstream);
    format!(
        "host={} port={port} user={REPLICATION_ROLE} application_name={} passfile={} connect_timeout=5 keepalives_idle=5 \
         keepalives_interval=2 keepalives_count=3 tcp_user_timeout=10000 sslmode=prefer {PROOF}",
        conninfo_value(&host),
        conninfo_value(node.as_str()),
        conninfo_value(PASSFILE_PATH),
    )
}

/// How a program in a server's own container connects to it to copy it: as a standby does, so that no superuser is needed.
#[must_use]
pub fn own_conninfo() -> String {
    format!(
        "host=127.0.0.1 port=5432 user={REPLICATION_ROLE} passfile={PASSFILE_PATH} connect_timeout=5 sslmode=prefer {PROOF}"
    )
}

/// How `node` asks the server of `to` who it is: a replication connection, which needs no database.
#[must_use]
pub fn replication_conninfo(topology: &Topology, node: &NodeName, to: &Node) -> String {
    format!(
        "{} dbname=replication replication=true connect_timeout=2 application_name='ha-cli guard'",
        conninfo(topology, node, to)
    )
}

/// The passfile of a node: the replication role's password, for every server that it may follow.
#[must_use]
pub fn passfile(secrets: &Secrets) -> String {
    let password = secrets.replication_password.expose().replace('\\', "\\\\").replace(':', "\\:");
    format!("*:*:*:{REPLICATION_ROLE}:{password}\n")
}

/// A value of `postgresql.conf`, where a backslash escapes within quotes, unlike in SQL.
#[must_use]
pub fn postgresql_conf_value(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

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

/// The part of the configuration that names whom this node follows; without effect while it is primary.
#[must_use]
pub fn upstream_conf(topology: &Topology, node: &NodeName, upstream: &Node) -> String {
    format!(
        "# Written by ha-cli.\nprimary_conninfo = {}\nprimary_slot_name = {}\n",
        quoted(&conninfo(topology, node, upstream)),
        quoted(SlotName::of_standby(node).as_str())
    )
}

/// The file of the state volume that holds [`upstream_conf`].
#[must_use]
pub fn upstream_file(topology: &Topology, node: &NodeName, upstream: &Node) -> HostFile {
    HostFile::new(UPSTREAM_PATH, upstream_conf(topology, node, upstream), 0o644)
}

/// The same file of a node that follows nobody until its data has been looked at.
#[must_use]
pub fn no_upstream_file() -> HostFile {
    HostFile::new(
        UPSTREAM_PATH,
        "# Written by ha-cli: this node follows nobody until its data has been looked at.\n",
        0o644,
    )
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
            "proxy_headers": super::keycloak::proxy_headers(topology.keycloak.proxy_headers),
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
