//! The facade for those who embed: a topology, the ports, and what can be done with them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;

use crate::drift::{self, Disagreement, NodeDrift};
use crate::health::{self, Report};
use crate::history::{self, Entry, Gap, History};
use crate::layout::KeycloakExtension;
use crate::lock::{self, Holder, Locks, Taken};
use crate::observe::{BranchObservation, NodeObservation};
use crate::plan::{
    self, Action, Backup, Failover, FailoverOptions, OldData, Plan, Refusal, RejoinMethod, RejoinStart, Switchover,
    SwitchoverOptions, UpOptions,
};
use crate::ports::{
    ByteStream, Clock, ContainerRuntime, DatabaseLogin, KeycloakAdmin, PostgresControl, ReplicationProbe,
};
use crate::secrets::Secrets;
use crate::steps::{RunError, StepError, Watcher};
use crate::topology::Topology;
use crate::values::{ClusterId, NodeName};

/// The world of one cluster.
#[derive(Clone)]
pub struct Ports {
    /// The engine of each node, or why there is no way to it from here.
    pub runtimes: BTreeMap<NodeName, Result<Arc<dyn ContainerRuntime>, String>>,
    /// Reads every node's PostgreSQL.
    pub probe: Arc<dyn ReplicationProbe>,
    /// Administers every node's PostgreSQL.
    pub control: Arc<dyn PostgresControl>,
    /// Speaks to every node's Keycloak.
    pub keycloak: Arc<dyn KeycloakAdmin>,
    /// Tells the time between tries.
    pub clock: Arc<dyn Clock>,
}

/// How long looks and waits may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// One look at a PostgreSQL or a Keycloak.
    pub observe: Duration,
    /// PostgreSQL from its start until it takes queries, recovery after a crash included.
    pub postgres_ready: Duration,
    /// Keycloak from its start until it is ready, the creation of its schema included.
    pub keycloak_ready: Duration,
    /// Before a planned change, the Keycloak that will take writes, until it is ready and has warmed up; being warm is not
    /// waited for any longer.
    pub keycloak_warm: Duration,
    /// A base backup. A day: a terabyte over a slow link takes hours, and it shows its progress.
    pub copy: Duration,
    /// A server's orderly stop.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            observe: Duration::from_secs(2),
            postgres_ready: Duration::from_secs(300),
            keycloak_ready: Duration::from_secs(300),
            keycloak_warm: Duration::from_secs(60),
            copy: Duration::from_secs(24 * 3600),
            stop: Duration::from_secs(60),
        }
    }
}

/// One cluster and the ways to it. Cheap to clone; its futures may be dropped at any time, and a plan that was
/// interrupted so is planned anew from what is there.
#[derive(Clone)]
pub struct Cluster {
    pub(crate) topology: Arc<Topology>,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) extension: KeycloakExtension,
    pub(crate) ports: Ports,
    pub(crate) limits: Limits,
    /// The locks that are held by whoever works with this value or a clone of it.
    pub(crate) held: lock::Register,
}

impl Cluster {
    /// Puts together what the calls need. Nothing is contacted.
    #[must_use]
    pub fn new(topology: Arc<Topology>, secrets: Secrets, extension: KeycloakExtension, ports: Ports) -> Self {
        let (secrets, limits) = (Arc::new(secrets), Limits::default());
        Self { topology, secrets, extension, ports, limits, held: lock::Register::default() }
    }

    /// The same with other limits.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The topology.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The ports.
    #[must_use]
    pub const fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The secrets.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// How Keycloak logs in to its database.
    #[must_use]
    pub fn keycloak_login(&self) -> DatabaseLogin {
        DatabaseLogin {
            database: self.topology.postgres.database.clone(),
            role: self.topology.postgres.user.clone(),
            password: self.secrets.keycloak_db_password.clone(),
        }
    }

    /// Looks at every node once, all at the same time. What cannot be seen is an observation, too: this never fails,
    /// and takes no longer than the slowest limit.
    pub async fn observe(&self) -> Vec<NodeObservation> {
        crate::survey::observe_all(self).await
    }

    /// Looks at every node and tells what it means. Where a server runs and does not tell of the room on its host, a program
    /// is run in its container for it. While somebody's command is at work on the nodes, that is the first finding, and nothing is
    /// advised but to wait for it; whoever holds the locks with this value is not told of that.
    pub async fn report(&self) -> Report {
        let (mut facts, at_work) = join(crate::survey::role_facts(self), lock::look(self)).await;
        let mut seen: Vec<_> = facts.values().map(|fact| fact.observation.clone()).collect();
        crate::survey::ask_hosts(self, &mut seen).await;
        for (fact, seen) in facts.values_mut().zip(seen) {
            fact.observation = seen;
        }
        let report = health::assess_roles(&self.topology, &facts);
        let asks = health::rest::is_worth_asking(&report);
        let history = if asks { self.history().await.operations } else { Vec::new() };
        health::at_work::settle(health::rest::settle(report, &history), &at_work)
    }

    /// Compares what each node was brought up with with the topology.
    pub async fn drift(&self) -> Vec<NodeDrift> {
        drift::of_nodes(self).await
    }

    /// What the nodes should share and do not.
    pub async fn disagreements(&self) -> Vec<Disagreement> {
        drift::between_nodes(self).await
    }

    /// Says of which of `nodes` what stands there under this cluster's name is another cluster's. An engine that cannot be
    /// asked is passed over. To be asked before anything is changed; a topology without an id is taken at its word.
    pub async fn strangers(&self, nodes: &[NodeName]) -> Vec<Refusal> {
        if self.topology.cluster.id.is_none() {
            return Vec::new();
        }
        plan::strangers(&self.topology, &crate::survey::standing(self, nodes).await)
    }

    /// Finds out which id this cluster has, or would have: one whose topology says none, and that was made before there
    /// were any, or from another copy of it. `None` as long as there is no database. Changes nothing.
    pub async fn settle_id(&self) -> Option<ClusterId> {
        let nodes: Vec<_> = self.topology.nodes().iter().map(|node| node.name.clone()).collect();
        plan::settle_id(&crate::survey::standing(self, &nodes).await)
    }

    /// Plans to bring `selected` up. Looks at every node; changes nothing, but that data which no container guards is
    /// looked at by a container that lives for that moment.
    ///
    /// # Errors
    /// Every reason why it would not be safe or not be possible.
    pub async fn plan_up(&self, selected: &[NodeName], options: UpOptions) -> Result<Plan, Vec<Refusal>> {
        let facts = crate::survey::facts_of_all(self).await;
        plan::decide_up(&self.topology, &self.secrets, selected, &facts, options)
    }

    /// Plans to take `selected` down; with `volumes`, to destroy their data.
    ///
    /// # Errors
    /// Somebody renamed a container of theirs.
    pub async fn plan_down(&self, selected: &[NodeName], volumes: bool) -> Result<Plan, Vec<Refusal>> {
        plan::decide_down(&self.topology, selected, &self.observe().await, volumes)
    }

    /// Plans to make a standby the primary, and the primary a standby, without losing anything. Looks at every node;
    /// changes nothing.
    ///
    /// # Errors
    /// Every reason why it would not be safe or not be possible.
    pub async fn plan_switchover(&self, options: &SwitchoverOptions) -> Result<Switchover, Vec<Refusal>> {
        let facts = crate::survey::role_facts(self).await;
        plan::decide_switchover(&self.topology, &facts, options)
    }

    /// Plans to put a standby in the place of a primary that is gone. Looks at every node, also with the eyes of the
    /// standbys; changes nothing.
    ///
    /// # Errors
    /// Every reason why it would not be safe or not be possible.
    pub async fn plan_failover(&self, options: &FailoverOptions) -> Result<Failover, Vec<Refusal>> {
        let begun = self.ports.clock.now();
        let facts = crate::survey::facts_for_failover(self).await;
        let mut failover = plan::decide_failover(&self.topology, &facts, options)?;
        // Whoever does not answer was waited for: since the standby was asked, its last word has become older.
        failover.loss.grow_older(self.ports.clock.now().saturating_sub(begun));
        Ok(failover)
    }

    /// Plans to bring this topology's durability profile in force on servers that run by another one.
    ///
    /// # Errors
    /// There is not exactly one primary that can be reached, or, for `strict`, no standby streams.
    pub async fn plan_replication(&self) -> Result<Plan, Refusal> {
        plan::decide_replication(&self.topology, &crate::survey::role_facts(self).await)
    }

    /// Tells what has to stop before the data of a node that is to come back can be looked at. Changes nothing.
    ///
    /// # Errors
    /// There is no primary to follow, or the node is it.
    pub async fn begin_rejoin(&self, node: &NodeName) -> Result<RejoinStart, Refusal> {
        let mut start = plan::begin_rejoin(&self.topology, &crate::survey::role_facts(self).await, node)?;
        if let RejoinStart::Streams { plan, .. } = &mut start
            && crate::survey::keeps_old_data(self, node).await
        {
            // An interrupted run had come that far.
            plan.add(node, Action::ForgetOldData, []);
        }
        Ok(start)
    }

    /// Looks at the data of a node whose server does not run, beside the primary that it is to follow. Takes as long as
    /// replaying its WAL does. Afterwards it comes back as a standby only.
    ///
    /// # Errors
    /// It could not be looked at; [`StepError::Broken`] when it is of no use, so that only a copy will do.
    pub async fn inspect(&self, node: &NodeName, primary: &NodeName) -> Result<BranchObservation, StepError> {
        crate::survey::inspect(self, node, primary).await
    }

    /// Plans how a node comes back, from what [`inspect`](Self::inspect) found.
    pub async fn plan_rejoin(
        &self,
        node: &NodeName,
        primary: &NodeName,
        found: &Result<BranchObservation, StepError>,
        old_data: OldData,
    ) -> (RejoinMethod, Plan) {
        let facts = crate::survey::role_facts(self).await;
        let method = match found {
            Ok(branch) => plan::choose_method(&self.topology, &facts, node, primary, branch),
            Err(error) => RejoinMethod::BaseBackup { why: error.to_string(), not_compared: true },
        };
        let plan = plan::decide_rejoin(&self.topology, &facts, node, primary, &method, old_data);
        (method, plan)
    }

    /// Plans to replace the data of a standby by a copy of the primary's.
    ///
    /// # Errors
    /// The node is the primary, there is none to copy from, or its data is not proven to be replaceable.
    pub async fn plan_rebuild(&self, node: &NodeName, old_data: OldData) -> Result<Plan, Refusal> {
        plan::decide_rebuild(&self.topology, &crate::survey::role_facts(self).await, node, old_data)
    }

    /// Plans to put a node's database into a file. Looks at every node; changes nothing.
    ///
    /// # Errors
    /// There is no way to its data, or it may change while it is read.
    pub async fn plan_backup(&self, node: &NodeName) -> Result<Backup, Refusal> {
        let observations = self.observe().await;
        plan::decide_backup(node, observations.iter().find(|observation| observation.node == *node))
    }

    /// Begins to read a node's database, as one tar archive of a data directory: unpacked into an empty folder, PostgreSQL
    /// starts on it. It holds all that Keycloak keeps, so it is as secret as the database. Dropping the stream ends it.
    ///
    /// # Errors
    /// It could not be begun. What goes wrong later, the stream tells.
    pub async fn take_backup(&self, backup: &Backup) -> Result<ByteStream, StepError> {
        crate::steps::backup::take(self, backup).await
    }

    /// Takes the lock of each of `nodes` whose PostgreSQL runs and can be reached, in the topology's order, without waiting
    /// for whoever holds one (but for the second in which an engine notices that a holder was killed). To be taken before anything is planned: what is seen then stays as it is. A node that is known
    /// not to answer is better left out, since it is waited for otherwise.
    ///
    /// # Errors
    /// The first lock that somebody else holds.
    pub async fn lock(&self, nodes: &[NodeName], holder: &Holder) -> Result<Locks, Taken> {
        lock::lock(self, nodes, holder).await
    }

    /// As [`lock`](Self::lock) on all nodes, for one who cannot wait for a host that may be gone: a node that answers
    /// noticeably later than another goes without, as [`Late`](lock::Unlocked::Late). Whoever then finds that it is
    /// there takes its lock as well ([`Locks::extend`]), and looks again.
    ///
    /// # Errors
    /// The first lock that somebody else holds.
    pub async fn lock_soon(&self, holder: &Holder) -> Result<Locks, Taken> {
        lock::lock_soon(self, holder).await
    }

    /// Writes down on `nodes`, all at the same time, what happens. Once this returns it is on the disk wherever the
    /// node's PostgreSQL container runs.
    ///
    /// Returns the nodes on which it could not be written: worth a warning, and no reason to stop.
    pub async fn record(&self, nodes: &[NodeName], entries: &[Entry]) -> Vec<Gap> {
        history::journal::record(self, nodes, entries).await
    }

    /// Reads every node's copy of the history and puts them together. What cannot be read is told, and never fails it.
    pub async fn history(&self) -> History {
        history::journal::history(self).await
    }

    /// Runs a plan: every step as soon as those before it are done. A step that fails keeps back those that wait for it; all others
    /// are done.
    ///
    /// # Errors
    /// The steps that failed. What they left is found by the next plan.
    pub async fn run(&self, plan: &Plan, watcher: Arc<dyn Watcher>) -> Result<(), RunError> {
        crate::steps::run(self, plan, watcher).await
    }
}
