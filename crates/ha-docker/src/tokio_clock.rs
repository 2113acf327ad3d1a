//! The clock of the runtime that the adapters run on.

use std::time::Duration;

use async_trait::async_trait;
use ha_core::ports::Clock;
use tokio::time::Instant;

/// Tokio's monotonic clock, which tests may pause.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock(Instant);

impl TokioClock {
    /// A clock that counts from now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

#[async_trait]
impl Clock for TokioClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
