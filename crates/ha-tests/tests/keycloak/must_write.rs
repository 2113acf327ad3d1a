//! Logins that a read-write Keycloak writes something for. Each is decided; see the standby extension's document.

pub(crate) mod broker;
pub(crate) mod codes;
pub(crate) mod offline;
pub(crate) mod password;
pub(crate) mod webauthn;

use std::sync::Arc;

use ha_tests::keycloak::{Browser, Page};
use libtest_mimic::Failed;
use reqwest::Method;
use serde_json::{Value, json};

use crate::check::ensure;
use crate::realm::{APP, Realm, password_of, user};
use crate::world::World;

/// A realm whose browser login takes that authenticator as a second factor, with users who must set theirs up.
async fn realm_with_second_factor(
    world: &Arc<World>,
    what: &str,
    provider: &str,
    action: &str,
    users: &[&str],
) -> Result<Realm, Failed> {
    let bound = |name: &&str| {
        let mut user = user(name);
        user["requiredActions"] = json!([action]);
        user
    };
    let realm = Realm::make(world, what, json!({ "users": users.iter().map(bound).collect::<Vec<_>>() })).await?;
    let executions = "/authentication/flows/browser/executions";
    let all = world.read(&world.primary, &realm.admin(executions)).await?;
    let found = all.as_array().into_iter().flatten().find(|execution| execution["providerId"] == provider);
    let Some(mut execution) = found.cloned() else { return Err(format!("no {provider} in {all}").into()) };
    execution["requirement"] = Value::from("ALTERNATIVE");
    realm.change(Method::PUT, executions, execution).await?;
    Ok(realm)
}

/// Logs in on the primary, up to the page of the required action.
async fn to_the_required_action(realm: &Realm, user: &str) -> Result<(Browser, Page), Failed> {
    let mut browser = Browser::new(&realm.world.primary);
    let page = realm.fill_in(&mut browser, user).await?;
    Ok((browser, page))
}

/// Logs in by form on a node, up to the page of the second factor.
async fn to_the_second_factor(
    realm: &Realm,
    site: &ha_tests::keycloak::Site,
    user: &str,
    field: &str,
) -> Result<(Browser, Page), Failed> {
    let mut browser = Browser::new(site);
    let page = browser.open(&realm.login_url(APP)).await?;
    let form = page.form_asking("username")?;
    let page = browser.submit(&page, &form, &[("username", user), ("password", &password_of(user))]).await?;
    ensure!(page.left_for.is_none(), "the password alone was enough");
    page.form_asking(field)?;
    Ok((browser, page))
}
