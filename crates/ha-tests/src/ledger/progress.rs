//! How far a writer is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Between two tries while nobody takes writes.
pub(super) const TRY_AGAIN: Duration = Duration::from_millis(5);

/// The writer ends by itself after that.
const LIFE: Duration = Duration::from_secs(1800);

/// Shared by the writer and whoever watches it.
#[derive(Clone)]
pub(super) struct Progress {
    pub(super) stop: Arc<AtomicBool>,
    ledger: Arc<Mutex<Ledger>>,
    begun: Instant,
}

impl Progress {
    pub(super) fn begin() -> Self {
        Self { stop: Arc::default(), ledger: Arc::default(), begun: Instant::now() }
    }

    pub(super) fn is_wanted(&self) -> bool {
        !self.stop.load(Ordering::Relaxed) && self.begun.elapsed() < LIFE
    }

    pub(super) fn so_far(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next.
    pub(super) fn attempt(&self) -> i64 {
        let mut ledger = self.so_far();
        ledger.attempted += 1;
        ledger.attempted
    }

    pub(super) fn acknowledged(&self, number: i64) {
        self.so_far().acknowledged.push((number, Instant::now()));
    }
}

/// What was written, as far as the writer knows.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// The numbers that were sent; they begin with 1.
    pub attempted: i64,
    /// Each number that the server acknowledged, and when.
    pub acknowledged: Vec<(i64, Instant)>,
}
