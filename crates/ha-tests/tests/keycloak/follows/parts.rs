//! Changes of what a realm is made of: clients, scopes, roles, groups, permissions; and of realms themselves.

use std::sync::Arc;

use libtest_mimic::Failed;
use reqwest::Method;
use serde_json::{Value, json};

use super::ensure_follows;
use crate::check::{ensure, ensure_eq};
use crate::outcome::Outcome;
use crate::realm::{ALICE, APP, BACKEND, BACKEND_SECRET, CALLBACK, Realm, claims, password_of, user};
use crate::world::World;

/// The roles of the realm that Alice's token tells of, logged in on the read-only node.
async fn has_role(realm: &Realm, role: &str) -> Result<bool, Failed> {
    let said = claims(&realm.login(&realm.world.standby, ALICE).await?.access)?;
    Ok(said["realm_access"]["roles"].as_array().is_some_and(|roles| roles.contains(&json!(role))))
}

/// What Alice's token says under this name.
async fn claim(realm: &Realm, name: &str) -> Result<Value, Failed> {
    Ok(claims(&realm.login(&realm.world.standby, ALICE).await?.access)?[name].clone())
}

/// Makes a realm role; returns it as lists of roles want it.
async fn role(realm: &Realm, name: &str) -> Result<Value, Failed> {
    realm.change(Method::POST, "/roles", json!({ "name": name })).await?;
    Ok(json!([realm.world.read(&realm.world.primary, &realm.admin(&format!("/roles/{name}"))).await?]))
}

fn hardcoded(value: &str) -> Value {
    json!({
        "name": "colour", "protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-claim-mapper",
        "config": { "claim.name": "colour", "claim.value": value, "jsonType.label": "String", "access.token.claim": "true" },
    })
}

pub(crate) async fn client(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "clients").await?;
    let app = format!("/clients/{}", realm.client_uuid(APP).await?);
    let put = |path: String, body: Value| {
        let realm = &realm;
        async move { realm.change(Method::PUT, &path, body).await.map(drop) }
    };
    let login_page =
        format!("/protocol/openid-connect/auth?client_id={APP}&redirect_uri={CALLBACK}&response_type=code");
    let elsewhere = put(app.clone(), json!({ "clientId": APP, "redirectUris": ["http://another.test/*"] }));
    ensure_follows(&world, "removed redirect URI", elsewhere, async || {
        Ok(realm.get(&world.standby, &login_page).await?.status == 400)
    })
    .await?;

    let mapper = std::sync::OnceLock::new();
    let add = async {
        let id = realm.change(Method::POST, &format!("{app}/protocol-mappers/models"), hardcoded("red")).await?;
        mapper.set(id).map_err(|_| Failed::from("it was made twice"))
    };
    ensure_follows(&world, "new mapper", add, async || Ok(claim(&realm, "colour").await? == "red")).await?;
    let path = format!("{app}/protocol-mappers/models/{}", mapper.get().cloned().unwrap_or_default());
    let mut blue = hardcoded("blue");
    blue["id"] = json!(mapper.get());
    let change = put(path.clone(), blue);
    ensure_follows(&world, "changed mapper", change, async || Ok(claim(&realm, "colour").await? == "blue")).await?;
    let remove = async { realm.change(Method::DELETE, &path, Value::Null).await.map(drop) };
    ensure_follows(&world, "removed mapper", remove, async || Ok(claim(&realm, "colour").await?.is_null())).await?;

    let narrow = put(app.clone(), json!({ "clientId": APP, "attributes": { "access.token.lifespan": "77" } }));
    ensure_follows(&world, "attribute of a client", narrow, async || {
        let answer = realm.grant(&world.standby, ALICE, &password_of(ALICE)).await?.expect(200)?;
        Ok(answer.json()?["expires_in"].as_u64().is_some_and(|left| left <= 77))
    })
    .await?;

    let backend = format!("/clients/{}", realm.client_uuid(BACKEND).await?);
    let gone = async || {
        let answer = realm.client_credentials(&world.standby, BACKEND_SECRET).await?;
        ensure!(matches!(answer.status, 200 | 400 | 401), "neither yes nor no: {}", answer.shown());
        Ok(answer.status != 200)
    };
    let disable = put(backend.clone(), json!({ "clientId": BACKEND, "enabled": false }));
    ensure_follows(&world, "disabled client", disable, gone).await?;
    let enable = put(backend.clone(), json!({ "clientId": BACKEND, "enabled": true }));
    ensure_follows(&world, "enabled client", enable, async || Ok(!gone().await?)).await?;
    let remove = async { realm.change(Method::DELETE, &backend, Value::Null).await.map(drop) };
    ensure_follows(&world, "deleted client", remove, gone).await?;
    let again = json!({ "clientId": BACKEND, "secret": BACKEND_SECRET, "serviceAccountsEnabled": true });
    let make = async { realm.change(Method::POST, "/clients", again).await.map(drop) };
    ensure_follows(&world, "new client", make, async || Ok(!gone().await?)).await
}

pub(crate) async fn scope(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "scopes").await?;
    let app = format!("/clients/{}", realm.client_uuid(APP).await?);
    let scope = json!({ "name": "colourful", "protocol": "openid-connect", "protocolMappers": [hardcoded("green")] });
    let id = realm.change(Method::POST, "/client-scopes", scope).await?;
    let link = format!("{app}/default-client-scopes/{id}");
    let give = async { realm.change(Method::PUT, &link, Value::Null).await.map(drop) };
    ensure_follows(&world, "scope of a client", give, async || Ok(claim(&realm, "colour").await? == "green")).await?;

    // A token tells of roles that are in the client's scope only, from now on.
    let boss = role(&realm, "boss").await?;
    let path = format!("/users/{}/role-mappings/realm", realm.user_id(ALICE).await?);
    realm.change(Method::POST, &path, boss.clone()).await?;
    let limit = async {
        let limited = json!({ "clientId": APP, "fullScopeAllowed": false });
        realm.change(Method::PUT, &app, limited).await.map(drop)
    };
    world.caught_up().await?;
    crate::check::until(crate::world::PATIENCE, "the role", async || has_role(&realm, "boss").await).await?;
    ensure_follows(&world, "limited scope", limit, async || Ok(!has_role(&realm, "boss").await?)).await?;
    for (what, path) in [
        ("scope of roles of a client", format!("{app}/scope-mappings/realm")),
        ("scope of roles of a client scope", format!("/client-scopes/{id}/scope-mappings/realm")),
    ] {
        let add = async { realm.change(Method::POST, &path, boss.clone()).await.map(drop) };
        ensure_follows(&world, what, add, async || has_role(&realm, "boss").await).await?;
        let remove = async { realm.change(Method::DELETE, &path, boss.clone()).await.map(drop) };
        ensure_follows(&world, what, remove, async || Ok(!has_role(&realm, "boss").await?)).await?;
    }
    let take = async { realm.change(Method::DELETE, &link, Value::Null).await.map(drop) };
    ensure_follows(&world, "scope taken from a client", take, async || Ok(claim(&realm, "colour").await?.is_null()))
        .await
}

pub(crate) async fn role_of_roles(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "composites").await?;
    let (clerk, porter) = (role(&realm, "clerk").await?, role(&realm, "porter").await?);
    let default = format!("/roles/default-roles-{}/composites", realm.name);
    for (composite, part, name) in [(default, clerk, "clerk"), ("/roles/clerk/composites".to_owned(), porter, "porter")]
    {
        let add = async { realm.change(Method::POST, &composite, part.clone()).await.map(drop) };
        ensure_follows(&world, "part of a role", add, async || has_role(&realm, name).await).await?;
    }
    let remove = async { realm.change(Method::DELETE, "/roles/porter", Value::Null).await.map(drop) };
    ensure_follows(&world, "deleted role", remove, async || Ok(!has_role(&realm, "porter").await?)).await?;
    let rename = async { realm.change(Method::PUT, "/roles/clerk", json!({ "name": "secretary" })).await.map(drop) };
    ensure_follows(&world, "renamed role", rename, async || has_role(&realm, "secretary").await).await?;
    ensure!(!has_role(&realm, "clerk").await?, "the old name is still there");
    Ok(())
}

/// Administrators of a realm get their rights from roles of the administration realm.
pub(crate) async fn role_of_administrators(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "tenant").await?;
    let master = Realm { name: "master".to_owned(), world: Arc::clone(&world) };
    let helper = world.unique("helpers");
    let (client, helpers) =
        (master.client_uuid(&format!("{}-realm", realm.name)).await?, role(&master, &helper).await?);
    let parts = world.read(&world.primary, &master.admin(&format!("/clients/{client}/roles/view-users"))).await?;
    let id = master.change(Method::POST, "/users", user(&helper)).await?;
    master.change(Method::POST, &format!("/users/{id}/role-mappings/realm"), helpers).await?;
    world.caught_up().await?;
    let may_look = async || -> Result<bool, Failed> {
        let (password, helper) = (password_of(&helper), helper.as_str());
        let form =
            [("grant_type", "password"), ("client_id", "admin-cli"), ("username", helper), ("password", &*password)];
        let token = master.token(&world.standby, &form).await?.expect(200)?.field("access_token")?;
        let path = format!("/admin{}", realm.admin("/users"));
        let answer = world.standby.send(world.standby.get(&path).bearer_auth(token)).await?;
        ensure!(matches!(answer.status, 200 | 403), "neither yes nor no: {}", answer.shown());
        Ok(answer.status == 200)
    };
    let path = format!("/roles/{helper}/composites");
    let give = async { master.change(Method::POST, &path, json!([parts])).await.map(drop) };
    ensure_follows(&world, "administrator's role given", give, may_look).await?;
    let take = async { master.change(Method::DELETE, &path, json!([parts])).await.map(drop) };
    ensure_follows(&world, "administrator's role removed", take, async || Ok(!may_look().await?)).await?;
    master.change(Method::DELETE, &format!("/users/{id}"), Value::Null).await?;
    master.change(Method::DELETE, &format!("/roles/{helper}"), Value::Null).await.map(drop)
}

pub(crate) async fn group(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "groups").await?;
    let (boss, clerk) = (role(&realm, "boss").await?, role(&realm, "clerk").await?);
    let outer = realm.change(Method::POST, "/groups", json!({ "name": "outer" })).await?;
    let inner = realm.change(Method::POST, &format!("/groups/{outer}/children"), json!({ "name": "inner" })).await?;
    realm.change(Method::POST, &format!("/groups/{inner}/role-mappings/realm"), clerk).await?;
    let membership = format!("/users/{}/groups/{inner}", realm.user_id(ALICE).await?);
    let join = async { realm.change(Method::PUT, &membership, json!({})).await.map(drop) };
    ensure_follows(&world, "joined group", join, async || has_role(&realm, "clerk").await).await?;
    let path = format!("/groups/{outer}/role-mappings/realm");
    let give = async { realm.change(Method::POST, &path, boss.clone()).await.map(drop) };
    ensure_follows(&world, "role of an outer group", give, async || has_role(&realm, "boss").await).await?;
    let take = async { realm.change(Method::DELETE, &path, boss.clone()).await.map(drop) };
    ensure_follows(&world, "role taken from a group", take, async || Ok(!has_role(&realm, "boss").await?)).await?;
    let seen = async || world.read(&world.standby, &realm.admin(&format!("/groups/{inner}"))).await;
    let describe = async {
        let described = json!({ "name": "innermost", "attributes": { "floor": ["3"] } });
        realm.change(Method::PUT, &format!("/groups/{inner}"), described).await.map(drop)
    };
    ensure_follows(&world, "attribute of a group", describe, async || {
        Ok(seen().await?["attributes"]["floor"][0] == "3")
    })
    .await?;
    ensure_eq!(seen().await?["name"], json!("innermost"), "its name");
    let remove = async { realm.change(Method::DELETE, &format!("/groups/{outer}"), Value::Null).await.map(drop) };
    ensure_follows(&world, "deleted group", remove, async || Ok(!has_role(&realm, "clerk").await?)).await
}

/// By what a token tells of it, too.
pub(crate) async fn organization(world: Arc<World>) -> Outcome {
    let realm = Realm::make(&world, "organized", json!({ "organizationsEnabled": true })).await?;
    let domains = json!([{ "name": "odd-one.test", "verified": true }]);
    let made = json!({ "name": "Odd One", "alias": "odd-one", "domains": domains, "enabled": true });
    let id = realm.change(Method::POST, "/organizations", made.clone()).await?;
    world.caught_up().await?;
    let path = format!("/organizations/{id}");
    let seen = async || world.read(&world.standby, &realm.admin(&path)).await;
    // None: a login of its midst. Keycloak looks once for the access token and once more for the refresh token
    // (OrganizationTokenPostProcessor), and refuses a login between whose looks the membership ends.
    let told = async || -> Result<Option<bool>, Failed> {
        let scope = [("scope", "openid organization")];
        let answer = realm.grant_with(&world.standby, ALICE, &password_of(ALICE), &scope).await?;
        if answer.status == 400 && answer.text.contains("invalid_token") {
            return Ok(None);
        }
        let access = answer.expect(200)?.field("access_token")?;
        Ok(Some(claims(&access)?["organization"].to_string().contains("odd-one")))
    };
    let is_member = async || Ok(told().await? == Some(true));
    let is_none = async || Ok(told().await? == Some(false));
    ensure_eq!(seen().await?["name"], json!("Odd One"), "as it was made");
    ensure_eq!(told().await?, Some(false), "she is no member yet");

    let join = async {
        realm.change(Method::POST, &format!("{path}/members"), json!(realm.user_id(ALICE).await?)).await.map(drop)
    };
    ensure_follows(&world, "member of an organization", join, is_member).await?;
    let mut changed = made;
    changed["id"] = json!(id);
    changed["name"] = json!("Even Odder");
    changed["domains"] = json!([{ "name": "another.test", "verified": true }]);
    let rename = async { realm.change(Method::PUT, &path, changed.clone()).await.map(drop) };
    ensure_follows(&world, "renamed organization", rename, async || Ok(seen().await?["name"] == "Even Odder")).await?;
    ensure_eq!(seen().await?["domains"][0]["name"], json!("another.test"), "its domain");
    changed["enabled"] = json!(false);
    let disable = async { realm.change(Method::PUT, &path, changed.clone()).await.map(drop) };
    ensure_follows(&world, "disabled organization", disable, is_none).await?;
    let remove = async { realm.change(Method::DELETE, &path, Value::Null).await.map(drop) };
    ensure_follows(&world, "deleted organization", remove, async || {
        let all = world.read(&world.standby, &realm.admin("/organizations")).await?;
        Ok(all.as_array().is_some_and(Vec::is_empty))
    })
    .await
}

/// Authorization services: who may do something with a resource of a client.
pub(crate) async fn permission(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "permissions").await?;
    role(&realm, "boss").await?;
    let backend = format!("/clients/{}", realm.client_uuid(BACKEND).await?);
    let on = json!({ "clientId": BACKEND, "serviceAccountsEnabled": true, "authorizationServicesEnabled": true });
    realm.change(Method::PUT, &backend, on).await?;
    let server = format!("{backend}/authz/resource-server");
    realm.change(Method::POST, &format!("{server}/resource"), json!({ "name": "safe" })).await?;
    let policy = |role: &str| json!({ "name": "who", "type": "role", "logic": "POSITIVE", "roles": [{ "id": role, "required": true }] });
    let made = world
        .try_change(&world.primary, Method::POST, &realm.admin(&format!("{server}/policy/role")), &policy("boss"))
        .await?;
    let mut who = made.expect(201)?.json()?;
    let permission = json!({ "name": "open", "type": "resource", "resources": ["safe"], "policies": ["who"] });
    realm.change(Method::POST, &format!("{server}/permission/resource"), permission).await?;
    world.caught_up().await?;
    let may_open = async || -> Result<bool, Failed> {
        let token = realm.login(&world.standby, ALICE).await?.access;
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:uma-ticket"),
            ("audience", BACKEND),
            ("permission", "safe"),
        ];
        let path = realm.path("/protocol/openid-connect/token");
        let answer = world.standby.send(world.standby.post(&path).bearer_auth(token).form(&form)).await?;
        ensure!(matches!(answer.status, 200 | 403), "neither yes nor no: {}", answer.shown());
        Ok(answer.status == 200)
    };
    // The decision, and then one of the roles that it looks at.
    who["logic"] = json!("NEGATIVE");
    let path = format!("{server}/policy/role/{}", who["id"].as_str().unwrap_or_default());
    let turn = async { realm.change(Method::PUT, &path, who.clone()).await.map(drop) };
    ensure_follows(&world, "changed policy", turn, may_open).await?;
    let default = format!("/roles/default-roles-{}/composites", realm.name);
    let boss = json!([world.read(&world.primary, &realm.admin("/roles/boss")).await?]);
    let give = async { realm.change(Method::POST, &default, boss).await.map(drop) };
    ensure_follows(&world, "role that a policy looks at", give, async || Ok(!may_open().await?)).await
}

pub(crate) async fn realm_as_such(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "comes-and-goes").await?;
    let serves = async |name: &str| {
        Ok::<bool, Failed>(world.standby.send(world.standby.get(&format!("/realms/{name}"))).await?.is_success())
    };
    let other = world.unique("renamed");
    let rename = async { realm.change(Method::PUT, "", json!({ "realm": other })).await.map(drop) };
    ensure_follows(&world, "renamed realm", rename, async || serves(&other).await).await?;
    ensure!(!serves(&realm.name).await?, "the realm is still there under its old name");
    let remove = async { world.change(Method::DELETE, &format!("/realms/{other}"), &Value::Null).await.map(drop) };
    ensure_follows(&world, "deleted realm", remove, async || Ok(!serves(&other).await?)).await
}
