//! A cluster on two hosts that have nothing in common but the link between them: made, cut, changed round, without power.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ha_core::Cluster;
use ha_core::health::{ClusterState, Code, PostgresState, Report, ReportedRole};
use ha_core::layout::{Component, container_name};
use ha_core::plan::{Action, Plan, Refusal, SwitchoverOptions, UpOptions, undo_switchover};
use ha_core::ports::{ContainerRuntime, ExecSpec};
use ha_core::steps::{RunError, StepEvent, Watcher};
use ha_core::topology::{NodeSpec, TopologySpec};
use ha_core::values::NodeName;
use ha_tests::hosts::Hosts;
use ha_tests::{compose, fresh_name, fresh_secrets};

use crate::world::{World, image};

/// From a cut until both ends have noticed by their own timeouts, with room for a busy machine.
const NOTICED: Duration = Duration::from_secs(90);

struct Unwatched;

impl Watcher for Unwatched {
    fn event(&self, _: StepEvent<'_>) {}
}

/// The servers of a cluster on the two hosts, without Keycloaks; removed when dropped.
struct Servers<'w> {
    world: &'w World,
    cluster: Cluster,
    names: [NodeName; 2],
}

impl Drop for Servers<'_> {
    fn drop(&mut self) {
        // A test that failed may leave a host without power or a cut link behind; what cannot be removed goes with the hosts.
        let plan = self.world.wait(self.cluster.plan_down(&self.names, true));
        drop(self.run(&plan));
    }
}

impl<'w> Servers<'w> {
    fn start(world: &'w World) -> Self {
        let hosts = &world.hosts;
        let node = |spec: fn(&'static str, String) -> NodeSpec, name, host| {
            spec(name, hosts.address(host).unwrap().to_string()).docker(hosts.docker(host).unwrap().to_string())
        };
        let mut spec = TopologySpec::new(fresh_name(), "http://sso.test")
            .node(node(NodeSpec::primary, "vm1", 1))
            .node(node(NodeSpec::standby, "vm2", 2));
        spec.images.postgres = image();
        let topology = Arc::new(spec.validate().unwrap());
        let names = [topology.nodes()[0].name.clone(), topology.nodes()[1].name.clone()];
        // An engine that is gone is given up soon, as by the commands that only look.
        let engine =
            |host| Arc::new(world.engine(host).with_call_limit(Duration::from_secs(5))) as Arc<dyn ContainerRuntime>;
        let engines = BTreeMap::from([(names[0].clone(), engine(1)), (names[1].clone(), engine(2))]);
        let servers = Self { world, cluster: compose(topology, fresh_secrets(), engines), names };
        servers.up();
        servers
    }

    fn up(&self) {
        let options = UpOptions { without_keycloak: true, ..UpOptions::default() };
        let plan = self.world.wait(self.cluster.plan_up(&self.names, options)).unwrap();
        self.run(&plan).unwrap();
    }

    fn run(&self, plan: &Plan) -> Result<(), RunError> {
        self.world.wait(self.cluster.run(plan, Arc::new(Unwatched)))
    }

    fn report(&self) -> Report {
        self.world.wait(self.cluster.report())
    }

    /// Looks until the findings are these; the missing Keycloaks are none here.
    #[track_caller]
    fn finds(&self, wanted: &[Code]) -> Report {
        let begun = Instant::now();
        loop {
            let report = self.report();
            let found = report.findings.iter().map(|it| it.code).filter(|code| *code != Code::KeycloakMissing);
            let found: Vec<Code> = found.collect();
            if wanted.iter().all(|code| found.contains(code)) && (!wanted.is_empty() || found.is_empty()) {
                return report;
            }
            assert!(begun.elapsed() < NOTICED, "{wanted:?} were not found: {:?}", report.findings);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn switchover(&self, to: usize) -> Result<ha_core::plan::Switchover, Vec<Refusal>> {
        let options = SwitchoverOptions { to: Some(self.names[to].clone()), ..SwitchoverOptions::default() };
        self.world.wait(self.cluster.plan_switchover(&options))
    }

    /// Runs SQL on a node's server.
    #[track_caller]
    fn sql(&self, node: usize, sql: &str) -> String {
        let name = container_name(self.cluster.topology(), &self.names[node], Component::Postgres);
        let argv = ["psql", "-X", "-A", "-t", "-q", "-d", "keycloak", "-c", sql].map(str::to_owned).to_vec();
        let exec = ExecSpec { argv, user: Some("postgres".to_owned()), ..ExecSpec::default() };
        let engine = self.world.engine(node + 1);
        let output = self.world.wait(engine.exec(&name, &exec, Duration::from_secs(30))).unwrap();
        assert_eq!(output.exit_code, 0, "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Waits until a node has so many rows.
    #[track_caller]
    fn has_rows(&self, node: usize, count: &str) {
        let begun = Instant::now();
        while self.sql(node, "SELECT count(*) FROM kept") != count {
            assert!(begun.elapsed() < NOTICED, "not {count} rows on {}", self.names[node]);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The nodes stand on engines of their own and reach each other over the link alone.
pub(crate) fn two_hosts_become_a_pair_and_change_roles(world: &World) {
    let servers = Servers::start(world);
    let report = servers.finds(&[]);
    assert_eq!((report.nodes[0].role, report.nodes[1].role), (ReportedRole::Primary, ReportedRole::Standby));
    servers.sql(0, "CREATE TABLE kept AS SELECT n FROM generate_series(1, 10) n");
    servers.has_rows(1, "10");
    for (to, from, count) in [(1, 0, "11"), (0, 1, "12")] {
        servers.run(&servers.switchover(to).unwrap().plan).unwrap();
        let report = servers.finds(&[]);
        assert_eq!((report.nodes[to].role, report.nodes[from].role), (ReportedRole::Primary, ReportedRole::Standby));
        servers.sql(to, "INSERT INTO kept VALUES (0)");
        servers.has_rows(from, count);
    }
}

/// What cannot be safe is refused while the link is cut, and goes by itself once it is whole.
pub(crate) fn a_cut_link_is_seen_and_refused_and_heals(world: &World) {
    let servers = Servers::start(world);
    servers.finds(&[]);
    servers.sql(0, "CREATE TABLE kept (n int)");
    servers.has_rows(1, "0");
    world.hosts.cut_port(1, 2, 5432).unwrap();
    let report = servers.finds(&[Code::ReplicationStopped]);
    assert_eq!(report.nodes[0].role, ReportedRole::Primary, "the primary goes on: {:?}", report.findings);
    servers.sql(0, "INSERT INTO kept VALUES (1)");
    let refusals = servers.switchover(1).unwrap_err();
    assert!(refusals.iter().any(|it| it.message.contains("does not stream")), "{refusals:?}");
    world.hosts.heal().unwrap();
    servers.finds(&[]);
    servers.has_rows(1, "1");
}

/// Cuts the link when the primary is about to stop: what it writes last never arrives.
struct CutAtStop(Arc<Hosts>);

impl Watcher for CutAtStop {
    fn event(&self, event: StepEvent<'_>) {
        if let StepEvent::Started(step) = event
            && matches!(step.action, Action::Stop { .. })
        {
            self.0.cut(1, 2).unwrap();
        }
    }
}

pub(crate) fn a_link_cut_in_the_middle_of_a_switchover_takes_it_back(world: &World) {
    let servers = Servers::start(world);
    servers.finds(&[]);
    servers.sql(0, "CREATE TABLE kept (n int)");
    servers.has_rows(1, "0");
    let planned = servers.switchover(1).unwrap();
    let watcher = Arc::new(CutAtStop(Arc::clone(&world.hosts)));
    let error = world.wait(servers.cluster.run(&planned.plan, watcher)).unwrap_err();
    assert!(matches!(error.failures[0].step.action, Action::ProveReceived { .. }), "{error:?}");
    servers.run(&undo_switchover(&planned, &error).unwrap()).unwrap();
    assert_eq!(servers.report().nodes[0].role, ReportedRole::Primary);
    servers.sql(0, "INSERT INTO kept VALUES (1)");
    world.hosts.heal().unwrap();
    let report = servers.finds(&[]);
    assert_eq!(report.nodes[1].role, ReportedRole::Standby);
    servers.has_rows(1, "1");
}

/// A primary whose host loses power is missed within the limit; back, it is what it was.
pub(crate) fn a_primary_without_power_is_missed_and_comes_back(world: &World) {
    let servers = Servers::start(world);
    servers.finds(&[]);
    servers.sql(0, "CREATE TABLE kept AS SELECT 1 AS n");
    servers.has_rows(1, "1");
    world.hosts.power_off(1).unwrap();
    let begun = Instant::now();
    let report = servers.report();
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(report.state, ClusterState::Down);
    assert_eq!(report.nodes[0].postgres.state, PostgresState::Unreachable, "{:?}", report.nodes[0]);
    assert_eq!(report.nodes[1].role, ReportedRole::Standby, "the other one is seen all the same");
    let refusals = servers.switchover(1).unwrap_err();
    assert!(!refusals.is_empty());
    world.hosts.boot(1).unwrap();
    let report = servers.finds(&[]);
    assert_eq!((report.nodes[0].role, report.nodes[1].role), (ReportedRole::Primary, ReportedRole::Standby));
    servers.has_rows(0, "1");
}

/// A host that takes connections and answers nothing holds nobody up, and nothing is done behind its back.
pub(crate) fn a_frozen_host_is_given_up_within_the_limit(world: &World) {
    let servers = Servers::start(world);
    servers.finds(&[]);
    world.hosts.freeze(1).unwrap();
    let begun = Instant::now();
    let report = servers.report();
    let up = UpOptions { without_keycloak: true, ..UpOptions::default() };
    let planned = world.wait(servers.cluster.plan_up(&servers.names, up));
    let refused = servers.switchover(1);
    let took = begun.elapsed();
    world.hosts.thaw(1).unwrap();
    assert!(took < Duration::from_secs(90), "{took:?}");
    assert!(report.findings.iter().any(|it| it.code == Code::EngineUnreachable), "{:?}", report.findings);
    assert_eq!(report.nodes[0].role, ReportedRole::Unknown, "what is not known is not guessed");
    assert_eq!(report.nodes[1].role, ReportedRole::Standby);
    assert!(refused.is_err(), "{refused:?}");
    let planned = planned.unwrap();
    assert!(planned.steps.iter().all(|step| step.node == servers.names[1]), "{planned:?}");
    assert!(planned.notes.iter().any(|note| note.contains("vm1")), "{planned:?}");
    servers.finds(&[]);
}
