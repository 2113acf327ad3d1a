//! Changes of a realm as a whole.

use std::sync::Arc;

use ha_tests::keycloak::Browser;
use reqwest::Method;
use serde_json::{Value, json};

use super::ensure_follows;
use crate::check::{each, ensure};
use crate::outcome::Outcome;
use crate::realm::{ALICE, APP, Realm, head, password_of};
use crate::world::World;

pub(crate) async fn setting(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "setting").await?;
    let change = async { realm.change(Method::PUT, "", json!({ "accessTokenLifespan": 77 })).await.map(drop) };
    ensure_follows(&world, "realm setting", change, async || {
        let answer = realm.grant(&world.standby, ALICE, &password_of(ALICE)).await?.expect(200)?;
        // What is left of 77 s: less when a second ends between the token and its answer. It was 300 s.
        Ok(answer.json()?["expires_in"].as_u64().is_some_and(|left| (70..=77).contains(&left)))
    })
    .await
}

pub(crate) async fn identity_provider(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "provider").await?;
    let is_offered = async || {
        let page = Browser::new(&world.standby).open(&realm.login_url(APP)).await?;
        page.form_asking("username")?;
        Ok(page.answer.text.contains("/broker/elsewhere/login"))
    };
    let add = async {
        let provider = json!({
            "alias": "elsewhere", "providerId": "oidc", "enabled": true,
            "config": { "clientId": "c", "clientSecret": "s", "authorizationUrl": "https://idp.test/a", "tokenUrl": "https://idp.test/t" },
        });
        realm.change(Method::POST, "/identity-provider/instances", provider).await.map(drop)
    };
    ensure_follows(&world, "new identity provider", add, is_offered).await?;
    let remove =
        async { realm.change(Method::DELETE, "/identity-provider/instances/elsewhere", Value::Null).await.map(drop) };
    ensure_follows(&world, "removed identity provider", remove, async || Ok(!is_offered().await?)).await
}

pub(crate) async fn rotated_key(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "key").await?;
    let signed_by = async || -> Result<Value, libtest_mimic::Failed> {
        Ok(head(&realm.login(&world.standby, ALICE).await?.access)?["kid"].clone())
    };
    let before = signed_by().await?;
    let id = world.read(&world.primary, &realm.admin("")).await?["id"].clone();
    let rotate = async {
        let key = json!({
            "name": "a new key", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider", "parentId": id,
            "config": { "priority": ["900"], "enabled": ["true"], "active": ["true"], "algorithm": ["RS256"], "keySize": ["2048"] },
        });
        realm.change(Method::POST, "/components", key).await.map(drop)
    };
    ensure_follows(&world, "rotated key", rotate, async || Ok(signed_by().await? != before)).await?;
    let keys = realm.get(&world.standby, "/protocol/openid-connect/certs").await?.expect(200)?.json()?;
    let new = signed_by().await?;
    let shown = each(&keys["keys"], "kid").into_iter().map(Value::from).any(|key| key == new);
    ensure!(shown, "the key that signs is not shown: {keys}");
    Ok(())
}
