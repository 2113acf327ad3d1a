//! One-time codes.

use std::sync::Arc;
use std::time::SystemTime;

use ha_tests::keycloak::{hotp, totp};
use serde_json::{Value, json};

use super::{realm_with_second_factor, to_the_required_action, to_the_second_factor};
use crate::check::{Reader, ensure, ensure_refused, is_denied};
use crate::outcome::Outcome;
use crate::realm::{APP, Realm, password_of, tokens, user_with};
use crate::world::World;

const SECRET: &str = "a secret of 20 bytes";

fn otp_credential(kind: &str) -> Value {
    let data = json!({ "subType": kind, "digits": 6, "period": 30, "counter": 0, "algorithm": "HmacSHA1" });
    json!({
        "type": "otp", "userLabel": "a phone", "secretData": json!({ "value": SECRET }).to_string(),
        "credentialData": data.to_string(),
    })
}

fn now() -> String {
    totp(SECRET.as_bytes(), SystemTime::now())
}

pub(crate) async fn totp_code(world: Arc<World>) -> Outcome {
    let users: Vec<_> = ["otto", "oscar"].iter().map(|name| user_with(name, otp_credential("totp"))).collect();
    let realm = Realm::make(&world, "totp", json!({ "users": users })).await?;
    let password = password_of("otto");
    let try_it = async |more: &[(&str, &str)]| realm.grant_with(&world.standby, "otto", &password, more).await;
    let without = try_it(&[]).await?;
    ensure!(is_denied(&without), "no code was needed: {}", without.shown());
    let wrong = try_it(&[("totp", "000000")]).await?;
    ensure!(is_denied(&wrong), "a wrong code: {}", wrong.shown());
    let code = now();
    tokens(&try_it(&[("totp", &code), ("scope", "openid")]).await?)?;
    let again = try_it(&[("totp", &code)]).await?;
    ensure!(is_denied(&again), "a code was taken twice: {}", again.shown());

    let (mut browser, page) = to_the_second_factor(&realm, &world.standby, "oscar", "otp").await?;
    let page = browser.submit(&page, &page.form_asking("otp")?, &[("otp", &now())]).await?;
    tokens(&realm.exchange(&world.standby, APP, &page).await?)?;
    Ok(())
}

pub(crate) async fn hotp_code(world: Arc<World>) -> Outcome {
    let realm = Realm::make(&world, "hotp", json!({ "users": [user_with("hugo", otp_credential("hotp"))] })).await?;
    let code = hotp(SECRET.as_bytes(), 0);
    let more = [("totp", &*code), ("scope", "openid")];
    let wrong = realm.grant_with(&world.standby, "hugo", &password_of("hugo"), &[("totp", "000000")]).await?;
    ensure!(is_denied(&wrong), "a wrong code: {}", wrong.shown());
    let answer = realm.grant_with(&world.standby, "hugo", &password_of("hugo"), &more).await?;
    ensure_refused(&answer, 503, Reader::Program)?;
    // Not used up, and good once where that can be kept.
    tokens(&realm.grant_with(&world.primary, "hugo", &password_of("hugo"), &more).await?)?;
    let again = realm.grant_with(&world.primary, "hugo", &password_of("hugo"), &more).await?;
    ensure!(is_denied(&again), "a code was taken twice: {}", again.shown());
    world.ensure_refusals_logged(&realm.path("/protocol/openid-connect/token"), 1).await
}

pub(crate) async fn recovery_code(world: Arc<World>) -> Outcome {
    let (provider, action) = ("auth-recovery-authn-code-form", "CONFIGURE_RECOVERY_AUTHN_CODES");
    let realm = realm_with_second_factor(&world, "recovery", provider, action, &["rita"]).await?;
    let (mut browser, page) = to_the_required_action(&realm, "rita").await?;
    let form = page.form_asking("generatedRecoveryAuthnCodes")?;
    let codes =
        form.fields.iter().find(|(name, _)| name == "generatedRecoveryAuthnCodes").map(|(_, value)| value.clone());
    let codes = codes.unwrap_or_default();
    browser.submit(&page, &form, &[]).await?.handed_over("code")?;
    let first = codes.split(',').next().unwrap_or_default();
    world.caught_up().await?;

    let field = "recoveryCodeInput";
    let (mut browser, page) = to_the_second_factor(&realm, &world.standby, "rita", field).await?;
    let page = browser.submit(&page, &page.form_asking(field)?, &[(field, first)]).await?;
    ensure!(page.left_for.is_none(), "a code was taken that cannot be used up");
    ensure_refused(&page.answer, 503, Reader::Person)?;
    let (mut browser, page) = to_the_second_factor(&realm, &world.primary, "rita", field).await?;
    browser.submit(&page, &page.form_asking(field)?, &[(field, first)]).await?.handed_over("code")?;
    Ok(())
}
