//! Logins through an identity provider: a second realm of the same cluster.

use std::sync::Arc;

use ha_core::layout::Component;
use ha_tests::keycloak::{Browser, Page, Site};
use libtest_mimic::Failed;
use reqwest::Method;
use serde_json::{Value, json};

use crate::check::{Reader, each, ensure, ensure_eq, ensure_refused};
use crate::outcome::Outcome;
use crate::realm::{ALICE, APP, Realm, claims, password_of, tokens, user};
use crate::world::World;

/// A realm that knows users, and one that asks it.
async fn realms(world: &Arc<World>) -> Result<Realm, Failed> {
    // The node asks itself, from inside its container: a code is known only to the node that gave it.
    realms_with(world, &world.inside, json!({}), false).await
}

async fn realms_with(world: &Arc<World>, asked: &str, more: Value, stored: bool) -> Result<Realm, Failed> {
    let public = world.standby.public();
    let mut provider = json!({
        "users": [user("bella")],
        "clients": [{ "clientId": "broker", "secret": "the broker's", "redirectUris": [format!("{public}/*")] }],
    });
    provider.as_object_mut().expect("it is one").extend(more.as_object().cloned().unwrap_or_default());
    let provider = Realm::make(world, "provider", provider).await?;
    let endpoint = provider.path("/protocol/openid-connect");
    Realm::make(world, "asking", json!({ "identityProviders": [{
        "alias": "elsewhere", "providerId": "oidc", "enabled": true, "trustEmail": true,
        "storeToken": stored, "addReadTokenRoleOnCreate": stored,
        "config": {
            "clientId": "broker", "clientSecret": "the broker's", "clientAuthMethod": "client_secret_post",
            "authorizationUrl": format!("{public}{endpoint}/auth"),
            "tokenUrl": format!("{asked}{endpoint}/token"),
            "defaultScope": "openid profile email", "disableUserInfo": "true", "validateSignature": "false", "syncMode": "IMPORT",
        },
    }] }))
    .await
}

async fn log_in(realm: &Realm, site: &Site) -> Result<Page, Failed> {
    let mut browser = Browser::new(site);
    let page = browser.open(&format!("{}&kc_idp_hint=elsewhere", realm.login_url(APP))).await?;
    let form = page.form_asking("username")?;
    ensure!(page.url.path().contains("/realms/provider-"), "not at the provider: {}", page.url);
    let fields = [("username", "bella"), ("password", &*password_of("bella"))];
    Ok(browser.submit(&page, &form, &fields).await?)
}

pub(crate) async fn first_login(world: Arc<World>) -> Outcome {
    let realm = realms(&world).await?;
    let page = log_in(&realm, &world.standby).await?;
    ensure!(page.left_for.is_none(), "a user who is not there was let in: {:?}", page.left_for);
    ensure_refused(&page.answer, 405, Reader::Person)?;
    ensure_eq!(each(&world.read(&world.primary, &realm.admin("/users")).await?, "username"), [ALICE], "the users");
    world.ensure_refusals_logged(&realm.path("/login-actions/first-broker-login"), 1).await
}

pub(crate) async fn later_login(world: Arc<World>) -> Outcome {
    let realm = realms(&world).await?;
    let page = log_in(&realm, &world.primary).await?;
    tokens(&realm.exchange(&world.primary, APP, &page).await?)?;
    world.caught_up().await?;
    let page = log_in(&realm, &world.standby).await?;
    let made = tokens(&realm.exchange(&world.standby, APP, &page).await?)?;
    ensure_eq!(claims(&made.id)?["preferred_username"], "bella", "the identity");
    Ok(())
}

/// A provider that takes each refresh token once: Keycloak uses the stored one before it finds that its successor cannot be stored.
pub(crate) async fn stored_token(world: Arc<World>) -> Outcome {
    let primary = world.inside.replace("127.0.0.1", &world.pair.container(world.pair.primary(), Component::Keycloak));
    // Expired as soon as it is given.
    let strict = json!({ "revokeRefreshToken": true, "refreshTokenMaxReuse": 0, "accessTokenLifespan": 1 });
    let realm = realms_with(&world, &primary, strict, true).await?;
    let page = log_in(&realm, &world.primary).await?;
    let made = tokens(&realm.exchange(&world.primary, APP, &page).await?)?;
    world.caught_up().await?;
    let path = realm.path("/broker/elsewhere/token");
    let ask = |site: &Site| site.request(Method::GET, &path).bearer_auth(&made.access);
    let refused = world.standby.send(ask(&world.standby)).await?;
    ensure_refused(&refused, 503, Reader::Program)?;
    let answer = world.primary.send(ask(&world.primary)).await?;
    ensure_eq!(answer.status, 200, "the primary's stored token was used up: {}", answer.shown());
    world.ensure_refusals_logged(&path, 1).await
}
