//! Why no connection came about, in the words of whoever refused it.

use std::error::Error as StdError;
use std::io;

use tokio_rustls::rustls;

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
                if let Some(tls) = wrapped.downcast_ref::<rustls::Error>() {
                    return Some(of_tls(tls));
                }
            }
            next = error.source();
        }
        None
    }
}

/// A refusal by TLS: ours of them, or theirs of us. With TLS 1.3 theirs arrives after the handshake, when reading.
fn of_tls(error: &rustls::Error) -> Failure {
    match error {
        rustls::Error::AlertReceived(_) => Failure::denied(format!("the engine refused our certificate: {error}")),
        _ => Failure::untrusted(error.to_string()),
    }
}
