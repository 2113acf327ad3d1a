//! A realm to measure with, with users and two clients.

use std::time::Duration;

use ha_tests::keycloak::{Answer, Site};
use reqwest::Method;
use serde_json::{Value, json};

use crate::error::Error;
use crate::site::wait_served;
use crate::world::World;

const APP: &str = "app";
const BACKEND: &str = "backend";
const BACKEND_SECRET: &str = "the secret of the backend";
const SERVED_LIMIT: Duration = Duration::from_secs(30);

/// How passwords are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hashing {
    /// As Keycloak does by itself.
    Default,
    /// Once: where a login is the means to see something else, it should be quick.
    Cheap,
}

pub(crate) struct Realm {
    name: String,
    /// The ids of the users, by number.
    pub(crate) users: Vec<String>,
}

pub(crate) fn user_name(number: usize) -> String {
    format!("user-{number}")
}

/// A complete user, who is asked for nothing at login.
pub(crate) fn user(name: &str) -> Value {
    json!({
        "username": name, "enabled": true, "emailVerified": true, "email": format!("{name}@example.org"),
        "firstName": "First", "lastName": "Last",
        "credentials": [{ "type": "password", "value": password(name) }],
    })
}

pub(crate) fn password(name: &str) -> String {
    format!("{name} has this password")
}

impl Realm {
    /// Makes it on the primary; returns when the read-only node serves it.
    pub(crate) async fn make(world: &World, name: &str, users: usize, hashing: Hashing) -> Result<Self, Error> {
        Self::make_among(world, name, users, hashing, 0).await
    }

    /// The same with so many more clients, which nobody uses.
    pub(crate) async fn make_among(
        world: &World,
        name: &str,
        users: usize,
        hashing: Hashing,
        clients: usize,
    ) -> Result<Self, Error> {
        let mut realm = json!({
            "realm": name, "enabled": true,
            "users": (0..users).map(|number| user(&user_name(number))).collect::<Vec<_>>(),
            "clients": [
                { "clientId": APP, "publicClient": true, "directAccessGrantsEnabled": true, "redirectUris": ["*"] },
                { "clientId": BACKEND, "secret": BACKEND_SECRET, "serviceAccountsEnabled": true },
            ],
        });
        for number in 0..clients {
            let more = json!({ "clientId": format!("more-{number}"), "redirectUris": ["https://more.test/*"] });
            realm["clients"].as_array_mut().ok_or("a list was written above")?.push(more);
        }
        if hashing == Hashing::Cheap {
            realm["passwordPolicy"] = json!("hashAlgorithm(pbkdf2-sha512) and hashIterations(1)");
        }
        world.admin(Method::POST, "/realms", Some(&realm)).await?;
        let mut ids = Vec::new();
        for number in 0..users {
            let path = format!("/realms/{name}/users?exact=true&username={}", user_name(number));
            let found = world.admin(Method::GET, &path, None).await?.json()?;
            ids.push(found[0]["id"].as_str().ok_or_else(|| format!("no user {number}: {found}"))?.to_owned());
        }
        world.pair.wait_replayed().await?;
        wait_served(&world.standby, &format!("/realms/{name}"), SERVED_LIMIT).await?;
        Ok(Self { name: name.to_owned(), users: ids })
    }

    /// A path of its administration.
    pub(crate) fn admin(&self, rest: &str) -> String {
        format!("/realms/{}{rest}", self.name)
    }

    async fn token(&self, site: &Site, form: &[(&str, &str)]) -> Result<Answer, Error> {
        let path = format!("/realms/{}/protocol/openid-connect/token", self.name);
        Ok(site.send(site.post(&path).form(form)).await?)
    }

    /// A login with the password grant.
    pub(crate) async fn login(&self, site: &Site, user: &str, password: &str) -> Result<Answer, Error> {
        let form = [("grant_type", "password"), ("client_id", APP), ("username", user), ("password", password)];
        self.token(site, &form).await
    }

    /// Where an application sends a browser.
    pub(crate) fn authorization(&self, site: &Site) -> String {
        format!(
            "{}/realms/{}/protocol/openid-connect/auth?client_id={APP}&response_type=code&scope=openid\
             &redirect_uri=https%3A%2F%2Fapp.example.org%2F",
            site.public(),
            self.name
        )
    }

    pub(crate) async fn refresh(&self, site: &Site, refresh_token: &str) -> Result<Answer, Error> {
        self.token(site, &[("grant_type", "refresh_token"), ("client_id", APP), ("refresh_token", refresh_token)]).await
    }

    pub(crate) async fn client_credentials(&self, site: &Site) -> Result<Answer, Error> {
        let form = [("grant_type", "client_credentials"), ("client_id", BACKEND), ("client_secret", BACKEND_SECRET)];
        self.token(site, &form).await
    }

    pub(crate) async fn set_password(&self, world: &World, user: usize, password: &str) -> Result<(), Error> {
        let path = self.admin(&format!("/users/{}/reset-password", self.users[user]));
        let body = json!({ "type": "password", "value": password, "temporary": false });
        world.admin(Method::PUT, &path, Some(&body)).await.map(|_| ())
    }
}
