//! Why nothing was planned.

use std::fmt;

use crate::advice::Advice;
use crate::values::NodeName;

/// A reasoned no: what stands in the way, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind.
    pub kind: RefusalKind,
    /// Where, when it is about one node.
    pub node: Option<NodeName>,
    /// What stands in the way.
    pub message: String,
    /// What to do.
    pub help: Advice,
}

/// Kinds of refusals that callers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// Going on could lose data or make a second primary.
    Unsafe,
    /// Something needed could not be reached.
    Unreachable,
    /// What the topology says does not fit what is there.
    Mismatch,
}

impl Refusal {
    pub(crate) fn new(
        kind: RefusalKind,
        node: Option<&NodeName>,
        message: impl Into<String>,
        help: impl Into<Advice>,
    ) -> Self {
        Self { kind, node: node.cloned(), message: message.into(), help: help.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Some(node) => write!(f, "{node}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Refusal {}
