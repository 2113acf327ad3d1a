//! A copy of what is about to be destroyed, in a file on the machine where this runs.

mod file;

use std::path::{Path, PathBuf};
use std::time::Instant;

use futures_util::StreamExt as _;
use ha_core::Cluster;
use ha_core::plan::{Backup, BackupWay};
use ha_core::ports::RuntimeError;
use ha_core::steps::StepError;
use ha_core::values::NodeName;
use serde::Serialize;

use self::file::BackupFile;
use super::{plan, question, time};
use crate::error::{Error, Failure};
use crate::output::{Printer, Tone, Transfer, size};

/// A backup that is wanted, and can be taken.
pub(super) struct Wanted {
    backup: Backup,
    file: PathBuf,
}

/// A backup that was taken.
#[derive(Debug, Serialize)]
pub(super) struct Taken {
    #[serde(flatten)]
    backup: Backup,
    /// Where it is.
    file: PathBuf,
    /// Its size.
    bytes: u64,
    /// How long it took.
    seconds: f64,
}

/// Whether the file that the command line names can be made: said before anything is looked at.
///
/// # Errors
/// It cannot.
pub(super) fn check(file: Option<&Path>) -> Result<(), Error> {
    match file.map(file::check) {
        Some(Err(why)) => Err(Failure::usage("backup-file", why).help("nothing was done; name another file").into()),
        Some(Ok(())) | None => Ok(()),
    }
}

/// Plans the backup that the command line asks for; where it asks for none and a person is there, offers one.
///
/// # Errors
/// What the command line asks for cannot be had, or an interrupt.
pub(super) async fn offer(
    cluster: &Cluster,
    node: &NodeName,
    asked_for: Option<&Path>,
    ask: bool,
    printer: &Printer,
) -> Result<Option<Wanted>, Error> {
    if asked_for.is_none() {
        if !ask {
            return Ok(None);
        }
        if !question::person(printer) {
            printer.note(|page| page.line(format!("`--backup FILE` puts {node}'s database into a file first")));
            return Ok(None);
        }
    }
    let backup = match (plan::interruptible(cluster.plan_backup(node)).await?, asked_for) {
        (Ok(backup), _) => backup,
        (Err(refusal), Some(_)) => return Err(plan::refused("backup", &[refusal])),
        (Err(refusal), None) => {
            printer.note(|page| {
                let mark = page.tone(Tone::Warning, "note:");
                page.line(format!("{mark} no backup can be taken first: {refusal}"));
            });
            return Ok(None);
        }
    };
    let file = match asked_for {
        Some(path) => path.to_owned(),
        None => match ask_for_file(node, printer).await? {
            Some(file) => file,
            None => return Ok(None),
        },
    };
    let what = what(backup.way);
    printer.note(|page| page.line(format!("first, {node}'s database is put into {} ({what})", file.display())));
    Ok(Some(Wanted { backup, file }))
}

const fn what(way: BackupWay) -> &'static str {
    match way {
        BackupWay::BaseBackup => "a base backup of the running server",
        BackupWay::Files => "the files of the stopped server",
    }
}

/// Whether a backup is wanted, and then where: no word of an answer to the first becomes the name of a file.
pub(super) async fn ask_for_file(node: &NodeName, printer: &Printer) -> Result<Option<PathBuf>, Error> {
    if !question::whether(printer, &format!("put {node}'s database into a file first?")).await? {
        return Ok(None);
    }
    let default = format!("{node}-{}.tar", time::stamp(&time::now()));
    let answer =
        question::text_with_default(printer, "its file", &default, |name| file::check(Path::new(name))).await?;
    Ok(Some(answer.into()))
}

/// Takes what is wanted, before anything is changed.
///
/// # Errors
/// It could not be taken whole: then there is no file, and nothing may be destroyed.
pub(super) async fn take(wanted: Option<Wanted>, cluster: &Cluster, printer: &Printer) -> Result<Option<Taken>, Error> {
    match wanted {
        Some(wanted) => wanted.take(cluster, printer).await.map(Some),
        None => Ok(None),
    }
}

impl Wanted {
    async fn take(self, cluster: &Cluster, printer: &Printer) -> Result<Taken, Error> {
        let begun = Instant::now();
        let node = self.backup.node.clone();
        let transfer = Transfer::new(printer.format(), &format!("{node}: {}", what(self.backup.way)));
        let bytes = plan::interruptible(self.copy(cluster, &transfer)).await?.map_err(|failure| failure.on(&node))?;
        drop(transfer);
        printer.note(|page| {
            let mark = page.tone(Tone::Good, "✓");
            page.line(format!("  {mark} {node}'s database is in {}: {}", self.file.display(), size(bytes)));
        });
        Ok(Taken { backup: self.backup, file: self.file, bytes, seconds: begun.elapsed().as_secs_f64() })
    }

    async fn copy(&self, cluster: &Cluster, transfer: &Transfer) -> Result<u64, Failure> {
        let not_read = |error: StepError| not_read(&self.backup, error);
        let not_written = |error| not_written(&self.file, error);
        let mut file = BackupFile::create(&self.file).map_err(not_written)?;
        let mut stream = cluster.take_backup(&self.backup).await.map_err(not_read)?;
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|error| not_read(error.into()))?;
            file.write(&piece).await.map_err(not_written)?;
            transfer.is_at(file.bytes());
        }
        file.finish().await.map_err(not_written)
    }
}

fn not_read(backup: &Backup, error: StepError) -> Failure {
    let node = &backup.node;
    let help = match (&error, backup.way) {
        (StepError::Runtime(RuntimeError::ProgramFailed { .. }), BackupWay::BaseBackup) => format!(
            "nothing was destroyed; where the server cannot be brought to answer, `ha-cli down {node}` stops it, and its files \
             are taken as they are"
        ),
        _ => "nothing was destroyed; without --backup, the command goes on without one".to_owned(),
    };
    Failure::failed("backup-failed", "its database could not be read").because(error).help(help)
}

fn not_written(file: &Path, error: std::io::Error) -> Failure {
    let message = format!("the backup could not be written to {}", file.display());
    Failure::failed("backup-failed", message).because(error).help(
        "nothing was destroyed, and what was written is gone again; name a file where there is room for the whole database",
    )
}
