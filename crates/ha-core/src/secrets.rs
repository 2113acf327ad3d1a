//! The secrets of a cluster, all of them.

use crate::values::Secret;

/// Every secret that a cluster has. They live apart from the topology, in a file that only its owner reads.
///
/// PostgreSQL's superuser is not among them: it has no password and is reached over the local socket only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// The password of Keycloak's role in the database.
    pub keycloak_db_password: Secret,
    /// The password with which a standby streams from its primary.
    pub replication_password: Secret,
    /// The password of the role that observes (`pg_monitor`).
    pub probe_password: Secret,
    /// The password of the administrator in the master realm.
    pub keycloak_admin_password: Secret,
    /// The secret of the service client that this tool uses at Keycloak.
    pub keycloak_client_secret: Secret,
    /// The secret of the temporary client that makes the lasting ones at the first start, and is then removed.
    pub keycloak_bootstrap_secret: Secret,
}

impl Secrets {
    /// All of them, in an order that stays.
    #[must_use]
    pub const fn all(&self) -> [&Secret; 6] {
        [
            &self.keycloak_db_password,
            &self.replication_password,
            &self.probe_password,
            &self.keycloak_admin_password,
            &self.keycloak_client_secret,
            &self.keycloak_bootstrap_secret,
        ]
    }
}
