//! Users that are made through Keycloak, by whoever knows every node.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::progress::{Progress, TRY_AGAIN};
use crate::keycloak::{HttpError, Site};

const CLIENT: &str = "writer";
const SECRET: &str = "the secret of the writer";
/// What stands before a user's number.
const NAME: &str = "made-";
/// A user who is not acknowledged in that time has an unknown outcome; the writer goes on with the next.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// A realm of their own, and the word by which somebody may make them.
#[derive(Debug, Clone)]
pub struct Users {
    realm: String,
    token: String,
}

impl Users {
    /// Makes the realm through the primary's Keycloak, by an administrator's access token. What the writer gets is good for an
    /// hour, and on a standby as soon as all of this is replayed there.
    ///
    /// # Errors
    /// Keycloak refuses, or does not answer.
    pub async fn make(primary: &Site, administrator: &str, realm: &str) -> Result<Self, HttpError> {
        let representation = json!({
            "realm": realm, "enabled": true, "accessTokenLifespan": 3600,
            "clients": [{ "clientId": CLIENT, "secret": SECRET, "serviceAccountsEnabled": true }],
            "users": [{
                "username": format!("service-account-{CLIENT}"), "enabled": true, "serviceAccountClientId": CLIENT,
                "clientRoles": { "realm-management": ["manage-users"] },
            }],
        });
        let request = primary.post("/admin/realms").bearer_auth(administrator).json(&representation);
        primary.send(request).await?.expect(201)?;
        let form = [("grant_type", "client_credentials"), ("client_id", CLIENT), ("client_secret", SECRET)];
        let request = primary.post(&format!("/realms/{realm}/protocol/openid-connect/token")).form(&form);
        let token = primary.send(request).await?.expect(200)?.field("access_token")?;
        Ok(Self { realm: realm.to_owned(), token })
    }

    fn path(&self) -> String {
        format!("/admin/realms/{}/users", self.realm)
    }

    /// The numbers of the users that a node shows, for [`Ledger::judge`](super::Ledger::judge).
    ///
    /// # Errors
    /// The node does not show them.
    pub async fn on(&self, site: &Site) -> Result<Vec<i64>, HttpError> {
        // All of them: without a limit it is a hundred.
        let request = site.get(&format!("{}?briefRepresentation=true&max=-1", self.path())).bearer_auth(&self.token);
        let users = site.send(request).await?.expect(200)?.json()?;
        let number = |user: &Value| user["username"].as_str()?.strip_prefix(NAME)?.parse().ok();
        Ok(users.as_array().into_iter().flatten().filter_map(number).collect())
    }
}

/// One after the other, `pause` between two: a node that refuses or is silent is left for the next.
pub(super) async fn write(users: Users, sites: Vec<Site>, pause: Duration, progress: Progress) {
    let path = users.path();
    let mut at = 0;
    while progress.is_wanted() {
        let number = progress.attempt();
        let user = json!({ "username": format!("{NAME}{number}"), "enabled": true });
        let site = &sites[at];
        let request = site.request(Method::POST, &path).bearer_auth(&users.token).json(&user);
        match timeout(ANSWER_LIMIT, site.send(request)).await {
            Ok(Ok(answer)) if answer.status == 201 => {
                progress.acknowledged(number);
                sleep(pause).await;
            }
            _ => {
                at = (at + 1) % sites.len();
                sleep(TRY_AGAIN).await;
            }
        }
    }
}
