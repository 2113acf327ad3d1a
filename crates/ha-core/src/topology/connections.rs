//! How the connections of a server are shared out, so that none of its users can take them from the others.

use super::Postgres;

/// For superusers, the way through the engine (`superuser_reserved_connections`).
pub const SUPERUSER_CONNECTIONS: u32 = 5;
/// For probes and for a node that is brought back (`reserved_connections`).
pub const RESERVED_CONNECTIONS: u32 = 10;
/// What nobody has reserved, and Keycloak does not get.
const ORDINARY: u32 = 5;
/// Beside Keycloak's.
pub(super) const BESIDE_KEYCLOAK: u32 = SUPERUSER_CONNECTIONS + RESERVED_CONNECTIONS + ORDINARY;
/// What a Keycloak has beside its pool: three of the standby extension's, and one by which it is asked whether a row arrived.
const BESIDE_POOL: u32 = 4;

/// The least that Keycloak's role needs: one that starts again finds a connection while the server still holds those of the
/// one before, which may be half dead.
pub(super) const fn of_keycloak(pool_size: u32) -> u32 {
    pool_size.saturating_add(BESIDE_POOL).saturating_mul(2)
}

impl Postgres {
    /// Most sessions that Keycloak's role may have at once on a server (`CONNECTION LIMIT`).
    #[must_use]
    pub const fn keycloak_connections(&self) -> u32 {
        self.max_connections.saturating_sub(BESIDE_KEYCLOAK)
    }
}
