//! Opening a file of the operator's: one that is a file, and that nobody else can change.
//!
//! What the cluster's file says is done with the rights of whoever runs a command: its hooks are programs, and its engines are
//! root on their hosts. So nobody else may be able to write it, or to put another one in its place.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rustix::fs::OFlags;

use crate::diagnostic::{Diagnostic, Source};
use crate::error::{Error, Failure};

/// More than any cluster's file has; a device or a log named by mistake ends here.
pub(super) const MOST_BYTES: u64 = 1024 * 1024;
/// Most time for what comes through a pipe: a program that makes it has begun already.
const PIPE_LIMIT: Duration = Duration::from_secs(5);
/// A folder in which only the owner of a file can remove or rename it, such as `/tmp`.
const STICKY: u32 = 0o1000;
const WRITE_BY_OTHERS: u32 = 0o022;

pub(super) fn unreadable(path: &Path, error: io::Error) -> Error {
    Failure::usage("config-unreadable", format!("{} could not be read", path.display())).because(error).into()
}

/// Opens a file, and nothing else: whoever opens a pipe waits for its other end.
pub(super) fn open(path: &Path) -> Result<File, Error> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| unreadable(path, error))?;
    let metadata = file.metadata().map_err(|error| unreadable(path, error))?;
    if metadata.is_file() {
        return Ok(file);
    }
    let message = format!("{} is {}, and no file", path.display(), kind(&metadata));
    Err(Failure::usage("config-unreadable", message)
        .help("remove it, or name the cluster's file with --config PATH (that one may be a pipe)")
        .into())
}

fn kind(metadata: &Metadata) -> &'static str {
    let file_type = metadata.file_type();
    if file_type.is_dir() {
        "a folder"
    } else if file_type.is_fifo() {
        "a pipe"
    } else if file_type.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// Whether a path leads to something that a program writes into while it is read.
pub(super) fn is_pipe(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// What comes through a pipe that somebody named.
pub(super) fn from_pipe(path: &Path) -> Result<Vec<u8>, Error> {
    let (sender, receiver) = mpsc::channel();
    let named = path.to_owned();
    // Opening waits for the other end, and reading for its words: neither can be told to stop, so the thread is left to itself.
    std::thread::spawn(move || {
        let read = || {
            let mut bytes = Vec::new();
            File::open(&named)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        drop(sender.send(read()));
    });
    match receiver.recv_timeout(PIPE_LIMIT) {
        Ok(result) => result.map_err(|error| unreadable(path, error)),
        Err(_) => {
            let error = format!("it did not come to an end within {} s", PIPE_LIMIT.as_secs());
            Err(unreadable(path, io::Error::new(io::ErrorKind::TimedOut, error)))
        }
    }
}

/// Who else could change an opened file, or put another one in its place.
pub(super) fn writers(file: &File, path: &Path, source: &Arc<Source>) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut add = |message: String, help: String| problems.push(Diagnostic::new(source, None, "", message, help));
    let trusted = Trusted::here();
    match file.metadata() {
        Ok(metadata) => {
            let mode = metadata.mode() & 0o7777;
            if mode & WRITE_BY_OTHERS != 0 {
                add(format!("can be changed by others (mode {mode:04o})"), format!("chmod go-w {}", path.display()));
            }
            if !trusted.is(metadata.uid()) {
                let message = format!("belongs to another user (id {}), who can change it", metadata.uid());
                add(message, format!("chown {} {}", trusted.me, path.display()));
            }
        }
        Err(error) => add(format!("does not tell who may change it: {error}"), "check the file system".to_owned()),
    }
    for folder in folders(path) {
        let Ok(metadata) = fs::metadata(&folder) else { continue };
        let mode = metadata.mode() & 0o7777;
        if mode & WRITE_BY_OTHERS != 0 && mode & STICKY == 0 {
            add(
                format!("can be replaced by others: they can write to {} (mode {mode:04o})", folder.display()),
                format!("chmod go-w {}, or keep both files elsewhere", folder.display()),
            );
        } else if !trusted.is(metadata.uid()) {
            add(
                format!(
                    "can be replaced by another user (id {}), to whom {} belongs",
                    metadata.uid(),
                    folder.display()
                ),
                format!("keep both files in a folder of your own, or chown {} {}", trusted.me, folder.display()),
            );
        }
    }
    problems
}

/// Every folder above a file: the way that its name goes, and the way to where that leads.
fn folders(path: &Path) -> BTreeSet<PathBuf> {
    let parent = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let ways =
        [fs::canonicalize(parent).ok(), fs::canonicalize(path).ok().and_then(|it| it.parent().map(Path::to_owned))];
    ways.iter().flatten().flat_map(|folder| folder.ancestors().map(Path::to_owned)).collect()
}

/// Who may write what is done with this process's rights: itself, root, and who became root by `sudo` and can do so again.
struct Trusted {
    me: u32,
    caller: Option<u32>,
}

impl Trusted {
    fn here() -> Self {
        let me = rustix::process::geteuid().as_raw();
        let caller = std::env::var_os("SUDO_UID").as_deref().and_then(OsStr::to_str).and_then(|id| id.parse().ok());
        Self { me, caller: caller.filter(|_| me == 0) }
    }

    fn is(&self, user: u32) -> bool {
        user == 0 || user == self.me || Some(user) == self.caller
    }
}
