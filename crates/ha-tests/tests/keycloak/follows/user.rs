//! Changes of users.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use super::ensure_follows;
use crate::check::{each, ensure, until};
use crate::outcome::Outcome;
use crate::realm::{ALICE, Realm, claims, password_of, user};
use crate::world::{PATIENCE, World};

pub(crate) async fn changed_password(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "password").await?;
    let path = format!("/users/{}/reset-password", realm.user_id(ALICE).await?);
    let old = password_of(ALICE);
    ensure!(realm.lets_in(&world.standby, ALICE, &old).await?, "the old password does not work");
    let change = async {
        let new = json!({ "type": "password", "value": "quite another", "temporary": false });
        realm.change(Method::PUT, &path, new).await.map(drop)
    };
    ensure_follows(&world, "new password", change, || realm.lets_in(&world.standby, ALICE, "quite another")).await?;
    ensure!(!realm.lets_in(&world.standby, ALICE, &old).await?, "the old password still works");
    Ok(())
}

pub(crate) async fn disabled_user(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "disabled").await?;
    let path = format!("/users/{}", realm.user_id(ALICE).await?);
    let own = realm.login(&world.standby, ALICE).await?;
    let change = async { realm.change(Method::PUT, &path, json!({ "enabled": false })).await.map(drop) };
    ensure_follows(&world, "disabled user", change, async || {
        Ok(!realm.lets_in(&world.standby, ALICE, &password_of(ALICE)).await?)
    })
    .await?;
    ensure!(!realm.refreshes(&world.standby, &own).await?, "a session of the disabled user, made here, lives on");
    Ok(())
}

pub(crate) async fn deleted_user(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "deleted").await?;
    let path = format!("/users/{}", realm.user_id(ALICE).await?);
    let own = realm.login(&world.standby, ALICE).await?;
    let change = async { realm.change(Method::DELETE, &path, Value::Null).await.map(drop) };
    ensure_follows(&world, "deleted user", change, async || {
        Ok(!realm.lets_in(&world.standby, ALICE, &password_of(ALICE)).await?)
    })
    .await?;
    ensure!(!realm.refreshes(&world.standby, &own).await?, "a session of the deleted user, made here, lives on");

    // Of one name, e-mail too, and another id: what led to the first leads to the second.
    let bob = |password: &str| {
        let mut bob = user("bob");
        bob["credentials"][0]["value"] = json!(password);
        bob
    };
    let id = realm.change(Method::POST, "/users", bob("the first one's")).await?;
    world.caught_up().await?;
    until(PATIENCE, "the first one", || realm.lets_in(&world.standby, "bob", "the first one's")).await?;
    let again = async {
        realm.change(Method::DELETE, &format!("/users/{id}"), Value::Null).await?;
        realm.change(Method::POST, "/users", bob("the second one's")).await.map(drop)
    };
    ensure_follows(&world, "user made again", again, || realm.lets_in(&world.standby, "bob", "the second one's"))
        .await?;
    ensure!(!realm.lets_in(&world.standby, "bob", "the first one's").await?, "the first one still gets in");
    Ok(())
}

pub(crate) async fn removed_role(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "role").await?;
    let path = format!("/users/{}/role-mappings/realm", realm.user_id(ALICE).await?);
    realm.change(Method::POST, "/roles", json!({ "name": "boss" })).await?;
    let boss = json!([world.read(&world.primary, &realm.admin("/roles/boss")).await?]);
    let is_boss = async || {
        let said = claims(&realm.login(&world.standby, ALICE).await?.access)?;
        let roles = said["realm_access"]["roles"].as_array().cloned().unwrap_or_default();
        Ok(roles.contains(&json!("boss")))
    };
    let give = async { realm.change(Method::POST, &path, boss.clone()).await.map(drop) };
    ensure_follows(&world, "given role", give, is_boss).await?;
    let take = async { realm.change(Method::DELETE, &path, boss.clone()).await.map(drop) };
    ensure_follows(&world, "removed role", take, async || Ok(!is_boss().await?)).await
}

/// A name that was looked up in vain must not be remembered so.
pub(crate) async fn new_user(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "new").await?;
    let change = async { realm.change(Method::POST, "/users", user("newcomer")).await.map(drop) };
    let password = password_of("newcomer");
    ensure_follows(&world, "new user", change, || realm.lets_in(&world.standby, "newcomer", &password)).await?;
    let seen = world.read(&world.standby, &realm.admin("/users")).await?;
    ensure!(each(&seen, "username").contains(&"newcomer".to_owned()), "the list of users lacks it: {seen}");
    Ok(())
}
