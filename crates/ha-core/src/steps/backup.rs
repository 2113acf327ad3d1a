//! A node's database as one tar archive.

use std::time::Duration;

use super::StepError;
use crate::context::Context;
use crate::layout::{self, Component, PGDATA, REWINDING_PATH};
use crate::plan::{Backup, BackupWay};
use crate::ports::{ByteStream, ExecSpec};

/// Nothing is written while the server writes its checkpoint first, and while a large file is read from a slow disk.
const SILENCE: Duration = Duration::from_secs(600);

/// Begins to read it. The server, where one runs, goes on meanwhile.
pub(crate) async fn take(cluster: &Context, backup: &Backup) -> Result<ByteStream, StepError> {
    let topology = cluster.topology();
    let runtime = match cluster.ports.runtimes.get(&backup.node) {
        Some(Ok(runtime)) => runtime,
        Some(Err(why)) => return Err(StepError::NoWay(why.clone())),
        None => return Err(StepError::NoWay(format!("there is no way to the engine of {}", backup.node))),
    };
    let container = layout::container_name(topology, &backup.node, Component::Postgres);
    match backup.way {
        BackupWay::BaseBackup => {
            let script = ["/bin/sh", "-c", layout::BACKUP_SCRIPT, "backup.sh", &layout::own_conninfo()];
            let exec = ExecSpec {
                argv: script.map(str::to_owned).to_vec(),
                user: Some("postgres".to_owned()),
                environment: [("LC_ALL".to_owned(), "C".to_owned())].into(),
                stdin: None,
            };
            Ok(runtime.exec_stream(&container, &exec, SILENCE).await?)
        }
        BackupWay::Files => {
            if runtime.read_file(&container, REWINDING_PATH).await?.is_some() {
                let why = "an interrupted run has changed half of it already: nothing could be made of its files";
                return Err(StepError::Broken(why.to_owned()));
            }
            Ok(runtime.read_folder(&container, PGDATA, SILENCE).await?)
        }
    }
}
