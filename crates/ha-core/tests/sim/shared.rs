//! What the fakes have in common.

use std::sync::{Arc, Mutex, MutexGuard};

use ha_core::secrets::Secrets;
use ha_core::topology::Topology;
use ha_core::values::NodeName;

use crate::gate::Gate;
use crate::world::World;

/// What the fakes have in common.
pub(crate) struct Shared {
    pub(crate) topology: Arc<Topology>,
    pub(crate) secrets: Secrets,
    pub(crate) gate: Gate,
    pub(crate) world: Arc<Mutex<World>>,
}

impl Shared {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no test goes on after a panic")
    }

    pub(crate) fn engine_of(&self, node: &NodeName) -> usize {
        if self.topology.cluster.demo {
            return 0;
        }
        self.topology.nodes().iter().position(|it| it.name == *node).expect("a node of the topology")
    }
}
