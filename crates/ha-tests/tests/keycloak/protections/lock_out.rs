//! Users who are locked out after wrong passwords.

use std::sync::Arc;

use libtest_mimic::Failed;
use reqwest::Method;
use serde_json::{Value, json};

use crate::check::{ensure, ensure_eq, until};
use crate::outcome::Outcome;
use crate::realm::{ALICE, Realm, password_of};
use crate::world::{PATIENCE, World};

/// More than any of these realms allows.
const GUESSES: usize = 6;

/// A realm in which nobody is locked out merely for being quick.
async fn realm(world: &Arc<World>, what: &str, more: Value) -> Result<Realm, Failed> {
    let mut protection = json!({
        "bruteForceProtected": true, "failureFactor": 3, "quickLoginCheckMilliSeconds": 0,
        "eventsListeners": ["jboss-logging"],
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        protection[key] = value.clone();
    }
    Realm::make(world, what, protection).await
}

/// Guesses until the user is locked out. Failures are counted behind the answer's back: each is waited for, so that none is
/// still to be counted when the lock-out is lifted, and no login forgets them before there are enough.
async fn lock_out(realm: &Realm) -> Outcome {
    let world = &realm.world;
    ensure!(realm.lets_in(&world.standby, ALICE, &password_of(ALICE)).await?, "the password does not work at all");
    let alice = realm.user_id(ALICE).await?;
    let mut before = counted(realm, &alice).await?;
    for _ in 0..GUESSES {
        ensure!(!realm.lets_in(&world.standby, ALICE, "guessed").await?, "a guess was let in");
        if before.locked_out {
            break;
        }
        until(PATIENCE, &format!("a wrong password is counted beyond {before:?}"), async || {
            Ok(counted(realm, &alice).await? != before)
        })
        .await?;
        before = counted(realm, &alice).await?;
    }
    ensure!(before.locked_out, "not locked out after {GUESSES} wrong passwords: {before:?}");
    ensure!(!realm.lets_in(&world.standby, ALICE, &password_of(ALICE)).await?, "locked out and let in");
    Ok(())
}

/// What the read-only node has counted against a user.
#[derive(Debug, PartialEq, Eq)]
struct Counted {
    failures: u64,
    locked_out: bool,
}

async fn counted(realm: &Realm, user: &str) -> Result<Counted, Failed> {
    let path = realm.admin(&format!("/attack-detection/brute-force/users/{user}"));
    let status = realm.world.read(&realm.world.standby, &path).await?;
    let failures = status["numFailures"].as_u64().ok_or_else(|| Failed::from(format!("no numFailures: {status}")))?;
    Ok(Counted { failures, locked_out: status["disabled"] == true })
}

/// A realm whose user is locked out for good on the read-only node.
pub(crate) async fn locked_for_good(world: &Arc<World>, what: &str) -> Result<Realm, Failed> {
    let realm = realm(world, what, json!({ "permanentLockout": true, "maxTemporaryLockouts": 0 })).await?;
    lock_out(&realm).await?;
    until(PATIENCE, "its event", async || Ok(told(&realm, "USER_DISABLED_BY_PERMANENT_LOCKOUT").await? > 0)).await?;
    Ok(realm)
}

/// How often Keycloak has said so in the read-only node's log.
async fn told(realm: &Realm, event: &str) -> Result<usize, Failed> {
    let log = realm.world.log(realm.world.pair.standby()).await?;
    let event = format!("type=\"{event}\"");
    Ok(log.iter().filter(|line| line.contains(&event) && line.contains(&realm.name)).count())
}

async fn ensure_lifted(realm: &Realm, by: &str, password: &str) -> Outcome {
    realm.world.caught_up().await?;
    until(PATIENCE, &format!("{by} lifts the lock-out"), async || {
        realm.lets_in(&realm.world.standby, ALICE, password).await
    })
    .await
}

pub(crate) async fn for_a_time(world: Arc<World>) -> Outcome {
    let more = json!({ "permanentLockout": false, "waitIncrementSeconds": 300, "maxFailureWaitSeconds": 900 });
    let realm = realm(&world, "brute", more).await?;
    lock_out(&realm).await?;
    let cleared = format!("/attack-detection/brute-force/users/{}", realm.user_id(ALICE).await?);
    realm.change(Method::DELETE, &cleared, Value::Null).await?;
    ensure_lifted(&realm, "clearing the counter", &password_of(ALICE)).await
}

/// With whatever an administrator does on the primary, where Keycloak knows of nothing.
pub(crate) async fn for_good(world: Arc<World>) -> Outcome {
    let realm = locked_for_good(&world, "brute-good").await?;
    let alice = realm.user_id(ALICE).await?;
    let status =
        world.read(&world.standby, &realm.admin(&format!("/attack-detection/brute-force/users/{alice}"))).await?;
    ensure_eq!(status["disabled"], true, "what an administrator sees here: {status}");
    ensure!(realm.lets_in(&world.primary, ALICE, &password_of(ALICE)).await?, "the primary knows of it");
    ensure!(!realm.lets_in(&world.standby, ALICE, &password_of(ALICE)).await?, "a login on the primary lifted it");

    let cleared = format!("/attack-detection/brute-force/users/{alice}");
    realm.change(Method::DELETE, &cleared, Value::Null).await?;
    ensure_lifted(&realm, "clearing the counter", &password_of(ALICE)).await?;

    lock_out(&realm).await?;
    realm.change(Method::PUT, &format!("/users/{alice}"), json!({ "firstName": "Another" })).await?;
    world.caught_up().await?;
    realm.change(Method::PUT, &format!("/users/{alice}"), json!({ "enabled": true })).await?;
    ensure_lifted(&realm, "enabling the user", &password_of(ALICE)).await?;

    lock_out(&realm).await?;
    let new = json!({ "type": "password", "value": "quite another", "temporary": false });
    realm.change(Method::PUT, &format!("/users/{alice}/reset-password"), new).await?;
    ensure_lifted(&realm, "a new password", "quite another").await
}

pub(crate) async fn of_a_whole_realm_is_lifted(world: Arc<World>) -> Outcome {
    let realm = locked_for_good(&world, "brute-all").await?;
    realm.change(Method::DELETE, "/attack-detection/brute-force/users", Value::Null).await?;
    ensure_lifted(&realm, "clearing all counters", &password_of(ALICE)).await?;

    // Who is unlocked while there is no protection leaves no mark.
    lock_out(&realm).await?;
    realm.change(Method::PUT, "", json!({ "bruteForceProtected": false })).await?;
    let new = json!({ "type": "password", "value": "quite another", "temporary": false });
    let alice = realm.user_id(ALICE).await?;
    realm.change(Method::PUT, &format!("/users/{alice}/reset-password"), new).await?;
    realm.change(Method::PUT, "", json!({ "bruteForceProtected": true })).await?;
    ensure_lifted(&realm, "a time without protection", "quite another").await
}

pub(crate) async fn first_for_a_time_then_for_good(world: Arc<World>) -> Outcome {
    let more = json!({
        "permanentLockout": true, "maxTemporaryLockouts": 1, "failureFactor": 1,
        "waitIncrementSeconds": 1, "maxFailureWaitSeconds": 1,
    });
    let realm = realm(&world, "brute-mixed", more).await?;
    until(PATIENCE, "the permanent lock-out", async || {
        ensure!(!realm.lets_in(&world.standby, ALICE, "guessed").await?, "a guess was let in");
        Ok(told(&realm, "USER_DISABLED_BY_PERMANENT_LOCKOUT").await? > 0)
    })
    .await?;
    ensure!(told(&realm, "USER_DISABLED_BY_TEMPORARY_LOCKOUT").await? > 0, "it was not for a time first");
    ensure!(!realm.lets_in(&world.standby, ALICE, &password_of(ALICE)).await?, "let in");
    realm.change(Method::DELETE, "/attack-detection/brute-force/users", Value::Null).await?;
    ensure_lifted(&realm, "clearing all counters", &password_of(ALICE)).await
}
