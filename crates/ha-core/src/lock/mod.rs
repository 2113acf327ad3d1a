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
mod holder;
mod locks;

pub use held::LostLock;
pub(crate) use held::{ANSWER_LIMIT, Held, Register};
pub(crate) use holder::named;
pub use holder::{AtWork, Holder, Taken};
pub use locks::{Locks, NoLock, Unlocked};
