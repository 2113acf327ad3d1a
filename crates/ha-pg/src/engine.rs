//! Observing through the engine of the server's host, where the network gives no way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::future::join;
use ha_core::layout::{Component, MAINTENANCE_DATABASE, container_name};
use ha_core::observe::{ClockReading, PostgresObservation};
use ha_core::ports::{Container, ContainerRuntime, ContainerStatus, ProbeError, ReplicationProbe, RuntimeError};
use ha_core::topology::Topology;
use ha_core::values::NodeName;

use crate::Engines;
use crate::error::Asked;
use crate::network::unix_ms;
use crate::psql::{self, PsqlError};
use crate::sql::{LOOK, Looked, OBSERVE, WRONG_ROLE, parse};

/// Asks each server on its local socket, inside its container.
pub struct EngineProbe {
    topology: Arc<Topology>,
    engines: Engines,
}

impl EngineProbe {
    /// A probe of the servers of `topology` whose engines are at hand.
    #[must_use]
    pub const fn new(topology: Arc<Topology>, engines: Engines) -> Self {
        Self { topology, engines }
    }

    /// Whether there is an engine to ask for that node.
    pub(crate) fn knows(&self, node: &NodeName) -> bool {
        self.engines.contains_key(node)
    }
}

#[async_trait]
impl ReplicationProbe for EngineProbe {
    async fn observe(&self, node: &NodeName, timeout: Duration) -> Result<PostgresObservation, ProbeError> {
        let started = Instant::now();
        let container = container_name(&self.topology, node, Component::Postgres);
        let endpoint = format!("{container} on the engine of {node}");
        let asked = Asked { endpoint: &endpoint, role: "postgres", limit: timeout };
        let Some(runtime) = self.engines.get(node) else {
            return Err(asked.other("the engine of this node is not at hand"));
        };
        let ask = async |timeout| {
            let before_ms = unix_ms();
            let answer = psql::look(&**runtime, &container, MAINTENANCE_DATABASE, &OBSERVE, timeout).await;
            (answer, before_ms, unix_ms())
        };
        let left = || timeout.saturating_sub(started.elapsed());

        let more = psql::look(&**runtime, &container, MAINTENANCE_DATABASE, LOOK, timeout);
        let ((mut answer, mut before_ms, mut after_ms), looked) = join(ask(timeout), more).await;
        if matches!(&answer, Err(PsqlError::Server { sqlstate, .. }) if sqlstate == WRONG_ROLE) {
            (answer, before_ms, after_ms) = ask(left()).await;
        }
        match answer {
            Ok(text) => {
                let mut seen = parse(&text).map_err(|error| asked.other(error))?;
                seen.clock = seen.clock_unix_ms.map(|theirs| ClockReading::between(before_ms, theirs, after_ms));
                looked.map(|text| Looked::parse(&text)).unwrap_or_default().add_to(&mut seen);
                Ok(seen)
            }
            Err(PsqlError::Server { sqlstate, message }) => Err(asked.server(&sqlstate, &message)),
            Err(PsqlError::Rejecting(message)) => Err(ProbeError::NotReady { endpoint: endpoint.clone(), message }),
            Err(PsqlError::NoServer(_)) => Err(ProbeError::ConnectionRefused { endpoint: endpoint.clone() }),
            Err(PsqlError::Runtime(error)) => Err(why_not(&**runtime, &container, error, left(), asked).await),
            Err(error @ PsqlError::Failed { .. }) => Err(asked.other(error)),
        }
    }
}

/// What it means that nothing could be run in the container: its state tells more than the engine's refusal.
async fn why_not(
    runtime: &dyn ContainerRuntime,
    container: &str,
    error: RuntimeError,
    left: Duration,
    asked: Asked<'_>,
) -> ProbeError {
    if matches!(error, RuntimeError::TimedOut { .. }) {
        return asked.timed_out();
    }
    let endpoint = || asked.endpoint.to_owned();
    let status = match tokio::time::timeout(left, runtime.find_container(container)).await {
        Ok(Ok(found)) => found.map(|Container { status, .. }| status),
        Ok(Err(_)) | Err(_) => return asked.other(error),
    };
    match status {
        None | Some(ContainerStatus::Created | ContainerStatus::Exited { .. } | ContainerStatus::Dead) => {
            ProbeError::ConnectionRefused { endpoint: endpoint() }
        }
        Some(ContainerStatus::Restarting) => {
            ProbeError::NotReady { endpoint: endpoint(), message: "its container is being restarted".to_owned() }
        }
        Some(ContainerStatus::Paused) => {
            ProbeError::NotReady { endpoint: endpoint(), message: "its container is paused".to_owned() }
        }
        Some(ContainerStatus::Running) => asked.other(error),
    }
}
