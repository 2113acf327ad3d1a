//! One look at every node.

use std::time::Duration;

use futures_util::future::{join, join_all};

use crate::causes::chain;
use crate::context::Context;
use crate::layout::{Component, SERVICE_CLIENT, VOLUMES, volume_name};
use crate::observe::{KeycloakObservation, NodeObservation, PostgresObservation, Unobserved, UnobservedWhy};
use crate::ports::{ContainerRuntime, ProbeError, RuntimeError};
use crate::reading::container_of;
use crate::reading::runtime_failure;
use crate::topology::Node;

pub(crate) async fn observe_all(cluster: &Context) -> Vec<NodeObservation> {
    join_all(cluster.topology.nodes().iter().map(|node| observe(cluster, node))).await
}

pub(super) async fn observe(cluster: &Context, node: &Node) -> NodeObservation {
    let limit = cluster.limits.observe;
    let servers = join(cluster.ports.probe.observe(&node.name, limit), keycloak(cluster, node, limit));
    let (containers, (postgres, keycloak)) = match cluster.ports.runtimes.get(&node.name) {
        Some(Ok(runtime)) => join(look(cluster, node, runtime.as_ref()), servers).await,
        no_way => {
            let message = no_way.and_then(|it| it.as_ref().err()).cloned().unwrap_or_default();
            let unobserved = Unobserved { why: UnobservedWhy::NoWay, message };
            ((Err(unobserved.clone()), Err(unobserved.clone()), Err(unobserved)), servers.await)
        }
    };
    let (engine, postgres_container, keycloak_container) = containers;
    let postgres = match postgres {
        Ok(seen) if seen.unlogged_relations > 0 && engine.is_ok() => {
            let unlogged_tables = unlogged_tables(cluster, node).await;
            Ok(PostgresObservation { unlogged_tables, ..seen })
        }
        other => other,
    };
    let lost_volumes = match (&postgres_container, cluster.ports.runtimes.get(&node.name)) {
        (Ok(None), Some(Ok(runtime))) => lost_volumes(cluster, node, runtime.as_ref()).await,
        _ => Vec::new(),
    };
    let host = postgres.as_ref().map(|seen| seen.host).unwrap_or_default();
    NodeObservation {
        node: node.name.clone(),
        engine,
        postgres_container,
        keycloak_container,
        last_words: None,
        lost_volumes,
        postgres: postgres.map_err(|error| probe_failure(&error)),
        keycloak,
        host,
    }
}

/// Their names, which only Keycloak's own role may look up in its database.
async fn unlogged_tables(cluster: &Context, node: &Node) -> Vec<String> {
    let named = cluster.ports.control.unlogged_tables(&node.name, &cluster.keycloak_login()).await;
    // Without them, as where its password was changed, their number is known all the same.
    named.unwrap_or_default()
}

/// Its own client is asked for at the same time: of one that is not ready nothing is known.
async fn keycloak(cluster: &Context, node: &Node, limit: Duration) -> KeycloakObservation {
    let keycloak = &cluster.ports.keycloak;
    let secret = &cluster.secrets.keycloak_client_secret;
    let client = keycloak.service_client(&node.name, SERVICE_CLIENT, secret, limit);
    let (seen, service_client) = join(keycloak.observe(&node.name, limit), client).await;
    KeycloakObservation { service_client, ..seen }
}

type Engine = Result<crate::ports::EngineInfo, Unobserved>;
type Found = crate::observe::ComponentObservation;

async fn look(cluster: &Context, node: &Node, runtime: &dyn ContainerRuntime) -> (Engine, Found, Found) {
    let find = |component| container_of(&cluster.topology, &node.name, runtime, component);
    let containers = join(find(Component::Postgres), find(Component::Keycloak));
    let (engine, (postgres, keycloak)) = join(runtime.engine(), containers).await;
    let unobserved = |error: RuntimeError| runtime_failure(&error);
    (engine.map_err(unobserved), postgres.map_err(unobserved), keycloak.map_err(unobserved))
}

/// The volumes that a node without a container lacks; none where it has none at all, and so was never brought up.
async fn lost_volumes(cluster: &Context, node: &Node, runtime: &dyn ContainerRuntime) -> Vec<String> {
    let names = VOLUMES.map(|kind| volume_name(&cluster.topology, &node.name, kind));
    let found = join_all(names.iter().map(|name| runtime.find_volume(name))).await;
    let gone: Vec<_> = names.iter().zip(&found).filter(|(_, found)| matches!(found, Ok(None))).collect();
    if gone.len() == names.len() { Vec::new() } else { gone.into_iter().map(|(name, _)| name.clone()).collect() }
}

fn probe_failure(error: &ProbeError) -> Unobserved {
    let why = match error {
        ProbeError::ConnectionRefused { .. } => UnobservedWhy::Refused,
        ProbeError::TimedOut { .. } | ProbeError::Unreachable { .. } => UnobservedWhy::Silent,
        ProbeError::NotReady { .. } => UnobservedWhy::NotReady,
        ProbeError::NotAdmitted { .. } | ProbeError::WrongPassword { .. } => UnobservedWhy::Denied,
        // insufficient_privilege: it runs, and somebody has taken a right from the role.
        ProbeError::Server { sqlstate, .. } if sqlstate == "42501" => UnobservedWhy::Denied,
        ProbeError::Unproven { .. } => UnobservedWhy::Unproven,
        ProbeError::Server { .. } | ProbeError::Other { .. } => UnobservedWhy::Failed,
    };
    Unobserved { why, message: chain(error) }
}
