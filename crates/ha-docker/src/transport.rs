//! The connections to an engine, kept and used again.
//!
//! bollard's own connections are not used, for three reasons: it opens a new one for every call (0.3 to 1 s over SSH,
//! a TLS handshake over TCP), it accepts unknown SSH host keys, and its TLS needs a provider installed for the whole
//! process, which is not a library's to choose. So bollard makes the requests, and they travel over what is made here.

mod connector;
mod failure;
mod link;
mod refusal;
mod ssh;
mod tls;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use bollard::BollardRequest;
use bollard::errors::Error;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::Connect;
use hyper_util::rt::{TokioExecutor, TokioTimer};

pub(crate) use connector::Connector;
pub(crate) use failure::{Failure, FailureKind};
pub(crate) use ssh::SshTarget;
pub(crate) use tls::TlsTarget;

/// How long a connection without work is kept. Over SSH it is an `ssh` process here and a `docker` one there.
const IDLE_LIMIT: Duration = Duration::from_secs(60);
/// How many such connections are kept; more may be at work at a time.
const IDLE_COUNT: usize = 8;
/// "Max API Version the server supports" (Docker's API, `GET /_ping`).
const NEWEST_HEADER: &str = "Api-Version";

/// What is known of the engine's API.
#[derive(Debug, Default)]
pub(crate) struct ApiVersions {
    newest: OnceLock<String>,
    agreed: RwLock<Option<String>>,
}

impl ApiVersions {
    /// The newest version that the engine speaks, as its first answer told.
    pub(crate) fn newest(&self) -> Option<&str> {
        self.newest.get().map(String::as_str)
    }

    /// From now on requests name this version, or none.
    pub(crate) fn agree_on(&self, version: Option<String>) {
        *self.agreed.write().unwrap_or_else(PoisonError::into_inner) = version;
    }

    fn versioned(&self, uri: &Uri) -> Option<Uri> {
        versioned(uri, self.agreed.read().unwrap_or_else(PoisonError::into_inner).as_deref()?)
    }

    fn heard<B>(&self, answer: &Response<B>) {
        if let Some(version) = answer.headers().get(NEWEST_HEADER).and_then(|value| value.to_str().ok()) {
            self.newest.get_or_init(|| version.to_owned());
        }
    }
}

/// The type of bollard's request bodies, which it does not name in public.
trait HasBody {
    type Body;
}
impl<B> HasBody for hyper::Request<B> {
    type Body = B;
}
type Body = <BollardRequest as HasBody>::Body;

type Answer = Pin<Box<dyn Future<Output = Result<Response<Incoming>, Error>> + Send>>;

/// Sends bollard's requests over kept connections: what bollard takes for a transport.
pub(crate) fn sender<C: Connect + Clone + Send + Sync + 'static>(
    connector: C,
    versions: Arc<ApiVersions>,
) -> impl Fn(BollardRequest) -> Answer + Send + Sync + 'static {
    let client: Client<C, Body> = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_LIMIT)
        .pool_max_idle_per_host(IDLE_COUNT)
        .build(connector);
    move |mut request| {
        if let Some(uri) = versions.versioned(request.uri()) {
            *request.uri_mut() = uri;
        }
        if let Some(login) = request.headers_mut().get_mut(REGISTRY_LOGIN) {
            url_safe(login);
        }
        let sent = client.request(request);
        let versions = Arc::clone(&versions);
        Box::pin(async move {
            let answer = sent.await.map_err(refusal::into_bollard)?;
            versions.heard(&answer);
            Ok(answer)
        })
    }
}

/// bollard 0.21 names no version, so that a newer engine would answer in its newest words; this names the agreed one.
fn versioned(uri: &Uri, version: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    let path = format!("/v{version}{}", parts.path_and_query.as_ref()?);
    parts.path_and_query = Some(path.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// Where an engine looks for the login at a registry, as base64 for URLs (RFC 4648, 5).
const REGISTRY_LOGIN: &str = "x-registry-auth";

/// bollard 0.21 writes plain base64, in which an engine finds no login at all where a password led to one of two characters.
fn url_safe(login: &mut HeaderValue) {
    let safe: Vec<u8> = login
        .as_bytes()
        .iter()
        .map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            other => *other,
        })
        .collect();
    if let Ok(mut value) = HeaderValue::from_bytes(&safe) {
        value.set_sensitive(true);
        *login = value;
    }
}

#[cfg(test)]
mod tests;
