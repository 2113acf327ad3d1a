//! A pair with its Keycloaks, and its administrator.

use std::time::{Duration, Instant};

use ha_core::topology::Node;
use ha_tests::keycloak::{Answer, Site};
use ha_tests::{Pair, PairOptions};
use reqwest::Method;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::error::Error;
use crate::report::say;

/// An administrator's token is good for a minute.
const TOKEN_KEPT: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) pair: Pair,
    pub(crate) primary: Site,
    pub(crate) standby: Site,
    token: Mutex<Option<(Instant, String)>>,
}

impl World {
    pub(crate) async fn start() -> Result<Self, Error> {
        Self::start_with(PairOptions::default()).await
    }

    pub(crate) async fn start_with(options: PairOptions) -> Result<Self, Error> {
        say("a pair is made");
        let pair = Pair::start(options).await?;
        let public = pair.topology().cluster.public_url.clone();
        let site = |node: &Node| Site::new(&format!("http://{}:{}", node.address, node.keycloak_port), &public);
        let (primary, standby) = (site(pair.primary())?, site(pair.standby())?);
        Ok(Self { pair, primary, standby, token: Mutex::default() })
    }

    /// An administrator's access token.
    pub(crate) async fn token(&self) -> Result<String, Error> {
        let mut kept = self.token.lock().await;
        if let Some((at, token)) = kept.as_ref()
            && at.elapsed() < TOKEN_KEPT
        {
            return Ok(token.clone());
        }
        let form = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", &self.pair.topology().keycloak.admin),
            ("password", self.pair.cluster().secrets().keycloak_admin_password.expose()),
        ];
        let asked = Instant::now();
        let request = self.primary.post("/realms/master/protocol/openid-connect/token").form(&form);
        let token = self.primary.send(request).await?.expect(200)?.field("access_token")?;
        *kept = Some((asked, token.clone()));
        Ok(token)
    }

    /// The administrator asks the primary's admin API, and must succeed.
    pub(crate) async fn admin(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Error> {
        let told = format!("{method} {path}");
        let request = self.primary.request(method, &format!("/admin{path}")).bearer_auth(self.token().await?);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = self.primary.send(request).await?;
        if answer.is_success() { Ok(answer) } else { Err(format!("{told}: {}", answer.shown()).into()) }
    }
}
