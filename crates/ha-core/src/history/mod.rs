//! What was done to the cluster, by whom, and how it ended.
//!
//! Each node keeps a copy of its own, a file to which lines are added ([`Entry`]), and each command writes on every node
//! that it reaches: whichever survives tells the story. Reading puts the copies together ([`merge`]). Nothing is decided
//! by it: what is true is read from Docker and PostgreSQL, and a history that cannot be written stops no command.

mod entry;
pub(crate) mod journal;
mod merge;

pub use entry::{Entry, Event, Outcome, Parsed, SCHEMA, lines, parse};
pub use journal::{Gap, History};
pub use merge::{Ended, Operation, merge};
