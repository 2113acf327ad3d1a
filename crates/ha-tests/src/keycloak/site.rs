//! One node's Keycloak.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Url};

use super::Answer;
use super::error::HttpError;

/// Longest wait for one answer: on a busy machine a login takes seconds, and making a realm more.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// One node's Keycloak: where it is asked, and the public URL that it tells. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Site {
    own: Url,
    public: Url,
    client: Client,
}

impl Site {
    /// The Keycloak that listens at `own` and calls itself `public`.
    ///
    /// # Errors
    /// One of them is no URL.
    ///
    /// # Panics
    /// Never: a client without TLS needs nothing of the system.
    pub fn new(own: &str, public: &str) -> Result<Self, HttpError> {
        let client = Client::builder()
            .timeout(ANSWER_LIMIT)
            .connect_timeout(CONNECT_LIMIT)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client without TLS has nothing to load");
        let url = |text: &str| Url::parse(text).map_err(|_| HttpError::Url(text.to_owned()));
        Ok(Self { own: url(own)?, public: url(public)?, client })
    }

    /// The public URL without a slash at its end.
    #[must_use]
    pub fn public(&self) -> &str {
        self.public.as_str().trim_end_matches('/')
    }

    /// The address of `path`, which begins with a slash, on this node.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.own.as_str().trim_end_matches('/'))
    }

    /// A request to this node, to be completed and given to [`Site::send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// A GET of `path`.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// A POST to `path`.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    /// Sends a request and reads the whole answer, whatever its status. Redirects are not followed.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, HttpError> {
        let (client, request) = request.build_split();
        let request =
            request.map_err(|source| HttpError::NoAnswer { request: "a malformed request".into(), source })?;
        let told = format!("{} {}", request.method(), request.url());
        let failed = |source| HttpError::NoAnswer { request: told.clone(), source };
        let response = client.execute(request).await.map_err(failed)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.map_err(failed)?;
        Ok(Answer { request: told, status, headers, text })
    }

    /// Whether an address leads to this cluster.
    pub(super) fn is_here(&self, url: &Url) -> bool {
        url.origin() == self.public.origin() || url.origin() == self.own.origin()
    }

    /// The same address at this node: what the load balancer does.
    pub(super) fn here(&self, url: &Url) -> Url {
        let mut here = url.clone();
        let moved = here.set_host(self.own.host_str()).is_ok() && here.set_port(self.own.port()).is_ok();
        debug_assert!(moved, "the node's own URL has a host, and so have those that are moved to it");
        here
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }
}
