//! A Keycloak without the extension, on the pair's primary.

use std::time::Duration;

use ha_tests::keycloak::Site;

use crate::another;
use crate::error::Error;
use crate::world::World;

/// It augments itself first.
const START_LIMIT: Duration = Duration::from_secs(240);

/// Starts it.
pub(super) async fn start(world: &World) -> Result<Site, Error> {
    let image = &world.pair.topology().images.keycloak;
    // Build-time options, which the image prepared by `up` has been built with.
    let options = ["start", "--db=postgres", "--health-enabled=true", "--metrics-enabled=true"];
    let change = |spec: &mut ha_core::ports::ContainerSpec| spec.command = options.map(str::to_owned).to_vec();
    let (_, site) = another::keycloak(world, world.pair.primary(), image, change, START_LIMIT).await?;
    Ok(site)
}
