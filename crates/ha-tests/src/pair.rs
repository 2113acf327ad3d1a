//! The pair.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ha_core::Cluster;
use ha_core::layout::{Component, container_name};
use ha_core::plan::{Refusal, UpOptions};
use ha_core::ports::{ContainerRuntime, ExecSpec, PostgresError, ProbeError, RuntimeError};
use ha_core::steps::{RunError, StepEvent, Watcher};
use ha_core::topology::{Node, NodeSpec, Problem, Topology, TopologySpec};
use ha_core::values::NodeName;
use ha_docker::DockerRuntime;

use crate::compose::{compose_on_one, fresh_secrets};
use crate::leftovers::{self, Removal};
use crate::ports;

/// What kind of pair.
#[derive(Debug, Clone)]
pub struct PairOptions {
    /// With a Keycloak on each node.
    pub keycloak: bool,
    /// How many standbys.
    pub standbys: usize,
    /// `async` or `strict`.
    pub durability: String,
    /// PostgreSQL's image.
    pub postgres_image: String,
    /// Keycloak's image.
    pub keycloak_image: String,
    /// The path of the public URL, under which Keycloak serves: begins with a slash, or is empty.
    pub public_path: String,
    /// Further options for `keycloak.conf`.
    pub keycloak_options: BTreeMap<String, String>,
    /// Further settings for `postgresql.conf`.
    pub postgres_settings: BTreeMap<String, String>,
}

impl Default for PairOptions {
    /// A primary and a standby with a Keycloak each, `async`.
    fn default() -> Self {
        let image = |variable: &str, default: String| std::env::var(variable).unwrap_or(default);
        let images = ha_core::topology::ImagesSpec::default();
        Self {
            keycloak: true,
            standbys: 1,
            durability: "async".to_owned(),
            postgres_image: image("HA_POSTGRES_IMAGE", images.postgres),
            keycloak_image: image("HA_KEYCLOAK_IMAGE", images.keycloak),
            public_path: String::new(),
            keycloak_options: BTreeMap::new(),
            postgres_settings: BTreeMap::new(),
        }
    }
}

impl PairOptions {
    /// Only the two servers, which takes seconds.
    #[must_use]
    pub fn postgres_only() -> Self {
        Self { keycloak: false, ..Self::default() }
    }
}

/// Why there is no pair.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PairError {
    /// No free port.
    #[error("no free port was found")]
    Ports(#[from] std::io::Error),
    /// The options make no sense.
    #[error("the options make no sense: {0:?}")]
    Options(Vec<Problem>),
    /// The engine.
    #[error("the Docker engine did not do its part")]
    Runtime(#[from] RuntimeError),
    /// The pair could not be planned.
    #[error("it was refused: {0:?}")]
    Refused(Vec<Refusal>),
    /// A step failed.
    #[error("a step failed: {0:?}")]
    Step(#[from] RunError),
    /// A connection to a server.
    #[error("no connection to the server")]
    Connection(#[from] tokio_postgres::Error),
    /// A server could not be read.
    #[error("the server could not be read")]
    Probe(#[from] ProbeError),
    /// A server was not so far in time.
    #[error("the standby did not follow")]
    Postgres(#[from] PostgresError),
    /// A program in a container failed.
    #[error("it ended with code {code}: {message}")]
    Program {
        /// Its exit code.
        code: i64,
        /// What it complained of.
        message: String,
    },
}

/// A running primary with its standbys. Dropping it removes everything that was made for it.
pub struct Pair {
    cluster: Cluster,
    runtime: Arc<DockerRuntime>,
    _removal: Removal,
}

struct Silent;

impl Watcher for Silent {
    fn event(&self, _: StepEvent<'_>) {}
}

impl Pair {
    /// Makes a pair and waits until it is healthy: every standby streams, every Keycloak is ready.
    ///
    /// # Errors
    /// What was in the way. Nothing is left behind then.
    pub async fn start(options: PairOptions) -> Result<Self, PairError> {
        let pair = Self::prepare(options.clone()).await?;
        pair.up(options.keycloak).await?;
        Ok(pair)
    }

    /// Only the description and the guard: nothing runs yet. For tests of `up` itself.
    ///
    /// # Errors
    /// What was in the way.
    pub async fn prepare(options: PairOptions) -> Result<Self, PairError> {
        let runtime = Arc::new(DockerRuntime::local());
        leftovers::sweep(runtime.as_ref()).await?;
        let topology = Arc::new(topology(&options)?);
        let engine: Arc<dyn ContainerRuntime> = Arc::clone(&runtime) as _;
        let cluster = compose_on_one(Arc::clone(&topology), fresh_secrets(), &engine);
        let removal = Removal::of(
            topology.cluster.name.as_str(),
            topology.nodes().iter().map(|node| node.name.to_string()).collect(),
        );
        Ok(Self { cluster, runtime, _removal: removal })
    }

    /// Brings every node up, as `ha-cli up` does.
    ///
    /// # Errors
    /// What was in the way.
    pub async fn up(&self, keycloak: bool) -> Result<(), PairError> {
        let options = UpOptions { without_keycloak: !keycloak, ..UpOptions::default() };
        let nodes: Vec<NodeName> = self.topology().nodes().iter().map(|node| node.name.clone()).collect();
        loop {
            let plan = self.cluster.plan_up(&nodes, options).await.map_err(PairError::Refused)?;
            self.cluster.run(&plan, Arc::new(Silent)).await?;
            if !plan.look_again {
                return Ok(());
            }
        }
    }

    /// The cluster: everything that the library offers.
    #[must_use]
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Its topology.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        self.cluster.topology()
    }

    /// The engine that it runs on.
    #[must_use]
    pub fn runtime(&self) -> &DockerRuntime {
        &self.runtime
    }

    /// The node that started as primary.
    #[must_use]
    pub fn primary(&self) -> &Node {
        self.topology().initial_primary()
    }

    /// The first node that started as standby.
    ///
    /// # Panics
    /// When the pair was made without a standby.
    #[must_use]
    pub fn standby(&self) -> &Node {
        let primary = &self.primary().name;
        self.topology().peers_of(primary).next().expect("the pair has a standby")
    }

    /// The name of a container of a node.
    #[must_use]
    pub fn container(&self, node: &Node, component: Component) -> String {
        container_name(self.topology(), &node.name, component)
    }

    /// A connection to a node's PostgreSQL as Keycloak's role, the owner of its database. It lives as long as the client
    /// and the tokio runtime do.
    ///
    /// # Errors
    /// The server does not let it in.
    pub async fn connect(&self, node: &Node) -> Result<tokio_postgres::Client, PairError> {
        let mut config = self.config();
        config.host(node.address.to_string()).port(node.postgres_port).connect_timeout(Duration::from_secs(5));
        let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
        tokio::spawn(async move { drop(connection.await) });
        Ok(client)
    }

    /// Who connects to what, as Keycloak does; the server is still to be named.
    pub(crate) fn config(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config
            .user(&self.topology().postgres.user)
            .dbname(&self.topology().postgres.database)
            .password(self.cluster.secrets().keycloak_db_password.expose());
        config
    }

    /// Runs SQL in Keycloak's database as the superuser, through the engine; returns what `psql -A -t` prints.
    ///
    /// # Errors
    /// The statement failed, or the engine did.
    pub async fn superuser(&self, node: &Node, sql: &str) -> Result<String, PairError> {
        let database = &self.topology().postgres.database;
        let argv = ["psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", database];
        let exec = ExecSpec {
            argv: argv.map(str::to_owned).to_vec(),
            user: Some("postgres".to_owned()),
            stdin: Some(sql.as_bytes().to_vec()),
            ..ExecSpec::default()
        };
        let name = self.container(node, Component::Postgres);
        let output = self.runtime.exec(&name, &exec, Duration::from_secs(60)).await?;
        if output.exit_code != 0 {
            let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(PairError::Program { code: output.exit_code, message });
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Waits until every standby has replayed what the primary has written so far; at most 30 s.
    ///
    /// # Errors
    /// A standby does not follow.
    pub async fn wait_replayed(&self) -> Result<(), PairError> {
        let ports = self.cluster.ports();
        let written = ports.probe.observe(&self.primary().name, Duration::from_secs(5)).await?;
        let Some(target) = written.write_lsn else { return Ok(()) };
        for standby in self.topology().peers_of(&self.primary().name) {
            ports.control.wait_replayed(&standby.name, target, Duration::from_secs(30)).await?;
        }
        Ok(())
    }
}

/// Keycloak's database and role in tests: legal, and key words of SQL, so that a quote that is forgotten is found.
pub(crate) const ODD_DATABASE: &str = "order";
pub(crate) const ODD_ROLE: &str = "select";

fn topology(options: &PairOptions) -> Result<Topology, PairError> {
    let name = leftovers::fresh_name();
    let mut nodes = vec![NodeSpec::primary("vm1", "127.0.0.1").ports(ports::free()?, ports::free()?)];
    for number in 0..options.standbys {
        nodes.push(NodeSpec::standby(format!("vm{}", number + 2), "127.0.0.1").ports(ports::free()?, ports::free()?));
    }
    let public_url = format!("http://127.0.0.1:{}{}", nodes[0].keycloak_port, options.public_path);
    let mut spec = TopologySpec::new(name, public_url);
    spec.cluster.demo = true;
    spec.postgres.database = ODD_DATABASE.to_owned();
    spec.postgres.user = ODD_ROLE.to_owned();
    spec.images.postgres.clone_from(&options.postgres_image);
    spec.images.keycloak.clone_from(&options.keycloak_image);
    spec.replication.durability.clone_from(&options.durability);
    spec.keycloak.options.clone_from(&options.keycloak_options);
    spec.postgres.settings.clone_from(&options.postgres_settings);
    spec.nodes = nodes;
    spec.validate().map_err(PairError::Options)
}
