//! What everything that looks at a cluster or changes it works with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::layout::KeycloakExtension;
use crate::lock::Register;
use crate::ports::{Clock, ContainerRuntime, DatabaseLogin, KeycloakAdmin, PostgresControl, ReplicationProbe};
use crate::secrets::Secrets;
use crate::topology::Topology;
use crate::values::NodeName;

/// The world of one cluster.
#[derive(Clone)]
pub struct Ports {
    /// The engine of each node, or why there is no way to it from here.
    pub runtimes: BTreeMap<NodeName, Result<Arc<dyn ContainerRuntime>, String>>,
    /// Reads every node's PostgreSQL.
    pub probe: Arc<dyn ReplicationProbe>,
    /// Administers every node's PostgreSQL.
    pub control: Arc<dyn PostgresControl>,
    /// Speaks to every node's Keycloak.
    pub keycloak: Arc<dyn KeycloakAdmin>,
    /// Tells the time between tries.
    pub clock: Arc<dyn Clock>,
}

/// How long looks and waits may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// One look at a PostgreSQL or a Keycloak.
    pub observe: Duration,
    /// PostgreSQL from its start until it takes queries, recovery after a crash included.
    pub postgres_ready: Duration,
    /// Keycloak from its start until it is ready, the creation of its schema included.
    pub keycloak_ready: Duration,
    /// Before a planned change, the Keycloak that will take writes, until it is ready and has warmed up; being warm is not
    /// waited for any longer.
    pub keycloak_warm: Duration,
    /// A base backup. A day: a terabyte over a slow link takes hours, and it shows its progress.
    pub copy: Duration,
    /// A server's orderly stop.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            observe: Duration::from_secs(2),
            postgres_ready: Duration::from_secs(300),
            keycloak_ready: Duration::from_secs(300),
            keycloak_warm: Duration::from_secs(60),
            copy: Duration::from_secs(24 * 3600),
            stop: Duration::from_secs(60),
        }
    }
}

/// One cluster and the ways to it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) topology: Arc<Topology>,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) extension: KeycloakExtension,
    pub(crate) ports: Ports,
    pub(crate) limits: Limits,
    /// The locks that are held by whoever works with this value or a clone of it.
    pub(crate) held: Register,
}

impl Context {
    pub(crate) fn topology(&self) -> &Topology {
        &self.topology
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// How Keycloak logs in to its database.
    pub(crate) fn keycloak_login(&self) -> DatabaseLogin {
        DatabaseLogin {
            database: self.topology.postgres.database.clone(),
            role: self.topology.postgres.user.clone(),
            password: self.secrets.keycloak_db_password.clone(),
        }
    }
}
