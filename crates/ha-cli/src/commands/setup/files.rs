//! What `setup` writes, and what is to be done with it.

use std::io;
use std::path::Path;

use crate::config::{self, FileToWrite, Overwrite};
use crate::error::{Error, Failure};
use crate::interrupt::Interrupts;

/// Puts both files in their place, the secrets first: a file without its secrets would look like a finished setup.
pub(super) fn write(target: &Path, text: &str, secrets: &str, overwrite: Overwrite) -> Result<(), Error> {
    // From here on the work takes milliseconds and runs to its end, interrupted or not.
    let _held = Interrupts::listen().map_err(signals_failed)?;
    let secrets = FileToWrite { path: config::secrets_beside(target), content: secrets, mode: 0o600 };
    let file = FileToWrite { path: target.to_owned(), content: text, mode: 0o644 };
    config::install(&[secrets, file], overwrite)
}

/// The command that brings nodes up; all of them where none is named. From a machine that cannot look at every node, the
/// first primary is made on a person's word that no other node has a database already.
pub(super) fn next_command(file: &Path, nodes: &[String], bootstrap: bool) -> String {
    let mut words = vec!["ha-cli".to_owned(), "up".to_owned()];
    words.extend(nodes.iter().cloned());
    if bootstrap {
        words.push("--bootstrap".to_owned());
    }
    if file != Path::new("ha.toml") && !config::candidates().iter().any(|place| place == file) {
        words.extend(["--config".to_owned(), file.display().to_string()]);
    }
    words.join(" ")
}

pub(super) fn signals_failed(error: io::Error) -> Error {
    Failure::failed("signals", "interrupts could not be held back").because(error).into()
}
