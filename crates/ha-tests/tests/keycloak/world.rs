//! One pair, and what the cases need to know of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use ha_core::layout::Component;
use ha_core::ports::{ContainerRuntime as _, LogOptions};
use ha_core::topology::Node;
use ha_tests::keycloak::{Answer, Site};
use ha_tests::{Pair, PairOptions};
use libtest_mimic::Failed;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::check::until;
use crate::outcome::Outcome;

/// An administrator's token is good for a minute.
const TOKEN_KEPT: Duration = Duration::from_secs(30);

/// Longest that anything may take which does not have a bound of its own.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub pair: Pair,
    pub version: String,
    /// Where a Keycloak is for itself, inside its container.
    pub inside: String,
    pub primary: Site,
    pub standby: Site,
    pub sql_primary: tokio_postgres::Client,
    pub sql_standby: tokio_postgres::Client,
    pub story: crate::story::Story,
    /// The realm that [`crate::writer`] writes to, and its users' ids.
    pub noise: tokio::sync::OnceCell<(String, Vec<String>)>,
    tokens: tokio::sync::Mutex<Vec<(String, Instant, String)>>,
    stale: Mutex<Vec<(Duration, String)>>,
    number: AtomicU32,
}

impl World {
    /// The pair of one version, whose public URL has that path.
    pub(crate) async fn start(version: &str, public_path: &str) -> Result<Self, Failed> {
        let keycloak_image = image(version);
        let mut options = PairOptions { keycloak_image, public_path: public_path.to_owned(), ..PairOptions::default() };
        // Successful logins, too: the cases look for events in the log.
        let level = ("spi-events-listener--jboss-logging--success-level".to_owned(), "info".to_owned());
        options.keycloak_options.extend([level]);
        let pair = Pair::start(options).await.map_err(told)?;
        let public = pair.topology().cluster.public_url.clone();
        let site =
            |node: &Node| Site::new(&format!("http://{}:{}{public_path}", node.address, node.keycloak_port), &public);
        Ok(Self {
            version: version.to_owned(),
            inside: format!("http://127.0.0.1:8080{public_path}"),
            primary: site(pair.primary())?,
            standby: site(pair.standby())?,
            sql_primary: pair.connect(pair.primary()).await.map_err(told)?,
            sql_standby: pair.connect(pair.standby()).await.map_err(told)?,
            story: crate::story::Story::default(),
            noise: tokio::sync::OnceCell::new(),
            tokens: tokio::sync::Mutex::default(),
            stale: Mutex::default(),
            number: AtomicU32::new(0),
            pair,
        })
    }

    /// A name that nothing else has.
    pub(crate) fn unique(&self, what: &str) -> String {
        format!("{what}-{:04}", self.number.fetch_add(1, Ordering::Relaxed))
    }

    /// A token of the cluster's administrator, from that node.
    pub(crate) async fn admin_token(&self, site: &Site) -> Result<String, Failed> {
        let key = site.url("");
        let mut tokens = self.tokens.lock().await;
        tokens.retain(|(_, at, _)| at.elapsed() < TOKEN_KEPT);
        if let Some((_, _, token)) = tokens.iter().find(|(of, _, _)| *of == key) {
            return Ok(token.clone());
        }
        let form = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", &self.pair.topology().keycloak.admin),
            ("password", self.pair.cluster().secrets().keycloak_admin_password.expose()),
        ];
        let asked = Instant::now();
        let request = site.post("/realms/master/protocol/openid-connect/token").form(&form);
        let token = site.send(request).await?.expect(200)?.field("access_token")?;
        tokens.push((key, asked, token.clone()));
        Ok(token)
    }

    /// A request to the admin API of a node, as the administrator.
    pub(crate) async fn admin_request(
        &self,
        site: &Site,
        method: Method,
        path: &str,
    ) -> Result<RequestBuilder, Failed> {
        let token = self.admin_token(site).await?;
        Ok(site.request(method, &format!("/admin{path}")).bearer_auth(token))
    }

    pub(crate) async fn read(&self, site: &Site, path: &str) -> Result<Value, Failed> {
        let request = self.admin_request(site, Method::GET, path).await?;
        Ok(site.send(request).await?.expect(200)?.json()?)
    }

    /// A change through a node's admin API, whatever becomes of it.
    pub(crate) async fn try_change(
        &self,
        site: &Site,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Answer, Failed> {
        let request = self.admin_request(site, method, path).await?;
        let request = if body.is_null() { request } else { request.json(body) };
        Ok(site.send(request).await?)
    }

    /// A change on the primary. Returns the id of what was made, if something was.
    pub(crate) async fn change(&self, method: Method, path: &str, body: &Value) -> Result<String, Failed> {
        let told = format!("{method} {path}");
        let answer = self.try_change(&self.primary, method, path, body).await?;
        if !answer.is_success() {
            return Err(format!("the primary refused {told}: {}", answer.shown()).into());
        }
        Ok(answer.header("location").and_then(|at| at.rsplit('/').next()).unwrap_or_default().to_owned())
    }

    /// The primary's position: all that was committed before has been written before it.
    pub(crate) async fn position(&self) -> Result<String, Failed> {
        let row = self.sql_primary.query_one("SELECT pg_current_wal_insert_lsn()::text", &[]).await.map_err(told)?;
        Ok(row.get(0))
    }

    /// Waits until the standby has replayed up to there, and returns when that was seen.
    pub(crate) async fn replayed(&self, position: &str) -> Result<Instant, Failed> {
        let began = Instant::now();
        loop {
            let question = "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn";
            let row = self.sql_standby.query_one(question, &[&position]).await.map_err(told)?;
            if row.get(0) {
                return Ok(Instant::now());
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("the standby has not replayed {position} within {} s", PATIENCE.as_secs()).into());
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }

    /// Waits until the standby has all that the primary has now.
    pub(crate) async fn caught_up(&self) -> Outcome {
        let position = self.position().await?;
        self.replayed(&position).await.map(|_| ())
    }

    /// One value from the primary's database.
    pub(crate) async fn count(&self, sql: &str, value: &str) -> Result<i64, Failed> {
        count(&self.sql_primary, sql, value).await
    }

    /// All that a node's Keycloak has logged so far.
    pub(crate) async fn log(&self, node: &Node) -> Result<Vec<String>, Failed> {
        let name = self.pair.container(node, Component::Keycloak);
        let mut stream = self.pair.runtime().logs(&name, &LogOptions::default()).await.map_err(told)?;
        let mut lines = Vec::new();
        while let Some(line) = stream.next().await {
            lines.push(line.map_err(told)?.text);
        }
        Ok(lines)
    }

    /// Waits until the read-only node's log has exactly that many lines of a refusal that name `path`, which is unique.
    pub(crate) async fn ensure_refusals_logged(&self, path: &str, expected: usize) -> Outcome {
        let of_it = async || -> Result<Vec<String>, Failed> {
            let log = self.log(self.pair.standby()).await?;
            Ok(log
                .into_iter()
                .filter(|line| line.contains("refused on this read-only node") && line.contains(path))
                .collect())
        };
        until(PATIENCE, &format!("{expected} refusals of {path} in the log"), async || {
            Ok(of_it().await?.len() >= expected)
        })
        .await?;
        let lines = of_it().await?;
        crate::check::ensure_eq!(lines.len(), expected, "one line for each refusal, but the log has {lines:#?}");
        Ok(())
    }

    /// Notes how long a change took to be in force after it was replayed.
    pub(crate) fn was_stale(&self, delay: Duration, what: &str) {
        self.stale.lock().unwrap_or_else(PoisonError::into_inner).push((delay, what.to_owned()));
    }

    /// Prints what was measured.
    pub(crate) fn report(&self) {
        let mut stale = self.stale.lock().unwrap_or_else(PoisonError::into_inner).clone();
        stale.sort();
        if let (Some((worst, what)), Some((median, _))) = (stale.last(), stale.get(stale.len() / 2)) {
            println!(
                "Keycloak {}: in force after replay, of {} changes: median {} ms, worst {} ms ({what})",
                self.version,
                stale.len(),
                median.as_millis(),
                worst.as_millis()
            );
        }
        self.story.report(&self.version);
    }
}

/// One number from a database.
pub(crate) async fn count(client: &tokio_postgres::Client, sql: &str, value: &str) -> Result<i64, Failed> {
    Ok(client.query_one(sql, &[&value]).await.map_err(told)?.get(0))
}

/// An error with its causes.
pub(crate) fn told(error: impl std::error::Error) -> Failed {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text.into()
}

fn image(version: &str) -> String {
    let of_version = std::env::var(format!("HA_KEYCLOAK_IMAGE_{}", version.replace('.', "_")));
    of_version.unwrap_or_else(|_| match std::env::var("HA_KEYCLOAK_IMAGE") {
        Ok(image) if version == "26.7.3" => image,
        _ => format!("keycloak/keycloak:{version}"),
    })
}
