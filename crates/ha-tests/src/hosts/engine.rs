//! Which engine a host runs: the machine's programs or those of a folder, and where it keeps its images.

use std::env;
use std::path::{Path, PathBuf};

use super::error::Unavailable;

/// Names a folder with the programs of the engine that all hosts run, instead of the machine's.
const PROGRAMS: &str = "HA_TEST_ENGINE";
/// `containerd`: images are kept in containerd's store, instead of Docker's own.
const STORE: &str = "HA_TEST_ENGINE_STORE";
/// Names a folder with the programs of a newer engine than the machine's.
const NEWER: &str = "HA_TEST_NEWER_ENGINE";

/// What an engine is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Engine {
    /// Where its programs are looked for before the machine's.
    pub(crate) programs: Option<PathBuf>,
    /// Whether containerd keeps its images.
    pub(crate) containerd_store: bool,
}

impl Engine {
    /// The one that the environment asks for.
    pub(crate) fn asked_for() -> Self {
        let containerd_store = env::var(STORE).is_ok_and(|store| store == "containerd");
        Self { programs: folder(PROGRAMS), containerd_store }
    }

    /// Whether its programs are there.
    pub(crate) fn available(&self) -> Result<(), Unavailable> {
        self.programs.as_deref().map_or(Ok(()), has_programs)
    }

    /// How large a disk is to be for as much room beside the images: containerd keeps each layer twice, packed and unpacked.
    pub(crate) const fn disk_mib(&self, mib: u64) -> u64 {
        if self.containerd_store { 2 * mib } else { mib }
    }

    /// What its `daemon.json` says.
    pub(crate) fn settings(&self) -> &'static str {
        // The name of the driver is another one in containerd's store, which has the right one by itself.
        if self.containerd_store {
            r#"{"features":{"containerd-snapshotter":true}}"#
        } else {
            r#"{"storage-driver":"overlay2"}"#
        }
    }
}

/// The folder of a newer engine than the machine's, for an upgrade: what `HA_TEST_NEWER_ENGINE` names, as
/// `scripts/newer-engine.sh` prints it.
///
/// # Errors
/// Why there is none. Whoever skips a test for that should say so.
pub fn newer_engine() -> Result<PathBuf, Unavailable> {
    let programs = folder(NEWER).ok_or_else(|| {
        Unavailable(format!("{NEWER} names no folder with a newer engine (scripts/newer-engine.sh gets one)"))
    })?;
    has_programs(&programs)?;
    Ok(programs)
}

/// Whether an engine's programs are in a folder.
pub(crate) fn has_programs(folder: &Path) -> Result<(), Unavailable> {
    if folder.join("dockerd").exists() {
        return Ok(());
    }
    Err(Unavailable(format!("there is no dockerd in {}", folder.display())))
}

fn folder(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(|value| Path::new(&value).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_an_engine_is_told() {
        let folder = env::temp_dir();
        let engine = Engine { programs: Some(folder.clone()), containerd_store: true };
        let told = engine.available().unwrap_err().to_string();
        assert!(told.contains("no dockerd in") && told.contains(&folder.display().to_string()), "{told}");
        assert!(Engine::default().available().is_ok(), "the machine's own is looked for elsewhere");
        assert!(engine.settings().contains("containerd-snapshotter") && !engine.settings().contains("overlay2"));
    }
}
