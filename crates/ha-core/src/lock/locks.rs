//! The locks that somebody took.

use std::sync::Arc;

use futures_util::future::join_all;

use super::held::Held;
use crate::values::NodeName;

/// The locks of a cluster's nodes, for as long as this lives.
#[must_use = "the locks are released when it is dropped"]
pub struct Locks {
    pub(crate) held: Vec<Arc<Held>>,
    /// Those of servers that do not run: a run that starts one takes its lock then.
    pub(crate) later: Vec<Arc<Held>>,
    pub(crate) without: Vec<NoLock>,
}

/// A node whose lock was not taken, and nobody else is known to hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoLock {
    /// Which.
    pub node: NodeName,
    /// Why.
    pub why: Unlocked,
}

/// Why a node's lock was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unlocked {
    /// Its engine could not be asked.
    Unreachable(String),
    /// Its engine had not answered when others had, and nobody waited for it.
    Late,
    /// Its PostgreSQL does not run, and there the lock would be.
    NotRunning,
    /// Its PostgreSQL runs, and the lock could not be taken all the same.
    Failed(String),
}

impl Locks {
    /// The nodes whose locks are held, in the order in which they were taken.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeName> {
        self.held.iter().map(|held| &held.node)
    }

    /// Gives the locks back, and returns once they are free. Dropping them does it as well, a moment later: the engine
    /// has to notice first.
    pub async fn release(self) {
        join_all(self.held.iter().chain(&self.later).map(|held| held.release())).await;
    }

    /// Takes what `other` has as well: where both know of a node, the other's word counts.
    pub fn extend(&mut self, other: Self) {
        self.without.retain(|it| !other.knows(&it.node));
        self.without.extend(other.without);
        self.held.extend(other.held);
        self.later.extend(other.later);
    }

    fn knows(&self, node: &NodeName) -> bool {
        self.nodes().any(|it| it == node) || self.without.iter().any(|it| it.node == *node)
    }

    /// The nodes that go without.
    #[must_use]
    pub fn without(&self) -> &[NoLock] {
        &self.without
    }
}
