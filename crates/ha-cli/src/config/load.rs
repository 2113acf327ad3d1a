//! What commands call.

use std::path::Path;

use ha_core::secrets::Secrets;

use super::file::{self, FileRules};
use super::locate::{find, secrets_beside};
use super::model::Config;
use super::secrets::{SecretsRules, read_secrets};
use crate::error::Error;
use crate::globals::Globals;

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
