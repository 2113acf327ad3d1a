//! Making PostgreSQL run.

use std::time::Duration;

use super::database::image;
use super::run::At;
use super::{StepError, container, one_off, promotion};
use crate::layout::{self, Component, IDENTITY_PATH, MachineShare, PERMIT_PATH};
use crate::observe::PostgresRole;
use crate::plan::Change;
use crate::ports::{ExecSpec, HostFile};
use crate::topology::{DesiredRole, Node};
use crate::values::NodeName;

pub(super) async fn share(at: &At<'_>) -> Result<MachineShare, StepError> {
    let topology = at.cluster.topology();
    let nodes = if topology.cluster.demo { topology.nodes().len() as u64 } else { 1 };
    Ok(MachineShare::of_memory(at.runtime.engine().await?.memory_bytes, nodes))
}

/// The other node that is the primary at the moment.
async fn primary<'t>(at: &'t At<'_>) -> Option<&'t Node> {
    for peer in at.cluster.topology().peers_of(&at.node.name) {
        if let Ok(seen) = at.cluster.ports.probe.observe(&peer.name, at.cluster.limits.observe).await
            && seen.role == PostgresRole::Primary
        {
            return Some(peer);
        }
    }
    None
}

/// Whom this node follows as a standby when no primary can be seen: the one that the topology begins with, unless that is
/// this node itself.
fn first<'t>(at: &'t At<'_>) -> Option<&'t Node> {
    let first = at.cluster.topology().initial_primary();
    let first = (at.node.initial_role == DesiredRole::Standby).then_some(first);
    first.filter(|first| first.name != at.node.name)
}

/// How long a standby that was told whom to follow is watched until it does; one whose data went another way never will.
const FOLLOW_LIMIT: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long the guard's permission to start a primary holds: from here to the start of the container.
const PERMIT_SECONDS: i64 = 30;

pub(super) async fn start(at: &At<'_>, change: &Change, permit: bool) -> Result<(), StepError> {
    let cluster = at.cluster;
    let topology = cluster.topology();
    let name = layout::container_name(topology, &at.node.name, Component::Postgres);
    if let Change::Replace { .. } = change {
        at.runtime.stop_container(&name, cluster.limits.stop).await?;
        at.runtime.remove_container(&name).await?;
    }
    one_off::clear(cluster, at.node, at.runtime).await?;
    let primary = primary(at).await;
    let upstream = primary.or_else(|| first(at));
    let (hashed, others) = layout::postgres_files(topology, at.node, share(at).await?, None, cluster.secrets());
    if at.runtime.find_container(&name).await?.is_none() {
        create(at, &hashed).await?;
    }
    let mut files: Vec<HostFile> = hashed.iter().cloned().chain(others).collect();
    if let Some(upstream) = upstream
        && promotion::may_follow(at, &upstream.name).await?
    {
        files.push(layout::upstream_file(topology, &at.node.name, upstream));
    }
    // One that was promoted since all nodes were looked at: the guard is to see it.
    if permit && primary.is_none() {
        files.extend(permission(at).await?);
    }
    if !container::start(at, &name, &files).await? {
        create(at, &hashed).await?;
        at.runtime.put_files(&name, &files).await?;
        at.runtime.start_container(&name).await?;
    }
    cluster.ports.control.wait_ready(&at.node.name, cluster.limits.postgres_ready).await?;
    Ok(())
}

async fn create(at: &At<'_>, hashed: &[HostFile]) -> Result<(), StepError> {
    let image = image(at).await?;
    let system = identity(at, &image).await?;
    container::create(at, &layout::postgres_container(at.cluster.topology(), at.node, &image.id, system, hashed)).await
}

/// The guard's permission, by the clock of the host whose guard will read it; none when the engine does not tell the time:
/// then the guard asks for itself.
async fn permission(at: &At<'_>) -> Result<Option<HostFile>, StepError> {
    let now = at.runtime.engine().await?.clock_unix_ms;
    Ok(now.map(|now| HostFile::new(PERMIT_PATH, format!("{}\n", now / 1000 + PERMIT_SECONDS), 0o600)))
}

/// The system identifier that the node's state volume holds, read through a container that is made for it and never
/// started.
async fn identity(at: &At<'_>, image: &crate::ports::Image) -> Result<crate::values::SystemIdentifier, StepError> {
    let topology = at.cluster.topology();
    let spec = layout::one_off_container(topology, at.node, &image.id, "identity", &[]);
    at.runtime.remove_container(&spec.name).await?;
    at.runtime.create_container(&spec).await?;
    let content = at.runtime.read_file(&spec.name, IDENTITY_PATH).await;
    at.runtime.remove_container(&spec.name).await?;
    let content = content?.unwrap_or_default();
    String::from_utf8_lossy(&content)
        .trim()
        .parse()
        .map_err(|_| StepError::Changed(format!("{IDENTITY_PATH} in its state volume is missing or unreadable")))
}

/// Points a running standby at another primary: PostgreSQL takes `primary_conninfo` by a reload.
pub(super) async fn follow(at: &At<'_>, primary: &NodeName) -> Result<(), StepError> {
    let topology = at.cluster.topology();
    let upstream =
        topology.node(primary).ok_or_else(|| StepError::Changed(format!("the topology has no node {primary}")))?;
    if let Some(own) = promotion::own_way_of(at, primary).await {
        return Err(StepError::Changed(format!(
            "its data comes from the promotion in generation {}, and that of {primary} does not: it cannot follow; \
             `ha-cli rejoin {}` shows what only it holds, and makes it a standby",
            own.generation, at.node.name
        )));
    }
    let name = layout::container_name(topology, &at.node.name, Component::Postgres);
    let (_, others) = layout::postgres_files(topology, at.node, share(at).await?, Some(upstream), at.cluster.secrets());
    put_and_reload(at, &name, &others).await?;
    // Once it streams, which takes a moment after a change of primary, it is of that promotion.
    let clock = &at.cluster.ports.clock;
    let begun = clock.now();
    loop {
        if let Some(record) = promotion::followed(at, primary).await {
            return put_and_reload(at, &name, &[layout::promotion_file(&record)]).await;
        }
        if clock.now().saturating_sub(begun) > FOLLOW_LIMIT {
            return Ok(());
        }
        clock.sleep(LOOK_AGAIN).await;
    }
}

/// Applies what may change while the server runs.
pub(super) async fn reload(at: &At<'_>) -> Result<(), StepError> {
    let topology = at.cluster.topology();
    let name = layout::container_name(topology, &at.node.name, Component::Postgres);
    let (_, others) = layout::postgres_files(topology, at.node, share(at).await?, None, at.cluster.secrets());
    put_and_reload(at, &name, &others).await
}

async fn put_and_reload(at: &At<'_>, name: &str, files: &[HostFile]) -> Result<(), StepError> {
    at.runtime.put_files(name, files).await?;
    let reload = ExecSpec { argv: vec!["/bin/sh".into(), "-c".into(), RELOAD.into()], ..ExecSpec::default() };
    let output = at.runtime.exec(name, &reload, at.cluster.limits.observe * 5).await?;
    if output.exit_code == 0 {
        return Ok(());
    }
    Err(StepError::Job { code: output.exit_code, message: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
}

const RELOAD: &str =
    "chown postgres /ha/config/passfile && gosu postgres psql -X -q -d postgres -c 'SELECT pg_reload_conf()'";
