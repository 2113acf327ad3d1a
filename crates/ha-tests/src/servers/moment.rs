//! Something that happens in the middle of a plan.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ha_core::plan::{Action, Plan};
use ha_core::steps::{RunError, StepEvent, Watcher};

use super::Servers;

/// Does it when the first such step begins.
struct Moment<F> {
    at: fn(&Action) -> bool,
    does: F,
    has_come: AtomicBool,
}

impl<F: Fn() + Send + Sync> Watcher for Moment<F> {
    fn event(&self, event: StepEvent<'_>) {
        if let StepEvent::Started(step) = event
            && (self.at)(&step.action)
            && !self.has_come.swap(true, Ordering::Relaxed)
        {
            (self.does)();
        }
    }
}

impl Servers {
    /// Runs a plan, and does something when the first such step begins.
    ///
    /// # Errors
    /// The steps that failed.
    ///
    /// # Panics
    /// When no such step began.
    pub fn run_until(
        &self,
        plan: &Plan,
        at: fn(&Action) -> bool,
        does: impl Fn() + Send + Sync + 'static,
    ) -> Result<(), RunError> {
        let moment = Arc::new(Moment { at, does, has_come: AtomicBool::new(false) });
        let ran = self.wait(self.cluster().run(plan, Arc::clone(&moment) as _));
        assert!(moment.has_come.load(Ordering::Relaxed), "no such step began: {plan:?}");
        ran
    }
}
