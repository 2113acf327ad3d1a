//! Policies for passwords.

use std::sync::Arc;

use serde_json::json;

use crate::check::{ensure, ensure_eq};
use crate::outcome::Outcome;
use crate::realm::{ALICE, Realm, password_of};
use crate::world::{World, told};

/// A week old, where a day is allowed: the new one would have to be stored.
pub(crate) async fn expired(world: Arc<World>) -> Outcome {
    const OLD: &str = "UPDATE credential SET created_date = created_date - 604800000 WHERE user_id = $1";
    let policy = "forceExpiredPasswordChange(1) and hashAlgorithm(pbkdf2-sha512) and hashIterations(1)";
    let realm = Realm::make(&world, "expired", json!({ "passwordPolicy": policy })).await?;
    let alice = realm.user_id(ALICE).await?;
    ensure_eq!(world.sql_primary.execute(OLD, &[&alice]).await.map_err(told)?, 1, "passwords that became old");
    world.caught_up().await?;
    // Whether by Keycloak itself, or since the required action cannot be stored.
    let answer = realm.grant(&world.standby, ALICE, &password_of(ALICE)).await?;
    ensure!(!answer.is_success(), "let in: {}", answer.shown());
    ensure!(
        answer.text.contains("not fully set up") || answer.text.contains("read_only_node"),
        "it does not say why: {}",
        answer.shown()
    );
    Ok(())
}
