//! Time.

use std::time::Duration;

use async_trait::async_trait;

/// A monotonic clock that can be waited on. The core has no clock of its own, so that tests can give it one.
#[cfg_attr(any(test, feature = "test-util"), mockall::automock)]
#[async_trait]
pub trait Clock: Send + Sync {
    /// Time since some fixed moment; never goes back, whatever is done to the machine's calendar.
    fn now(&self) -> Duration;

    /// Waits that long.
    async fn sleep(&self, time: Duration);
}
