//! The cluster's file and its secrets: found, read, checked, written.
//!
//! [`load`] and [`load_with_secrets`] are what commands call: they return a topology that makes sense, or everything
//! that is wrong, each problem with its place.

mod access;
mod diagnostic;
mod edit;
mod file;
mod locate;
mod origins;
mod reader;
mod secrets;
mod template;
mod warnings;
mod write;

use std::path::{Path, PathBuf};

use ha_core::secrets::Secrets;
use ha_core::topology::{Topology, TopologySpec};

pub use diagnostic::{Diagnostic, Position, Source};
pub use edit::set_text;
pub use locate::{candidates, find, secrets_beside, target};
pub use origins::{Origin, Setting};
pub use secrets::{MIN_SECRET_LENGTH, SECRET_KEYS, SecretsRules, check_secret, exposed_to_others, read_secrets};
pub use template::{render, render_secrets};
pub(crate) use write::refuse_existing;
pub use write::{FileToWrite, Overwrite, install};

use self::file::FileRules;
use crate::cli::Globals;
use crate::error::Error;

/// A cluster's file that nothing is wrong with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it stands.
    pub path: PathBuf,
    /// What it says, with the defaults filled in.
    pub spec: TopologySpec,
    /// The same, checked.
    pub topology: Topology,
    /// What is not wrong but worth knowing, such as a public address without TLS.
    pub warnings: Vec<Diagnostic>,
    pub(crate) places: reader::Places,
    pub(crate) source: std::sync::Arc<Source>,
}

impl Config {
    /// Where its secrets stand.
    #[must_use]
    pub fn secrets_path(&self) -> PathBuf {
        secrets_beside(&self.path)
    }
}

/// Finds, reads and checks the cluster's file, without its secrets.
///
/// # Errors
/// Every problem of the file, or that it cannot be found or read.
pub fn load(globals: &Globals) -> Result<Config, Error> {
    file::read(&find(globals)?, rules(globals))
}

/// Who names a place may name a pipe; what is merely found is a file.
const fn rules(globals: &Globals) -> FileRules {
    if globals.config.is_some() { FileRules::Named } else { FileRules::Found }
}

/// The same for a file of which the path is known: one that is to be written over, or that came from another host. What others could
/// have changed counts there as little, since all that it says is taken over.
///
/// # Errors
/// As [`load`].
pub fn load_from(path: &Path) -> Result<Config, Error> {
    file::read(path, FileRules::Found)
}

/// Finds, reads and checks the cluster's file and its secrets.
///
/// # Errors
/// Every problem of both files together.
pub fn load_with_secrets(globals: &Globals) -> Result<(Config, Secrets), Error> {
    let path = find(globals)?;
    let config = file::read(&path, rules(globals));
    let secrets = read_secrets(&secrets_beside(&path), SecretsRules::Private);
    match (config, secrets) {
        (Ok(config), Ok(secrets)) => Ok((config, secrets)),
        (Err(Error::Configuration(mut problems)), Err(Error::Configuration(more))) => {
            problems.extend(more);
            Err(Error::Configuration(problems))
        }
        // A file that cannot be read at all comes before what is wrong inside the other.
        (Err(error @ Error::Failure(_)), _) | (_, Err(error @ Error::Failure(_))) => Err(error),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}
