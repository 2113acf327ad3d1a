//! Why a Keycloak gave no answer, or not the one that was expected.

use ha_core::causes::chain;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The request got none.
    #[error("no answer to {request}: {}", chain(source))]
    NoAnswer {
        /// Method and URL.
        request: String,
        /// What came back.
        source: reqwest::Error,
    },
    /// An address that is none.
    #[error("\"{0}\" is no URL")]
    Url(String),
    /// Round and round.
    #[error("more than {limit} redirects, the last to {last}")]
    Redirects {
        /// How many were followed.
        limit: usize,
        /// Where the last led.
        last: String,
    },
    /// The page is not the one that was expected.
    #[error("the page {url} ({status}) has no {what}; it begins: {shown}")]
    Page {
        /// Its address.
        url: String,
        /// Its status.
        status: u16,
        /// What was looked for.
        what: String,
        /// How its text begins.
        shown: String,
    },
    /// The body is not what it should be.
    #[error("{what}, but: {shown}")]
    Body {
        /// What was expected.
        what: String,
        /// How the body begins.
        shown: String,
    },
}
