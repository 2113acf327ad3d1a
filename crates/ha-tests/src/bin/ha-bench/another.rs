//! One more Keycloak beside those of a pair, on the database of one of its nodes.

use std::time::Duration;

use ha_core::layout::{Component, MachineShare, keycloak_container, keycloak_files};
use ha_core::ports::{ContainerRuntime as _, ContainerSpec, RestartPolicy};
use ha_core::topology::Node;
use ha_tests::free_port;
use ha_tests::keycloak::Site;

use crate::error::Error;
use crate::site::wait_served;
use crate::world::World;

/// Starts the container of a node's own Keycloak (same heap, same network, same configuration) under another name and port,
/// with `image` and whatever else `change` changes; returns when it serves. Its container is labelled as the pair's, and
/// goes with the pair.
pub(crate) async fn keycloak(
    world: &World,
    node: &Node,
    image: &str,
    change: impl FnOnce(&mut ContainerSpec),
    limit: Duration,
) -> Result<(String, Site), Error> {
    let (pair, runtime) = (&world.pair, world.pair.runtime());
    let topology = pair.topology();
    let memory = runtime.engine().await?.memory_bytes;
    let share = MachineShare::of_memory(memory, topology.nodes().len() as u64);
    let image = runtime.find_image(image).await?.ok_or_else(|| format!("the image {image} is missing"))?;
    let mut spec = keycloak_container(topology, node, &image, share);
    spec.name = format!("{}-another", pair.container(node, Component::Keycloak));
    spec.restart = RestartPolicy::No;
    let port = free_port()?;
    spec.ports.iter_mut().for_each(|binding| binding.host_port = port);
    change(&mut spec);
    runtime.create_container(&spec).await?;
    runtime.put_files(&spec.name, &keycloak_files(topology, node, pair.cluster().secrets(), false)).await?;
    runtime.start_container(&spec.name).await?;
    let site = Site::new(&format!("http://{}:{port}", node.address), &topology.cluster.public_url)?;
    wait_served(&site, "/realms/master", limit).await?;
    Ok((spec.name, site))
}
