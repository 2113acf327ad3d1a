//! An engine that did not answer, as it is told.

use crate::causes::chain;
use crate::observe::{Unobserved, UnobservedWhy};
use crate::ports::RuntimeError;

pub(crate) fn runtime_failure(error: &RuntimeError) -> Unobserved {
    let why = match error {
        RuntimeError::Unreachable { .. } => UnobservedWhy::Refused,
        RuntimeError::TimedOut { .. } | RuntimeError::Broken { .. } => UnobservedWhy::Silent,
        RuntimeError::PermissionDenied { .. } | RuntimeError::Untrusted { .. } => UnobservedWhy::Denied,
        _ => UnobservedWhy::Failed,
    };
    Unobserved { why, message: chain(error) }
}
