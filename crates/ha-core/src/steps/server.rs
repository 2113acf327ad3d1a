//! Making PostgreSQL run.

use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::pin_mut;

use super::at::At;
use super::database::image;
use super::put_back::Former;
use super::{StepError, container, one_off, promotion};
use crate::layout::{self, Component, IDENTITY_PATH, MachineShare, PERMIT_PATH};
use crate::observe::PostgresRole;
use crate::plan::Change;
use crate::ports::{ContainerSpec, ExecSpec, HostFile};
use crate::topology::{DesiredRole, Node};

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

/// A standby that streams is behind by moments.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(30);
/// How long the guard's permission to start a primary holds: from here to the start of the container.
const PERMIT_SECONDS: i64 = 30;

pub(super) async fn start(at: &At<'_>, change: &Change, permit: bool) -> Result<(), StepError> {
    let cluster = at.cluster;
    let topology = cluster.topology();
    let name = layout::container_name(topology, &at.node.name, Component::Postgres);
    let (hashed, others) = layout::postgres_files(topology, at.node, share(at).await?, None, cluster.secrets());
    let mut former = None;
    if let Change::Replace { .. } = change {
        container::may_go(at, &name).await?;
        former = Former::of(at, Component::Postgres, &name, &hashed).await?;
        catch_up(at).await;
        at.runtime.stop_container(&name, cluster.limits.stop).await?;
        at.runtime.remove_container(&name).await?;
    }
    one_off::clear(cluster, at.node, at.runtime).await?;
    let primary = primary(at).await;
    let upstream = primary.or_else(|| first(at));
    let mut made = None;
    if !container::is_there(at, &name).await? {
        made = Some(create(at, &hashed).await?);
    }
    let mut files: Vec<HostFile> = hashed.iter().cloned().chain(others).collect();
    if let Some(upstream) = upstream
        && promotion::may_follow(at, &upstream.name).await?
    {
        files.push(layout::upstream_file(topology, &at.node.name, upstream));
    }
    // One that was promoted since all nodes were looked at: the guard is to see it.
    let permitted = permit && primary.is_none();
    if permitted {
        files.extend(permission(at).await?);
    }
    if !container::start(at, &name, &files).await? {
        made = Some(create(at, &hashed).await?);
        at.runtime.put_files(&name, &files).await?;
        at.runtime.start_container(&name).await?;
    }
    let (Some(former), Some(spec)) = (former, made) else {
        return Ok(cluster.ports.control.wait_ready(&at.node.name, cluster.limits.postgres_ready).await?);
    };
    match ready_or_exited(at, &name).await {
        Ok(()) => Ok(()),
        Err(why) => {
            let permit = if permitted { permission(at).await? } else { None };
            Err(former.put_back(at, spec, permit, why).await)
        }
    }
}

/// Makes the container that somebody removed, with all that its server reads, for those who look at its data before it starts.
pub(super) async fn make(at: &At<'_>) -> Result<(), StepError> {
    let cluster = at.cluster;
    let topology = cluster.topology();
    let name = layout::container_name(topology, &at.node.name, Component::Postgres);
    let (hashed, others) = layout::postgres_files(topology, at.node, share(at).await?, None, cluster.secrets());
    if at.runtime.find_container(&name).await?.is_none() {
        create(at, &hashed).await?;
    }
    let files: Vec<HostFile> = hashed.into_iter().chain(others).collect();
    Ok(at.runtime.put_files(&name, &files).await?)
}

/// Waits until it takes queries, and no longer than it lives: the restart policy would start it again for ever.
async fn ready_or_exited(at: &At<'_>, name: &str) -> Result<(), StepError> {
    let limit = at.cluster.limits.postgres_ready;
    let ready = at.cluster.ports.control.wait_ready(&at.node.name, limit);
    let exited = at.runtime.wait_container(name, limit);
    pin_mut!(ready, exited);
    match select(ready, exited).await {
        Either::Left((result, _)) => Ok(result?),
        Either::Right((Ok(code), _)) => Err(StepError::Changed(format!("its container exited with code {code}"))),
        // The engine stopped answering, or the wait ran into its own limit: the server's word counts.
        Either::Right((Err(_), ready)) => Ok(ready.await?),
    }
}

/// Has a standby replay what its primary had written when it was asked, before it goes: it starts again with less of what it must
/// not have less of only once it has seen that the primary has less. One that does not come so far starts later.
async fn catch_up(at: &At<'_>) {
    let (ports, look) = (&at.cluster.ports, at.cluster.limits.observe);
    let streams = ports.probe.observe(&at.node.name, look).await.is_ok_and(|seen| seen.streams());
    let Some(primary) = primary(at).await.filter(|_| streams) else { return };
    let written = ports.probe.observe(&primary.name, look).await.ok().and_then(|seen| seen.write_lsn);
    if let Some(written) = written {
        drop(ports.control.wait_replayed(&at.node.name, written, CATCH_UP_LIMIT).await);
    }
}

async fn create(at: &At<'_>, hashed: &[HostFile]) -> Result<ContainerSpec, StepError> {
    let image = image(at).await?;
    let system = identity(at, &image).await?;
    let spec = layout::postgres_container(at.cluster.topology(), at.node, &image.id, system, hashed);
    container::create(at, &spec).await?;
    Ok(spec)
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

/// Writes down what the node was brought up with.
pub(super) async fn note_topology(at: &At<'_>) -> Result<(), StepError> {
    let topology = at.cluster.topology();
    let name = layout::container_name(topology, &at.node.name, Component::Postgres);
    Ok(at.runtime.put_files(&name, &[layout::topology_file(topology)]).await?)
}

/// Applies what may change while the server runs.
pub(super) async fn reload(at: &At<'_>) -> Result<(), StepError> {
    let topology = at.cluster.topology();
    let name = layout::container_name(topology, &at.node.name, Component::Postgres);
    let (_, others) = layout::postgres_files(topology, at.node, share(at).await?, None, at.cluster.secrets());
    put_and_reload(at, &name, &others).await
}

pub(super) async fn put_and_reload(at: &At<'_>, name: &str, files: &[HostFile]) -> Result<(), StepError> {
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
