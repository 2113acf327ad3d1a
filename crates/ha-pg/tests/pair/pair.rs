//! One primary and its hot standby, shared by the tests that run at the same time.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use ha_core::ports::{Database, DatabaseLogin, PostgresControl as _, Provision, ReplicationProbe as _, Role};
use ha_core::topology::{NodeSpec, Topology, TopologySpec};
use ha_core::values::{NodeName, Secret, SlotName};
use ha_pg::{EngineControl, Engines, NetworkProbe};
use testcontainers::core::ContainerRequest;
use testcontainers::runners::SyncRunner as _;
use testcontainers::{Container, GenericImage, ImageExt as _};

use crate::engine::{docker, runtime, sql};

/// For one observation of a server that answers.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

pub(crate) const PROBE_PASSWORD: &str = "probe-pass'word\\1";
pub(crate) const REPLICATION_PASSWORD: &str = "replication-host=192.0.2.99";
pub(crate) const KEYCLOAK_PASSWORD: &str = "Kéycloak \"pass\\word' x";
/// Fewer than there are.
pub(crate) const KEYCLOAK_CONNECTIONS: u32 = 15;

pub(crate) struct Pair {
    pub(crate) topology: Arc<Topology>,
    /// Held for reading by those who expect a healthy pair, for writing by those who break it for a while.
    peace: RwLock<()>,
    // Dropped in this order, the network with the last of them.
    _standby: Container<GenericImage>,
    _primary: Container<GenericImage>,
}

/// Runs a test that leaves the pair as it is.
pub(crate) fn with_pair(case: impl AsyncFnOnce(&Pair)) {
    if let Some(pair) = shared() {
        let _peace = pair.peace.read().unwrap_or_else(PoisonError::into_inner);
        block_on(case(&pair));
    }
}

/// Runs a test that breaks something and mends it again.
pub(crate) fn with_pair_alone(case: impl AsyncFnOnce(&Pair)) {
    if let Some(pair) = shared() {
        let _peace = pair.peace.write().unwrap_or_else(PoisonError::into_inner);
        block_on(case(&pair));
    }
}

pub(crate) fn block_on(case: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(case);
}

pub(crate) fn no_engine() -> bool {
    let none = std::env::var_os("HA_TEST_NO_ENGINE").is_some_and(|value| !value.is_empty());
    if none {
        println!("skipped: no engine");
    }
    none
}

/// The pair of the other tests that run now, else a new one. The last test that has it removes it: a static value
/// would never be dropped.
fn shared() -> Option<Arc<Pair>> {
    static PAIR: Mutex<Weak<Pair>> = Mutex::new(Weak::new());
    if no_engine() {
        return None;
    }
    let mut shared = PAIR.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pair) = shared.upgrade() {
        return Some(pair);
    }
    let pair = Arc::new(Pair::start());
    *shared = Arc::downgrade(&pair);
    Some(pair)
}

/// A name that no other test run has: also the cluster's, from which the containers' follow.
pub(crate) fn unique(prefix: &str) -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    format!("{prefix}-{:x}-{:x}", std::process::id(), since.as_nanos() & 0xFFFF_FFFF)
}

pub(crate) fn image() -> GenericImage {
    let reference = std::env::var("HA_POSTGRES_IMAGE").unwrap_or_else(|_| "postgres:17".to_owned());
    let (name, tag) = reference.rsplit_once(':').expect("HA_POSTGRES_IMAGE has a tag");
    GenericImage::new(name, tag)
}

/// A server that a shell makes and then becomes.
pub(crate) fn scripted(name: &str, script: &str) -> ContainerRequest<GenericImage> {
    image()
        .with_entrypoint("bash")
        .with_cmd(["-c", script])
        .with_container_name(name)
        .with_user("postgres")
        .with_env_var("PGDATA", "/tmp/data")
}

pub(crate) fn topology(cluster: &str, primary: IpAddr, standby: IpAddr) -> TopologySpec {
    TopologySpec::new(cluster, "https://sso.example.org")
        .node(NodeSpec::primary("vm1", primary.to_string()))
        .node(NodeSpec::standby("vm2", standby.to_string()).ports(5432, 3124))
}

pub(crate) fn valid(spec: &TopologySpec) -> Arc<Topology> {
    Arc::new(spec.validate().expect("nothing is wrong with it"))
}

pub(crate) fn vm1() -> NodeName {
    "vm1".parse().unwrap()
}

pub(crate) fn vm2() -> NodeName {
    "vm2".parse().unwrap()
}

pub(crate) fn engines() -> Engines {
    Engines::from([(vm1(), runtime()), (vm2(), runtime())])
}

pub(crate) fn provision() -> Provision {
    let role = |name: &str, password: &str, replication: bool, groups: &[&str]| Role {
        name: name.to_owned(),
        password: Secret::new(password),
        replication,
        member_of: groups.iter().map(|&group| group.to_owned()).collect(),
        connection_limit: (name == "keycloak").then_some(KEYCLOAK_CONNECTIONS),
    };
    Provision {
        roles: vec![
            role("keycloak", KEYCLOAK_PASSWORD, false, &[]),
            role("ha_replication", REPLICATION_PASSWORD, true, &["pg_use_reserved_connections"]),
            role("ha_probe", PROBE_PASSWORD, false, &["pg_monitor", "pg_use_reserved_connections"]),
        ],
        database: Database { name: "keycloak".to_owned(), owner: "keycloak".to_owned() },
        slots: vec![SlotName::of_standby(&vm2())],
        made_with: None,
    }
}

/// How Keycloak logs in.
pub(crate) fn login() -> DatabaseLogin {
    DatabaseLogin {
        database: "keycloak".to_owned(),
        role: "keycloak".to_owned(),
        password: Secret::new(KEYCLOAK_PASSWORD),
    }
}

/// Everything that could be logged is, so that a test can show that no secret is.
const PRIMARY_OPTIONS: &[&str] = &[
    "postgres",
    "-c",
    "wal_log_hints=on",
    "-c",
    "max_slot_wal_keep_size=48MB",
    "-c",
    "max_wal_size=64MB",
    "-c",
    "min_wal_size=32MB",
    "-c",
    "log_statement=all",
    "-c",
    "log_min_error_statement=debug5",
    "-c",
    "log_min_duration_statement=0",
];

const HBA: &str =
    "local all all peer\nhost replication ha_replication all scram-sha-256\nhost all all all scram-sha-256\n";

impl Pair {
    pub(crate) fn primary(&self) -> String {
        format!("{}-vm1-postgres", self.topology.cluster.name)
    }

    pub(crate) fn standby(&self) -> String {
        format!("{}-vm2-postgres", self.topology.cluster.name)
    }

    pub(crate) fn probe(&self) -> NetworkProbe {
        NetworkProbe::new(Arc::clone(&self.topology), Secret::new(PROBE_PASSWORD))
    }

    pub(crate) fn control(&self) -> EngineControl {
        EngineControl::new(Arc::clone(&self.topology), engines())
    }

    /// The same pair as another topology describes it.
    pub(crate) fn spec(&self) -> TopologySpec {
        let nodes = self.topology.nodes();
        topology(self.topology.cluster.name.as_str(), nodes[0].address, nodes[1].address)
    }

    fn start() -> Self {
        let cluster = unique("hapg");
        let primary_name = format!("{cluster}-vm1-postgres");
        let primary = image()
            .with_cmd(PRIMARY_OPTIONS.iter().copied())
            .with_container_name(&primary_name)
            .with_network(&cluster)
            .with_env_var("POSTGRES_PASSWORD", unique("superuser"))
            .with_env_var("POSTGRES_INITDB_ARGS", "--data-checksums -c max_connections=30 -c reserved_connections=5")
            .start()
            .unwrap();
        // On TCP: the entrypoint's own first server answers on the socket only.
        wait_in(&primary_name, "pg_isready -q -h 127.0.0.1");
        admit(&primary_name, "");
        let address = primary.get_bridge_ip_address().unwrap();

        // The standby's address is known only after the primary was provisioned for it.
        let unknown = topology(&cluster, address, "192.0.2.2".parse().unwrap());
        let control = EngineControl::new(valid(&unknown), engines());
        block_on(async { control.provision(&vm1(), &provision()).await.unwrap() });

        let conninfo =
            format!("host={address} user=ha_replication application_name=vm2 password='{REPLICATION_PASSWORD}'");
        let script = format!(
            "pg_basebackup -d \"{conninfo}\" -D /tmp/data -S ha_vm2 -c fast -R && exec postgres -c listen_addresses='*'"
        );
        let standby = scripted(&format!("{cluster}-vm2-postgres"), &script).with_network(&cluster).start().unwrap();
        let topology = valid(&topology(&cluster, address, standby.get_bridge_ip_address().unwrap()));
        let pair = Self { topology, peace: RwLock::new(()), _standby: standby, _primary: primary };
        block_on(async {
            pair.control().wait_ready(&vm2(), Duration::from_secs(60)).await.unwrap();
            until("the standby streams", async || {
                let seen = pair.probe().observe(&vm2(), LIMIT).await.unwrap();
                seen.receiver.is_some_and(|receiver| receiver.status == "streaming")
            })
            .await;
        });
        pair
    }
}

/// Has a server let in whom it lets in otherwise, but for what `rules` say.
pub(crate) fn admit(container: &str, rules: &str) {
    let write = format!("printf '%s\\n%s' '{rules}' '{HBA}' >$(psql -XAtc 'SHOW hba_file')");
    docker(&["exec", "-u", "postgres", container, "bash", "-c", &write]);
    sql(container, "postgres", "SELECT pg_reload_conf()");
}

fn wait_in(container: &str, condition: &str) {
    docker(&["exec", container, "timeout", "60", "bash", "-c", &format!("until {condition}; do sleep 0.1; done")]);
}

/// Waits for a condition, at most half a minute.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < Duration::from_secs(30), "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
