//! The engines through which servers are reached.

use std::collections::BTreeMap;
use std::sync::Arc;

use ha_core::ports::ContainerRuntime;
use ha_core::values::NodeName;

/// The engines that are at hand, by node. A node that is missing has none that this machine can reach.
pub type Engines = BTreeMap<NodeName, Arc<dyn ContainerRuntime>>;
