//! Sessions and tokens ended on the primary.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::Method;
use serde_json::{Value, json};

use super::ensure_follows;
use crate::check::{ensure, ensure_eq, until};
use crate::outcome::Outcome;
use crate::realm::{ALICE, Realm, Tokens, claims};
use crate::world::{PATIENCE, World};

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A session of the primary that this node has cached.
async fn cached(world: &Arc<World>, realm: &Realm) -> Result<Tokens, libtest_mimic::Failed> {
    let made = realm.login(&world.primary, ALICE).await?;
    world.caught_up().await?;
    ensure!(realm.refreshes(&world.standby, &made).await?, "a session of the primary does not refresh here");
    Ok(made)
}

pub(crate) async fn logout(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "logout").await?;
    let (ended, other) = (cached(&world, &realm).await?, cached(&world, &realm).await?);
    let own = realm.login(&world.standby, ALICE).await?;
    let change = async { Ok(realm.logout(&world.primary, &ended).await?.expect(204).map(drop)?) };
    ensure_follows(&world, "logout", change, async || Ok(!realm.refreshes(&world.standby, &ended).await?)).await?;
    ensure_eq!(realm.userinfo(&world.standby, &ended.access).await?.status, 401, "its access token");
    ensure!(realm.refreshes(&world.standby, &other).await?, "another session of the primary went with it");
    ensure!(realm.refreshes(&world.standby, &own).await?, "a session made here went with it");
    Ok(())
}

pub(crate) async fn sign_out_by_an_administrator(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "sign-out").await?;
    let user = realm.user_id(ALICE).await?;
    let made = cached(&world, &realm).await?;
    let own = realm.login(&world.standby, ALICE).await?;
    // What reaches a session without a row is the user's not-before, in whole seconds: one of the same second stays.
    let born = claims(&own.refresh)?["iat"].as_u64().unwrap_or_default();
    until(PATIENCE, "the next second", async || Ok(unix_seconds() > born)).await?;
    let change = async { realm.change(Method::POST, &format!("/users/{user}/logout"), Value::Null).await.map(drop) };
    ensure_follows(&world, "administrator's sign-out", change, async || {
        Ok(!realm.refreshes(&world.standby, &made).await?)
    })
    .await?;
    ensure!(!realm.refreshes(&world.standby, &own).await?, "the user's session made here lives on");

    let made = cached(&world, &realm).await?;
    let session = claims(&made.access)?["sid"].as_str().unwrap_or_default().to_owned();
    let change = async { realm.change(Method::DELETE, &format!("/sessions/{session}"), Value::Null).await.map(drop) };
    ensure_follows(&world, "session removed by an administrator", change, async || {
        Ok(!realm.refreshes(&world.standby, &made).await?)
    })
    .await
}

pub(crate) async fn not_before(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "not-before").await?;
    let made = cached(&world, &realm).await?;
    let own = realm.login(&world.standby, ALICE).await?;
    // In whole seconds, and tokens of that very second would still count. The refresh token is made last.
    let after = claims(&own.refresh)?["iat"].as_i64().unwrap_or_default() + 1;
    let change = async { realm.change(Method::PUT, "", json!({ "notBefore": after })).await.map(drop) };
    ensure_follows(&world, "not-before", change, async || Ok(!realm.refreshes(&world.standby, &made).await?)).await?;
    ensure!(!realm.refreshes(&world.standby, &own).await?, "an older session made here lives on");
    Ok(())
}

pub(crate) async fn revoked_token(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "revoked").await?;
    let made = cached(&world, &realm).await?;
    let change = async { Ok(realm.revoke(&world.primary, &made.access).await?.expect(200).map(drop)?) };
    ensure_follows(&world, "revoked access token", change, async || {
        let answer = realm.userinfo(&world.standby, &made.access).await?;
        ensure!(matches!(answer.status, 200 | 401), "neither yes nor no: {}", answer.shown());
        Ok(answer.status == 401)
    })
    .await?;
    let made = cached(&world, &realm).await?;
    let change = async { Ok(realm.revoke(&world.primary, &made.refresh).await?.expect(200).map(drop)?) };
    ensure_follows(&world, "revoked refresh token", change, async || {
        Ok(!realm.refreshes(&world.standby, &made).await?)
    })
    .await
}
