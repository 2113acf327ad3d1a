//! The steps by which one server hands its role over to another.

use std::time::Duration;

use futures_util::future::join;

use super::StepError;
use super::at::{At, way_to};
use super::promotion;
use crate::layout::{self, Component, PGDATA};
use crate::observe::{ControlState, PostgresRole};
use crate::ports::{ContainerRuntime, ContainerStatus, HostFile};
use crate::reading;
use crate::values::{Lsn, NodeName, SlotName};

/// A checkpoint of a large, busy server on a slow disk.
const CHECKPOINT_LIMIT: Duration = Duration::from_secs(120);
/// From the exit of the old primary until its last record is replayed: what is sent has been received by then, or never
/// will be.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(10);
/// So often the probe is asked before a program is run in the container, which takes longer.
const PROMPT_LOOKS: u32 = 8;
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
const PROMOTE_LIMIT: Duration = Duration::from_secs(60);
/// For a server that is to be out of the way: time to send what it has and to write its last checkpoint, where it still
/// can. After that it is killed, which loses nothing that it has acknowledged: its data stays.
const FENCE_LIMIT: Duration = Duration::from_secs(5);

pub(super) async fn checkpoint(at: &At<'_>) -> Result<(), StepError> {
    Ok(at.cluster.ports.control.checkpoint(&at.node.name, CHECKPOINT_LIMIT).await?)
}

/// Without it the end is learnt from the engine, somewhat later.
pub(super) async fn watch_shutdown(at: &At<'_>) {
    drop(at.cluster.ports.control.watch_shutdown(&at.node.name).await);
}

pub(super) async fn ensure_slots(at: &At<'_>, slots: &[SlotName]) -> Result<(), StepError> {
    Ok(at.cluster.ports.control.ensure_slots(&at.node.name, slots).await?)
}

pub(super) async fn drop_slots(at: &At<'_>, slots: &[SlotName]) -> Result<(), StepError> {
    Ok(at.cluster.ports.control.drop_unused_slots(&at.node.name, slots).await?)
}

/// Only a server that is gone cannot acknowledge any more, and notices what is put into its data directory.
async fn has_exited(runtime: &dyn ContainerRuntime, name: &str) -> Result<(), StepError> {
    match runtime.find_container(name).await?.map(|container| container.status) {
        // Or it was made for data that is to be looked at, and never started.
        Some(ContainerStatus::Exited { .. } | ContainerStatus::Created) => Ok(()),
        status => {
            let status = status.map_or_else(|| "gone".to_owned(), |status| format!("{status:?}").to_lowercase());
            Err(StepError::Changed(format!("the container {name} should have exited, and is {status}")))
        }
    }
}

/// A server that is gone, by its own last word: an exited container and a control file that tells of an orderly end.
/// Returns where its last record begins.
async fn exited_in_order(at: &At<'_>, from: &NodeName) -> Result<Lsn, StepError> {
    let runtime = way_to(at.cluster, from)?;
    let name = layout::container_name(at.cluster.topology(), from, Component::Postgres);
    // A file that is read while the server still runs says so itself, so both may be asked at once.
    let (exited, control) = join(has_exited(runtime, &name), reading::control_file(runtime, &name)).await;
    exited?;
    let control = control.map_err(|error| StepError::Changed(error.message))?;
    if control.state != ControlState::ShutDown {
        return Err(StepError::Changed(format!(
            "PostgreSQL of {from} did not end by an orderly shutdown, so what it wrote last may not have been sent"
        )));
    }
    Ok(control.checkpoint)
}

pub(super) async fn prove_received(at: &At<'_>, from: &NodeName) -> Result<(), StepError> {
    let last = match at.ended.get(from) {
        Some(control) => control.checkpoint,
        None => exited_in_order(at, from).await?,
    };
    // The shutdown checkpoint is the last record: whoever is past its beginning has replayed all of it.
    let past = Lsn::new(last.bytes() + 1);
    // As a rule it is there by now or about to be, and the probe, which has a connection open, knows it at once.
    for _ in 0..PROMPT_LOOKS {
        let seen = at.cluster.ports.probe.observe(&at.node.name, at.cluster.limits.observe).await;
        match seen {
            Ok(seen) if seen.role == PostgresRole::Standby && seen.replay_lsn >= Some(past) => return Ok(()),
            Ok(_) => at.cluster.ports.clock.sleep(BETWEEN_LOOKS).await,
            Err(_) => break,
        }
    }
    Ok(at.cluster.ports.control.wait_replayed(&at.node.name, past, ARRIVAL_LIMIT).await?)
}

/// Stops a server that may still take itself for the primary, and makes sure of it.
pub(super) async fn fence(at: &At<'_>) -> Result<(), StepError> {
    // Somebody may have renamed it.
    let found = reading::container_of(at.cluster.topology(), &at.node.name, at.runtime, Component::Postgres).await?;
    let own = || layout::container_name(at.cluster.topology(), &at.node.name, Component::Postgres);
    let name = found.map_or_else(own, |container| container.name);
    at.runtime.stop_container(&name, FENCE_LIMIT).await?;
    has_exited(at.runtime, &name).await
}

/// Writes down, for the stopped server, that it is a standby now and whom it follows; nobody, where its data may have gone
/// another way. From here on it can come back as nothing else.
pub(super) async fn demote(at: &At<'_>, to: &NodeName, proven: bool) -> Result<(), StepError> {
    let topology = at.cluster.topology();
    let upstream = topology.node(to).ok_or_else(|| StepError::Changed(format!("the topology has no node {to}")))?;
    let name = layout::container_name(topology, &at.node.name, Component::Postgres);
    if at.ended.get(&at.node.name).is_some() {
        // It was seen before its engine knew.
        at.runtime.wait_container(&name, at.cluster.limits.stop).await?;
    }
    // Once more, and as close to the change as can be.
    has_exited(at.runtime, &name).await?;
    let follows = proven || promotion::may_follow(at, to).await?;
    let upstream =
        if follows { layout::upstream_file(topology, &at.node.name, upstream) } else { layout::no_upstream_file() };
    let mut files = vec![upstream, HostFile::new(format!("{PGDATA}/standby.signal"), "", 0o644)];
    if proven {
        files.extend(promotion::of(at, to).await.as_ref().map(layout::promotion_file));
    }
    Ok(at.runtime.put_files(&name, &files).await?)
}

pub(super) async fn prepare_promotion(at: &At<'_>) -> Result<(), StepError> {
    Ok(at.cluster.ports.control.prepare_promotion(&at.node.name, PROMOTE_LIMIT).await?)
}

pub(super) async fn promote(at: &At<'_>) -> Result<(), StepError> {
    let cluster = at.cluster;
    let promoted = cluster.ports.control.promote(&at.node.name, PROMOTE_LIMIT).await;
    let Err(error) = promoted else { return Ok(()) };
    // A failed call says nothing about what the server did: it is asked itself.
    match cluster.ports.probe.observe(&at.node.name, cluster.limits.observe).await {
        Ok(seen) if seen.role == PostgresRole::Primary => Ok(()),
        _ => Err(error.into()),
    }
}
