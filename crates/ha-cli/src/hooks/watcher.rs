//! Starts hooks from within a plan at work.

use std::sync::{Arc, Mutex, PoisonError};

use ha_core::hooks::{HookEvent, RoleChange, role_calls};
use ha_core::plan::Action;
use ha_core::steps::{StepEvent, Watcher};
use ha_core::topology::Topology;

use super::report::HookReport;
use super::under_way::HooksUnderWay;
use crate::output::Printer;

/// Starts the hooks of a change of roles the moment its promotion is done, and hands every event on.
pub struct HooksOnPromotion {
    topology: Topology,
    events: Vec<HookEvent>,
    change: RoleChange,
    next: Arc<dyn Watcher>,
    under_way: Mutex<HooksUnderWay>,
}

impl HooksOnPromotion {
    /// For a plan that promotes `change.new_primary`; events go on to `next`.
    #[must_use]
    pub fn new(topology: &Topology, events: &[HookEvent], change: RoleChange, next: Arc<dyn Watcher>) -> Self {
        let under_way = Mutex::default();
        Self { topology: topology.clone(), events: events.to_vec(), change, next, under_way }
    }

    /// Waits for those that were started: see [`HooksUnderWay::finish`]. To be called whether the plan went well or
    /// not.
    pub async fn finish(&self, printer: &Printer) -> Vec<HookReport> {
        let under_way = std::mem::take(&mut *self.under_way.lock().unwrap_or_else(PoisonError::into_inner));
        under_way.finish(printer).await
    }
}

impl Watcher for HooksOnPromotion {
    fn event(&self, event: StepEvent<'_>) {
        if let StepEvent::Done(step) = &event
            && step.action == Action::Promote
            && step.node == self.change.new_primary
        {
            let calls = role_calls(&self.topology, &self.events, &self.change);
            self.under_way.lock().unwrap_or_else(PoisonError::into_inner).add(calls);
        }
        self.next.event(event);
    }
}
