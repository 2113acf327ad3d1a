//! One who changes the cluster at a time.
//!
//! Each node has a lock, a `flock` on a file of its history volume, held by a program in its PostgreSQL container for as
//! long as the connection to it lives: no lock outlives its holder, and none has to be cleared away by hand. The locks
//! are taken in the topology's order, so that of two who come at the same moment one gets all of them.
//!
//! Before each step of a plan every lock that was taken is asked for: one that is lost meanwhile ends the run, before others who have it
//! now find it at work. A server that the run itself stops takes its lock with it, and the other nodes' locks still keep others out; once
//! the run has started that server again, or one that did not run when the locks were taken, it takes that lock, too.
//!
//! It keeps operators out of each other's way; it does not make the steps safe, which each of them is by itself. It knows
//! nothing of nodes that cannot be reached or whose PostgreSQL does not run.

mod held;
mod hold;
mod look;

pub use held::LostLock;
pub(crate) use held::Register;
pub use hold::{Locks, NoLock, Unlocked};
pub(crate) use hold::{lock, lock_soon};
pub(crate) use look::look;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::values::NodeName;

/// Who takes a lock, in words for whoever finds it taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// `user@host`.
    pub by: String,
    /// The process, on that host.
    pub pid: u32,
    /// What it does, `switchover`.
    pub command: String,
    /// Since when, RFC 3339 in UTC.
    pub since: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by, pid, command, since } = self;
        write!(f, "{by} (`ha-cli {command}`, process {pid} there, since {since})")
    }
}

/// Somebody's command that changes the cluster at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtWork {
    /// Who; `None` where that could not be read.
    pub holder: Option<Holder>,
    /// The nodes whose locks it holds.
    pub nodes: Vec<NodeName>,
}

/// A lock that somebody else holds. Those that were taken before it are released.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Taken {
    /// Where.
    pub node: NodeName,
    /// Who; `None` where that could not be read.
    pub holder: Option<Holder>,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.holder {
            Some(holder) => write!(f, "the lock is held by {holder}"),
            None => f.write_str("the lock is held by somebody whose name could not be read"),
        }
    }
}
