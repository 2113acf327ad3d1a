//! A password whose hash is due for renewal.

use std::sync::Arc;

use libtest_mimic::Failed;
use reqwest::Method;
use serde_json::json;

use crate::check::{ensure, ensure_eq, until};
use crate::outcome::Outcome;
use crate::realm::{ALICE, Realm};
use crate::world::{PATIENCE, World, told};

pub(crate) async fn hash_that_is_due(world: Arc<World>) -> Outcome {
    // Keycloak's own way to hash, Argon2, is what is due.
    let realm = Realm::make(&world, "hash", json!({ "passwordPolicy": "" })).await?;
    let alice = realm.user_id(ALICE).await?;
    let hash = async || -> Result<String, Failed> {
        let query = "SELECT credential_data FROM credential WHERE type = 'password' AND user_id = $1";
        Ok(world.sql_primary.query_one(query, &[&alice]).await.map_err(told)?.get(0))
    };
    let before = hash().await?;
    let policy = "hashAlgorithm(pbkdf2-sha256) and hashIterations(1234)";
    realm.change(Method::PUT, "", json!({ "passwordPolicy": policy })).await?;
    until(PATIENCE, "the policy is known here", async || {
        Ok(world.read(&world.standby, &realm.admin("")).await?["passwordPolicy"] == policy)
    })
    .await?;
    for _ in 0..2 {
        realm.login(&world.standby, ALICE).await?;
    }
    ensure_eq!(hash().await?, before, "the hash after logins here");
    realm.login(&world.primary, ALICE).await?;
    ensure!(hash().await? != before, "it was not due at all: {before}");
    world.caught_up().await?;
    realm.login(&world.standby, ALICE).await?;
    Ok(())
}
