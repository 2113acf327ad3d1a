//! Making a database, by `initdb` or by a base backup, and what must be in it.

use std::time::Duration;

use super::StepError;
use super::at::At;
use super::come_back;
use super::one_off::{self, Job};
use crate::layout::{self, Component, LABEL_SYSTEM, PASSFILE_PATH};
use crate::plan::{OldData, not_with_tablespaces};
use crate::ports::{Database, HostFile, Image, ProgressUpdate, Provision, Role};
use crate::values::{NodeName, SlotName, SystemIdentifier};

pub(super) async fn image(at: &At<'_>) -> Result<Image, StepError> {
    let reference = &at.cluster.topology().images.postgres;
    let image = at.runtime.find_image(reference).await?;
    image.ok_or_else(|| StepError::Changed(format!("the image {reference} is gone")))
}

pub(super) async fn init(at: &At<'_>) -> Result<(), StepError> {
    let image = image(at).await?;
    let job = Job {
        name: "init",
        script: layout::INIT_SCRIPT,
        arguments: vec![at.node.name.to_string()],
        files: Vec::new(),
        limit: Duration::from_secs(300),
    };
    one_off::run(at.cluster, at.node, at.runtime, &image, job, |_| {}).await?;
    Ok(())
}

/// The database that is there becomes the node's again, which has lost what it knew of it.
pub(super) async fn adopt(at: &At<'_>, system: SystemIdentifier) -> Result<(), StepError> {
    let image = image(at).await?;
    let job = Job {
        name: "adopt",
        script: layout::ADOPT_SCRIPT,
        arguments: vec![system.to_string()],
        files: Vec::new(),
        limit: Duration::from_secs(60),
    };
    one_off::run(at.cluster, at.node, at.runtime, &image, job, |_| {}).await?;
    Ok(())
}

pub(super) async fn copy(at: &At<'_>, from: &NodeName) -> Result<(), StepError> {
    base_backup(at, from, None).await
}

/// Replaces what is there, which is put aside once the copy is whole, or destroyed before.
pub(super) async fn replace(at: &At<'_>, from: &NodeName, old_data: OldData) -> Result<(), StepError> {
    come_back::still_down(at).await?;
    base_backup(at, from, Some(old_data)).await
}

async fn base_backup(at: &At<'_>, from: &NodeName, replace: Option<OldData>) -> Result<(), StepError> {
    let topology = at.cluster.topology();
    let upstream = topology.node(from).ok_or_else(|| StepError::Changed(format!("the topology has no node {from}")))?;
    let image = image(at).await?;
    let source = at.cluster.ports.probe.observe(from, at.cluster.limits.observe).await?;
    if let Some(refusal) = not_with_tablespaces(topology, &at.node.name, from, &source) {
        return Err(StepError::Changed(format!("{}; {}", refusal.message, refusal.help)));
    }
    let mut files = vec![HostFile::new(PASSFILE_PATH, layout::passfile(at.cluster.secrets()), 0o600)];
    // The copy descends from whatever promotion its source does.
    files.extend(source.promotion.as_ref().map(layout::promotion_file));
    let mut arguments = vec![
        layout::conninfo(topology, &at.node.name, upstream),
        SlotName::of_standby(&at.node.name).to_string(),
        source.system_identifier.to_string(),
        source.version.to_string(),
    ];
    arguments.extend(replace.map(|old_data| match old_data {
        OldData::Keep => "keep".to_owned(),
        OldData::Discard => "discard".to_owned(),
    }));
    let job = Job {
        name: if replace.is_some() { "replace" } else { "copy" },
        script: layout::COPY_SCRIPT,
        arguments,
        files,
        limit: at.cluster.limits.copy,
    };
    let report = |line: &crate::ports::LogLine| {
        if let Some(update) = backup_progress(&line.text) {
            at.progress.update(update);
        }
    };
    one_off::run(at.cluster, at.node, at.runtime, &image, job, report).await?;
    Ok(())
}

/// Reads a line of `pg_basebackup --progress`: ` 31745/31745 kB (100%), 1/1 tablespace`.
fn backup_progress(line: &str) -> Option<ProgressUpdate> {
    let (amounts, _) = line.trim().split_once(" kB")?;
    let (done, total) = amounts.split_once('/')?;
    let bytes = |text: &str| text.trim().parse::<u64>().ok().map(|kib| kib * 1024);
    Some(ProgressUpdate {
        what: "base backup".to_owned(),
        done_bytes: bytes(done)?,
        total_bytes: bytes(total).filter(|&total| total > 0),
    })
}

pub(super) async fn provision(at: &At<'_>) -> Result<(), StepError> {
    let topology = at.cluster.topology();
    let secrets = at.cluster.secrets();
    // Whoever watches or brings a node back finds a connection where all ordinary ones are taken.
    let reserved = "pg_use_reserved_connections";
    let role = |name: &str, password: &crate::values::Secret, replication: bool, member_of: &[&str]| Role {
        name: name.to_owned(),
        password: password.clone(),
        replication,
        member_of: member_of.iter().map(|&role| role.to_owned()).collect(),
        connection_limit: None,
    };
    let mut keycloak = role(&topology.postgres.user, &secrets.keycloak_db_password, false, &[]);
    keycloak.connection_limit = Some(topology.postgres.keycloak_connections());
    let name = layout::container_name(topology, &at.node.name, Component::Postgres);
    let container = at.runtime.find_container(&name).await?;
    let system = container.and_then(|it| it.labels.get(LABEL_SYSTEM)?.parse().ok());
    let provision = Provision {
        roles: vec![
            keycloak,
            role(layout::REPLICATION_ROLE, &secrets.replication_password, true, &[reserved]),
            role(layout::PROBE_ROLE, &secrets.probe_password, false, &["pg_monitor", reserved]),
        ],
        database: Database { name: topology.postgres.database.clone(), owner: topology.postgres.user.clone() },
        slots: topology.peers_of(&at.node.name).map(|peer| SlotName::of_standby(&peer.name)).collect(),
        made_with: system.map(|system| layout::secrets_fingerprint(secrets, system)),
    };
    at.cluster.ports.control.provision(&at.node.name, &provision).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::backup_progress;

    #[test]
    fn reads_the_progress_of_pg_basebackup() {
        let update = backup_progress("  15872/31745 kB (50%), 0/1 tablespace").unwrap();
        assert_eq!((update.done_bytes, update.total_bytes), (15872 * 1024, Some(31745 * 1024)));
        for other in ["waiting for checkpoint", "", "12 kB", "a/b kB (1%), 0/1 tablespace"] {
            assert_eq!(backup_progress(other), None, "{other}");
        }
    }
}
