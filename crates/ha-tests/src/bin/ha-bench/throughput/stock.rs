//! A Keycloak without the extension, on the pair's primary.

use std::time::Duration;

use ha_core::layout::{Component, MachineShare, keycloak_container, keycloak_files};
use ha_core::ports::{ContainerRuntime as _, RestartPolicy};
use ha_tests::free_port;
use ha_tests::keycloak::Site;

use crate::Error;
use crate::site::wait_served;
use crate::world::World;

/// It augments itself first.
const START_LIMIT: Duration = Duration::from_secs(240);

/// Its container is labelled as the pair's, and goes with the pair.
pub(super) struct Stock {
    site: Site,
}

impl Stock {
    pub(super) async fn start(world: &World) -> Result<Self, Error> {
        let (pair, runtime) = (&world.pair, world.pair.runtime());
        let (topology, node) = (pair.topology(), pair.primary());
        let memory = runtime.engine().await?.memory_bytes;
        // The container of the primary's own Keycloak but for the image: same heap, same network.
        let share = MachineShare::of_memory(memory, topology.nodes().len() as u64);
        let mut spec = keycloak_container(topology, node, &topology.images.keycloak, share);
        spec.name = format!("{}-stock", pair.container(node, Component::Keycloak));
        spec.restart = RestartPolicy::No;
        // Build-time options, which the image prepared by `up` has been built with.
        spec.command =
            ["start", "--db=postgres", "--health-enabled=true", "--metrics-enabled=true"].map(str::to_owned).to_vec();
        let port = free_port()?;
        spec.ports.iter_mut().for_each(|binding| binding.host_port = port);
        runtime.create_container(&spec).await?;
        runtime.put_files(&spec.name, &keycloak_files(topology, node, pair.cluster().secrets(), false)).await?;
        runtime.start_container(&spec.name).await?;
        let site = Site::new(&format!("http://{}:{port}", node.address), &topology.cluster.public_url)?;
        wait_served(&site, "/realms/master", START_LIMIT).await?;
        Ok(Self { site })
    }

    pub(super) const fn site(&self) -> &Site {
        &self.site
    }
}
