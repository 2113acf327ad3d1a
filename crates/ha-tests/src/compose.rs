//! The real adapters behind one [`Cluster`].

use std::collections::BTreeMap;
use std::sync::Arc;

use ha_core::layout::KeycloakExtension;
use ha_core::ports::ContainerRuntime;
use ha_core::secrets::Secrets;
use ha_core::topology::Topology;
use ha_core::values::{NodeName, Secret};
use ha_core::{Cluster, Ports};
use rand::distr::{Alphanumeric, SampleString};

/// Secrets that nobody else has, as legal and as odd as an operator's.
#[must_use]
pub fn fresh_secrets() -> Secrets {
    // With all that means something to whoever reads a file or a statement on the way: what holds for these holds for an operator's.
    let part = || Alphanumeric.sample_string(&mut rand::rng(), 16);
    let secret = || Secret::new(format!("#{} \\'\"$:;{{}}${{x}}%s ä€😀=,`!{}\\", part(), part()));
    Secrets {
        keycloak_db_password: secret(),
        replication_password: secret(),
        probe_password: secret(),
        keycloak_admin_password: secret(),
        keycloak_client_secret: secret(),
        keycloak_bootstrap_secret: secret(),
    }
}

/// A cluster over the engines of its nodes, as `ha-cli` puts it together. Nothing is contacted.
#[must_use]
pub fn compose(
    topology: Arc<Topology>,
    secrets: Secrets,
    engines: BTreeMap<NodeName, Arc<dyn ContainerRuntime>>,
) -> Cluster {
    let runtimes = engines.iter().map(|(name, engine)| (name.clone(), Ok(Arc::clone(engine)))).collect();
    let ports = Ports {
        runtimes,
        probe: Arc::new(ha_pg::Probe::new(Arc::clone(&topology), secrets.probe_password.clone(), engines.clone())),
        control: Arc::new(ha_pg::EngineControl::new(Arc::clone(&topology), engines)),
        keycloak: Arc::new(ha_keycloak::KeycloakHttp::new(Arc::clone(&topology))),
        clock: Arc::new(ha_docker::TokioClock::start()),
    };
    let extension =
        KeycloakExtension { jar: ha_keycloak::extension::JAR, driver_class: ha_keycloak::extension::DRIVER_CLASS };
    Cluster::new(topology, secrets, extension, ports)
}

/// The same where all nodes stand on one engine.
#[must_use]
pub fn compose_on_one(topology: Arc<Topology>, secrets: Secrets, engine: &Arc<dyn ContainerRuntime>) -> Cluster {
    let engines = topology.nodes().iter().map(|node| (node.name.clone(), Arc::clone(engine))).collect();
    compose(topology, secrets, engines)
}
