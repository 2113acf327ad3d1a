//! A cluster over the made-up world.

use std::sync::{Arc, Mutex, MutexGuard};

use ha_core::layout::KeycloakExtension;
use ha_core::plan::{Plan, Refusal, UpOptions};
use ha_core::ports::ContainerRuntime;
use ha_core::secrets::Secrets;
use ha_core::steps::{RunError, StepEvent, Watcher};
use ha_core::topology::{NodeSpec, Topology, TopologySpec};
use ha_core::values::{NodeName, Secret};
use ha_core::{Cluster, Ports};

use crate::engine::FakeEngine;
use crate::gate::{Gate, Trouble, drive};
use crate::shared::Shared;
use crate::world::{Engine, World};

struct Silent;

impl Watcher for Silent {
    fn event(&self, _: StepEvent<'_>) {}
}

/// Hosts with engines, and a topology for them.
pub(crate) struct Sim {
    pub(crate) topology: Arc<Topology>,
    world: Arc<Mutex<World>>,
}

/// How one run of `up` ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Killed,
    Refused(Vec<Refusal>),
    Failed(RunError),
    Done(Plan),
}

fn secrets() -> Secrets {
    Secrets {
        keycloak_db_password: Secret::new("database-password"),
        replication_password: Secret::new("replication-password"),
        probe_password: Secret::new("probe-password"),
        keycloak_admin_password: Secret::new("admin-password"),
        keycloak_client_secret: Secret::new("client-secret"),
        keycloak_bootstrap_secret: Secret::new("bootstrap-secret"),
    }
}

pub(crate) fn spec(nodes: usize) -> TopologySpec {
    (1..nodes).fold(
        TopologySpec::new("sso", "https://sso.example.org").node(NodeSpec::primary("vm1", "192.0.2.1")),
        |spec, index| spec.node(NodeSpec::standby(format!("vm{}", index + 1), format!("192.0.2.{}", index + 1))),
    )
}

impl Sim {
    /// New hosts, each with an empty engine.
    pub(crate) fn new(spec: &TopologySpec) -> Self {
        let topology = Arc::new(spec.validate().expect("the description is right"));
        let engines = (0..topology.nodes().len()).map(|at| Engine { id: format!("engine {at}"), ..Engine::default() });
        let world = World { engines: engines.collect(), ..World::default() };
        Self { topology, world: Arc::new(Mutex::new(world)) }
    }

    /// The same hosts with another description.
    pub(crate) fn described(&self, spec: &TopologySpec) -> Self {
        Self { topology: Arc::new(spec.validate().expect("the description is right")), world: Arc::clone(&self.world) }
    }

    /// Other hosts on which everything is as it is on these now.
    pub(crate) fn fork(&self) -> Self {
        Self { topology: Arc::clone(&self.topology), world: Arc::new(Mutex::new(self.world().clone())) }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no test goes on after a panic")
    }

    fn cluster(&self, trouble: Trouble) -> (Arc<Shared>, Cluster) {
        let shared = Arc::new(Shared {
            topology: Arc::clone(&self.topology),
            secrets: secrets(),
            gate: Gate::new(trouble),
            world: Arc::clone(&self.world),
        });
        let runtime = |node: &NodeName| {
            let engine = FakeEngine { shared: Arc::clone(&shared), at: shared.engine_of(node) };
            Ok(Arc::new(engine) as Arc<dyn ContainerRuntime>)
        };
        let ports = Ports {
            runtimes: self.topology.nodes().iter().map(|node| (node.name.clone(), runtime(&node.name))).collect(),
            probe: shared.clone(),
            control: shared.clone(),
            keycloak: shared.clone(),
            clock: shared.clone(),
        };
        let extension = KeycloakExtension { jar: b"jar", driver_class: "org.example.Driver" };
        let cluster = Cluster::new(Arc::clone(&self.topology), secrets(), extension, ports);
        (shared, cluster)
    }

    fn all(&self) -> Vec<NodeName> {
        self.topology.nodes().iter().map(|node| node.name.clone()).collect()
    }

    /// Runs a plan that is given.
    pub(crate) fn run(&self, plan: &Plan) -> Result<(), RunError> {
        let (shared, cluster) = self.cluster(Trouble::None);
        drive(&shared.gate, cluster.run(plan, Arc::new(Silent))).expect("nobody kills it")
    }

    /// Plans and runs once. Tells how it ended and how many calls it took.
    pub(crate) fn up_once(&self, trouble: Trouble) -> (Outcome, usize) {
        let (shared, cluster) = self.cluster(trouble);
        let selected = self.all();
        let once = async {
            match cluster.plan_up(&selected, UpOptions::default()).await {
                Err(refusals) => Outcome::Refused(refusals),
                Ok(plan) => match cluster.run(&plan, Arc::new(Silent)).await {
                    Ok(()) => Outcome::Done(plan),
                    Err(error) => Outcome::Failed(error),
                },
            }
        };
        let outcome = drive(&shared.gate, once).unwrap_or(Outcome::Killed);
        (outcome, shared.gate.calls())
    }

    /// Runs `up` until there is nothing to do. Every run must come to its end; the last one changes nothing.
    pub(crate) fn up(&self) -> usize {
        let mut calls = 0;
        for _ in 0..4 {
            let (outcome, took) = self.up_once(Trouble::None);
            calls += took;
            match outcome {
                Outcome::Done(plan) if plan.is_empty() => return calls,
                Outcome::Done(_) => {}
                other => panic!("{other:?}"),
            }
        }
        panic!("it does not come to an end");
    }

    /// Takes every node down with its data.
    pub(crate) fn destroy(&self, trouble: Trouble) -> (Option<Result<(), RunError>>, usize) {
        let (shared, cluster) = self.cluster(trouble);
        let selected = self.all();
        let down = async {
            let Ok(plan) = cluster.plan_down(&selected, true).await else { panic!("there is nothing to refuse") };
            cluster.run(&plan, Arc::new(Silent)).await
        };
        (drive(&shared.gate, down), shared.gate.calls())
    }

    /// What there is in the end, as text that can be compared.
    pub(crate) fn essence(&self) -> String {
        self.world().essence()
    }
}
