//! A cluster's file, read.

use std::path::PathBuf;
use std::sync::Arc;

use ha_core::topology::{Topology, TopologySpec};

use super::locate::secrets_beside;
use super::reader::Places;
use crate::diagnostic::{Diagnostic, Source};

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
    pub(crate) places: Places,
    pub(crate) source: Arc<Source>,
}

impl Config {
    /// Where its secrets stand.
    #[must_use]
    pub fn secrets_path(&self) -> PathBuf {
        secrets_beside(&self.path)
    }
}
