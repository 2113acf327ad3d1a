//! Where a step is done, and with what.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::StepError;
use crate::context::Context;
use crate::observe::ControlFile;
use crate::ports::{ContainerRuntime, Progress};
use crate::topology::Node;
use crate::values::NodeName;

/// A step under way: where, with what.
pub(super) struct At<'a> {
    pub(super) cluster: &'a Context,
    pub(super) node: &'a Node,
    pub(super) runtime: &'a dyn ContainerRuntime,
    pub(super) progress: Arc<dyn Progress>,
    pub(super) ended: &'a Ended,
    pub(super) noted: &'a (dyn Fn(&str) + Send + Sync),
}

impl At<'_> {
    /// Tells what a step goes on without.
    pub(super) fn note(&self, text: &str) {
        (self.noted)(text);
    }
}

/// The engine of a node.
///
/// # Errors
/// From this machine there is no way to it.
pub(super) fn way_to<'c>(cluster: &'c Context, node: &NodeName) -> Result<&'c dyn ContainerRuntime, StepError> {
    match cluster.ports.runtimes.get(node) {
        Some(Ok(runtime)) => Ok(runtime.as_ref()),
        Some(Err(why)) => Err(StepError::NoWay(why.clone())),
        None => Err(StepError::NoWay(format!("there is no way to the engine of {node}"))),
    }
}

/// The servers that this run has seen end in an orderly way, and the last word of each.
#[derive(Default)]
pub(super) struct Ended(Mutex<BTreeMap<NodeName, ControlFile>>);

impl Ended {
    pub(super) fn add(&self, node: &NodeName, control: ControlFile) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(node.clone(), control);
    }

    pub(super) fn get(&self, node: &NodeName) -> Option<ControlFile> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(node).copied()
    }
}
