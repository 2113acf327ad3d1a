//! Whether hosts are fit for a cluster: facts about machines, engines and the network between them, and what each means.
//!
//! [`assess`] is pure. The facts are collected by [`Cluster::doctor`](crate::Cluster::doctor), before the first `up` as
//! well as on a running cluster.

mod assess;
mod check;
mod clock;
mod disk;
mod engine;
mod facts;
mod images;
mod kernel;
mod memory;
mod peers;
mod ports;
mod words;

pub use assess::assess;
pub use check::{Check, CheckCode, CheckResult, DoctorReport};
pub use facts::{
    Bandwidth, Disk, DiskSpeed, Expected, Facts, ImageFact, Inside, InsideFailure, Kernel, Known, MemoryFact,
    NodeFacts, NotKnown, PeerFacts, PortFact, Reach, RoundTrip, Running,
};

/// How to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoctorOptions {
    /// Leaves out what writes or sends much: the speed of disks and of the network.
    pub quick: bool,
    /// This machine's calendar at the moment of the call, milliseconds since 1970; the engines' clocks are held against
    /// it.
    pub unix_ms: i64,
    /// Tells the containers of this run from those of another at the same time: letters and digits.
    pub run: String,
}
