//! What a cluster is meant to be: one primary, any number of standbys, each node with its own Keycloak.
//!
//! [`TopologySpec`] is the description as a person writes it, [`Topology`] the same after [`TopologySpec::validate`]
//! found nothing wrong; there is no other way to make one, so that whatever takes a `Topology` need not check again.

mod connections;
mod endpoint;
mod features;
mod hooks;
mod keycloak_options;
mod model;
mod postgres_settings;
mod problem;
mod spec;
mod validate;

pub use connections::{RESERVED_CONNECTIONS, SUPERUSER_CONNECTIONS};
pub use endpoint::{DockerEndpoint, EndpointError};
pub use hooks::{HookCommand, Hooks, HooksSpec};
pub use keycloak_options::KeycloakOption;
pub use model::{
    Cluster, DesiredRole, Durability, Images, Keycloak, Node, Postgres, ProxyHeaders, Replication, Topology,
};
pub use postgres_settings::PostgresSetting;
pub use problem::{FieldPath, Problem, Segment};
pub use spec::{ClusterSpec, ImagesSpec, KeycloakSpec, NodeSpec, PostgresSpec, ReplicationSpec, TopologySpec};
