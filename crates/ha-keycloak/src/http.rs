//! Requests, and what answers mean.

use std::sync::Arc;
use std::time::Duration;

use ha_core::layout::keycloak_base_path;
use ha_core::ports::KeycloakError;
use ha_core::topology::{ProxyHeaders, Topology};
use ha_core::values::{NodeName, Secret};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::model::ErrorBody;

/// Longest wait for one answer. A login hashes a password, a new realm makes some hundred rows: on a busy machine, seconds.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Longest wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// What of an unexpected answer is shown.
const SHOWN: usize = 300;

/// The Keycloaks of a topology, each asked at its own node's address. Cheap to clone; connections are kept and shared.
#[derive(Debug, Clone)]
pub struct KeycloakHttp {
    topology: Arc<Topology>,
    client: Client,
}

impl KeycloakHttp {
    /// Nothing is contacted yet.
    ///
    /// # Panics
    /// Never: the client needs nothing of the system that could be missing.
    #[must_use]
    pub fn new(topology: Arc<Topology>) -> Self {
        let client = Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(ANSWER_LIMIT)
            // A node's own address is never reached through a proxy, and answers of another place are not its.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .default_headers(forwarded(topology.keycloak.proxy_headers))
            .build()
            .expect("a client without TLS has nothing to load");
        Self { topology, client }
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// The URL of `path` on a node's own Keycloak; the path begins with a slash.
    pub(crate) fn url(&self, node: &NodeName, path: &str) -> Result<String, KeycloakError> {
        let known = self.topology.node(node).ok_or_else(|| KeycloakError::NotFound { what: format!("node {node}") })?;
        Ok(format!("{}{}{path}", known.keycloak_url(), keycloak_base_path(&self.topology).trim_end_matches('/')))
    }

    /// Sends a request and returns its answer when it is a success.
    pub(crate) async fn send(&self, url: &str, request: RequestBuilder) -> Result<Response, KeycloakError> {
        let response = request.send().await.map_err(|error| failure(url, error, ANSWER_LIMIT))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refusal(url, response).await)
    }

    /// The same, and reads the answer's JSON.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        url: &str,
        request: RequestBuilder,
    ) -> Result<T, KeycloakError> {
        let response = self.send(url, request).await?;
        let status = response.status().as_u16();
        response.json().await.map_err(|error| {
            if error.is_decode() {
                let message = format!("not the JSON that was expected: {error}");
                return KeycloakError::Unexpected { url: url.to_owned(), status, message };
            }
            failure(url, error, ANSWER_LIMIT)
        })
    }

    pub(crate) fn get(&self, url: &str, token: &Secret) -> RequestBuilder {
        self.client.get(url).bearer_auth(token.expose())
    }

    pub(crate) fn post(&self, url: &str, token: &Secret) -> RequestBuilder {
        self.client.post(url).bearer_auth(token.expose())
    }

    pub(crate) fn put(&self, url: &str, token: &Secret) -> RequestBuilder {
        self.client.put(url).bearer_auth(token.expose())
    }

    /// Removes what stands at the URL; `false` when there was nothing.
    pub(crate) async fn delete(&self, url: &str, token: &Secret) -> Result<bool, KeycloakError> {
        match self.send(url, self.client.delete(url).bearer_auth(token.expose())).await {
            Ok(_) => Ok(true),
            Err(KeycloakError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Where a proxy in front ends TLS and says so, each request that it hands on is one by HTTPS to Keycloak; so are these, or a
/// realm that demands HTTPS would refuse them.
fn forwarded(headers: ProxyHeaders) -> HeaderMap {
    let header = match headers {
        ProxyHeaders::None => return HeaderMap::new(),
        ProxyHeaders::XForwarded => (HeaderName::from_static("x-forwarded-proto"), HeaderValue::from_static("https")),
        ProxyHeaders::Forwarded => (HeaderName::from_static("forwarded"), HeaderValue::from_static("proto=https")),
    };
    std::iter::once(header).collect()
}

/// What a request that got no answer means.
pub(crate) fn failure(url: &str, error: reqwest::Error, limit: Duration) -> KeycloakError {
    let url = url.to_owned();
    if error.is_timeout() {
        return KeycloakError::TimedOut { url, after: limit };
    }
    // The URL stands in our own text already.
    KeycloakError::Unreachable { url, source: Box::new(error.without_url()) }
}

/// What an answer that is no success means.
async fn refusal(url: &str, response: Response) -> KeycloakError {
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    let body: ErrorBody = serde_json::from_str(&text).unwrap_or_default();
    let url = url.to_owned();
    if body.is_read_only() {
        return KeycloakError::ReadOnly { url };
    }
    let message = body.message().unwrap_or_else(|| text.chars().take(SHOWN).collect());
    match status {
        // A wrong password is 400 invalid_grant in 26.7 and 401 before.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            KeycloakError::Denied { url, status: status.as_u16(), message }
        }
        StatusCode::BAD_REQUEST if body.is_denial() => KeycloakError::Denied { url, status: status.as_u16(), message },
        StatusCode::CONFLICT => KeycloakError::Exists { what: message },
        StatusCode::NOT_FOUND => KeycloakError::NotFound { what: format!("{url}: {message}") },
        other => KeycloakError::Unexpected { url, status: other.as_u16(), message },
    }
}
