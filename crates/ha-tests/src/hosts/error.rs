//! What goes wrong with the rig: what was tried, on which host, what came back.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ha_core::ports::RuntimeError;

/// Why this machine can have no such hosts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub(crate) String);

/// Why the rig did not do something. Every text reads after "failed to …:".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostsError {
    /// This machine can have no such hosts.
    #[error("this machine can have no hosts of its own")]
    Unavailable(#[from] Unavailable),
    /// Every number is taken by a rig that lives, or its network by something else.
    #[error("all {0} numbers are taken")]
    NoNumber(u8),
    /// There is no host of that number.
    #[error("there is no host {number}: they are 1 to {count}")]
    NoSuchHost {
        /// What was asked for.
        number: usize,
        /// How many there are.
        count: usize,
    },
    /// The host is off.
    #[error("{what}: host {number} is off")]
    Off {
        /// What was tried.
        what: String,
        /// The host.
        number: usize,
    },
    /// The host is frozen, and so would be whatever is started there.
    #[error("{what}: host {number} is frozen")]
    Frozen {
        /// What was tried.
        what: String,
        /// The host.
        number: usize,
    },
    /// The host has no disk of its own.
    #[error("{what}: host {number} was made without a disk of its own")]
    NoDisk {
        /// What was tried.
        what: String,
        /// The host.
        number: usize,
    },
    /// The machine's own engine does not have an image.
    #[error("the engine of this machine has no image {0}")]
    NoImage(String),
    /// The machine's own engine did not tell of itself or an image.
    #[error("the engine of this machine did not answer")]
    Engine(#[from] RuntimeError),
    /// A program failed.
    #[error("{what}: `{command}` ended with {outcome}")]
    Program {
        /// What was tried, with the host.
        what: String,
        /// The command.
        command: String,
        /// Its exit status and what it complained of.
        outcome: String,
    },
    /// It did not come about in time.
    #[error("{what}: not within {} s{detail}", limit.as_secs_f32())]
    TimedOut {
        /// What was waited for, with the host.
        what: String,
        /// How long.
        limit: Duration,
        /// What was seen instead, if anything; begins with a separator.
        detail: String,
    },
    /// A file of the rig.
    #[error("{what} {}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// What came back.
        #[source]
        source: io::Error,
    },
    /// Something of another's making has a form that is not known.
    #[error("{what} {}: {problem}", path.display())]
    NotUnderstood {
        /// What was tried.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl HostsError {
    /// For `map_err`: what was tried with a file.
    pub(crate) fn file(what: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { what, path: path.as_ref().to_owned(), source }
    }
}
