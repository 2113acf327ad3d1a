//! `up` through the library: what tests share, and that a second one does nothing.

use std::sync::Arc;
use std::time::Duration;

use ha_core::Cluster;
use ha_core::health::Code;
use ha_core::layout::Component;
use ha_core::plan::{Action, Plan, Refusal, UpOptions};
use ha_core::secrets::Secrets;
use ha_core::steps::{RunError, StepError, StepEvent, Watcher};
use ha_core::topology::{NodeSpec, Topology, TopologySpec};
use ha_core::values::NodeName;
use ha_tests::{Pair, PairOptions, compose_on_one, engine_is_wanted};

/// Most time for anything here: far more than it takes, so that only what hangs runs into it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

/// A watcher that needs to see nothing.
pub(crate) struct Unwatched;

impl Watcher for Unwatched {
    fn event(&self, _: StepEvent<'_>) {}
}

pub(crate) fn names(cluster: &Cluster) -> Vec<NodeName> {
    cluster.topology().nodes().iter().map(|node| node.name.clone()).collect()
}

pub(crate) async fn plan_for(cluster: &Cluster, nodes: &[NodeName]) -> Result<Plan, Vec<Refusal>> {
    let options = UpOptions { without_keycloak: true, ..UpOptions::default() };
    tokio::time::timeout(PATIENCE, cluster.plan_up(nodes, options)).await.expect("planning ends")
}

pub(crate) async fn plan(cluster: &Cluster) -> Result<Plan, Vec<Refusal>> {
    plan_for(cluster, &names(cluster)).await
}

pub(crate) async fn run(cluster: &Cluster, plan: &Plan) -> Result<(), RunError> {
    tokio::time::timeout(PATIENCE, cluster.run(plan, Arc::new(Unwatched))).await.expect("running a plan ends")
}

/// Plans `up` and expects a refusal; its text with its help.
pub(crate) async fn refusal(cluster: &Cluster) -> Refusal {
    let mut refusals = plan(cluster).await.expect_err("it must be refused");
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    refusals.remove(0)
}

/// Brings both servers up and expects one step to fail.
pub(crate) async fn failure(cluster: &Cluster) -> StepError {
    let plan = plan(cluster).await.expect("it can be planned");
    let mut error = run(cluster, &plan).await.expect_err("a step must fail");
    assert_eq!(error.failures.len(), 1, "{error:?}");
    error.failures.remove(0).error
}

/// The same engines and servers under another description or with other secrets.
pub(crate) fn variant(pair: &Pair, topology: Topology, secrets: Secrets) -> Cluster {
    let engine: Arc<dyn ha_core::ports::ContainerRuntime> = Arc::new(pair.runtime().clone());
    compose_on_one(Arc::new(topology), secrets, &engine)
}

/// The system identifier of each server, asked of the servers.
pub(crate) async fn system_identifiers(pair: &Pair) -> Vec<String> {
    let mut found = Vec::new();
    for node in pair.topology().nodes() {
        let observed = pair.cluster().ports().probe.observe(&node.name, Duration::from_secs(10)).await.unwrap();
        found.push(observed.system_identifier.to_string());
    }
    found
}

/// Writes on the primary and reads it on the standby: the only proof that it replicates.
pub(crate) async fn replicates(pair: &Pair, table: &str) {
    pair.superuser(pair.primary(), &format!("CREATE TABLE {table} (n int); INSERT INTO {table} VALUES (42)"))
        .await
        .unwrap();
    pair.wait_replayed().await.unwrap();
    let seen = pair.superuser(pair.standby(), &format!("SELECT n FROM {table}")).await.unwrap();
    assert_eq!(seen, "42");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_up_has_nothing_to_do() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let before = containers(&pair);
    let plan = plan(pair.cluster()).await.unwrap();
    assert!(plan.is_empty(), "{plan:?}");
    pair.up(false).await.unwrap();
    assert_eq!(containers(&pair), before, "nothing was restarted or made anew");
    replicates(&pair, "twice").await;

    // What no container of these shows is written down, and only that.
    let mut topology = pair.topology().clone();
    topology.keycloak.options.insert("log-level".to_owned(), "warn".to_owned());
    let cluster = variant(&pair, topology, pair.cluster().secrets().clone());
    let differing = async || {
        let drift = cluster.drift().await;
        drift.iter().map(|node| node.differences.as_ref().unwrap().as_ref().unwrap().len()).collect::<Vec<_>>()
    };
    assert_eq!(differing().await, [1, 1]);
    let noted = self::plan(&cluster).await.unwrap();
    assert!(noted.steps.len() == 2 && noted.steps.iter().all(|it| it.action == Action::NoteTopology), "{noted:?}");
    run(&cluster, &noted).await.unwrap();
    assert_eq!(differing().await, [0, 0]);
    assert_eq!(containers(&pair), before, "nothing was restarted or made anew");

    // By a file that calls the nodes otherwise nothing is made beside their data, which is all that is left of them.
    let mut spec = TopologySpec::new(pair.topology().cluster.name.to_string(), "http://sso.test");
    spec.cluster.demo = true;
    spec.cluster.id = pair.topology().cluster.id.as_ref().map(ToString::to_string);
    spec.images.postgres = PairOptions::default().postgres_image;
    for (node, name) in pair.topology().nodes().iter().zip(["one", "two"]) {
        crate::host::docker(&["rm", "-f", &pair.container(node, Component::Postgres)]);
        let spec_of =
            if name == "one" { NodeSpec::primary(name, "127.0.0.1") } else { NodeSpec::standby(name, "127.0.0.1") };
        spec.nodes.push(spec_of.ports(node.postgres_port, node.keycloak_port));
    }
    let renamed = variant(&pair, spec.validate().unwrap(), pair.cluster().secrets().clone());
    let refusals = self::plan(&renamed).await.unwrap_err();
    assert!(refusals.iter().any(|it| it.message.ends_with("under another name: vm1, vm2")), "{refusals:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_somebody_took_away_is_made_again() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let network = ha_core::layout::network_name(pair.topology());
    let standby = pair.container(pair.standby(), Component::Postgres);
    // Off the network, it runs and nobody reaches it; no start would bring it back.
    crate::host::docker(&["network", "disconnect", "-f", &network, &standby]);
    let report = pair.cluster().report().await;
    let lost: Vec<_> = report.findings.iter().filter(|finding| finding.code == Code::NetworkLost).collect();
    assert_eq!((lost.len(), lost[0].node.as_ref()), (1, Some(&pair.standby().name)), "{:#?}", report.findings);
    assert!(lost[0].help.contains("ha-cli up vm2"), "{:?}", lost[0]);
    pair.up(false).await.unwrap();
    replicates(&pair, "on_it_again").await;
    // Removed altogether, and another one made of its name.
    for again in [false, true] {
        for node in pair.topology().nodes() {
            crate::host::docker(&["stop", &pair.container(node, Component::Postgres)]);
        }
        crate::host::docker(&["network", "rm", &network]);
        if again {
            crate::host::docker(&["network", "create", &network]);
        }
        let (started, _, complaint) = crate::host::try_docker(&["start", &standby]);
        assert!(!started, "it starts without its network");
        let report = pair.cluster().report().await;
        let stopped = report.findings.iter().find(|it| it.node.as_ref() == Some(&pair.standby().name)).unwrap();
        assert!(stopped.message.contains("not found") && complaint.contains("not found"), "{stopped:?}: {complaint}");
        pair.up(false).await.unwrap();
        replicates(&pair, if again { "remade" } else { "removed" }).await;
    }
}

fn containers(pair: &Pair) -> String {
    let cluster = pair.topology().cluster.name.to_string();
    let filter = format!("label={}", crate::host::label(&cluster));
    let ids = crate::host::docker(&["ps", "-a", "-q", "--no-trunc", "--filter", &filter]);
    let mut arguments = vec!["inspect", "--format", "{{.Id}} {{.Name}} {{.State.StartedAt}} {{.State.Status}}"];
    arguments.extend(ids.lines());
    crate::host::docker(&arguments)
}
