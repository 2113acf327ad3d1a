//! The servers, and what may be asked of them and done to them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use ha_core::Cluster;
use ha_core::health::{Code, Report};
use ha_core::layout::{Component, MAINTENANCE_DATABASE, PROBE_ROLE, container_name};
use ha_core::plan::{Plan, Refusal, UpOptions};
use ha_core::ports::{ContainerRuntime, ExecSpec, LogOptions};
use ha_core::steps::{RunError, StepEvent, Watcher};
use ha_core::topology::{NodeSpec, Topology, TopologySpec};
use ha_core::values::NodeName;
use ha_docker::DockerRuntime;
use tokio::runtime::Runtime;

use crate::compose::{compose, fresh_secrets};
use crate::hosts::Hosts;
use crate::ledger::{Ledger, LedgerWriter, MAKE_TABLE, TABLE, Verdict};
use crate::leftovers::fresh_name;
use crate::pair::{ODD_DATABASE, ODD_ROLE, PairOptions};

/// From a fault until both ends have noticed by their own timeouts, with room for a busy machine.
pub const NOTICED: Duration = Duration::from_secs(90);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// An engine that is gone is given up that soon, as by the commands that only look.
const ENGINE_LIMIT: Duration = Duration::from_secs(5);
/// For one statement.
const SQL_LIMIT: Duration = Duration::from_secs(30);

/// What kind of cluster.
#[derive(Debug, Clone)]
pub struct ServersOptions {
    /// `async` or `strict`.
    pub durability: String,
    /// Most WAL that a slot keeps.
    pub slot_keep_mib: u32,
    /// WAL kept in any case.
    pub wal_keep_mib: u32,
}

impl ServersOptions {
    /// With that profile, and little WAL kept: enough for minutes, and small disks do for it.
    #[must_use]
    pub fn new(durability: &str) -> Self {
        Self { durability: durability.to_owned(), slot_keep_mib: 256, wal_keep_mib: 64 }
    }
}

struct Unwatched;

impl Watcher for Unwatched {
    fn event(&self, _: StepEvent<'_>) {}
}

/// The servers; removed when dropped, as far as their hosts can be reached then.
pub struct Servers {
    hosts: Arc<Hosts>,
    runtime: Runtime,
    cluster: Cluster,
    names: Vec<NodeName>,
}

impl Drop for Servers {
    fn drop(&mut self) {
        // A story that failed may leave a host without power or a cut link behind; what cannot be removed goes with the hosts.
        if let Ok(plan) = self.wait(self.cluster.plan_down(&self.names, true)) {
            drop(self.run(&plan));
        }
    }
}

impl Servers {
    /// Makes them, one on each host, and waits until all standbys stream.
    ///
    /// # Panics
    /// When that does not succeed.
    #[must_use]
    pub fn start(hosts: &Arc<Hosts>, options: &ServersOptions) -> Self {
        let topology = topology(hosts, options);
        let names: Vec<_> = topology.nodes().iter().map(|node| node.name.clone()).collect();
        let engines = names.iter().zip(1..).map(|(name, host)| (name.clone(), Arc::new(engine(hosts, host)) as _));
        let cluster = compose(topology, fresh_secrets(), engines.collect());
        let runtime = Runtime::new().expect("a runtime needs threads only");
        let servers = Self { hosts: Arc::clone(hosts), runtime, cluster, names };
        servers.up();
        servers.settles(0);
        servers
    }

    /// Runs a future to its end.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// The hosts that they stand on.
    #[must_use]
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// Everything that the library offers.
    #[must_use]
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The name of a node, from 0; it stands on the host of the next number.
    #[must_use]
    pub fn name(&self, node: usize) -> &NodeName {
        &self.names[node]
    }

    /// All of them, from 0.
    pub fn nodes(&self) -> std::ops::Range<usize> {
        0..self.names.len()
    }

    /// The same cluster as seen from a machine that has no way to the engine of `node`.
    #[must_use]
    pub fn without_engine(&self, node: usize) -> Cluster {
        let engines = self.names.iter().zip(1..).filter(|(name, _)| *name != self.name(node));
        let engines: BTreeMap<_, _> =
            engines.map(|(name, host)| (name.clone(), Arc::new(engine(&self.hosts, host)) as _)).collect();
        let topology = Arc::new(self.cluster.topology().clone());
        let secrets = self.cluster.secrets().clone();
        compose(topology, secrets, engines)
    }

    /// The name of a node's container.
    #[must_use]
    pub fn container(&self, node: usize) -> String {
        container_name(self.cluster.topology(), self.name(node), Component::Postgres)
    }

    /// The engine of a node.
    #[must_use]
    pub fn engine(&self, node: usize) -> DockerRuntime {
        engine(&self.hosts, node + 1)
    }

    /// All that a node's server has written to its log; nothing where its engine does not tell.
    #[must_use]
    pub fn log(&self, node: usize) -> Vec<String> {
        let (engine, name) = (self.engine(node), self.container(node));
        let lines =
            self.wait(async { engine.logs(&name, &LogOptions::default()).await?.try_collect::<Vec<_>>().await });
        lines.unwrap_or_default().into_iter().map(|line| line.text).collect()
    }

    /// Plans to bring all of them up.
    ///
    /// # Errors
    /// The refusals.
    pub fn plan_up(&self) -> Result<Plan, Vec<Refusal>> {
        let options = UpOptions { without_keycloak: true, ..UpOptions::default() };
        self.wait(self.cluster.plan_up(&self.names, options))
    }

    /// Brings all of them up.
    ///
    /// # Panics
    /// When that does not succeed.
    pub fn up(&self) {
        let plan = self.plan_up().unwrap_or_else(|refusals| panic!("refused: {refusals:?}"));
        self.run(&plan).unwrap_or_else(|error| panic!("`up` failed: {error:?}"));
    }

    /// Runs a plan.
    ///
    /// # Errors
    /// The steps that failed.
    pub fn run(&self, plan: &Plan) -> Result<(), RunError> {
        self.wait(self.cluster.run(plan, Arc::new(Unwatched)))
    }

    /// Looks once.
    #[must_use]
    pub fn report(&self) -> Report {
        self.wait(self.cluster.report())
    }

    /// Looks until the findings are these; the missing Keycloaks are none here.
    ///
    /// # Panics
    /// When they are not within [`NOTICED`].
    #[track_caller]
    pub fn finds(&self, wanted: &[Code]) -> Report {
        let mut found = Vec::new();
        let report = self.until(NOTICED, || {
            let report = self.report();
            found = report.findings.iter().map(|it| it.code).filter(|code| *code != Code::KeycloakMissing).collect();
            let as_wanted = wanted.iter().all(|code| found.contains(code)) && (!wanted.is_empty() || found.is_empty());
            as_wanted.then_some(report)
        });
        report.unwrap_or_else(|| panic!("{wanted:?} were not found: {:?}", self.report().findings))
    }

    /// Looks until there is an answer, at most for `limit`.
    pub fn until<T>(&self, limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let begun = Instant::now();
        loop {
            if let Some(found) = look() {
                return Some(found);
            }
            if begun.elapsed() >= limit {
                return None;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Runs SQL on a node's server, as the superuser, through its engine.
    ///
    /// # Errors
    /// What the server or the engine said.
    pub fn try_sql(&self, node: usize, sql: &str) -> Result<String, String> {
        self.try_sql_in(&self.cluster.topology().postgres.database, node, sql)
    }

    /// The same in another database.
    ///
    /// # Errors
    /// What the server or the engine said.
    pub fn try_sql_in(&self, database: &str, node: usize, sql: &str) -> Result<String, String> {
        let argv = ["psql", "-X", "-A", "-t", "-q", "-d", database, "-c", sql].map(str::to_owned).to_vec();
        let exec = ExecSpec { argv, user: Some("postgres".to_owned()), ..ExecSpec::default() };
        let name = self.container(node);
        let output = self.wait(self.engine(node).exec(&name, &exec, SQL_LIMIT)).map_err(|error| error.to_string())?;
        if output.exit_code == 0 {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }

    /// The same where it must not fail.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn sql(&self, node: usize, sql: &str) -> String {
        self.try_sql(node, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Waits until a node has so many rows in the table `kept`.
    ///
    /// # Panics
    /// When it has not within [`NOTICED`].
    #[track_caller]
    pub fn has_rows(&self, node: usize, count: &str) {
        let has = || self.try_sql(node, "SELECT count(*) FROM kept").is_ok_and(|found| found == count);
        let found = self.until(NOTICED, || has().then_some(()));
        assert!(found.is_some(), "not {count} rows on {}", self.name(node));
    }

    /// Makes the ledger's table and begins to write. From this machine only the probe's role is let in, and only into the
    /// database where it looks, so the table is there and open to it.
    ///
    /// # Panics
    /// When the table cannot be made.
    #[must_use]
    pub fn writer(&self) -> LedgerWriter {
        self.make_open(TABLE, MAKE_TABLE);
        let servers = self.nodes().map(|node| self.config(node)).collect();
        self.wait(async { LedgerWriter::begin(servers) })
    }

    /// Makes a table that whoever connects from this machine may write to.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn make_open(&self, table: &str, make: &str) {
        let made =
            self.try_sql_in(MAINTENANCE_DATABASE, 0, &format!("{make}; GRANT INSERT ON {table} TO {PROBE_ROLE}"));
        made.unwrap_or_else(|error| panic!("{make}: {error}"));
    }

    /// Who connects to a node's server from this machine.
    #[must_use]
    pub fn config(&self, node: usize) -> tokio_postgres::Config {
        let secrets = self.cluster.secrets();
        let node = &self.cluster.topology().nodes()[node];
        let mut config = tokio_postgres::Config::new();
        config
            .host(node.address.to_string())
            .port(node.postgres_port)
            .dbname(MAINTENANCE_DATABASE)
            .user(PROBE_ROLE)
            .password(secrets.probe_password.expose());
        config
    }

    /// Compares what a node has with what was written.
    ///
    /// # Panics
    /// When the node cannot be read.
    #[must_use]
    pub fn judge(&self, ledger: &Ledger, node: usize) -> Verdict {
        let rows = self.try_sql_in(MAINTENANCE_DATABASE, node, &format!("SELECT n FROM {TABLE}"));
        let rows = rows.unwrap_or_else(|error| panic!("the ledger could not be read: {error}"));
        ledger.judge(&rows.lines().filter_map(|row| row.parse().ok()).collect::<Vec<i64>>())
    }
}

fn engine(hosts: &Hosts, host: usize) -> DockerRuntime {
    let endpoint = hosts.docker(host).unwrap_or_else(|error| panic!("{error}"));
    DockerRuntime::at(&endpoint).unwrap_or_else(|error| panic!("{error}")).with_call_limit(ENGINE_LIMIT)
}

fn topology(hosts: &Hosts, options: &ServersOptions) -> Arc<Topology> {
    let machine = match hosts.machine_address() {
        IpAddr::V4(address) => format!("{address}/32"),
        IpAddr::V6(address) => format!("{address}/128"),
    };
    let node = |spec: fn(String, String) -> NodeSpec, host| {
        let (address, docker) = (hosts.address(host), hosts.docker(host));
        let address = address.unwrap_or_else(|error| panic!("{error}")).to_string();
        let docker = docker.unwrap_or_else(|error| panic!("{error}")).to_string();
        let mut spec = spec(format!("vm{host}"), address).docker(docker);
        spec.admit.push(machine.clone());
        spec
    };
    let mut spec = TopologySpec::new(fresh_name(), "http://sso.test");
    for host in 1..=hosts.count() {
        spec = spec.node(node(if host == 1 { NodeSpec::primary } else { NodeSpec::standby }, host));
    }
    spec.postgres.database = ODD_DATABASE.to_owned();
    spec.postgres.user = ODD_ROLE.to_owned();
    spec.images.postgres = PairOptions::default().postgres_image;
    spec.replication.durability.clone_from(&options.durability);
    spec.replication.slot_keep_mib = options.slot_keep_mib;
    spec.replication.wal_keep_mib = options.wal_keep_mib;
    Arc::new(spec.validate().unwrap_or_else(|problems| panic!("{problems:?}")))
}
