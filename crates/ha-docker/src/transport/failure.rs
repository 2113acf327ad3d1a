//! Why no connection came about, in the words of whoever refused it.

use std::error::Error as StdError;
use std::io;

use bollard::errors::Error as BollardError;
use hyper::http::Extensions;
use hyper_util::client::legacy::Error as HttpError;

use super::link::Refusal;

/// What kind of refusal it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// Nobody answers.
    Unreachable,
    /// Somebody does, and does not let us in.
    Denied,
    /// Somebody does who is not who they should be.
    Untrusted,
}

/// A connection that did not come about.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Unreachable, message: message.into() }
    }

    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Denied, message: message.into() }
    }

    pub(crate) fn untrusted(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Untrusted, message: message.into() }
    }

    /// The failure that is somewhere in a chain of errors.
    pub(crate) fn find(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(failure) = error.downcast_ref::<Self>() {
                return Some(failure.clone());
            }
            // An `io::Error` names the source of what it wraps, never what it wraps itself.
            let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            if let Some(wrapped) = wrapped {
                if let Some(failure) = Self::find(wrapped) {
                    return Some(failure);
                }
                if let Some(tls) = wrapped.downcast_ref::<tokio_rustls::rustls::Error>() {
                    return Some(super::tls::failure(tls));
                }
            }
            next = error.source();
        }
        None
    }
}

/// What hyper does not tell, because its connection ended before the request got to it, is told by the connection.
fn noted(error: &HttpError) -> Option<Failure> {
    let mut extras = Extensions::new();
    error.connect_info()?.get_extras(&mut extras);
    extras.get::<Refusal>()?.get().cloned()
}

/// bollard's error type has one place for what a transport of one's own reports.
pub(crate) fn into_bollard(error: HttpError) -> BollardError {
    let err = match Failure::find(&error).or_else(|| noted(&error)) {
        Some(failure) => io::Error::other(failure),
        None => io::Error::other(error),
    };
    BollardError::IOError { err }
}
