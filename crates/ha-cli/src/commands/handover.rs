//! A change of roles at work, and what ctrl-c means at each moment of it.
//!
//! Before anything has changed it ends at once. Until the old primary is stopped, what is under way ends, and the rest is not begun:
//! it can be taken back. From then on nobody takes writes until the other one is promoted, so it is brought to its end; only a
//! second ctrl-c gives it up. A terminal that is closed and a service manager that ends the program mean the same as the first one.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use ha_core::Cluster;
use ha_core::layout::Component;
use ha_core::plan::{Action, Plan};
use ha_core::steps::{RunError, StepEvent, Watcher};

use super::plan;
use crate::error::{Error, Failure};
use crate::interrupt::Interrupts;
use crate::output::{Printer, Tone};

/// How far it is.
const NOTHING_CHANGED: u8 = 0;
const BEFORE_THE_STOP: u8 = 1;
const NOBODY_WRITES: u8 = 2;

/// Hands every event on, and knows how far the change is.
struct Handover {
    next: Arc<dyn Watcher>,
    phase: AtomicU8,
    no_further: AtomicBool,
}

impl Handover {
    fn at_least(&self, phase: u8) {
        self.phase.fetch_max(phase, Ordering::SeqCst);
    }
}

impl Watcher for Handover {
    fn event(&self, event: StepEvent<'_>) {
        if let StepEvent::Started(step) = &event {
            match &step.action {
                Action::AwaitKeycloak => {}
                // What is fenced, in a failover, may have been the primary until then.
                Action::Stop { component: Component::Postgres }
                | Action::Fence
                | Action::ProveReceived { .. }
                | Action::Promote => {
                    self.at_least(NOBODY_WRITES);
                }
                _ => self.at_least(BEFORE_THE_STOP),
            }
        }
        self.next.event(event);
    }

    fn goes_on(&self) -> bool {
        !self.no_further.load(Ordering::SeqCst)
    }
}

/// Runs the plan of a change. Where ctrl-c came before the old primary was stopped, no step has failed and not all were begun.
///
/// # Errors
/// Ctrl-c, before anything has changed or for a second time.
pub(super) async fn run(
    cluster: &Cluster,
    steps: &Plan,
    watcher: Arc<dyn Watcher>,
    printer: &Printer,
) -> Result<Result<(), RunError>, Error> {
    let refused =
        |error| Failure::failed("signals", "nothing was done: interrupts could not be listened for").because(error);
    let mut interrupts = Interrupts::listen().map_err(refused)?;
    let handover = Arc::new(Handover { next: watcher, phase: AtomicU8::default(), no_further: AtomicBool::default() });
    let mut work = pin!(cluster.run(steps, Arc::clone(&handover) as _));
    tokio::select! {
        done = &mut work => return Ok(done),
        () = interrupts.first() => {}
    }
    let what = match handover.phase.load(Ordering::SeqCst) {
        NOTHING_CHANGED => return Err(plan::interrupted().into()),
        BEFORE_THE_STOP => {
            handover.no_further.store(true, Ordering::SeqCst);
            "it is taken back; once more leaves it as it is"
        }
        _ => {
            "nobody takes writes at this moment: it is brought to its end, which takes some seconds; once more gives it up"
        }
    };
    printer.note(|page| {
        let mark = page.tone(Tone::Warning, "interrupt:");
        page.line(format!("{mark} {what}"));
    });
    tokio::select! {
        done = work => Ok(done),
        () = interrupts.once_more() => Err(plan::interrupted().into()),
    }
}
