//! A realm of a case's own, with users and clients.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ha_tests::keycloak::{Answer, Browser, Page, Site};
use libtest_mimic::Failed;
use reqwest::Method;
use serde_json::{Value, json};

use crate::check::{ensure, until};
pub(crate) use crate::tokens::Tokens;
use crate::world::{PATIENCE, World};

/// A public application; people log in to it, by form or by the password grant.
pub(crate) const APP: &str = "app";
/// Another one, for single sign-on.
pub(crate) const OTHER_APP: &str = "other-app";
/// A confidential one with a service account.
pub(crate) const BACKEND: &str = "backend";
pub(crate) const BACKEND_SECRET: &str = "the secret of the backend";
/// Where applications are called back. Nobody listens there.
pub(crate) const CALLBACK: &str = "http://app.test/callback";
/// The user that every realm has.
pub(crate) const ALICE: &str = "alice";

pub(crate) struct Realm {
    pub name: String,
    pub world: Arc<World>,
}

/// A user's password, made of the name.
pub(crate) fn password_of(user: &str) -> String {
    format!("{user} has this password")
}

/// A complete user.
pub(crate) fn user(name: &str) -> Value {
    json!({
        "username": name, "enabled": true, "emailVerified": true,
        "email": format!("{name}@example.org"), "firstName": "Test", "lastName": name,
        "credentials": [{ "type": "password", "value": password_of(name) }],
    })
}

/// The same with one more credential.
pub(crate) fn user_with(name: &str, credential: Value) -> Value {
    let mut user = user(name);
    user["credentials"].as_array_mut().expect("a list was written above").push(credential);
    user
}

/// The kinds of keys that a realm has by itself, but short ones: to find long primes takes seconds, and each case makes a
/// realm.
fn keys() -> Value {
    let key = |provider: &str, config: &[(&str, &str)]| {
        let config = config.iter().map(|&(name, value)| (name.to_owned(), json!([value])));
        json!({ "name": provider, "providerId": provider, "config": Value::Object(config.collect()) })
    };
    json!([
        key("rsa-generated", &[("priority", "100"), ("keySize", "1024")]),
        key("rsa-enc-generated", &[("priority", "100"), ("keySize", "1024"), ("algorithm", "RSA-OAEP")]),
        key("hmac-generated", &[("priority", "100"), ("algorithm", "HS512")]),
        key("aes-generated", &[("priority", "100")]),
    ])
}

fn defaults(name: &str) -> Value {
    let app = |id: &str| {
        json!({
            "clientId": id, "publicClient": true, "directAccessGrantsEnabled": true, "redirectUris": ["http://app.test/*"],
            "attributes": { "post.logout.redirect.uris": "http://app.test/*" },
            // Its tokens are meant for the backend, which may therefore ask what they are worth.
            "protocolMappers": [{
                "name": "for the backend", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
                "config": { "included.client.audience": BACKEND, "access.token.claim": "true" },
            }],
        })
    };
    json!({
        "realm": name, "enabled": true,
        // Most cases log in many times, and are not about what a hash costs.
        "passwordPolicy": "hashAlgorithm(pbkdf2-sha512) and hashIterations(1)",
        "components": { "org.keycloak.keys.KeyProvider": keys() },
        "users": [user(ALICE)],
        "clients": [app(APP), app(OTHER_APP), {
            "clientId": BACKEND, "secret": BACKEND_SECRET, "serviceAccountsEnabled": true,
            "directAccessGrantsEnabled": true, "redirectUris": ["http://app.test/*"],
        }],
    })
}

impl Realm {
    /// Makes one on the primary and waits until the read-only node serves it. `more` is added to what every realm has:
    /// lists are continued, all else is replaced.
    pub(crate) async fn make(world: &Arc<World>, what: &str, more: Value) -> Result<Self, Failed> {
        let name = world.unique(what);
        let mut representation = defaults(&name);
        for (key, value) in more.as_object().into_iter().flatten() {
            match (representation.get_mut(key).and_then(Value::as_array_mut), value.as_array()) {
                (Some(list), Some(more)) => list.extend(more.iter().cloned()),
                _ => representation[key] = value.clone(),
            }
        }
        // Who is imported with a realm gets no roles but those that are named.
        for user in representation["users"].as_array_mut().into_iter().flatten() {
            user["realmRoles"] = json!([format!("default-roles-{name}")]);
        }
        world.change(Method::POST, "/realms", &representation).await?;
        let realm = Self { name, world: Arc::clone(world) };
        world.caught_up().await?;
        until(PATIENCE, "the realm is served by the read-only node", async || {
            Ok(world.standby.send(world.standby.get(&realm.path(""))).await?.is_success())
        })
        .await?;
        Ok(realm)
    }

    /// Makes one without anything special.
    pub(crate) async fn plain(world: &Arc<World>, what: &str) -> Result<Self, Failed> {
        Self::make(world, what, json!({})).await
    }

    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/realms/{}{rest}", self.name)
    }

    /// A path of its administration.
    pub(crate) fn admin(&self, rest: &str) -> String {
        format!("/realms/{}{rest}", self.name)
    }

    pub(crate) async fn get(&self, site: &Site, rest: &str) -> Result<Answer, Failed> {
        Ok(site.send(site.get(&self.path(rest))).await?)
    }

    pub(crate) async fn post(&self, site: &Site, rest: &str, form: &[(&str, &str)]) -> Result<Answer, Failed> {
        Ok(site.send(site.post(&self.path(rest)).form(form)).await?)
    }

    /// Changes something in it on the primary.
    pub(crate) async fn change(&self, method: Method, rest: &str, body: Value) -> Result<String, Failed> {
        self.world.change(method, &self.admin(rest), &body).await
    }

    pub(crate) async fn user_id(&self, user: &str) -> Result<String, Failed> {
        let path = self.admin(&format!("/users?exact=true&username={user}"));
        first_id(&self.world.read(&self.world.primary, &path).await?)
    }

    pub(crate) async fn client_uuid(&self, client: &str) -> Result<String, Failed> {
        let path = self.admin(&format!("/clients?clientId={client}"));
        first_id(&self.world.read(&self.world.primary, &path).await?)
    }

    /// Asks the token endpoint.
    pub(crate) async fn token(&self, site: &Site, form: &[(&str, &str)]) -> Result<Answer, Failed> {
        self.post(site, "/protocol/openid-connect/token", form).await
    }

    pub(crate) async fn grant(&self, site: &Site, user: &str, password: &str) -> Result<Answer, Failed> {
        self.grant_with(site, user, password, &[("scope", "openid")]).await
    }

    /// A login by the password grant, with more said.
    pub(crate) async fn grant_with(
        &self,
        site: &Site,
        user: &str,
        password: &str,
        more: &[(&str, &str)],
    ) -> Result<Answer, Failed> {
        let mut form = vec![("grant_type", "password"), ("client_id", APP), ("username", user), ("password", password)];
        form.extend_from_slice(more);
        self.token(site, &form).await
    }

    /// A login that must succeed.
    pub(crate) async fn login(&self, site: &Site, user: &str) -> Result<Tokens, Failed> {
        tokens(&self.grant(site, user, &password_of(user)).await?)
    }

    pub(crate) async fn refresh(&self, site: &Site, tokens: &Tokens) -> Result<Answer, Failed> {
        self.token(site, &[("grant_type", "refresh_token"), ("client_id", APP), ("refresh_token", &tokens.refresh)])
            .await
    }

    pub(crate) async fn refreshes(&self, site: &Site, tokens: &Tokens) -> Result<bool, Failed> {
        yes_or_denied(&self.refresh(site, tokens).await?)
    }

    /// Whether a login with that password is let in.
    pub(crate) async fn lets_in(&self, site: &Site, user: &str, password: &str) -> Result<bool, Failed> {
        yes_or_denied(&self.grant(site, user, password).await?)
    }

    pub(crate) async fn logout(&self, site: &Site, tokens: &Tokens) -> Result<Answer, Failed> {
        let form = [("client_id", APP), ("refresh_token", &tokens.refresh)];
        self.post(site, "/protocol/openid-connect/logout", &form).await
    }

    pub(crate) async fn revoke(&self, site: &Site, token: &str) -> Result<Answer, Failed> {
        self.post(site, "/protocol/openid-connect/revoke", &[("client_id", APP), ("token", token)]).await
    }

    pub(crate) async fn userinfo(&self, site: &Site, access: &str) -> Result<Answer, Failed> {
        Ok(site.send(site.get(&self.path("/protocol/openid-connect/userinfo")).bearer_auth(access)).await?)
    }

    pub(crate) async fn introspect(&self, site: &Site, token: &str) -> Result<Value, Failed> {
        let form = [("client_id", BACKEND), ("client_secret", BACKEND_SECRET), ("token", token)];
        let answer = self.post(site, "/protocol/openid-connect/token/introspect", &form).await?;
        Ok(answer.expect(200)?.json()?)
    }

    pub(crate) async fn client_credentials(&self, site: &Site, secret: &str) -> Result<Answer, Failed> {
        let form = [("grant_type", "client_credentials"), ("client_id", BACKEND), ("client_secret", secret)];
        self.token(site, &form).await
    }

    /// Where a browser goes to log in to an application.
    pub(crate) fn login_url(&self, client: &str) -> String {
        let public = self.world.standby.public();
        format!(
            "{public}{}?client_id={client}&redirect_uri={CALLBACK}&response_type=code&scope=openid&state=a-state",
            self.path("/protocol/openid-connect/auth")
        )
    }

    /// Fills in user name and password on the login page.
    pub(crate) async fn fill_in(&self, browser: &mut Browser, user: &str) -> Result<Page, Failed> {
        let page = browser.open(&self.login_url(APP)).await?;
        let form = page.form_asking("username")?;
        Ok(browser.submit(&page, &form, &[("username", user), ("password", &password_of(user))]).await?)
    }

    /// Trades the code that the application was handed for tokens.
    pub(crate) async fn exchange(&self, site: &Site, client: &str, page: &Page) -> Result<Answer, Failed> {
        let code = page.handed_over("code")?;
        let form =
            [("grant_type", "authorization_code"), ("client_id", client), ("code", &*code), ("redirect_uri", CALLBACK)];
        self.token(site, &form).await
    }
}

/// Success, or a refusal of the credentials; anything else is an accident and ends the case.
fn yes_or_denied(answer: &Answer) -> Result<bool, Failed> {
    ensure!(answer.status == 200 || crate::check::is_denied(answer), "neither yes nor no: {}", answer.shown());
    Ok(answer.status == 200)
}

pub(crate) fn tokens(answer: &Answer) -> Result<Tokens, Failed> {
    ensure!(answer.status == 200, "no tokens: {}", answer.shown());
    let id = answer.json()?["id_token"].as_str().unwrap_or_default().to_owned();
    Ok(Tokens { access: answer.field("access_token")?, refresh: answer.field("refresh_token")?, id })
}

/// What a token says. Its signature is not checked.
pub(crate) fn claims(token: &str) -> Result<Value, Failed> {
    part(token, 1)
}

/// The head of a token, which names the key that signed it.
pub(crate) fn head(token: &str) -> Result<Value, Failed> {
    part(token, 0)
}

fn part(token: &str, number: usize) -> Result<Value, Failed> {
    let Some(part) = token.split('.').nth(number) else { return Err(format!("no token: {token}").into()) };
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part)?)?)
}

fn first_id(list: &Value) -> Result<String, Failed> {
    match list[0]["id"].as_str() {
        Some(id) => Ok(id.to_owned()),
        None => Err(format!("nothing was found: {list}").into()),
    }
}
