//! A plan: named steps and what each waits for.

use std::fmt;

use serde::Serialize;

use crate::layout::Component;
use crate::values::{NodeName, PromotionId, PromotionRecord, SlotName, SystemIdentifier};

/// The place of a step in its plan.
pub type StepId = usize;

/// Everything a command will do. Steps whose predecessors are done may run at the same time. Each step may be
/// repeated: what it finds done it leaves alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Plan {
    /// The steps, each after its predecessors.
    pub steps: Vec<PlannedStep>,
    /// What is left out, and why.
    pub notes: Vec<String>,
    /// Other facts are to be looked at once this is done, since not all could be seen before.
    pub look_again: bool,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The generation that it writes down, where it changes the primary.
    #[must_use]
    pub fn generation(&self) -> Option<u64> {
        self.steps.iter().find_map(|step| match step.action {
            Action::RecordPromotion { generation, .. } => Some(generation),
            _ => None,
        })
    }

    /// Adds a step that waits for `after` and returns its place.
    pub fn add(&mut self, node: &NodeName, action: Action, after: impl IntoIterator<Item = StepId>) -> StepId {
        let id = self.steps.len();
        let mut after: Vec<_> = after.into_iter().collect();
        debug_assert!(after.iter().all(|&before| before < id), "a step waits only for earlier ones");
        after.sort_unstable();
        after.dedup();
        self.steps.push(PlannedStep { id, node: node.clone(), action, after });
        id
    }
}

/// One step on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    /// Its place in the plan.
    pub id: StepId,
    /// Where it happens.
    pub node: NodeName,
    /// What it does.
    #[serde(flatten)]
    pub action: Action,
    /// The steps that must be done before.
    pub after: Vec<StepId>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Pulls an image.
    PullImage {
        /// Which.
        reference: String,
    },
    /// Adds the standby extension to Keycloak's image.
    BuildKeycloakImage {
        /// Variables of the image's environment that are kept from Keycloak.
        without: Vec<String>,
    },
    /// Makes the network and the volumes.
    PrepareVolumes,
    /// Makes the database of a new cluster.
    InitDatabase,
    /// Gives the node the database in its data volume, which was found to be this cluster's: its state volume was removed.
    AdoptDatabase {
        /// Its system identifier.
        system: SystemIdentifier,
    },
    /// Makes a standby's database by a base backup.
    CopyDatabase {
        /// The node that is copied.
        from: NodeName,
    },
    /// Takes a stopped server's data back to where it left the primary's history (`pg_rewind`).
    RewindDatabase {
        /// The primary.
        from: NodeName,
    },
    /// Replaces a stopped server's data by a copy of the primary's.
    ReplaceDatabase {
        /// The primary.
        from: NodeName,
        /// What becomes of the data that is there.
        old_data: OldData,
    },
    /// Waits until this standby streams.
    WaitStreaming {
        /// From whom.
        primary: NodeName,
    },
    /// Removes the data that was put aside.
    ForgetOldData,
    /// Tries new settings on a database of no worth, before a server is stopped for them.
    TrySettings,
    /// Makes PostgreSQL run as it should.
    StartPostgres {
        /// In which way.
        change: Change,
        /// Every peer was looked at: if its data is a primary's, the guard need not ask them again.
        permit: bool,
    },
    /// Makes the container of PostgreSQL, which somebody removed, without starting it.
    MakePostgres,
    /// Has the engine start a component again by itself, which somebody has changed; nothing is stopped for it.
    KeepRunning {
        /// Which.
        component: Component,
    },
    /// Writes down anew by which promotion this node is the primary: its state volume, in which that stood, was removed.
    RecallPromotion,
    /// Writes down what the node was brought up with, where nothing of its PostgreSQL changes.
    NoteTopology,
    /// Applies settings that need no restart.
    ReloadSettings,
    /// Points a standby at its primary, and applies settings that need no restart.
    FollowPrimary {
        /// The primary.
        primary: NodeName,
    },
    /// Makes roles, database and slots what they should be.
    ProvisionDatabase,
    /// Makes Keycloak run as it should.
    StartKeycloak {
        /// In which way.
        change: Change,
    },
    /// Makes the administrator and the service client.
    ProvisionKeycloak,
    /// Makes the service client what it should be, by the engine's word.
    MendServiceClient,
    /// Waits until Keycloak is ready and has warmed up, so that its first requests in its new role are quick ones.
    AwaitKeycloak,
    /// Writes what is changed to disk, so that what comes next has little left to write.
    Checkpoint,
    /// Makes the replication slots that the other nodes will use here.
    EnsureSlots {
        /// Which.
        slots: Vec<SlotName>,
    },
    /// Proves that a server has exited in an orderly way and that this standby has replayed its last record.
    ProveReceived {
        /// The server that was stopped.
        from: NodeName,
    },
    /// Has a stopped primary come back as a standby, whoever starts it.
    Demote {
        /// Whom it will follow.
        to: NodeName,
        /// Its data is known to be an earlier state of the other's: it then counts as of the same promotion.
        proven: bool,
    },
    /// Writes down, for good, which promotion this node goes through or follows.
    RecordPromotion {
        /// The generation.
        generation: u64,
        /// Who is the primary in it.
        primary: NodeName,
        /// It goes on without a standby's confirmation.
        run_alone: bool,
        /// The promotions that its data comes from, the last first.
        ancestors: Vec<PromotionId>,
    },
    /// Stops a server that must not go on as primary, by force when it does not stop by itself.
    Fence,
    /// Puts back what was written down before a promotion that was taken back.
    RestorePromotion {
        /// What the node knew.
        record: PromotionRecord,
    },
    /// Has the load balancers that ask for roles turn to this node, which is about to be promoted, and the other one end what
    /// it works on. Never fails: the change matters more than who notices it.
    TurnBalancers {
        /// The primary that is about to be stopped.
        from: NodeName,
    },
    /// Takes that back.
    TurnBalancersBack {
        /// The primary that goes on.
        from: NodeName,
    },
    /// Opens a session that will see this server's end at once, before its engine tells of it.
    WatchShutdown,
    /// Opens the way by which this standby will be promoted, so that nothing is waited for then.
    PreparePromotion,
    /// Makes sure that no other node has come back that may take itself for the primary. Once this node shows that it is about
    /// to be promoted, guards know it; one that asked before may have let its server start.
    ProveDown {
        /// Those whose engines could be asked, and have to be again.
        nodes: Vec<NodeName>,
        /// Those that a person vouches for: no answer means that they do not run.
        vouched: Vec<NodeName>,
    },
    /// Ends this standby's recovery: it accepts writes then.
    Promote,
    /// Proves that the service is back: a login and a write through this node's Keycloak.
    ProveService,
    /// Drops replication slots that nobody uses here any more.
    DropSlots {
        /// Which.
        slots: Vec<SlotName>,
    },
    /// Stops a component.
    Stop {
        /// Which.
        component: Component,
    },
    /// Removes the containers of a node.
    RemoveContainers,
    /// Destroys the volumes of a node.
    RemoveVolumes,
    /// Removes the network of the cluster from an engine.
    RemoveNetwork,
}

/// In which way something comes to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// There is no container yet.
    Create,
    /// The container is there and right, and does not run, or was not yet seen ready.
    Start,
    /// The container is not what it should be: it is removed, and made anew on the same volumes.
    Replace {
        /// What is different.
        reason: String,
    },
}

impl Serialize for Component {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = |f: &mut fmt::Formatter<'_>, what: &str, change: &Change| match change {
            Change::Create => write!(f, "create and start {what}"),
            Change::Start => write!(f, "start {what}"),
            Change::Replace { reason } => write!(f, "replace {what} ({reason})"),
        };
        match self {
            Self::PullImage { reference } => write!(f, "pull {reference}"),
            Self::BuildKeycloakImage { without } if without.is_empty() => {
                f.write_str("add the standby extension to Keycloak's image")
            }
            Self::BuildKeycloakImage { without } => write!(
                f,
                "add the standby extension to Keycloak's image (its own {} do not count: ha-cli or [keycloak.options] says it)",
                without.join(", ")
            ),
            Self::PrepareVolumes => f.write_str("create network and volumes"),
            Self::InitDatabase => f.write_str("create the database (initdb)"),
            Self::AdoptDatabase { .. } => f.write_str("adopt the database in its data volume, which is this cluster's"),
            Self::CopyDatabase { from } => write!(f, "copy the database from {from} (pg_basebackup)"),
            Self::RewindDatabase { from } => {
                write!(f, "take the database back to where it left {from}'s history (pg_rewind)")
            }
            Self::ReplaceDatabase { from, old_data: OldData::Keep } => {
                write!(f, "replace the database by a copy of {from}'s (pg_basebackup)")
            }
            Self::ReplaceDatabase { from, old_data: OldData::Discard } => {
                write!(f, "destroy the database, then copy {from}'s (pg_basebackup)")
            }
            Self::WaitStreaming { primary } => write!(f, "wait until it streams from {primary}"),
            Self::TrySettings => f.write_str("try PostgreSQL's new settings"),
            Self::ForgetOldData => f.write_str("remove the old data that was put aside"),
            Self::StartPostgres { change: how, .. } => change(f, "PostgreSQL", how),
            Self::MakePostgres => f.write_str("make PostgreSQL's container, without starting it"),
            Self::KeepRunning { component: Component::Postgres } => {
                f.write_str("have the engine start PostgreSQL again by itself (restart policy)")
            }
            Self::KeepRunning { component: Component::Keycloak } => {
                f.write_str("have the engine start Keycloak again by itself (restart policy)")
            }
            Self::RecallPromotion => f.write_str("write down anew by which promotion it is the primary"),
            Self::NoteTopology => f.write_str("write down what it was brought up with"),
            Self::ReloadSettings => f.write_str("apply the durability profile"),
            Self::FollowPrimary { primary } => write!(f, "follow {primary}"),
            Self::ProvisionDatabase => f.write_str("set up roles, Keycloak's database and replication slots"),
            Self::StartKeycloak { change: how } => change(f, "Keycloak", how),
            Self::ProvisionKeycloak => f.write_str("set up Keycloak's administrator and the service client"),
            Self::MendServiceClient => f.write_str("make the service client of ha-cli whole again"),
            Self::AwaitKeycloak => f.write_str("wait until Keycloak is ready and warm"),
            Self::Checkpoint => f.write_str("write a checkpoint"),
            Self::EnsureSlots { .. } => f.write_str("make the replication slots for the other nodes"),
            Self::ProveReceived { from } => write!(f, "prove that all of {from} has arrived"),
            Self::Demote { to, .. } => write!(f, "have PostgreSQL come back as a standby of {to}"),
            Self::RecordPromotion { generation, primary, run_alone: false, .. } => {
                write!(f, "write down that {primary} is the primary of generation {generation}")
            }
            Self::RecordPromotion { generation, primary, run_alone: true, .. } => {
                write!(f, "write down that {primary} is the primary of generation {generation} and runs alone")
            }
            Self::Fence => f.write_str("make sure that PostgreSQL does not run (stop, else kill)"),
            Self::RestorePromotion { record } => {
                write!(f, "write down again that {} is the primary of generation {}", record.primary, record.generation)
            }
            Self::TurnBalancers { from } => write!(f, "have load balancers turn to it from {from}, where any ask"),
            Self::TurnBalancersBack { from } => write!(f, "have load balancers turn back to {from}"),
            Self::WatchShutdown => f.write_str("open a session that sees PostgreSQL's end"),
            Self::PreparePromotion => f.write_str("open the way for the promotion"),
            Self::ProveDown { nodes, vouched } => {
                let names: Vec<_> = nodes.iter().chain(vouched).map(NodeName::as_str).collect();
                write!(f, "make sure that {} has not come back meanwhile", names.join(" or "))
            }
            Self::Promote => f.write_str("promote"),
            Self::ProveService => f.write_str("log in and write through Keycloak"),
            Self::DropSlots { .. } => f.write_str("drop the replication slots that nobody uses any more"),
            Self::Stop { component: Component::Postgres } => f.write_str("stop PostgreSQL"),
            Self::Stop { component: Component::Keycloak } => f.write_str("stop Keycloak"),
            Self::RemoveContainers => f.write_str("remove the containers"),
            Self::RemoveVolumes => f.write_str("destroy the volumes: the database and its configuration"),
            Self::RemoveNetwork => f.write_str("remove the network"),
        }
    }
}

impl fmt::Display for PlannedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.node, self.action)
    }
}

/// What becomes of the data that is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OldData {
    /// It stays until the node streams again.
    Keep,
    /// It is destroyed first, for want of room.
    Discard,
}
