//! Administration, as far as it reads, and events.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ha_tests::keycloak::Browser;
use reqwest::Method;
use ring::digest;
use serde_json::{Value, json};

use crate::check::{each, ensure, ensure_eq, until};
use crate::outcome::Outcome;
use crate::realm::{ALICE, APP, BACKEND, Realm, password_of};
use crate::world::{PATIENCE, World};

pub(crate) async fn reads(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "reads").await?;
    let read = async |rest: &str| world.read(&world.standby, &realm.admin(rest)).await;
    ensure_eq!(read("").await?["realm"], realm.name.as_str(), "the realm");
    ensure!(each(&read("/users").await?, "username").contains(&ALICE.to_owned()), "the users");
    let clients = each(&read("/clients").await?, "clientId");
    ensure!(clients.contains(&APP.to_owned()) && clients.contains(&BACKEND.to_owned()), "the clients: {clients:?}");
    ensure!(each(&read("/roles").await?, "name").contains(&"offline_access".to_owned()), "the roles");
    let user = realm.user_id(ALICE).await?;
    ensure_eq!(read(&format!("/users/{user}/credentials")).await?[0]["type"], "password", "the credentials");
    realm.login(&world.primary, ALICE).await?;
    world.caught_up().await?;
    let sessions = read(&format!("/users/{user}/sessions")).await?;
    ensure_eq!(sessions.as_array().map(Vec::len), Some(1), "the session made on the primary");
    Ok(())
}

pub(crate) async fn reads_by_post(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "reads-post").await?;
    let path = realm.admin("/partial-export?exportClients=true&exportGroupsAndRoles=true");
    let export = world.try_change(&world.standby, Method::POST, &path, &Value::Null).await?.expect(200)?.json()?;
    ensure_eq!(export["realm"], realm.name.as_str(), "the export's realm");
    ensure!(each(&export["clients"], "clientId").contains(&APP.to_owned()), "the export's clients");
    let (client, user) = (realm.client_uuid(APP).await?, realm.user_id(ALICE).await?);
    let path = format!(
        "/clients/{client}/evaluate-scopes/generate-example-access-token?scope=openid&userId={user}&audience={BACKEND}"
    );
    let token = world.read(&world.standby, &realm.admin(&path)).await?;
    ensure_eq!(token["preferred_username"], ALICE, "the example token's user");
    Ok(())
}

/// The console as a browser uses it: its page, a login with a code and PKCE, and what it then asks for.
pub(crate) async fn console(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "console").await?;
    let public = world.standby.public();
    let console = format!("{public}/admin/master/console/");
    let mut browser = Browser::new(&world.standby);
    let page = browser.open(&console).await?;
    ensure_eq!(page.answer.status, 200, "the console's page");
    ensure!(page.answer.text.contains("/resources/"), "it loads nothing: {}", page.answer.shown());
    ensure!(page.answer.text.contains("id=\"ha-read-only\""), "it does not say that nothing can be saved");
    let there = Browser::new(&world.primary).open(&console).await?;
    ensure!(!there.answer.text.contains("id=\"ha-read-only\""), "the primary's console says that it is read-only");

    let verifier = "a verifier is at least 43 characters long, so".replace([' ', ','], "-");
    let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
    let url = format!(
        "{public}/realms/master/protocol/openid-connect/auth?client_id=security-admin-console&redirect_uri={console}\
         &response_type=code&response_mode=query&scope=openid&code_challenge={challenge}&code_challenge_method=S256\
         &state=s&nonce=n&prompt=login"
    );
    let page = browser.open(&url).await?;
    let form = page.form_asking("username")?;
    let (user, password) = (
        world.pair.topology().keycloak.admin.clone(),
        world.pair.cluster().secrets().keycloak_admin_password.expose().to_owned(),
    );
    let page = browser.submit(&page, &form, &[("username", &user), ("password", &password)]).await?;
    ensure_eq!(page.answer.status, 200, "the console after the login: {}", page.answer.shown());
    let code = page.url.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
    let Some(code) = code else { return Err(format!("no code in {}", page.url).into()) };
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "security-admin-console"),
        ("code", &code),
        ("redirect_uri", &console),
        ("code_verifier", &verifier),
    ];
    let request = world.standby.post("/realms/master/protocol/openid-connect/token").form(&form);
    let token = world.standby.send(request).await?.expect(200)?.field("access_token")?;

    let ask = async |path: &str| {
        let request = world.standby.get(path).bearer_auth(&token).header("accept", "application/json");
        world.standby.send(request).await
    };
    let who = ask("/admin/master/console/whoami?currentRealm=master").await?.expect(200)?;
    ensure_eq!(who.field("displayName")?, user, "who am I");
    let realms = ask("/admin/realms?briefRepresentation=true").await?.expect(200)?.json()?;
    ensure!(each(&realms, "realm").contains(&realm.name), "the realms: {:?}", each(&realms, "realm"));
    let information = ask("/admin/serverinfo").await?.expect(200)?.json()?;
    ensure!(information["providers"]["login-protocol"].is_object(), "the server's information");
    for rest in [
        "",
        "/users?briefRepresentation=true&first=0&max=11",
        "/clients?first=0&max=11",
        "/events",
        "/admin-events",
        "/events/config",
        "/client-scopes",
        "/authentication/flows",
        "/identity-provider/instances",
        "/users/profile",
    ] {
        ask(&format!("/admin{}", realm.admin(rest))).await?.expect(200)?;
    }
    Ok(())
}

pub(crate) async fn events_reach_the_log(world: Arc<World>) -> Outcome {
    let realm = Realm::make(
        &world,
        "events",
        json!({
            "eventsEnabled": true, "eventsListeners": ["jboss-logging"], "adminEventsEnabled": true,
            "adminEventsDetailsEnabled": true,
        }),
    )
    .await?;
    realm.login(&world.standby, ALICE).await?;
    realm.grant(&world.standby, ALICE, "not the password").await?;
    realm.fill_in(&mut Browser::new(&world.standby), ALICE).await?.handed_over("code")?;
    for kind in ["LOGIN", "LOGIN_ERROR"] {
        until(PATIENCE, &format!("{kind} in the log"), async || {
            let kind = format!("type=\"{kind}\"");
            Ok(world
                .log(world.pair.standby())
                .await?
                .iter()
                .any(|line| line.contains(&kind) && line.contains(&realm.name)))
        })
        .await?;
    }
    ensure!(realm.lets_in(&world.standby, ALICE, &password_of(ALICE)).await?, "logins work no more");
    Ok(())
}
