//! One Keycloak, shared by the tests that run at the same time.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use ha_core::ports::{KeycloakAdmin as _, TokenGrant};
use ha_core::topology::{NodeSpec, Topology, TopologySpec};
use ha_core::values::{NodeName, Secret};
use ha_keycloak::KeycloakHttp;
use testcontainers::runners::SyncRunner as _;
use testcontainers::{Container, GenericImage, ImageExt as _};

/// A first start augments the distribution and makes the schema.
const START_LIMIT: Duration = Duration::from_secs(180);

pub(crate) const ADMIN_PASSWORD: &str = "adm&n=päss word%41";

pub(crate) struct Keycloak {
    topology: Arc<Topology>,
    _container: Container<GenericImage>,
}

/// Runs a test with a client of its own: what it makes must have names of its own.
pub(crate) fn with_keycloak(case: impl AsyncFnOnce(KeycloakHttp)) {
    static SHARED: Mutex<Weak<Keycloak>> = Mutex::new(Weak::new());
    if std::env::var_os("HA_TEST_NO_ENGINE").is_some_and(|value| !value.is_empty()) {
        println!("skipped: no engine");
        return;
    }
    let keycloak = {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        // The last test that has it removes it: a static value would never be dropped.
        shared.upgrade().unwrap_or_else(|| {
            let new = Arc::new(Keycloak::start());
            *shared = Arc::downgrade(&new);
            new
        })
    };
    block_on(case(KeycloakHttp::new(Arc::clone(&keycloak.topology))));
}

pub(crate) fn block_on(case: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(case);
}

pub(crate) fn topology(address: &str, port: u16) -> Arc<Topology> {
    // Below a path, as behind a proxy that serves other things, too.
    let mut spec = TopologySpec::new("sso", "https://sso.example.org/auth")
        .node(NodeSpec::primary("vm1", address).ports(5432, port))
        .node(NodeSpec::standby("vm2", "192.0.2.2"));
    spec.cluster.demo = true;
    Arc::new(spec.validate().expect("nothing is wrong with it"))
}

pub(crate) fn vm1() -> NodeName {
    "vm1".parse().unwrap()
}

pub(crate) fn by_password(client: &str, username: &str, password: &str) -> TokenGrant {
    TokenGrant::Password {
        client_id: client.to_owned(),
        username: username.to_owned(),
        password: Secret::new(password),
    }
}

pub(crate) fn by_secret(client: &str, secret: &str) -> TokenGrant {
    TokenGrant::ClientCredentials { client_id: client.to_owned(), client_secret: Secret::new(secret) }
}

pub(crate) async fn admin(keycloak: &KeycloakHttp) -> Secret {
    keycloak.token(&vm1(), "master", &by_password("admin-cli", "admin", ADMIN_PASSWORD)).await.unwrap()
}

impl Keycloak {
    fn start() -> Self {
        let reference = std::env::var("HA_KEYCLOAK_IMAGE").unwrap_or_else(|_| "keycloak/keycloak:26.7.3".to_owned());
        let (name, tag) = reference.rsplit_once(':').expect("HA_KEYCLOAK_IMAGE has a tag");
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let unique = format!("hakc-{:x}-{:x}", std::process::id(), since.as_nanos() & 0xFFFF_FFFF);
        let container = GenericImage::new(name, tag)
            .with_cmd(["start-dev"])
            .with_container_name(&unique)
            .with_network(&unique)
            .with_env_var("KC_BOOTSTRAP_ADMIN_USERNAME", "admin")
            .with_env_var("KC_BOOTSTRAP_ADMIN_PASSWORD", ADMIN_PASSWORD)
            .with_env_var("KC_HTTP_RELATIVE_PATH", "/auth")
            .start()
            .unwrap();
        let topology = topology(&container.get_bridge_ip_address().unwrap().to_string(), 8080);
        let started = Instant::now();
        // The container's own calls block: they have no place inside the runtime.
        let look = || {
            let mut served = Ok(false);
            // A client of its own: its connections belong to the runtime that they were made in.
            let keycloak = KeycloakHttp::new(Arc::clone(&topology));
            block_on(async {
                served = keycloak.realm_is_served(&vm1(), "master").await;
                tokio::time::sleep(Duration::from_millis(250)).await;
            });
            served
        };
        loop {
            let seen = look();
            if matches!(seen, Ok(true)) {
                break;
            }
            assert!(container.is_running().unwrap(), "Keycloak has exited: {seen:?}");
            assert!(started.elapsed() < START_LIMIT, "Keycloak did not start: {seen:?}");
        }
        Self { topology, _container: container }
    }
}
