//! What a read-only node does as a read-write one does.

pub(crate) mod admin;
pub(crate) mod login;
pub(crate) mod metadata;
pub(crate) mod replay;
pub(crate) mod session;
