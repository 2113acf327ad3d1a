//! What the read-only node wrote while all of this was done to it.

use std::sync::Arc;

use crate::check::{ensure, ensure_eq};
use crate::suite::Outcome;
use crate::world::World;

pub(crate) async fn is_quiet(world: Arc<World>) -> Outcome {
    let log = world.log(world.pair.standby()).await?;
    let is_trace = |line: &&String| line.trim_start().starts_with("at ") || line.starts_with("Caused by: ");
    let traces: Vec<_> = log.iter().filter(|line| is_trace(line) || line.contains(" ERROR ")).take(20).collect();
    ensure!(traces.is_empty(), "errors or stack traces in the log: {traces:#?}");
    let starts = log.iter().filter(|line| line.contains("this node is now read-only")).count();
    ensure_eq!(starts, 1, "the role was told once");
    Ok(())
}

/// Neither node's log holds a password of those that were used in it.
pub(crate) async fn holds_no_secret(world: Arc<World>) -> Outcome {
    let secrets = world.pair.cluster().secrets();
    let held = [
        secrets.keycloak_admin_password.expose().to_owned(),
        secrets.keycloak_db_password.expose().to_owned(),
        secrets.keycloak_bootstrap_secret.expose().to_owned(),
        secrets.keycloak_client_secret.expose().to_owned(),
        crate::realm::password_of(crate::realm::ALICE),
        crate::realm::BACKEND_SECRET.to_owned(),
    ];
    for node in [world.pair.primary(), world.pair.standby()] {
        let log = world.log(node).await?;
        let betrayed = log.iter().filter(|line| held.iter().any(|secret| line.contains(secret.as_str()))).count();
        ensure_eq!(betrayed, 0, "lines of the log of {} that hold a secret", node.name);
    }
    Ok(())
}
