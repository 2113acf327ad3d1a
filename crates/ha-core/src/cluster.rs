//! The facade for those who embed: a topology, the ports, and what can be done with them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;

use crate::drift::{self, Disagreement, NodeDrift};
use crate::health::{self, Report};
use crate::layout::KeycloakExtension;
use crate::observe::{HostObservation, NodeObservation};
use crate::plan::{self, Plan, Refusal, Switchover, SwitchoverOptions, UpOptions};
use crate::ports::{ContainerRuntime, KeycloakAdmin, PostgresControl, ReplicationProbe};
use crate::secrets::Secrets;
use crate::steps::{RunError, Watcher};
use crate::topology::Topology;
use crate::values::NodeName;

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
}

impl Cluster {
    /// Puts together what the calls need. Nothing is contacted.
    #[must_use]
    pub fn new(topology: Arc<Topology>, secrets: Secrets, extension: KeycloakExtension, ports: Ports) -> Self {
        Self { topology, secrets: Arc::new(secrets), extension, ports, limits: Limits::default() }
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

    /// Looks at every node once, all at the same time. What cannot be seen is an observation, too: this never fails,
    /// and takes no longer than the slowest limit.
    pub async fn observe(&self) -> Vec<NodeObservation> {
        crate::survey::observe_all(self).await
    }

    /// Looks at every node and tells what it means.
    pub async fn report(&self) -> Report {
        health::assess(&self.topology, &self.observe().await)
    }

    /// The same, with the room on the hosts. It takes longer: a program is run inside each PostgreSQL's container.
    pub async fn report_with_hosts(&self) -> Report {
        let (report, hosts) = join(self.report(), self.hosts()).await;
        report.with_hosts(hosts.into_iter().map(|(node, seen)| (node, seen.into())))
    }

    /// Looks at the room on every node's host, all at the same time. What cannot be seen is not known: this never fails.
    pub async fn hosts(&self) -> Vec<(NodeName, HostObservation)> {
        crate::survey::hosts(self).await
    }

    /// Compares what each node was brought up with with the topology.
    pub async fn drift(&self) -> Vec<NodeDrift> {
        drift::of_nodes(self).await
    }

    /// What the nodes should share and do not.
    pub async fn disagreements(&self) -> Vec<Disagreement> {
        drift::between_nodes(self).await
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
    pub async fn plan_down(&self, selected: &[NodeName], volumes: bool) -> Plan {
        plan::decide_down(&self.topology, selected, &self.observe().await, volumes)
    }

    /// Plans to make a standby the primary, and the primary a standby, without losing anything. Looks at every node;
    /// changes nothing.
    ///
    /// # Errors
    /// Every reason why it would not be safe or not be possible.
    pub async fn plan_switchover(&self, options: &SwitchoverOptions) -> Result<Switchover, Vec<Refusal>> {
        let facts = crate::survey::switchover_facts(self).await;
        plan::decide_switchover(&self.topology, &facts, options)
    }

    /// Runs a plan: every step as soon as those before it are done. When a step fails, no further one is begun, and
    /// those under way are waited for.
    ///
    /// # Errors
    /// The steps that failed. What they left is found by the next plan.
    pub async fn run(&self, plan: &Plan, watcher: Arc<dyn Watcher>) -> Result<(), RunError> {
        crate::steps::run(self, plan, watcher).await
    }
}
