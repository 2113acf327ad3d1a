//! From the cluster's file to a [`Cluster`] with its adapters.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ha_core::layout::KeycloakExtension;
use ha_core::ports::ContainerRuntime;
use ha_core::secrets::Secrets;
use ha_core::topology::Topology;
use ha_core::values::NodeName;
use ha_core::{Cluster, Ports};
use ha_docker::{DockerRuntime, TokioClock};

use crate::cli::Globals;
use crate::config;
use crate::error::Error;

/// How long an engine may take to answer a command that only looks: a frozen host is told from a slow one by then.
const LOOK_LIMIT: Duration = Duration::from_secs(3);
/// How long an engine may take to answer a command that changes something; a busy disk makes a start slow.
const WORK_LIMIT: Duration = Duration::from_secs(60);

/// How long an engine may take where a host may be gone, and the service with it.
const FAILOVER_LIMIT: Duration = Duration::from_secs(5);

/// What a command is about to do, as far as patience goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Look.
    Look,
    /// Change something.
    Work,
    /// Change something while a host may be gone: what it takes to find that out is time without a service.
    Failover,
}

/// Reads the file and its secrets and puts the adapters together. Nothing is contacted yet.
///
/// # Errors
/// Everything that is wrong with the files.
pub fn connect(globals: &Globals, purpose: Purpose) -> Result<Cluster, Error> {
    let (config, secrets) = config::load_with_secrets(globals)?;
    Ok(cluster(Arc::new(config.topology), secrets, purpose))
}

/// The standby extension that every Keycloak gets.
#[must_use]
pub const fn extension() -> KeycloakExtension {
    KeycloakExtension { jar: ha_keycloak::extension::JAR, driver_class: ha_keycloak::extension::DRIVER_CLASS }
}

/// Puts the adapters together for files that are read already.
#[must_use]
pub fn cluster(topology: Arc<Topology>, secrets: Secrets, purpose: Purpose) -> Cluster {
    let limit = match purpose {
        Purpose::Look => LOOK_LIMIT,
        Purpose::Failover => FAILOVER_LIMIT,
        Purpose::Work => WORK_LIMIT,
    };
    let mut runtimes: BTreeMap<NodeName, Result<Arc<dyn ContainerRuntime>, String>> = BTreeMap::new();
    // Nodes with one endpoint, as in the demo, share one client and its connections.
    let mut clients: Vec<(String, Arc<dyn ContainerRuntime>)> = Vec::new();
    for node in topology.nodes() {
        let key =
            format!("{} {}", node.docker, if topology.cluster.demo { String::new() } else { node.address.to_string() });
        let known = clients.iter().find(|(other, _)| *other == key).map(|(_, client)| Arc::clone(client));
        let client = match known {
            Some(client) => Ok(client),
            None => match DockerRuntime::connect(node) {
                Ok(runtime) => {
                    let client: Arc<dyn ContainerRuntime> = Arc::new(runtime.with_call_limit(limit));
                    clients.push((key, Arc::clone(&client)));
                    Ok(client)
                }
                Err(error) => Err(error.to_string()),
            },
        };
        runtimes.insert(node.name.clone(), client);
    }
    let engines: ha_pg::Engines = runtimes
        .iter()
        .filter_map(|(name, runtime)| Some((name.clone(), Arc::clone(runtime.as_ref().ok()?))))
        .collect();
    let ports = Ports {
        probe: Arc::new(
            ha_pg::Probe::new(Arc::clone(&topology), secrets.probe_password.clone(), engines.clone())
                .keep_connections(),
        ),
        control: Arc::new(ha_pg::EngineControl::new(Arc::clone(&topology), engines)),
        keycloak: Arc::new(ha_keycloak::KeycloakHttp::new(Arc::clone(&topology))),
        clock: Arc::new(TokioClock::start()),
        runtimes,
    };
    Cluster::new(topology, secrets, extension(), ports)
}
