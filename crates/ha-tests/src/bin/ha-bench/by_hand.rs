//! The slowest chain of the bare parts, as somebody would start them by hand: PostgreSQL, the first Keycloak, which makes
//! the schema, and then a second Keycloak on the same database. No replication, no roles, no checks.

use std::time::{Duration, Instant};

use ha_core::layout::{Component, KeycloakExtension, container_name, keycloak_image_tag, labels, network_name};
use ha_core::ports::{ContainerRuntime as _, ContainerSpec, PortBinding};
use ha_core::topology::Node;
use ha_tests::keycloak::Site as Keycloak;
use ha_tests::{Pair, PairOptions, free_port};

use crate::error::Error;
use crate::site::wait_served;

const POSTGRES_LIMIT: Duration = Duration::from_secs(60);
const KEYCLOAK_LIMIT: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The port of `/health/ready`.
const MANAGEMENT_PORT: u16 = 9000;
/// The largest heap that `up` gives on a machine with enough memory.
const HEAP: &str = "-Xms256m -Xmx2048m";

/// Starts the chain; returns the seconds until the second Keycloak is ready. All of it is removed afterwards.
pub(crate) async fn run() -> Result<f64, Error> {
    // Only its names, its free ports and its guard.
    let pair = Pair::prepare(PairOptions::default()).await?;
    let topology = pair.topology();
    let extension =
        KeycloakExtension { jar: ha_keycloak::extension::JAR, driver_class: ha_keycloak::extension::DRIVER_CLASS };
    let stock = &topology.images.keycloak;
    let stock = pair.runtime().find_image(stock).await?.ok_or_else(|| format!("the image {stock} is missing"))?;
    let prepared = keycloak_image_tag(topology, &stock, extension);

    let begun = Instant::now();
    pair.runtime().ensure_network(&network_name(topology), &labels(topology, None)).await?;
    postgres(&pair).await?;
    for node in [pair.primary(), pair.standby()] {
        keycloak(&pair, node, &prepared).await?;
    }
    Ok(begun.elapsed().as_secs_f64())
}

fn password(pair: &Pair) -> String {
    pair.cluster().secrets().keycloak_db_password.expose().to_owned()
}

fn spec(pair: &Pair, node: &Node, component: Component, image: &str, ports: &[(u16, u16)]) -> ContainerSpec {
    let port = |&(host_port, container_port)| PortBinding { address: node.address, host_port, container_port };
    ContainerSpec {
        name: container_name(pair.topology(), &node.name, component),
        image: image.to_owned(),
        labels: labels(pair.topology(), Some(&node.name)),
        network: Some(network_name(pair.topology())),
        ports: ports.iter().map(port).collect(),
        ..ContainerSpec::default()
    }
}

async fn start(pair: &Pair, spec: &ContainerSpec) -> Result<(), Error> {
    pair.runtime().create_container(spec).await?;
    Ok(pair.runtime().start_container(&spec.name).await?)
}

/// The image's own entrypoint makes the database.
async fn postgres(pair: &Pair) -> Result<(), Error> {
    let (topology, node) = (pair.topology(), pair.primary());
    let mut spec = spec(pair, node, Component::Postgres, &topology.images.postgres, &[(node.postgres_port, 5432)]);
    spec.environment = [
        ("POSTGRES_USER".to_owned(), topology.postgres.user.clone()),
        ("POSTGRES_DB".to_owned(), topology.postgres.database.clone()),
        ("POSTGRES_PASSWORD".to_owned(), password(pair)),
    ]
    .into();
    start(pair, &spec).await?;
    // The entrypoint's temporary server listens on no network, so this finds the lasting one.
    let begun = Instant::now();
    while let Err(error) = pair.connect(node).await {
        if begun.elapsed() > POSTGRES_LIMIT {
            return Err(error.into());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

async fn keycloak(pair: &Pair, node: &Node, image: &str) -> Result<(), Error> {
    let topology = pair.topology();
    let management = free_port()?;
    let ports = [(node.keycloak_port, 8080), (management, MANAGEMENT_PORT)];
    let mut spec = spec(pair, node, Component::Keycloak, image, &ports);
    spec.command = vec!["start".to_owned(), "--optimized".to_owned()];
    let database = container_name(topology, &pair.primary().name, Component::Postgres);
    let url = format!("jdbc:postgresql://{database}:5432/{}?targetServerType=any", topology.postgres.database);
    spec.environment = [
        ("KC_DB_URL", url),
        ("KC_DB_USERNAME", topology.postgres.user.clone()),
        ("KC_DB_PASSWORD", password(pair)),
        ("KC_HOSTNAME", topology.cluster.public_url.clone()),
        ("KC_HTTP_ENABLED", "true".to_owned()),
        ("KC_CACHE", "local".to_owned()),
        ("KC_BOOTSTRAP_ADMIN_USERNAME", topology.keycloak.admin.clone()),
        ("KC_BOOTSTRAP_ADMIN_PASSWORD", pair.cluster().secrets().keycloak_admin_password.expose().to_owned()),
        ("JAVA_OPTS_KC_HEAP", HEAP.to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    start(pair, &spec).await?;
    let health = format!("http://{}:{management}", node.address);
    wait_served(&Keycloak::new(&health, &health)?, "/health/ready", KEYCLOAK_LIMIT).await
}
