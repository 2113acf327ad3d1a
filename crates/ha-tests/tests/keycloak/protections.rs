//! Keycloak's protections that work by writing: held by this node itself, or what they protect is refused.

pub(crate) mod lock_out;
pub(crate) mod password;
pub(crate) mod sessions;
