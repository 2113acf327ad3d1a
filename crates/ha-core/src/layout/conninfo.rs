//! How one server logs in to another.

use super::quoting::conninfo_value;
use super::{Component, PASSFILE_PATH, container_name};
use crate::secrets::Secrets;
use crate::topology::{Node, Topology};
use crate::values::NodeName;

/// The role that standbys replicate with.
pub const REPLICATION_ROLE: &str = "ha_replication";

/// The role that probes read with.
pub const PROBE_ROLE: &str = "ha_probe";

/// The database that belongs to the superuser, and in which everything is done that need not be done in Keycloak's.
pub const MAINTENANCE_DATABASE: &str = "postgres";

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
