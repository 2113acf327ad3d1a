//! Limits to sessions and tokens.

use std::sync::Arc;

use libtest_mimic::Failed;
use reqwest::Method;
use serde_json::{Value, json};

use crate::check::{Reader, ensure, ensure_eq, ensure_refused, is_denied, until};
use crate::outcome::Outcome;
use crate::realm::{ALICE, Realm, password_of, tokens};
use crate::world::{PATIENCE, World};

/// A realm whose users may have one session, by the password grant.
async fn realm_with_limit(world: &Arc<World>, what: &str, behavior: &str) -> Result<Realm, Failed> {
    let realm = Realm::plain(world, what).await?;
    let flows = "/authentication/flows";
    realm.change(Method::POST, &format!("{flows}/direct%20grant/copy"), json!({ "newName": "limited" })).await?;
    let executions = format!("{flows}/limited/executions");
    let limit = json!({ "provider": "user-session-limits" });
    realm.change(Method::POST, &format!("{executions}/execution"), limit).await?;
    let all = world.read(&world.primary, &realm.admin(&executions)).await?;
    let found = all.as_array().into_iter().flatten().find(|it| it["providerId"] == "user-session-limits");
    let Some(mut execution) = found.cloned() else { return Err(format!("no limit in {all}").into()) };
    let id = execution["id"].as_str().unwrap_or_default().to_owned();
    execution["requirement"] = Value::from("REQUIRED");
    realm.change(Method::PUT, &executions, execution).await?;
    let config = json!({
        "alias": "one", "config": { "behavior": behavior, "userRealmLimit": "1", "userClientLimit": "0" },
    });
    realm.change(Method::POST, &format!("/authentication/executions/{id}/config"), config).await?;
    realm.change(Method::PUT, "", json!({ "directGrantFlow": "limited" })).await?;
    world.caught_up().await?;
    until(PATIENCE, "the flow is known here", async || {
        Ok(world.read(&world.standby, &realm.admin("")).await?["directGrantFlow"] == "limited")
    })
    .await?;
    Ok(realm)
}

pub(crate) async fn limit(world: Arc<World>) -> Outcome {
    let realm = realm_with_limit(&world, "limit", "Deny new session").await?;
    let made = realm.login(&world.standby, ALICE).await?;
    let second = realm.grant(&world.standby, ALICE, &password_of(ALICE)).await?;
    ensure!(matches!(second.status, 400..=403), "a second session was made: {}", second.shown());
    ensure!(realm.refreshes(&world.standby, &made).await?, "the first does not go on");
    ensure_eq!(realm.logout(&world.standby, &made).await?.status, 204, "the logout");
    // Those of the primary count as well.
    realm.login(&world.primary, ALICE).await?;
    world.caught_up().await?;
    let second = realm.grant(&world.standby, ALICE, &password_of(ALICE)).await?;
    ensure!(matches!(second.status, 400..=403), "a second session was made: {}", second.shown());
    Ok(())
}

pub(crate) async fn limit_by_ending(world: Arc<World>) -> Outcome {
    let realm = realm_with_limit(&world, "limit-end", "Terminate oldest session").await?;
    let first = realm.login(&world.standby, ALICE).await?;
    let second = realm.login(&world.standby, ALICE).await?;
    ensure!(!realm.refreshes(&world.standby, &first).await?, "the oldest of two made here goes on");
    ensure_eq!(realm.logout(&world.standby, &second).await?.status, 204, "the logout");
    let made = realm.login(&world.primary, ALICE).await?;
    world.caught_up().await?;
    let answer = realm.grant(&world.standby, ALICE, &password_of(ALICE)).await?;
    ensure_refused(&answer, 503, Reader::Program)?;
    ensure!(realm.refreshes(&world.primary, &made).await?, "a refused login ended the session of the primary");
    Ok(())
}

pub(crate) async fn refresh_token_once(world: Arc<World>) -> Outcome {
    let once = json!({ "revokeRefreshToken": true, "refreshTokenMaxReuse": 0 });
    let realm = Realm::make(&world, "reuse", once).await?;
    for site in [&world.standby, &world.primary] {
        let made = realm.login(site, ALICE).await?;
        world.caught_up().await?;
        let next = tokens(&realm.refresh(&world.standby, &made).await?)?;
        let again = realm.refresh(&world.standby, &made).await?;
        let refused = again.status == 503 && again.text.contains("read_only_node");
        ensure!(is_denied(&again) || refused, "a token of {} was taken twice: {}", site.url(""), again.shown());
        // Keycloak would end it, and forgets what it had counted where that is refused.
        for token in [&made, &next] {
            let answer = realm.refresh(&world.standby, token).await?;
            let refused = answer.status == 503 && answer.text.contains("read_only_node");
            ensure!(is_denied(&answer) || refused, "goes on after reuse, {}: {}", site.url(""), answer.shown());
        }
    }
    Ok(())
}
