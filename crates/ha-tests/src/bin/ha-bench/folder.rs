//! The program on a pair that stands already.

use std::path::PathBuf;

use ha_tests::Pair;

use crate::error::Error;
use crate::program::{Ran, ha_cli};

/// A folder with a pair's files. Dropping it removes them, not the pair.
pub(crate) struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

impl Folder {
    pub(crate) fn of(pair: &Pair) -> Result<Self, Error> {
        let folder = Self(std::env::temp_dir().join(format!("{}-bench", pair.topology().cluster.name)));
        std::fs::create_dir_all(&folder.0)?;
        pair.write_files(&folder.0)?;
        Ok(folder)
    }

    /// A file in it.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    /// `ha-cli` with those arguments, from its start to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<Ran, Error> {
        ha_cli(arguments).within(&self.0).run().await
    }
}
