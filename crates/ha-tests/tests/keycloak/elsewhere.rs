//! What is good once and kept by the node that gave it: codes, pushed requests, logins of devices.

use std::sync::Arc;

use ha_tests::keycloak::{Browser, Site};
use libtest_mimic::Failed;
use serde_json::json;

use crate::check::{Reader, ensure, ensure_eq, ensure_refused};
use crate::outcome::Outcome;
use crate::realm::{ALICE, APP, BACKEND, BACKEND_SECRET, CALLBACK, Realm, claims, tokens};
use crate::world::World;

async fn push(realm: &Realm, site: &Site) -> Result<String, Failed> {
    let form = [
        ("client_id", BACKEND),
        ("client_secret", BACKEND_SECRET),
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid"),
    ];
    let pushed = realm.post(site, "/protocol/openid-connect/ext/par/request", &form).await?.expect(201)?;
    let uri = pushed.field("request_uri")?;
    Ok(format!(
        "{}{}?client_id={BACKEND}&request_uri={uri}",
        realm.world.standby.public(),
        realm.path("/protocol/openid-connect/auth")
    ))
}

pub(crate) async fn request_pushed_here(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "par").await?;
    let url = push(&realm, &world.standby).await?;
    Browser::new(&world.standby).open(&url).await?.form_asking("username")?;
    Ok(())
}

pub(crate) async fn request_pushed_to_the_primary(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "par-there").await?;
    let url = push(&realm, &world.primary).await?;
    ensure_refused(&Browser::new(&world.standby).open(&url).await?.answer, 503, Reader::Person)?;
    Browser::new(&world.primary).open(&url).await?.form_asking("username")?;
    Ok(())
}

/// The answer "no such code" would end a login that can go on.
pub(crate) async fn code_of_the_primary(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "code-there").await?;
    let page = realm.fill_in(&mut Browser::new(&world.primary), ALICE).await?;
    world.caught_up().await?;
    ensure_refused(&realm.exchange(&world.standby, APP, &page).await?, 503, Reader::Program)?;
    tokens(&realm.exchange(&world.primary, APP, &page).await?)?;
    Ok(())
}

pub(crate) async fn device(world: Arc<World>) -> Outcome {
    let tv = json!({
        "clientId": "tv", "publicClient": true, "attributes": { "oauth2.device.authorization.grant.enabled": "true" },
    });
    let realm = Realm::make(&world, "device", json!({ "clients": [tv] })).await?;
    let begin = [("client_id", "tv"), ("scope", "openid")];
    ensure_refused(
        &realm.post(&world.standby, "/protocol/openid-connect/auth/device", &begin).await?,
        405,
        Reader::Program,
    )?;
    let begun = realm.post(&world.primary, "/protocol/openid-connect/auth/device", &begin).await?.expect(200)?;
    let code = begun.field("device_code")?;
    let ask =
        [("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("client_id", "tv"), ("device_code", &*code)];
    world.caught_up().await?;
    ensure_refused(&realm.token(&world.standby, &ask).await?, 503, Reader::Program)?;
    let pending = realm.token(&world.primary, &ask).await?;
    ensure_eq!(pending.field("error")?, "authorization_pending", "what the primary says");
    let page =
        Browser::new(&world.standby).open(&format!("{}{}", world.standby.public(), realm.path("/device"))).await?;
    ensure_refused(&page.answer, 405, Reader::Person)
}

pub(crate) async fn backchannel_login(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "ciba").await?;
    let form = [("client_id", BACKEND), ("client_secret", BACKEND_SECRET), ("login_hint", ALICE), ("scope", "openid")];
    let answer = realm.post(&world.standby, "/protocol/openid-connect/ext/ciba/auth", &form).await?;
    ensure_refused(&answer, 405, Reader::Program)?;
    let ask = [
        ("grant_type", "urn:openid:params:grant-type:ciba"),
        ("client_id", BACKEND),
        ("client_secret", BACKEND_SECRET),
        ("auth_req_id", "of another node"),
    ];
    ensure_refused(&realm.token(&world.standby, &ask).await?, 503, Reader::Program)
}

pub(crate) async fn token_exchange(world: Arc<World>) -> Outcome {
    let exchanger = json!({
        "clientId": "exchanger", "secret": "of the exchanger", "serviceAccountsEnabled": true,
        "attributes": { "standard.token.exchange.enabled": "true" },
    });
    let asks = json!({
        "clientId": "asks", "publicClient": true, "directAccessGrantsEnabled": true,
        "protocolMappers": [{
            "name": "for the exchanger", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
            "config": { "included.client.audience": "exchanger", "access.token.claim": "true" },
        }],
    });
    let realm = Realm::make(&world, "exchange", json!({ "clients": [exchanger, asks] })).await?;
    for site in [&world.standby, &world.primary] {
        let form = [
            ("grant_type", "password"),
            ("client_id", "asks"),
            ("username", ALICE),
            ("password", &*crate::realm::password_of(ALICE)),
            ("scope", "openid"),
        ];
        let made = tokens(&realm.token(site, &form).await?)?;
        world.caught_up().await?;
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("client_id", "exchanger"),
            ("client_secret", "of the exchanger"),
            ("subject_token", &*made.access),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ];
        let other = realm.token(&world.standby, &form).await?.expect(200)?.field("access_token")?;
        ensure!(claims(&other)?["azp"] == "exchanger", "not for who asked: {}", claims(&other)?);
    }
    Ok(())
}
