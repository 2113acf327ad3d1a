//! Finds circles among the modules of a crate: two of which each needs the other, however long the way round is. A compiler
//! allows them, and whoever reads one of them has to read all.
//!
//! Imports and full paths both count, those inside macros too, and what a module hands on (`pub use`) counts as the module that
//! defines it. Code that is only compiled for tests does not: a test module may use whatever is there.

mod circles;
mod graph;
mod names;
mod source;

pub use circles::circles;
pub use graph::{Graph, graph_of, of_rooms};
pub use source::{Module, ReadError, Source, read};
