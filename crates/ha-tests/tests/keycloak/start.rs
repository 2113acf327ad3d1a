//! How a node's Keycloak is started.

use std::sync::Arc;
use std::time::Duration;

use ha_core::layout::Component;
use ha_core::ports::{ContainerRuntime, ExecSpec};

use crate::check::ensure;
use crate::outcome::Outcome;
use crate::world::{World, told};

/// A JVM that cannot use the archive says nothing and is slower: only what it has mapped tells.
pub(crate) async fn maps_the_class_archive(world: Arc<World>) -> Outcome {
    let look =
        ExecSpec { argv: ["sh", "-c", "cat /proc/[0-9]*/maps"].map(str::to_owned).to_vec(), ..ExecSpec::default() };
    for node in [world.pair.primary(), world.pair.standby()] {
        let container = world.pair.container(node, Component::Keycloak);
        let output = world.pair.runtime().exec(&container, &look, Duration::from_secs(20)).await.map_err(told)?;
        let maps = String::from_utf8_lossy(&output.stdout);
        ensure!(
            maps.contains("libjvm.so"),
            "{}: no JVM is seen: {}",
            node.name,
            String::from_utf8_lossy(&output.stderr)
        );
        ensure!(maps.contains("/ha-classes.jsa"), "{}: its JVM does not use the class archive", node.name);
    }
    Ok(())
}
