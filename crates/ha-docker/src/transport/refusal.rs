//! Why a connection was refused that was there already.

use std::io;
use std::sync::{Arc, OnceLock};

use bollard::errors::Error as BollardError;
use hyper::http::Extensions;
use hyper_util::client::legacy::Error as HttpError;

use super::failure::Failure;

/// Why a connection was refused, kept beside it. Whoever refuses once the connection is there (TLS 1.3 does, and so does
/// `ssh`) is heard by hyper's task for the connection, which may end before the request gets to it; hyper then tells of
/// a connection that is closed, and of nothing else.
#[derive(Clone, Default)]
pub(crate) struct Refusal(Arc<OnceLock<Failure>>);

impl Refusal {
    pub(crate) fn get(&self) -> Option<&Failure> {
        self.0.get()
    }

    /// The first failure is the cause of those that follow.
    pub(super) fn note(&self, error: &io::Error) {
        if let Some(failure) = Failure::find(error) {
            self.0.get_or_init(|| failure);
        }
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
