//! A last look: whoever was down when something was planned must be so still. A host boots when it likes, and a person may think
//! about an answer for minutes.
//!
//! Before a promotion: the guard of a server that is started asks the standby, and before the promotion is written down there it
//! hears nothing against being the primary as before.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, join, select, try_join_all};

use super::StepError;
use super::at::{At, way_to};
use crate::layout::Component;
use crate::observe::PostgresRole;
use crate::ports::ContainerStatus;
use crate::reading;
use crate::values::NodeName;

/// A host that is gone gives no answer, and a failover waits for it so long once more.
const VOUCHED_LIMIT: Duration = Duration::from_millis(300);

pub(super) async fn prove_down(at: &At<'_>, nodes: &[NodeName], vouched: &[NodeName]) -> Result<(), StepError> {
    let asked = try_join_all(nodes.iter().map(|node| stays_down(at, node)));
    let (asked, vouched) = join(asked, try_join_all(vouched.iter().map(|node| stays_silent(at, node)))).await;
    asked.and(vouched).map(drop)
}

/// A job on a node's data, after a question or not, and a server on it at the same time would spoil both.
pub(super) async fn still_down(at: &At<'_>) -> Result<(), StepError> {
    if container_runs(at, &at.node.name).await? {
        return Err(StepError::Changed("its server has been started meanwhile, and its data is left alone".to_owned()));
    }
    Ok(())
}

async fn stays_down(at: &At<'_>, node: &NodeName) -> Result<(), StepError> {
    if !container_runs(at, node).await? {
        return Ok(());
    }
    match is_standby(at, node, at.cluster.limits.observe).await {
        Some(standby) => no_primary(node, standby),
        None => Err(StepError::Changed(format!("{node} has been started meanwhile, and may be the primary again"))),
    }
}

async fn stays_silent(at: &At<'_>, node: &NodeName) -> Result<(), StepError> {
    let container = async {
        match select(pin!(container_runs(at, node)), at.cluster.ports.clock.sleep(VOUCHED_LIMIT)).await {
            Either::Left((Ok(runs), _)) => runs,
            _ => false,
        }
    };
    match join(container, is_standby(at, node, VOUCHED_LIMIT)).await {
        (_, Some(standby)) => no_primary(node, standby),
        (true, None) => Err(StepError::Changed(format!("{node} runs after all, and may be the primary"))),
        (false, None) => Ok(()),
    }
}

fn no_primary(node: &NodeName, standby: bool) -> Result<(), StepError> {
    if standby { Ok(()) } else { Err(StepError::Changed(format!("{node} is there, and is the primary"))) }
}

async fn container_runs(at: &At<'_>, node: &NodeName) -> Result<bool, StepError> {
    let runtime = way_to(at.cluster, node)?;
    let found = reading::container_of(at.cluster.topology(), node, runtime, Component::Postgres).await?;
    let status = found.map(|container| container.status);
    Ok(matches!(status, Some(ContainerStatus::Running | ContainerStatus::Paused | ContainerStatus::Restarting)))
}

/// Nothing where its server does not answer.
async fn is_standby(at: &At<'_>, node: &NodeName, limit: Duration) -> Option<bool> {
    let seen = at.cluster.ports.probe.observe(node, limit).await.ok()?;
    Some(seen.role == PostgresRole::Standby)
}
