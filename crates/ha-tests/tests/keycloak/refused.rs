//! What a read-only node refuses: clearly, in one line of its log, and with nothing changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use ha_tests::keycloak::Browser;
use libtest_mimic::Failed;
use reqwest::Method;
use serde_json::{Value, json};

use crate::check::{Reader, each, ensure, ensure_eq, ensure_refused};
use crate::outcome::Outcome;
use crate::realm::{ALICE, APP, CALLBACK, Realm, password_of, tokens, user};
use crate::world::World;

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

pub(crate) async fn admin_writes(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "admin").await?;
    let alice = realm.user_id(ALICE).await?;
    let client = realm.client_uuid(APP).await?;
    let state = async || -> Result<BTreeMap<&str, Value>, Failed> {
        let mut state = BTreeMap::new();
        for rest in ["", "/users", "/clients", "/roles"] {
            let mut value = world.read(&world.primary, &realm.admin(rest)).await?;
            in_order(&mut value);
            state.insert(rest, value);
        }
        Ok(state)
    };
    let before = state().await?;
    let writes = [
        (Method::POST, "/users".to_owned(), user("intruder")),
        (Method::PUT, format!("/users/{alice}"), json!({ "firstName": "Another" })),
        (Method::PUT, format!("/users/{alice}/reset-password"), json!({ "type": "password", "value": "another" })),
        (Method::POST, format!("/users/{alice}/logout"), Value::Null),
        (Method::DELETE, format!("/users/{alice}"), Value::Null),
        (Method::PUT, String::new(), json!({ "displayName": "Another" })),
        (Method::POST, "/clients".to_owned(), json!({ "clientId": "intruder" })),
        (Method::POST, format!("/clients/{client}/client-secret"), Value::Null),
        (Method::DELETE, format!("/clients/{client}"), Value::Null),
        (Method::DELETE, "/roles/offline_access".to_owned(), Value::Null),
        (Method::DELETE, String::new(), Value::Null),
    ];
    let count = writes.len();
    for (method, rest, body) in writes {
        let answer = world.try_change(&world.standby, method.clone(), &realm.admin(&rest), &body).await?;
        ensure_refused(&answer, 405, Reader::Program).map_err(|error| about(&format!("{method} {rest}"), &error))?;
    }
    let page = world.admin_request(&world.standby, Method::POST, &realm.admin("/users")).await?;
    let answer = world.standby.send(page.header("accept", HTML).json(&user("intruder"))).await?;
    ensure_refused(&answer, 405, Reader::Person)?;
    for (rest, after) in state().await? {
        ensure_eq!(difference(&before[rest], &after), None, "what {rest} shows on the primary");
    }
    world.ensure_refusals_logged(&format!("/admin{}", realm.admin("")), count + 1).await
}

/// Lists in an order of their own: Keycloak keeps none.
fn in_order(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(in_order);
            items.sort_by_key(Value::to_string);
        }
        Value::Object(fields) => fields.values_mut().for_each(in_order),
        _ => {}
    }
}

/// The first place in which two values differ.
fn difference(before: &Value, after: &Value) -> Option<String> {
    match (before, after) {
        (Value::Object(one), Value::Object(other)) => {
            let keys = one.keys().chain(other.keys());
            keys.filter(|key| one.get(*key) != other.get(*key)).find_map(|key| {
                let inner = difference(one.get(key).unwrap_or(&Value::Null), other.get(key).unwrap_or(&Value::Null));
                inner.map(|inner| format!("{key}: {inner}"))
            })
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            one.iter().zip(other).find_map(|(one, other)| difference(one, other))
        }
        _ => (before != after).then(|| format!("{before} became {after}")),
    }
}

pub(crate) async fn making_a_realm(world: Arc<World>) -> Outcome {
    let name = world.unique("refused-realm");
    let body = json!({ "realm": name, "enabled": true });
    ensure_refused(&world.try_change(&world.standby, Method::POST, "/realms", &body).await?, 405, Reader::Program)?;
    let realms = each(&world.read(&world.primary, "/realms?briefRepresentation=true").await?, "realm");
    ensure!(!realms.contains(&name), "it was made");
    Ok(())
}

pub(crate) async fn account_changes(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "account").await?;
    let made = realm.login(&world.standby, ALICE).await?;
    let ask = async |method: Method, rest: &str| {
        let request = world.standby.request(method, &realm.path(rest)).bearer_auth(&made.access);
        world.standby.send(request.header("accept", "application/json").json(&json!({ "firstName": "Another" }))).await
    };
    let answer = ask(Method::POST, "/account/").await?;
    ensure_refused(&answer, 405, Reader::Program)?;
    let shown = answer.json()?["errors"].clone();
    ensure!(each(&shown, "errorMessage").iter().any(|text| text.contains("read-only")), "the console shows: {shown}");
    ensure!(each(&shown, "field").contains(&"username".to_owned()), "beside no field: {shown}");
    ensure_refused(&ask(Method::DELETE, "/account/sessions").await?, 405, Reader::Program)?;
    let alice = realm.user_id(ALICE).await?;
    let there = world.read(&world.primary, &realm.admin(&format!("/users/{alice}"))).await?;
    ensure_eq!(there["firstName"], "Test", "the first name is as it was");
    world.ensure_refusals_logged(&realm.path("/account"), 2).await
}

pub(crate) async fn client_registration(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "client-reg").await?;
    let request =
        world.standby.post(&realm.path("/clients-registrations/default")).json(&json!({ "clientId": "intruder" }));
    ensure_refused(&world.standby.send(request).await?, 405, Reader::Program)?;
    world.ensure_refusals_logged(&realm.path("/clients-registrations"), 1).await
}

/// What a person is shown: no form that could not be sent.
pub(crate) async fn registration(world: Arc<World>) -> Outcome {
    let realm = Realm::make(&world, "register", json!({ "registrationAllowed": true })).await?;
    let public = world.standby.public();
    let url = format!(
        "{public}{}?client_id={APP}&redirect_uri={CALLBACK}&response_type=code&scope=openid",
        realm.path("/protocol/openid-connect/registrations")
    );
    let page = Browser::new(&world.standby).open(&url).await?;
    ensure_refused(&page.answer, 405, Reader::Person)?;
    let page = Browser::new(&world.standby).open(&format!("{}&prompt=create", realm.login_url(APP))).await?;
    ensure_refused(&page.answer, 503, Reader::Person)?;

    // A form that was opened on the primary, and sent when the load balancer had changed its mind.
    let mut browser = Browser::new(&world.primary);
    let page = browser.open(&url).await?;
    let form = page.form_asking("email")?;
    browser.move_to(&world.standby);
    let fields = [
        ("username", "intruder"),
        ("email", "intruder@example.org"),
        ("firstName", "In"),
        ("lastName", "Truder"),
        ("password", "a password"),
        ("password-confirm", "a password"),
    ];
    let page = browser.submit(&page, &form, &fields).await?;
    ensure_refused(&page.answer, 405, Reader::Person)?;
    ensure_eq!(each(&world.read(&world.primary, &realm.admin("/users")).await?, "username"), [ALICE], "the users");
    world.ensure_refusals_logged(&realm.path("/"), 3).await
}

/// In its own theme and language, which has words for what a person can do.
pub(crate) async fn page_of_the_realm(world: Arc<World>) -> Outcome {
    let german = json!({
        "registrationAllowed": true, "internationalizationEnabled": true, "supportedLocales": ["en", "de"],
        "defaultLocale": "de", "displayName": "The Realm's Own Name",
    });
    let realm = Realm::make(&world, "themed", german).await?;
    let url = format!(
        "{}{}?client_id={APP}&redirect_uri={CALLBACK}&response_type=code&scope=openid",
        world.standby.public(),
        realm.path("/protocol/openid-connect/registrations")
    );
    let page = Browser::new(&world.standby).open(&url).await?;
    ensure_refused(&page.answer, 405, Reader::Person)?;
    for part in ["/resources/", "The Realm", "in einigen Minuten"] {
        ensure!(page.answer.text.contains(part), "the page lacks {part}: {}", page.answer.text);
    }
    Ok(())
}

pub(crate) async fn password_reset(world: Arc<World>) -> Outcome {
    let realm = Realm::make(&world, "reset", json!({ "resetPasswordAllowed": true })).await?;
    let mut browser = Browser::new(&world.standby);
    browser.open(&realm.login_url(APP)).await?.form_asking("username")?;
    let public = world.standby.public();
    let url = format!("{public}{}?client_id={APP}", realm.path("/login-actions/reset-credentials"));
    ensure_refused(&browser.open(&url).await?.answer, 405, Reader::Person)?;
    world.ensure_refusals_logged(&realm.path("/login-actions/reset-credentials"), 1).await
}

pub(crate) async fn logout_of_a_session_of_the_primary(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "logout-there").await?;
    let made = realm.login(&world.primary, ALICE).await?;
    world.caught_up().await?;
    ensure!(realm.refreshes(&world.standby, &made).await?, "it does not refresh here");
    ensure_refused(&realm.logout(&world.standby, &made).await?, 503, Reader::Program)?;
    for site in [&world.standby, &world.primary] {
        ensure!(realm.refreshes(site, &made).await?, "a refused logout ended the session on {}", site.url(""));
    }
    world.ensure_refusals_logged(&realm.path("/protocol/openid-connect/logout"), 1).await
}

pub(crate) async fn browser_logout_of_a_session_of_the_primary(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "logout-page").await?;
    let mut browser = Browser::new(&world.primary);
    let page = realm.fill_in(&mut browser, ALICE).await?;
    let made = tokens(&realm.exchange(&world.primary, APP, &page).await?)?;
    world.caught_up().await?;
    ensure!(realm.refreshes(&world.standby, &made).await?, "it does not refresh here");
    browser.move_to(&world.standby);
    let url = format!(
        "{}{}?client_id={APP}&id_token_hint={}&post_logout_redirect_uri={CALLBACK}",
        world.standby.public(),
        realm.path("/protocol/openid-connect/logout"),
        made.id
    );
    // Again and again just after the realm was changed: without a cached realm, Keycloak cannot make its own error page.
    for lifespan in 301..306 {
        realm.change(Method::PUT, "", json!({ "accessTokenLifespan": lifespan })).await?;
        world.caught_up().await?;
        let page = browser.open(&url).await?;
        ensure_refused(&page.answer, 503, Reader::Person)?;
    }
    ensure!(realm.refreshes(&world.primary, &made).await?, "a refused logout ended the session");
    Ok(())
}

pub(crate) async fn revocation_of_what_lives_on_the_primary(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "revoke-there").await?;
    let made = realm.login(&world.primary, ALICE).await?;
    world.caught_up().await?;
    ensure_eq!(realm.userinfo(&world.standby, &made.access).await?.status, 200, "the token is good here");
    ensure_refused(&realm.revoke(&world.standby, &made.refresh).await?, 503, Reader::Program)?;
    ensure!(realm.refreshes(&world.primary, &made).await?, "a refused revocation ended the session");
    ensure!(realm.refreshes(&world.standby, &made).await?, "a refused revocation ended the session here");
    ensure_refused(&realm.revoke(&world.standby, &made.access).await?, 503, Reader::Program)?;
    for site in [&world.primary, &world.standby] {
        ensure_eq!(realm.userinfo(site, &made.access).await?.status, 200, "the token that was not revoked");
    }
    let stored = world.count("SELECT count(*) FROM revoked_token WHERE id = $1", &jti(&made.access)?).await?;
    ensure_eq!(stored, 0, "revoked tokens on the primary");
    world.ensure_refusals_logged(&realm.path("/protocol/openid-connect/revoke"), 2).await
}

/// A client that wants to be told of logouts, at a place where nobody is, which shows in this node's log.
fn told_client(inside: &str, witness: &str) -> Value {
    json!({
        "clientId": "told", "publicClient": true, "directAccessGrantsEnabled": true, "redirectUris": ["http://app.test/*"],
        "attributes": {
            "post.logout.redirect.uris": "http://app.test/*",
            "backchannel.logout.url": format!("{inside}/realms/{witness}/clients-registrations/default"),
            "backchannel.logout.session.required": "true",
        },
    })
}

pub(crate) async fn nobody_is_told_of_a_refused_logout(world: Arc<World>) -> Outcome {
    let witness = world.unique("witness");
    let realm =
        Realm::make(&world, "logout-told", json!({ "clients": [told_client(&world.inside, &witness)] })).await?;
    let log_in = async |site| {
        let form = [
            ("grant_type", "password"),
            ("client_id", "told"),
            ("username", ALICE),
            ("password", &*password_of(ALICE)),
            ("scope", "openid"),
        ];
        tokens(&realm.token(site, &form).await?)
    };
    let end = async |made: &crate::realm::Tokens| {
        let form = [("client_id", "told"), ("refresh_token", &*made.refresh)];
        realm.post(&world.standby, "/protocol/openid-connect/logout", &form).await
    };
    let of_the_primary = log_in(&world.primary).await?;
    let own = log_in(&world.standby).await?;
    world.caught_up().await?;
    ensure_refused(&end(&of_the_primary).await?, 503, Reader::Program)?;

    // By a browser, whose cookie stays good.
    let mut browser = Browser::new(&world.primary);
    let page = browser.open(&realm.login_url("told")).await?;
    let form = page.form_asking("username")?;
    let page = browser.submit(&page, &form, &[("username", ALICE), ("password", &password_of(ALICE))]).await?;
    let made = tokens(&realm.exchange(&world.primary, "told", &page).await?)?;
    world.caught_up().await?;
    browser.move_to(&world.standby);
    let url = format!(
        "{}{}?client_id=told&id_token_hint={}&post_logout_redirect_uri={CALLBACK}",
        world.standby.public(),
        realm.path("/protocol/openid-connect/logout"),
        made.id
    );
    ensure_refused(&browser.open(&url).await?.answer, 503, Reader::Person)?;
    browser.open(&realm.login_url(APP)).await?.handed_over("code")?;

    // One that can be ended is told; and it alone.
    ensure_eq!(end(&own).await?.status, 204, "the logout of a session made here");
    world.ensure_refusals_logged(&format!("/realms/{witness}/"), 1).await?;
    let form = [("grant_type", "refresh_token"), ("client_id", "told"), ("refresh_token", &*made.refresh)];
    tokens(&realm.token(&world.primary, &form).await?)?;
    Ok(())
}

pub(crate) async fn logout_by_an_identity_provider(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "logout-idp").await?;
    let form = [("logout_token", "whatever")];
    let answer = realm.post(&world.standby, "/protocol/openid-connect/logout/backchannel-logout", &form).await?;
    ensure_refused(&answer, 503, Reader::Program)?;
    world.ensure_refusals_logged(&realm.path("/protocol/openid-connect/logout/backchannel-logout"), 1).await
}

pub(crate) async fn required_action(world: Arc<World>) -> Outcome {
    let mut bound = user("bound");
    bound["requiredActions"] = json!(["UPDATE_PASSWORD"]);
    let realm = Realm::make(&world, "required", json!({ "users": [bound] })).await?;
    let page = realm.fill_in(&mut Browser::new(&world.standby), "bound").await?;
    ensure!(page.left_for.is_none(), "it was passed over: {:?}", page.left_for);
    ensure_refused(&page.answer, 405, Reader::Person)?;
    let answer = realm.grant(&world.standby, "bound", &password_of("bound")).await?;
    ensure_eq!(answer.status, 400, "the password grant says so as everywhere");
    ensure!(answer.text.contains("not fully set up"), "it does not say why: {}", answer.shown());
    let id = realm.user_id("bound").await?;
    let there = world.read(&world.primary, &realm.admin(&format!("/users/{id}"))).await?;
    ensure_eq!(there["requiredActions"], json!(["UPDATE_PASSWORD"]), "the user still has to");
    world.ensure_refusals_logged(&realm.path("/login-actions/required-action"), 1).await
}

pub(crate) async fn consent(world: Arc<World>) -> Outcome {
    let realm = Realm::make(
        &world,
        "consent",
        json!({ "clients": [{
        "clientId": "asks", "publicClient": true, "redirectUris": ["http://app.test/*"], "consentRequired": true,
    }] }),
    )
    .await?;
    let mut browser = Browser::new(&world.standby);
    let page = browser.open(&realm.login_url("asks")).await?;
    let form = page.form_asking("username")?;
    let page = browser.submit(&page, &form, &[("username", ALICE), ("password", &password_of(ALICE))]).await?;
    let page = if page.answer.status == 200 {
        // The question is shown; the answer cannot be kept.
        let form = page.form_asking("code")?;
        browser.submit(&page, &form, &[("accept", "Yes")]).await?
    } else {
        page
    };
    ensure!(page.left_for.is_none(), "a consent that was not kept let the application in: {:?}", page.left_for);
    ensure!(matches!(page.answer.status, 405 | 503), "not refused: {}", page.answer.shown());
    ensure_refused(&page.answer, page.answer.status, Reader::Person)?;
    let kept =
        world.count("SELECT count(*) FROM user_consent WHERE user_id = $1", &realm.user_id(ALICE).await?).await?;
    ensure_eq!(kept, 0, "consents on the primary");
    Ok(())
}

fn jti(token: &str) -> Result<String, Failed> {
    Ok(crate::realm::claims(token)?["jti"].as_str().unwrap_or_default().to_owned())
}

fn about(what: &str, error: &Failed) -> Failed {
    format!("{what}: {}", error.message().unwrap_or("failed")).into()
}
