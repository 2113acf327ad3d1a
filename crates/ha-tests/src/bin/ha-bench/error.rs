//! What goes wrong while something is measured.

/// Whatever it was: it is told to a person, and nobody branches on it.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
