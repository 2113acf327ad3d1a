//! Logins.

use std::sync::Arc;

use ha_tests::keycloak::Browser;
use serde_json::json;

use crate::check::{ensure, ensure_eq, is_denied};
use crate::outcome::Outcome;
use crate::realm::{ALICE, APP, BACKEND_SECRET, Realm, claims, password_of, tokens};
use crate::world::World;

pub(crate) async fn password_login(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "password").await?;
    let made = realm.login(&world.standby, ALICE).await?;
    let said = claims(&made.access)?;
    ensure_eq!(said["preferred_username"], ALICE, "the token's user");
    ensure_eq!(said["iss"], format!("{}{}", world.standby.public(), realm.path("")).as_str(), "the token's issuer");
    Ok(())
}

pub(crate) async fn wrong_password_is_refused(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "wrong").await?;
    for user in [ALICE, "nobody"] {
        let answer = realm.grant(&world.standby, user, "not the password").await?;
        ensure!(is_denied(&answer), "{user}: {}", answer.shown());
    }
    let mut browser = Browser::new(&world.standby);
    let page = browser.open(&realm.login_url(APP)).await?;
    let form = page.form_asking("username")?;
    let page = browser.submit(&page, &form, &[("username", ALICE), ("password", "not the password")]).await?;
    ensure!(page.left_for.is_none(), "the form let a wrong password in: {:?}", page.left_for);
    // The name is known by now; the password is asked for again.
    page.form_asking("password")?;
    Ok(())
}

pub(crate) async fn browser_login(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "browser").await?;
    let mut browser = Browser::new(&world.standby);
    let page = realm.fill_in(&mut browser, ALICE).await?;
    ensure_eq!(page.handed_over("state")?, "a-state", "the application's state comes back");
    let made = tokens(&realm.exchange(&world.standby, APP, &page).await?)?;
    ensure_eq!(claims(&made.id)?["preferred_username"], ALICE, "the identity");
    ensure!(realm.refreshes(&world.standby, &made).await?, "the session does not refresh");
    Ok(())
}

/// Keycloak would store it in the account with the login; the browser keeps it.
pub(crate) async fn in_another_language(world: Arc<World>) -> Outcome {
    let languages =
        json!({ "internationalizationEnabled": true, "supportedLocales": ["en", "de"], "defaultLocale": "en" });
    let realm = Realm::make(&world, "language", languages).await?;
    let mut browser = Browser::new(&world.standby);
    let page = browser.open(&realm.login_url(APP)).await?;
    let form = page.form_asking("username")?;
    let page = browser.open(&format!("{}&kc_locale=de", form.action)).await?;
    ensure!(page.answer.text.contains("Anmelden"), "no German: {}", page.answer.text);
    let form = page.form_asking("username")?;
    let page = browser.submit(&page, &form, &[("username", ALICE), ("password", &password_of(ALICE))]).await?;
    tokens(&realm.exchange(&world.standby, APP, &page).await?)?;
    let page = browser.open(&format!("{}&prompt=login", realm.login_url(APP))).await?;
    ensure!(page.answer.text.contains("Anmelden"), "the language is forgotten: {}", page.answer.text);
    Ok(())
}

pub(crate) async fn a_code_is_good_once(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "code").await?;
    let page = realm.fill_in(&mut Browser::new(&world.standby), ALICE).await?;
    tokens(&realm.exchange(&world.standby, APP, &page).await?)?;
    let again = realm.exchange(&world.standby, APP, &page).await?;
    ensure!(is_denied(&again), "the code was taken twice: {}", again.shown());
    Ok(())
}

pub(crate) async fn client_credentials(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "client").await?;
    let token = realm.client_credentials(&world.standby, BACKEND_SECRET).await?.expect(200)?.field("access_token")?;
    ensure_eq!(claims(&token)?["preferred_username"], "service-account-backend", "the token's user");
    let wrong = realm.client_credentials(&world.standby, "not the secret").await?;
    ensure_eq!(wrong.status, 401, "a wrong secret");
    Ok(())
}
