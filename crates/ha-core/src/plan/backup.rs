//! Whose data is put into a file before something is destroyed, and in which way.

use serde::Serialize;

use super::{Refusal, RefusalKind};
use crate::advice::{Advice, Remedy, advice};
use crate::observe::NodeObservation;
use crate::ports::ContainerStatus;
use crate::values::NodeName;

/// A backup that can be taken: [`Cluster::take_backup`](crate::Cluster::take_backup) does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// The node whose database it is.
    pub node: NodeName,
    /// How it is taken.
    pub way: BackupWay,
}

/// How a database is put into a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackupWay {
    /// The server runs: `pg_basebackup`.
    BaseBackup,
    /// No server runs on them: the files as they are.
    Files,
}

/// Plans a backup of a node's database. Pure.
///
/// # Errors
/// There is no way to its data, or it may change while it is read.
pub fn decide_backup(node: &NodeName, observation: Option<&NodeObservation>) -> Result<Backup, Refusal> {
    let refused = |kind, message: String, help: Advice| Err(Refusal::new(kind, Some(node), message, help));
    let container = match observation.map(|observation| &observation.postgres_container) {
        Some(Ok(container)) => container,
        Some(Err(unobserved)) => {
            return refused(
                RefusalKind::Unreachable,
                format!("its data cannot be put into a file: {}", unobserved.message),
                "its data is read through its engine: mend the way there, or go on without a backup".into(),
            );
        }
        None => {
            return refused(RefusalKind::Mismatch, "it is no node of this cluster".to_owned(), "see ha.toml".into());
        }
    };
    let way = match container.as_ref().map(|container| container.status) {
        Some(ContainerStatus::Running) => BackupWay::BaseBackup,
        Some(ContainerStatus::Created | ContainerStatus::Exited { .. } | ContainerStatus::Dead) => BackupWay::Files,
        Some(ContainerStatus::Paused | ContainerStatus::Restarting) => {
            return refused(
                RefusalKind::Mismatch,
                "its PostgreSQL neither runs nor is stopped (paused, or about to be started again)".to_owned(),
                advice!("{} stops it; then its files can be put into a file", Remedy::down(node)),
            );
        }
        None => {
            return refused(
                RefusalKind::Mismatch,
                "it has no PostgreSQL container through which its data could be read".to_owned(),
                "go on without a backup, or copy the volume by hand".into(),
            );
        }
    };
    Ok(Backup { node: node.clone(), way })
}

/// Of the nodes whose data is destroyed, the one whose data a backup is to hold: the only one of them that is seen to be a primary,
/// or the only one. Pure.
///
/// # Errors
/// Nobody can tell which of them holds the data that counts.
pub fn choose_backup(destroyed: &[NodeName], is_primary: impl Fn(&NodeName) -> bool) -> Result<&NodeName, Refusal> {
    let primaries: Vec<_> = destroyed.iter().filter(|node| is_primary(node)).collect();
    match (&primaries[..], destroyed) {
        ([primary], _) => Ok(primary),
        ([], [only]) => Ok(only),
        _ => Err(Refusal::new(
            RefusalKind::Unsafe,
            None,
            format!(
                "of {} nodes, {} are seen to be primaries: it is not known whose data is to be kept",
                destroyed.len(),
                primaries.len()
            ),
            "destroy them one by one, each with a backup into a file of its own: `ha-cli down NODE --volumes --backup FILE`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::fixtures::{healthy, name, pair, unobserved};
    use crate::observe::{PostgresRole, UnobservedWhy};

    #[test]
    fn a_running_server_is_asked_and_the_files_of_a_stopped_one_are_read() {
        let topology = pair();
        let vm2 = name("vm2");
        let with = |status: ContainerStatus| {
            let mut seen = healthy(&topology).remove(1);
            seen.postgres_container.as_mut().unwrap().as_mut().unwrap().status = status;
            decide_backup(&vm2, Some(&seen)).map(|backup| backup.way)
        };
        assert_eq!(with(ContainerStatus::Running), Ok(BackupWay::BaseBackup));
        for status in [ContainerStatus::Created, ContainerStatus::Exited { code: 137 }, ContainerStatus::Dead] {
            assert_eq!(with(status), Ok(BackupWay::Files), "{status:?}");
        }
        for status in [ContainerStatus::Paused, ContainerStatus::Restarting] {
            assert!(with(status).unwrap_err().help.contains("`ha-cli down vm2`"), "{status:?}");
        }
        let mut seen = healthy(&topology).remove(1);
        seen.postgres_container = Ok(None);
        assert_eq!(decide_backup(&vm2, Some(&seen)).unwrap_err().kind, RefusalKind::Mismatch);
        seen.postgres_container = Err(unobserved(UnobservedWhy::Silent, "no answer"));
        let refusal = decide_backup(&vm2, Some(&seen)).unwrap_err();
        assert!(refusal.kind == RefusalKind::Unreachable && refusal.message.contains("no answer"), "{refusal:?}");
        assert_eq!(decide_backup(&name("vm9"), None).unwrap_err().kind, RefusalKind::Mismatch);
    }

    fn seen_as_primary(seen: &[NodeObservation]) -> impl Fn(&NodeName) -> bool {
        let is = |it: &NodeObservation| it.postgres.as_ref().is_ok_and(|it| it.role == PostgresRole::Primary);
        let primaries: Vec<_> = seen.iter().filter(|it| is(it)).map(|it| it.node.clone()).collect();
        move |node| primaries.contains(node)
    }

    #[test]
    fn the_primarys_data_is_kept_or_the_only_nodes() {
        let topology = pair();
        let both = [name("vm1"), name("vm2")];
        let mut seen = healthy(&topology);
        assert_eq!(choose_backup(&both, seen_as_primary(&seen)), Ok(&both[0]));
        assert_eq!(choose_backup(&both[1..], seen_as_primary(&seen)), Ok(&both[1]));
        // The primary does not run: which of the two is newer is not looked at here.
        seen[0].postgres = Err(unobserved(UnobservedWhy::Refused, "refused"));
        let refusal = choose_backup(&both, seen_as_primary(&seen)).unwrap_err();
        assert!(refusal.help.contains("one by one"), "{refusal:?}");
        assert_eq!(choose_backup(&both[..1], seen_as_primary(&seen)), Ok(&both[0]));
    }
}
