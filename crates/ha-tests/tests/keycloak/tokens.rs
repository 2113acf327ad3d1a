//! What a login gives.

/// What a login gives.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    pub access: String,
    pub refresh: String,
    pub id: String,
}
