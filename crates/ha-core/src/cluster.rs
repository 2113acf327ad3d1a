//! The facade for those who embed: a topology, the ports, and what can be done with them.

use std::future::Future;
use std::sync::Arc;

use futures_util::future::join;

use crate::context::{Context, Limits, Ports};
use crate::doctor::{DoctorOptions, DoctorReport};
use crate::drift::{self, Disagreement, NodeDrift};
use crate::health::{self, Report};
use crate::history::{self, Entry, Gap, History};
use crate::layout::KeycloakExtension;
use crate::lock::{self, Holder, Locks, Taken};
use crate::locking;
use crate::observe::{BranchObservation, NodeObservation};
use crate::plan::{
    self, Action, Backup, Failover, FailoverOptions, OldData, Plan, Refusal, RejoinMethod, RejoinStart, Switchover,
    SwitchoverOptions, UpOptions,
};
use crate::ports::{ByteStream, Clock, DatabaseLogin};
use crate::secrets::Secrets;
use crate::steps::{RunError, StepError, Watcher};
use crate::topology::Topology;
use crate::values::{ClusterId, NodeName};

/// One cluster and the ways to it. Cheap to clone; its futures may be dropped at any time, and a plan that was
/// interrupted so is planned anew from what is there.
#[derive(Clone)]
pub struct Cluster {
    context: Context,
}

impl Cluster {
    /// Puts together what the calls need. Nothing is contacted.
    #[must_use]
    pub fn new(topology: Arc<Topology>, secrets: Secrets, extension: KeycloakExtension, ports: Ports) -> Self {
        let (secrets, limits) = (Arc::new(secrets), Limits::default());
        Self { context: Context { topology, secrets, extension, ports, limits, held: lock::Register::default() } }
    }

    /// The same with other limits.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.context.limits = limits;
        self
    }

    /// How long its looks and waits may take.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.context.limits
    }

    /// The topology.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        self.context.topology()
    }

    /// The ports.
    #[must_use]
    pub const fn ports(&self) -> &Ports {
        &self.context.ports
    }

    /// The secrets.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        self.context.secrets()
    }

    /// How Keycloak logs in to its database.
    #[must_use]
    pub fn keycloak_login(&self) -> DatabaseLogin {
        self.context.keycloak_login()
    }

    /// Looks at every node once, all at the same time. What cannot be seen is an observation, too: this never fails,
    /// and takes no longer than the slowest limit.
    pub async fn observe(&self) -> Vec<NodeObservation> {
        crate::survey::observe_all(&self.context).await
    }

    /// Looks at every node and tells what it means. Where a server runs and does not tell of the room on its host, a program
    /// is run in its container for it. While somebody's command is at work on the nodes, that is the first finding, and nothing is
    /// advised but to wait for it; whoever holds the locks with this value is not told of that.
    pub async fn report(&self) -> Report {
        let (mut facts, at_work) = join(crate::survey::role_facts(&self.context), locking::look(&self.context)).await;
        let mut seen: Vec<_> = facts.values().map(|fact| fact.observation.clone()).collect();
        crate::survey::ask_hosts(&self.context, &mut seen).await;
        for (fact, seen) in facts.values_mut().zip(seen) {
            fact.observation = seen;
        }
        let report = health::assess_roles(&self.context.topology, &facts);
        let asks = health::rest::is_worth_asking(&report);
        let history = if asks { self.history().await.operations } else { Vec::new() };
        health::at_work::settle(health::rest::settle(report, &history), &at_work)
    }

    /// Compares what each node was brought up with with the topology.
    pub async fn drift(&self) -> Vec<NodeDrift> {
        drift::of_nodes(&self.context).await
    }

    /// What the nodes should share and do not.
    pub async fn disagreements(&self) -> Vec<Disagreement> {
        drift::between_nodes(&self.context).await
    }

    /// Says of which of `nodes` what stands there under this cluster's name is another cluster's. An engine that cannot be
    /// asked is passed over. To be asked before anything is changed; a topology without an id is taken at its word.
    pub async fn strangers(&self, nodes: &[NodeName]) -> Vec<Refusal> {
        if self.context.topology.cluster.id.is_none() {
            return Vec::new();
        }
        plan::strangers(&self.context.topology, &crate::survey::standing(&self.context, nodes).await)
    }

    /// Finds out which id this cluster has, or would have: one whose topology says none, and that was made before there
    /// were any, or from another copy of it. `None` as long as there is no database. Changes nothing.
    pub async fn settle_id(&self) -> Option<ClusterId> {
        let nodes: Vec<_> = self.context.topology.nodes().iter().map(|node| node.name.clone()).collect();
        plan::settle_id(&crate::survey::standing(&self.context, &nodes).await)
    }

    /// Finds out whether the hosts of `selected` are fit for the cluster, all at the same time; the others are looked at
    /// as far as that needs it. Works before the first `up` and beside a running cluster. Every wait has a limit.
    ///
    /// What it puts on the engines it removes again, also when `stop` is ready before the end: then the result is
    /// `None`. When the future is dropped instead, containers are left that end by themselves within minutes, and the
    /// next call removes them.
    pub async fn doctor(
        &self,
        selected: &[NodeName],
        options: &DoctorOptions,
        clock: &dyn Clock,
        stop: impl Future<Output = ()> + Send,
    ) -> Option<DoctorReport> {
        crate::survey::examine(&self.context, selected, options, clock, stop).await
    }

    /// Plans to bring `selected` up. Looks at every node; changes nothing, but that data which no container guards is
    /// looked at by a container that lives for that moment.
    ///
    /// # Errors
    /// Every reason why it would not be safe or not be possible.
    pub async fn plan_up(&self, selected: &[NodeName], options: UpOptions) -> Result<Plan, Vec<Refusal>> {
        let facts = crate::survey::facts_of_all(&self.context).await;
        plan::decide_up(&self.context.topology, &self.context.secrets, selected, &facts, options)
    }

    /// Plans to take `selected` down; with `volumes`, to destroy their data.
    ///
    /// # Errors
    /// Somebody renamed a container of theirs.
    pub async fn plan_down(&self, selected: &[NodeName], volumes: bool) -> Result<Plan, Vec<Refusal>> {
        plan::decide_down(&self.context.topology, selected, &self.observe().await, volumes)
    }

    /// Plans to make a standby the primary, and the primary a standby, without losing anything. Looks at every node;
    /// changes nothing.
    ///
    /// # Errors
    /// Every reason why it would not be safe or not be possible.
    pub async fn plan_switchover(&self, options: &SwitchoverOptions) -> Result<Switchover, Vec<Refusal>> {
        let facts = crate::survey::role_facts(&self.context).await;
        plan::decide_switchover(&self.context.topology, &facts, options)
    }

    /// Plans to put a standby in the place of a primary that is gone. Looks at every node, also with the eyes of the
    /// standbys; changes nothing.
    ///
    /// # Errors
    /// Every reason why it would not be safe or not be possible.
    pub async fn plan_failover(&self, options: &FailoverOptions) -> Result<Failover, Vec<Refusal>> {
        let begun = self.context.ports.clock.now();
        let facts = crate::survey::facts_for_failover(&self.context).await;
        let mut failover = plan::decide_failover(&self.context.topology, &facts, options)?;
        // Whoever does not answer was waited for: since the standby was asked, its last word has become older.
        failover.loss.grow_older(self.context.ports.clock.now().saturating_sub(begun));
        Ok(failover)
    }

    /// Plans to bring this topology's durability profile in force on servers that run by another one.
    ///
    /// # Errors
    /// There is not exactly one primary that can be reached, or, for `strict`, no standby streams.
    pub async fn plan_replication(&self) -> Result<Plan, Refusal> {
        plan::decide_replication(&self.context.topology, &crate::survey::role_facts(&self.context).await)
    }

    /// Tells what has to stop before the data of a node that is to come back can be looked at. Changes nothing.
    ///
    /// # Errors
    /// There is no primary to follow, or the node is it.
    pub async fn begin_rejoin(&self, node: &NodeName) -> Result<RejoinStart, Refusal> {
        let mut start =
            plan::begin_rejoin(&self.context.topology, &crate::survey::role_facts(&self.context).await, node)?;
        if let RejoinStart::Streams { plan, .. } = &mut start
            && crate::survey::keeps_old_data(&self.context, node).await
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
        crate::survey::inspect(&self.context, node, primary).await
    }

    /// Plans how a node comes back, from what [`inspect`](Self::inspect) found.
    pub async fn plan_rejoin(
        &self,
        node: &NodeName,
        primary: &NodeName,
        found: &Result<BranchObservation, StepError>,
        old_data: OldData,
    ) -> (RejoinMethod, Plan) {
        let facts = crate::survey::role_facts(&self.context).await;
        let method = match found {
            Ok(branch) => plan::choose_method(&self.context.topology, &facts, node, primary, branch),
            Err(error) => RejoinMethod::BaseBackup { why: error.to_string(), not_compared: true },
        };
        let plan = plan::decide_rejoin(&self.context.topology, &facts, node, primary, &method, old_data);
        (method, plan)
    }

    /// Plans to replace the data of a standby by a copy of the primary's.
    ///
    /// # Errors
    /// The node is the primary, there is none to copy from, or its data is not proven to be replaceable.
    pub async fn plan_rebuild(&self, node: &NodeName, old_data: OldData) -> Result<Plan, Refusal> {
        plan::decide_rebuild(&self.context.topology, &crate::survey::role_facts(&self.context).await, node, old_data)
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
        crate::steps::backup::take(&self.context, backup).await
    }

    /// Takes the lock of each of `nodes` whose PostgreSQL runs and can be reached, in the topology's order, without waiting
    /// for whoever holds one (but for the second in which an engine notices that a holder was killed). To be taken before anything is planned: what is seen then stays as it is. A node that is known
    /// not to answer is better left out, since it is waited for otherwise.
    ///
    /// # Errors
    /// The first lock that somebody else holds.
    pub async fn lock(&self, nodes: &[NodeName], holder: &Holder) -> Result<Locks, Taken> {
        locking::lock(&self.context, nodes, holder).await
    }

    /// As [`lock`](Self::lock) on all nodes, for one who cannot wait for a host that may be gone: a node that answers
    /// noticeably later than another goes without, as [`Late`](lock::Unlocked::Late). Whoever then finds that it is
    /// there takes its lock as well ([`Locks::extend`]), and looks again.
    ///
    /// # Errors
    /// The first lock that somebody else holds.
    pub async fn lock_soon(&self, holder: &Holder) -> Result<Locks, Taken> {
        locking::lock_soon(&self.context, holder).await
    }

    /// Writes down on `nodes`, all at the same time, what happens. Once this returns it is on the disk wherever the
    /// node's PostgreSQL container runs.
    ///
    /// Returns the nodes on which it could not be written: worth a warning, and no reason to stop.
    pub async fn record(&self, nodes: &[NodeName], entries: &[Entry]) -> Vec<Gap> {
        history::journal::record(&self.context, nodes, entries).await
    }

    /// Reads every node's copy of the history and puts them together. What cannot be read is told, and never fails it.
    pub async fn history(&self) -> History {
        history::journal::history(&self.context).await
    }

    /// Runs a plan: every step as soon as those before it are done. A step that fails keeps back those that wait for it; all others
    /// are done.
    ///
    /// # Errors
    /// The steps that failed. What they left is found by the next plan.
    pub async fn run(&self, plan: &Plan, watcher: Arc<dyn Watcher>) -> Result<(), RunError> {
        crate::steps::run(&self.context, plan, watcher).await
    }
}
