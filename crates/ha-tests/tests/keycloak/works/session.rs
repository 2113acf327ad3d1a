//! What is done with a session.

use std::sync::Arc;

use ha_tests::keycloak::Browser;

use crate::check::{ensure, ensure_eq, is_denied};
use crate::outcome::Outcome;
use crate::realm::{ALICE, APP, OTHER_APP, Realm, claims, tokens};
use crate::world::World;

pub(crate) async fn refresh_of_one_made_here(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "refresh-own").await?;
    let made = realm.login(&world.standby, ALICE).await?;
    let mut last = made.clone();
    for _ in 0..3 {
        last = tokens(&realm.refresh(&world.standby, &last).await?)?;
    }
    ensure_eq!(claims(&last.access)?["sid"], claims(&made.access)?["sid"], "it is the same session");
    // By nature: nothing was written that the primary could know.
    ensure!(
        is_denied(&realm.refresh(&world.primary, &made).await?),
        "the primary knows a session that was never stored"
    );
    Ok(())
}

pub(crate) async fn refresh_of_one_made_on_the_primary(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "refresh-other").await?;
    let made = realm.login(&world.primary, ALICE).await?;
    world.caught_up().await?;
    let here = tokens(&realm.refresh(&world.standby, &made).await?)?;
    ensure_eq!(claims(&here.access)?["sid"], claims(&made.access)?["sid"], "it is the same session");
    ensure!(realm.refreshes(&world.primary, &here).await?, "what was refreshed here does not refresh there");
    Ok(())
}

pub(crate) async fn userinfo(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "userinfo").await?;
    for site in [&world.standby, &world.primary] {
        let made = realm.login(site, ALICE).await?;
        world.caught_up().await?;
        let told = realm.userinfo(&world.standby, &made.access).await?.expect(200)?;
        ensure_eq!(told.field("preferred_username")?, ALICE, "the user");
    }
    ensure_eq!(realm.userinfo(&world.standby, "not.a.token").await?.status, 401, "a wrong token");
    Ok(())
}

pub(crate) async fn introspection(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "introspect").await?;
    for site in [&world.standby, &world.primary] {
        let made = realm.login(site, ALICE).await?;
        world.caught_up().await?;
        let told = realm.introspect(&world.standby, &made.access).await?;
        ensure_eq!(told["active"], true, "a token from {}: {told}", site.url(""));
        ensure_eq!(told["username"], ALICE, "its user");
    }
    ensure_eq!(realm.introspect(&world.standby, "not.a.token").await?["active"], false, "a wrong token");
    Ok(())
}

pub(crate) async fn single_sign_on(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "sso").await?;
    for site in [&world.standby, &world.primary] {
        let mut browser = Browser::new(site);
        let page = realm.fill_in(&mut browser, ALICE).await?;
        tokens(&realm.exchange(site, APP, &page).await?)?;
        world.caught_up().await?;
        browser.move_to(&world.standby);
        let page = browser.open(&realm.login_url(OTHER_APP)).await?;
        let made = tokens(&realm.exchange(&world.standby, OTHER_APP, &page).await?)?;
        ensure_eq!(claims(&made.id)?["preferred_username"], ALICE, "the identity");
    }
    Ok(())
}

pub(crate) async fn logout_of_one_made_here(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "logout").await?;
    let made = realm.login(&world.standby, ALICE).await?;
    ensure!(realm.refreshes(&world.standby, &made).await?, "the session does not refresh");
    ensure_eq!(realm.logout(&world.standby, &made).await?.status, 204, "the logout");
    ensure!(!realm.refreshes(&world.standby, &made).await?, "the session lives on");
    ensure_eq!(
        realm.userinfo(&world.standby, &made.access).await?.status,
        401,
        "the access token outlives the session"
    );

    let mut browser = Browser::new(&world.standby);
    let page = realm.fill_in(&mut browser, ALICE).await?;
    let made = tokens(&realm.exchange(&world.standby, APP, &page).await?)?;
    let public = world.standby.public();
    let url = format!(
        "{public}{}?client_id={APP}&id_token_hint={}&post_logout_redirect_uri={}",
        realm.path("/protocol/openid-connect/logout"),
        made.id,
        crate::realm::CALLBACK
    );
    let page = browser.open(&url).await?;
    ensure!(page.left_for.is_some(), "the browser was not sent back: {}", page.answer.shown());
    ensure!(!realm.refreshes(&world.standby, &made).await?, "the browser's session lives on");
    Ok(())
}
