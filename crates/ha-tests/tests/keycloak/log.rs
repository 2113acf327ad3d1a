//! What the read-only node wrote while all of this was done to it.

use std::sync::Arc;
use std::time::Duration;

use ha_core::layout::SERVICE_CLIENT;
use libtest_mimic::Failed;

use crate::check::{ensure, ensure_eq, until};
use crate::outcome::Outcome;
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

/// So often it logs in at itself before it is warm.
const LOGINS: usize = 10;

/// So that nobody's login is the slow first one, not after a failover either; and nothing of it stays.
pub(crate) async fn tells_of_the_first_logins(world: Arc<World>) -> Outcome {
    let by_itself = ["type=\"CLIENT_LOGIN\"", "ipAddress=\"127.0.0.1\"", &format!("clientId=\"{SERVICE_CLIENT}\"")];
    let count = async |node| -> Result<usize, Failed> {
        let log = world.log(node).await?;
        Ok(log.iter().filter(|line| by_itself.iter().all(|word| line.contains(word))).count())
    };
    let clients = world.read(&world.standby, &format!("/realms/master/clients?clientId={SERVICE_CLIENT}")).await?;
    let id = clients[0]["id"].as_str().ok_or("the service client has no id")?;
    let path = format!("/realms/master/clients/{id}/user-sessions");
    let own = async || -> Result<usize, Failed> {
        let sessions = world.read(&world.standby, &path).await?;
        Ok(sessions.as_array().into_iter().flatten().filter(|it| it["ipAddress"] == "127.0.0.1").count())
    };
    // It begins when this node has booted, and takes some seconds on a busy machine.
    until(Duration::from_secs(60), "logins of the read-only node at itself that are over", async || {
        Ok(count(world.pair.standby()).await? >= LOGINS && own().await? == 0)
    })
    .await?;
    ensure_eq!(count(world.pair.primary()).await?, 0, "logins of the read-write node at itself");
    let rehearsed = world.read(&world.standby, "/realms/master/users?search=ha-standby-").await?;
    ensure_eq!(rehearsed, serde_json::json!([]), "users of a rehearsal");
    // It makes again the user that there is, and is let through for that: it is Keycloak that says so.
    let again =
        world.read(&world.standby, &format!("/realms/master/users?search=service-account-{SERVICE_CLIENT}")).await?;
    ensure!(again.as_array().is_none_or(|users| users.len() <= 1), "a user was made twice: {again}");
    let refused = "refused on this read-only node: POST /admin/realms/master/users";
    let log = world.log(world.pair.standby()).await?;
    let refused: Vec<_> = log.iter().filter(|line| line.ends_with(refused)).collect();
    ensure!(refused.is_empty(), "its own requests are refused as a client's: {refused:?}");
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
