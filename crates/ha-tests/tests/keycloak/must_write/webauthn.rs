//! Security keys.

use std::sync::Arc;

use ha_tests::keycloak::{Authenticator, Ceremony, Page, Site};
use libtest_mimic::Failed;

use super::{realm_with_second_factor, to_the_required_action, to_the_second_factor};
use crate::check::{Reader, ensure, ensure_refused};
use crate::outcome::Outcome;
use crate::realm::{APP, Realm, tokens};
use crate::world::World;

fn ceremony(world: &World, page: &Page) -> Result<Ceremony, Failed> {
    Ok(Ceremony {
        challenge: page.script_value("challenge")?,
        origin: world.standby.public().to_owned(),
        rp_id: page.script_value("rpId")?,
    })
}

fn as_fields<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// A user with a key, set up on the primary.
async fn set_up(world: &Arc<World>, counts: bool) -> Result<(Realm, Authenticator), Failed> {
    let realm =
        realm_with_second_factor(world, "webauthn", "webauthn-authenticator", "webauthn-register", &["wanda"]).await?;
    let mut key = Authenticator::new(counts).map_err(|error| error.to_string())?;
    let (mut browser, page) = to_the_required_action(&realm, "wanda").await?;
    let form = page.form_asking("attestationObject")?;
    let fields = key.register(&ceremony(world, &page)?);
    browser.submit(&page, &form, &as_fields(&fields)).await?.handed_over("code")?;
    world.caught_up().await?;
    Ok((realm, key))
}

async fn log_in(world: &World, realm: &Realm, key: &mut Authenticator, site: &Site) -> Result<Page, Failed> {
    let (mut browser, page) = to_the_second_factor(realm, site, "wanda", "authenticatorData").await?;
    let form = page.form_asking("authenticatorData")?;
    let fields = key.sign(&ceremony(world, &page)?).map_err(|error| error.to_string())?;
    Ok(browser.submit(&page, &form, &as_fields(&fields)).await?)
}

pub(crate) async fn key_without_a_counter(world: Arc<World>) -> Outcome {
    let (realm, mut key) = set_up(&world, false).await?;
    let page = log_in(&world, &realm, &mut key, &world.standby).await?;
    tokens(&realm.exchange(&world.standby, APP, &page).await?)?;
    // Not just anybody's key.
    let mut other = Authenticator::new(false).map_err(|error| error.to_string())?;
    let page = log_in(&world, &realm, &mut other, &world.standby).await?;
    ensure!(page.left_for.is_none(), "another key was let in");
    Ok(())
}

pub(crate) async fn key_with_a_counter(world: Arc<World>) -> Outcome {
    let (realm, mut key) = set_up(&world, true).await?;
    let page = log_in(&world, &realm, &mut key, &world.standby).await?;
    ensure!(page.left_for.is_none(), "let in, though the counter cannot be kept");
    ensure_refused(&page.answer, 503, Reader::Person)?;
    log_in(&world, &realm, &mut key, &world.primary).await?.handed_over("code")?;
    Ok(())
}
