//! What a Keycloak answered.

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::error::HttpError;

/// How much of a body errors show.
const SHOWN: usize = 300;

/// One answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked: the method and the address.
    pub request: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Answer {
    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The value of a header, if it has one that is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is none.
    pub fn json(&self) -> Result<Value, HttpError> {
        serde_json::from_str(&self.text).map_err(|_| self.unlike("JSON was expected"))
    }

    /// A field of the body's JSON object that is text.
    ///
    /// # Errors
    /// There is no such field.
    pub fn field(&self, name: &str) -> Result<String, HttpError> {
        match self.json()?.get(name).and_then(Value::as_str) {
            Some(text) => Ok(text.to_owned()),
            None => Err(self.unlike(&format!("JSON with a \"{name}\" was expected"))),
        }
    }

    /// The same answer, if its status is that.
    ///
    /// # Errors
    /// It is another.
    pub fn expect(self, status: u16) -> Result<Self, HttpError> {
        if self.status == status { Ok(self) } else { Err(self.unlike(&format!("{status} was expected"))) }
    }

    /// How it begins, for messages.
    #[must_use]
    pub fn shown(&self) -> String {
        let begin: String = self.text.chars().take(SHOWN).collect();
        format!("{} {}", self.status, begin.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    fn unlike(&self, what: &str) -> HttpError {
        HttpError::Body { what: format!("{}: {what}", self.request), shown: self.shown() }
    }
}
