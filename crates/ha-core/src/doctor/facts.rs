//! What was found out about the hosts. No opinion is in here; what is not known says why.

use crate::observe::{ClockReading, Unobserved};
use crate::ports::{EngineInfo, Image};
use crate::values::NodeName;

/// Why something is not known, as a whole sentence's fragment for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotKnown(pub String);

/// Something that could be found out, or why it could not.
pub type Known<T> = Result<T, NotKnown>;

/// Every node of the topology, in its order.
pub type Facts = Vec<NodeFacts>;

/// What was found out about one node.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeFacts {
    /// Which node.
    pub node: NodeName,
    /// Its engine.
    pub engine: Result<EngineInfo, Unobserved>,
    /// Its clock.
    pub clock: Known<ClockReading>,
    /// Which of the node's own containers run.
    pub running: Running,
    /// Whether the node has a data volume already.
    pub has_data: Known<bool>,
    /// PostgreSQL's image.
    pub postgres_image: Known<ImageFact>,
    /// Keycloak's image.
    pub keycloak_image: Known<ImageFact>,
    /// What Keycloak's image lacks of what ha-cli's scripts need.
    pub keycloak_lacks: Known<Vec<String>>,
    /// PostgreSQL's port.
    pub postgres_port: PortFact,
    /// Keycloak's port.
    pub keycloak_port: PortFact,
    /// What a container there sees; what came back where none could be made is an error by itself.
    pub inside: Result<Inside, InsideFailure>,
    /// How fast its disk is; `None` when that was not asked for.
    pub disk_speed: Option<Known<DiskSpeed>>,
    /// The ways to the other nodes.
    pub peers: Vec<PeerFacts>,
}

/// Why nothing was seen from inside a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InsideFailure {
    /// It was not tried.
    NotTried(NotKnown),
    /// A container could not be made or started: the engine's words.
    NoContainer(String),
    /// It ran, and its answer did not come or made no sense.
    NoAnswer(NotKnown),
}

/// Which of a node's lasting containers run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Running {
    /// PostgreSQL's.
    pub postgres: bool,
    /// Keycloak's.
    pub keycloak: bool,
}

/// An image on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageFact {
    /// The engine has it.
    Present(Image),
    /// The engine does not have it, and its registry does.
    InRegistry,
    /// The engine does not have it, and its registry does not hand it out.
    Missing {
        /// The registry's or the engine's words.
        why: String,
    },
}

/// A port on a node's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortFact {
    /// A container could publish it.
    Free,
    /// Our own running container publishes it, at these addresses and ports.
    Ours {
        /// Each `address:port`; the node's own first.
        at: Vec<std::net::SocketAddr>,
    },
    /// Somebody else has it.
    Taken {
        /// The container that publishes it; a program outside Docker when absent.
        container: Option<String>,
    },
    /// The host does not have the address.
    NoAddress,
    /// It could not be tried.
    Unknown(NotKnown),
}

/// What a container on the node sees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inside {
    /// The file systems that matter, each once.
    pub disks: Vec<Disk>,
    /// The size of the node's own data, in bytes, where it has any and it could be summed up in time.
    pub data_bytes: Option<u64>,
    /// Settings of the kernel.
    pub kernel: Kernel,
    /// The host's memory.
    pub memory: MemoryFact,
    /// The version of PostgreSQL in the image.
    pub postgres_version: Option<String>,
    /// The C library of the image, which sorts texts: `glibc 2.41`.
    pub libc: Option<String>,
    /// Programs that ha-cli needs and the image lacks.
    pub lacks: Vec<String>,
    /// Whether it brings what `doctor` itself listens and talks with where no PostgreSQL runs.
    pub perl: bool,
}

/// A file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// What lies there, for people.
    pub holds: String,
    /// Its device, by which two are told to be the same.
    pub device: String,
    /// Its size, in bytes.
    pub total_bytes: u64,
    /// What may still be written, in bytes.
    pub free_bytes: u64,
}

/// Settings of the kernel that containers share.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kernel {
    /// `vm.overcommit_memory`.
    pub overcommit: Option<u8>,
    /// `vm.swappiness`.
    pub swappiness: Option<u8>,
    /// The chosen word of `/sys/kernel/mm/transparent_hugepage/enabled`.
    pub huge_pages: Option<String>,
}

/// The host's memory as its kernel tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryFact {
    /// `MemAvailable`, in bytes.
    pub available_bytes: Option<u64>,
    /// `SwapTotal`, in bytes.
    pub swap_bytes: Option<u64>,
    /// A limit of the control groups around the containers, in bytes, where the kernel shows one.
    pub limit_bytes: Option<u64>,
}

/// How fast a disk is.
#[derive(Debug, Clone, PartialEq)]
pub struct DiskSpeed {
    /// Writes of 8 KiB made durable in a second, one after another, by `fdatasync`, PostgreSQL's way on Linux.
    pub syncs_per_second: Known<f64>,
    /// Bytes written and made durable in a second, in one go.
    pub bytes_per_second: Known<f64>,
}

/// The way from one node to another.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerFacts {
    /// The other node.
    pub peer: NodeName,
    /// Where it was tried to reach it.
    pub endpoint: String,
    /// What was expected to listen there.
    pub expected: Expected,
    /// What happened.
    pub reach: Reach,
    /// How fast it is; `None` when that was not asked for.
    pub speed: Option<Known<(RoundTrip, Known<Bandwidth>)>>,
}

/// What should listen at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Its PostgreSQL runs.
    Postgres,
    /// A listener was put where its PostgreSQL will be.
    Listener,
    /// Nobody knows: its engine could not be asked.
    Unknown,
}

/// How the try to reach another node's PostgreSQL ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// PostgreSQL let the replication role in.
    LetIn,
    /// The listener answered.
    Listener,
    /// PostgreSQL answered that it is not ready.
    NotReady(String),
    /// PostgreSQL answered that it does not let the replication role in.
    Denied(String),
    /// What answered did not prove to be the cluster's PostgreSQL, and was told no password.
    Unproven(String),
    /// The host answered that nobody listens, or something between said so.
    Refused,
    /// No answer.
    Silent(String),
    /// It could not be tried.
    NotTried(NotKnown),
}

/// Time from a question to its answer, in seconds: the shortest of several.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoundTrip(pub f64);

/// Bytes a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bandwidth(pub f64);
