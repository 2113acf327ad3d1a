//! A check: what was looked at, what was found, what it means, what to do.

use serde::{Serialize, Serializer};

use crate::values::{ClusterName, NodeName};

/// What a check found, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckResult {
    /// As it should be.
    Ok,
    /// It works, and not as well as it should, or not for long.
    Warning,
    /// It does not work.
    Error,
    /// It could not be looked at: not the same as in order.
    Unknown,
}

/// One check on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// On which node.
    pub node: NodeName,
    /// What was looked at, stable for programs.
    pub code: CheckCode,
    /// The other node, where the check is about two; else `null`.
    pub peer: Option<NodeName>,
    /// What it means.
    pub result: CheckResult,
    /// What was found; where it is not known, why.
    pub found: String,
    /// What to do; `null` where there is nothing to do.
    pub help: Option<String>,
}

/// Everything that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DoctorReport {
    /// The version of this object, 1.
    pub schema: u32,
    /// The cluster's name.
    pub cluster: ClusterName,
    /// The gravest result: an error, else a warning, else something unknown, else ok.
    pub result: CheckResult,
    /// Node by node in the topology's order, and always in the same order of codes.
    pub checks: Vec<Check>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $title:literal;)*) => {
        /// What is looked at. Each has a text that stays.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum CheckCode {
            $($(#[$doc])* $variant,)*
        }

        impl CheckCode {
            /// Every one, in the order in which they are reported.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The same for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }
        }
    };
}

codes! {
    /// The engine answers and is new enough.
    Engine = "engine", "Docker engine";
    /// The engine's API is not open to anybody.
    EngineExposed = "engine-exposed", "Docker API";
    /// A container can be made and started.
    ContainerStart = "container-start", "containers";
    /// The node's address is the host's own.
    Address = "address", "address";
    /// PostgreSQL's port is free or ours, and open on the node's address only.
    PortPostgres = "port-postgres", "port of PostgreSQL";
    /// The same for Keycloak's.
    PortKeycloak = "port-keycloak", "port of Keycloak";
    /// PostgreSQL's image is there or can be pulled, and is the same on every node.
    ImagePostgres = "image-postgres", "image of PostgreSQL";
    /// The same for Keycloak's.
    ImageKeycloak = "image-keycloak", "image of Keycloak";
    /// The nodes' processors are of one kind.
    Architecture = "architecture", "architecture";
    /// There is room for what will be written.
    DiskSpace = "disk-space", "free disk";
    /// How many commits the disk makes durable in a second.
    DiskSync = "disk-sync", "disk, durable writes";
    /// How much the disk takes in a second.
    DiskWrite = "disk-write", "disk, throughput";
    /// The memory is enough for what will run.
    Memory = "memory", "memory";
    /// The clock agrees with the other nodes' and this machine's.
    Clock = "clock", "clock";
    /// `vm.overcommit_memory`.
    KernelOvercommit = "kernel-overcommit", "kernel: overcommit";
    /// `vm.swappiness`.
    KernelSwap = "kernel-swap", "kernel: swapping";
    /// Transparent huge pages.
    KernelHugePages = "kernel-huge-pages", "kernel: huge pages";
    /// Packets are forwarded to containers.
    KernelForwarding = "kernel-forwarding", "kernel: forwarding";
    /// A container here reaches the other node's PostgreSQL.
    PeerPostgres = "peer-postgres", "reaches PostgreSQL";
    /// How long a question and its answer take.
    PeerRoundTrip = "peer-round-trip", "round trip";
    /// How much the network carries in a second.
    PeerBandwidth = "peer-bandwidth", "bandwidth";
}

impl Serialize for CheckCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl std::fmt::Display for CheckCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a decision says of one matter, before it is put on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) result: CheckResult,
    pub(super) found: String,
    pub(super) help: Option<String>,
}

impl Verdict {
    pub(super) fn ok(found: impl Into<String>) -> Self {
        Self { result: CheckResult::Ok, found: found.into(), help: None }
    }

    pub(super) fn warning(found: impl Into<String>, help: impl Into<String>) -> Self {
        Self { result: CheckResult::Warning, found: found.into(), help: Some(help.into()) }
    }

    pub(super) fn error(found: impl Into<String>, help: impl Into<String>) -> Self {
        Self { result: CheckResult::Error, found: found.into(), help: Some(help.into()) }
    }

    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self { result: CheckResult::Unknown, found: why.into(), help: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn on(self, node: &NodeName, code: CheckCode, peer: Option<&NodeName>) -> Check {
        Check { node: node.clone(), code, peer: peer.cloned(), result: self.result, found: self.found, help: self.help }
    }
}

impl DoctorReport {
    pub(super) fn new(cluster: ClusterName, checks: Vec<Check>) -> Self {
        let any = |result| checks.iter().any(|check| check.result == result);
        let gravest = [CheckResult::Error, CheckResult::Warning, CheckResult::Unknown];
        let result = gravest.into_iter().find(|&result| any(result)).unwrap_or(CheckResult::Ok);
        Self { schema: 1, cluster, result, checks }
    }
}
