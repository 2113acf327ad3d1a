//! Where things stand inside the containers.

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

pub(super) const GUARD_PATH: &str = "/ha/guard.sh";

pub(super) const CONF_PATH: &str = "/ha/config/postgresql.conf";

pub(super) const HBA_PATH: &str = "/ha/config/pg_hba.conf";

pub(super) const IDENT_PATH: &str = "/ha/config/pg_ident.conf";

pub(super) const DURABILITY_PATH: &str = "/ha/config/durability.conf";

pub(super) const UPSTREAM_PATH: &str = "/ha/config/upstream.conf";

/// The promotion that a node knows of, as settings of its server.
pub const PROMOTION_PATH: &str = "/ha/config/promotion.conf";

/// The guard's permission to start a primary without asking: a time, in seconds since 1970, until which it holds.
pub const PERMIT_PATH: &str = "/ha/config/permit";

/// Each peer and how the guard connects to it, one a line.
pub(super) const PEERS_PATH: &str = "/ha/config/peers";
