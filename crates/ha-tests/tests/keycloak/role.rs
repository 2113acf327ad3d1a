//! What load balancers ask.

use std::sync::Arc;

use ha_tests::keycloak::Site;
use libtest_mimic::Failed;
use reqwest::Method;

use crate::check::ensure_eq;
use crate::outcome::Outcome;
use crate::world::World;

/// The statuses of `/read-write` and `/read-only` on a node.
async fn statuses(site: &Site, method: &Method) -> Result<(u16, u16), Failed> {
    let status = async |page: &str| -> Result<u16, Failed> {
        let answer = site.send(site.request(method.clone(), &format!("/realms/master/ha/{page}"))).await?;
        ensure_eq!(answer.header("cache-control"), Some("no-store"), "a role is not to be kept");
        Ok(answer.status)
    };
    Ok((status("read-write").await?, status("read-only").await?))
}

/// What a node says of its role.
pub(crate) async fn of(site: &Site) -> Result<String, Failed> {
    Ok(site.send(site.get("/realms/master/ha/role")).await?.expect(200)?.field("role")?)
}

/// All role URLs of a node say that, asked with both methods.
pub(crate) async fn ensure_is(site: &Site, role: &str) -> Outcome {
    let expected = if role == "read-write" { (200, 503) } else { (503, 200) };
    for method in [Method::GET, Method::HEAD] {
        ensure_eq!(statuses(site, &method).await?, expected, "read-write and read-only by {method} where it is {role}");
    }
    ensure_eq!(of(site).await?, role, "the role");
    Ok(())
}

pub(crate) async fn urls_tell_the_role(world: Arc<World>) -> Outcome {
    ensure_is(&world.primary, "read-write").await?;
    ensure_is(&world.standby, "read-only").await?;
    let told = world.standby.send(world.standby.get("/realms/master/ha/role")).await?;
    crate::check::ensure!(told.field("replay_lsn")?.contains('/'), "no position: {}", told.shown());
    Ok(())
}
