//! Findings: what is wrong, on which node, and what to do.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::advice::Advice;
use crate::values::NodeName;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something does not work.
    Error,
    /// Something will not work for long, or is not as it should be.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How grave.
    pub severity: Severity,
    /// On which node; `null` for the cluster as a whole.
    pub node: Option<NodeName>,
    /// The cause, stable for programs.
    pub code: Code,
    /// What was seen.
    pub message: String,
    /// What to do; in JSON its two fields stand among these.
    #[serde(flatten)]
    pub help: Advice,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $severity:ident;)*) => {
        /// A cause. Each has a text that stays, and one gravity.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// Every cause, in the order of their gravity.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// How grave it is.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    /// Somebody's command changes the cluster at this moment.
    AtWork = "at-work", Warning;
    /// Two nodes accept writes.
    TwoPrimaries = "two-primaries", Error;
    /// A change of roles was begun and not brought to its end, and nobody accepts writes.
    ChangeInterrupted = "change-interrupted", Error;
    /// Every PostgreSQL was seen, and none accepts writes.
    NoPrimary = "no-primary", Error;
    /// No primary was seen, and not every node could be asked.
    PrimaryUnknown = "primary-unknown", Error;
    /// The nodes belong to different databases.
    SystemIdentifierMismatch = "system-identifier-mismatch", Error;
    /// A standby is on a timeline that its primary does not have.
    TimelineMismatch = "timeline-mismatch", Error;
    /// A standby was promoted once, and its primary's data does not come from that: it holds what the primary lacks, and
    /// cannot follow.
    HistoryDiverged = "history-diverged", Error;
    /// Two nodes stand on one engine, outside the demo.
    SharedEngine = "shared-engine", Error;
    /// The engine does not answer.
    EngineUnreachable = "engine-unreachable", Warning;
    /// From this machine there is no way to the engine.
    EngineNotFromHere = "engine-not-from-here", Warning;
    /// Nothing of the cluster is on any node.
    NotSetUp = "not-set-up", Warning;
    /// The node was stopped by `down`, and nothing was done to it since.
    StoppedByDown = "stopped-by-down", Warning;
    /// A container was renamed: nothing finds it by its name any more.
    ContainerRenamed = "container-renamed", Error;
    /// There is no such container: the node was never brought up, or was taken down.
    PostgresMissing = "postgres-missing", Error;
    /// The server does not run.
    PostgresStopped = "postgres-stopped", Error;
    /// It ends and is started again and again.
    PostgresRestarting = "postgres-restarting", Error;
    /// A container was taken off the cluster's network.
    NetworkLost = "network-lost", Error;
    /// Frozen (`docker pause`).
    PostgresPaused = "postgres-paused", Error;
    /// The server starts or recovers and takes no queries yet.
    PostgresNotReady = "postgres-not-ready", Error;
    /// The server does not answer.
    PostgresUnreachable = "postgres-unreachable", Error;
    /// Somebody answers in its place, or it asks for the password in a way that proves nothing.
    PostgresUnproven = "postgres-unproven", Error;
    /// It does not let the probe in.
    ProbeDenied = "probe-denied", Warning;
    /// What the probe sees more by is gone, or was changed.
    ProbeBlind = "probe-blind", Warning;
    /// Somebody has changed a role that ha-cli, a standby or Keycloak logs in as.
    RoleChanged = "role-changed", Error;
    /// The standby holds WAL that its primary, in the same history, has not written.
    AheadOfPrimary = "ahead-of-primary", Error;
    /// The WAL that the standby needs next is gone from the primary.
    WalMissing = "wal-missing", Error;
    /// The standby is in recovery and receives nothing.
    ReplicationStopped = "replication-stopped", Error;
    /// The primary has no slot for the standby.
    SlotMissing = "slot-missing", Error;
    /// The slot's WAL is gone: the standby cannot catch up.
    SlotLost = "slot-lost", Error;
    /// The slot keeps more WAL than it may: it will be lost at the next checkpoint.
    SlotAtRisk = "slot-at-risk", Warning;
    /// The slot keeps most of what it may: its standby is soon lost.
    SlotFilling = "slot-filling", Warning;
    /// A slot that no standby of the topology uses keeps WAL.
    SlotUnused = "slot-unused", Warning;
    /// Replay was paused by hand.
    ReplayPaused = "replay-paused", Error;
    /// The standby follows another server than the primary.
    WrongUpstream = "wrong-upstream", Error;
    /// A server streams from the primary that the topology does not know.
    UnknownStandby = "unknown-standby", Warning;
    /// The standby is far behind.
    ReplicationLag = "replication-lag", Warning;
    /// The profile promises what the primary's configuration does not do.
    DurabilityNotInForce = "durability-not-in-force", Error;
    /// The primary acknowledges writes that no standby has confirmed, because a person said so.
    RunsAlone = "runs-alone", Warning;
    /// The node knows of another promotion than its primary.
    GenerationMismatch = "generation-mismatch", Warning;
    /// No standby confirms, so that every write waits.
    WritesWait = "writes-wait", Error;
    /// There is no such container.
    KeycloakMissing = "keycloak-missing", Error;
    /// It does not run.
    KeycloakStopped = "keycloak-stopped", Error;
    /// It ends and is started again and again.
    KeycloakRestarting = "keycloak-restarting", Error;
    /// It boots.
    KeycloakStarting = "keycloak-starting", Warning;
    /// It runs and is not ready.
    KeycloakFailing = "keycloak-failing", Error;
    /// It does not answer.
    KeycloakUnreachable = "keycloak-unreachable", Error;
    /// Its mode is not that of its PostgreSQL.
    KeycloakWrongMode = "keycloak-wrong-mode", Error;
    /// The client of ha-cli's own in the master realm cannot log in, or may not do what it has to.
    ServiceClientUnusable = "service-client-unusable", Warning;
    /// Another tool has made a container anew, or changed how it is started again.
    ContainerAltered = "container-altered", Warning;
    /// The primary has tablespaces outside its data directory, which no copy takes along.
    Tablespace = "tablespace", Warning;
    /// The nodes run different versions.
    VersionMismatch = "version-mismatch", Warning;
    /// The database was made with another collation version.
    CollationMismatch = "collation-mismatch", Warning;
    /// Tables of Keycloak's are unlogged: on no standby, and empty after a crash or a promotion.
    UnloggedTables = "unlogged-tables", Warning;
    /// A session has had a transaction open for long.
    LongTransaction = "long-transaction", Warning;
    /// A transaction was prepared, and nobody has committed it or rolled it back.
    PreparedTransaction = "prepared-transaction", Warning;
    /// The hosts' clocks differ.
    ClockSkew = "clock-skew", Warning;
    /// What a rewind needs is off.
    RewindImpossible = "rewind-impossible", Warning;
    /// Somebody has given a setting another value than ha.toml, or than ha-cli has written.
    SettingNotInForce = "setting-not-in-force", Warning;
    /// A setting waits for a restart.
    PendingRestart = "pending-restart", Warning;
    /// Little is left on the disk of the database.
    DiskLow = "disk-low", Warning;
    /// At the present rate that disk is full soon.
    DiskFilling = "disk-filling", Warning;
    /// Little is left of the host's memory.
    MemoryLow = "memory-low", Warning;
    /// A read-only Keycloak may not read the WAL.
    WalUnreadable = "wal-unreadable", Warning;
    /// Little is left of a Keycloak's heap.
    HeapLow = "heap-low", Warning;
    /// The kernel killed it for want of memory.
    OutOfMemory = "out-of-memory", Warning;
}

impl Code {
    /// How long it takes at most, as a rule, until it goes away by itself after a start, a promotion, or a change of upstream; `None`
    /// where it does not.
    #[must_use]
    pub const fn passes_within(self) -> Option<Duration> {
        match self {
            Self::PostgresNotReady | Self::KeycloakStarting | Self::KeycloakWrongMode | Self::ReplicationLag => {
                Some(Duration::from_secs(60))
            }
            // A reload is read within moments; one that has another history never streams.
            Self::DurabilityNotInForce | Self::ReplicationStopped => Some(Duration::from_secs(10)),
            _ => None,
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl Finding {
    /// Brings them in their order: gravest first, and before all others who is at work, since they may be its doing.
    pub(super) fn sort(findings: &mut [Self]) {
        fn order(finding: &Finding) -> (bool, Severity, Code, &Option<NodeName>) {
            (finding.code != Code::AtWork, finding.severity, finding.code, &finding.node)
        }
        findings.sort_by(|a, b| order(a).cmp(&order(b)));
    }

    pub(super) fn new(
        code: Code,
        node: Option<&NodeName>,
        message: impl Into<String>,
        help: impl Into<Advice>,
    ) -> Self {
        Self { severity: code.severity(), node: node.cloned(), code, message: message.into(), help: help.into() }
    }
}
