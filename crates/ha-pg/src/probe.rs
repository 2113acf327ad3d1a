//! The two ways to observe, one after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ha_core::observe::PostgresObservation;
use ha_core::ports::{ProbeError, ReplicationProbe};
use ha_core::topology::Topology;
use ha_core::values::{NodeName, Secret};

use crate::network::NetworkFailure;
use crate::{EngineProbe, Engines, NetworkProbe};

/// Asks over the network, and through the node's engine where this machine has no way to the server: no route, a
/// firewall that drops, a `pg_hba.conf` without it, no connection that is free, somebody else at the server's address; and where
/// the role itself is not let in, or may not look, as when somebody has changed it or the secrets file is another one.
///
/// A server that was reached has answered, whatever it did: a refused connection, or silence after the connection stood, is not
/// asked about a second time. Both ways share the time limit: where an engine is at hand, the
/// network gets half of it for the connection.
pub struct Probe {
    network: NetworkProbe,
    engine: EngineProbe,
}

impl Probe {
    /// A probe of the servers of `topology`; `password` is that of [`PROBE_ROLE`](ha_core::layout::PROBE_ROLE).
    #[must_use]
    pub fn new(topology: Arc<Topology>, password: Secret, engines: Engines) -> Self {
        Self {
            network: NetworkProbe::new(Arc::clone(&topology), password),
            engine: EngineProbe::new(topology, engines),
        }
    }

    /// The same probe, which keeps its network connections between observations.
    #[must_use]
    pub fn keep_connections(mut self) -> Self {
        self.network = self.network.keep_connections();
        self
    }
}

#[async_trait]
impl ReplicationProbe for Probe {
    async fn observe(&self, node: &NodeName, timeout: Duration) -> Result<PostgresObservation, ProbeError> {
        if !self.engine.knows(node) {
            return self.network.observe(node, timeout).await;
        }
        let started = Instant::now();
        let failure = match self.network.attempt(node, timeout / 2, timeout).await {
            Ok(observation) => return Ok(observation),
            Err(failure) => failure,
        };
        if !may_be_a_matter_of_the_way(&failure) {
            return Err(failure.into_error());
        }
        let first = failure.into_error();
        if let ProbeError::Unproven { .. } = first {
            tracing::warn!(%node, "{first}; asked through the engine instead");
        }
        match self.engine.observe(node, timeout.saturating_sub(started.elapsed())).await {
            Ok(observation) => {
                let denied = match &first {
                    ProbeError::WrongPassword { .. } => true,
                    ProbeError::Server { sqlstate, .. } => sqlstate == NO_RIGHT,
                    _ => false,
                };
                let refused = denied.then(|| first.to_string());
                Ok(PostgresObservation { probe_refused: refused, ..observation })
            }
            // The engine failed, too, which says nothing of the server: what the network said is nearer to it.
            Err(ProbeError::Other { source, .. }) => {
                tracing::debug!(%node, error = %source, "no way through the engine either");
                Err(first)
            }
            Err(second) => Err(second),
        }
    }
}

/// SQLSTATE `insufficient_privilege`.
const NO_RIGHT: &str = "42501";

/// Whether another way may lead to the server. `too_many_connections`: superusers, who come through the engine, have some of
/// their own. `insufficient_privilege`: nobody takes a right away from them.
fn may_be_a_matter_of_the_way(failure: &NetworkFailure) -> bool {
    match failure {
        NetworkFailure::NoConnection(ProbeError::TimedOut { .. } | ProbeError::Unreachable { .. })
        | NetworkFailure::Answered(
            ProbeError::NotAdmitted { .. } | ProbeError::WrongPassword { .. } | ProbeError::Unproven { .. },
        ) => true,
        NetworkFailure::Answered(ProbeError::Server { sqlstate, .. }) => {
            matches!(sqlstate.as_str(), "53300" | NO_RIGHT)
        }
        NetworkFailure::NoConnection(_) | NetworkFailure::Answered(_) => false,
    }
}
