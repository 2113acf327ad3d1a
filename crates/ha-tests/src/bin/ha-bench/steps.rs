//! How long each step of a plan takes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ha_core::plan::{Action, StepId};
use ha_core::steps::{StepEvent, Watcher};

use crate::report::Row;
use crate::stats::{Samples, milliseconds};

/// When each step of one plan began, and what those that are done took.
#[derive(Default)]
pub(crate) struct StepTimes(Mutex<State>);

#[derive(Default)]
struct State {
    begun: BTreeMap<StepId, Instant>,
    took: Vec<(String, Duration)>,
}

impl StepTimes {
    /// Every step that is done, by the name that programs know it by, in the order of their ends.
    pub(crate) fn took(&self) -> Vec<(String, Duration)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).took.clone()
    }
}

impl Watcher for StepTimes {
    fn event(&self, event: StepEvent<'_>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            StepEvent::Started(step) => drop(state.begun.insert(step.id, Instant::now())),
            StepEvent::Done(step) => {
                if let Some(begun) = state.begun.get(&step.id).copied() {
                    state.took.push((name(&step.action), begun.elapsed()));
                }
            }
            _ => {}
        }
    }
}

/// `start-postgres`.
fn name(action: &Action) -> String {
    let value = serde_json::to_value(action).unwrap_or_default();
    value["action"].as_str().unwrap_or_default().to_owned()
}

/// What each part took, over all rounds, in milliseconds; in the order in which they were first seen.
#[derive(Debug, Default)]
pub(crate) struct Parts(Vec<(String, Samples)>);

impl Parts {
    pub(crate) fn push(&mut self, name: &str, took: f64) {
        if let Some((_, samples)) = self.0.iter_mut().find(|(other, _)| other == name) {
            samples.push(took);
            return;
        }
        let mut samples = Samples::default();
        samples.push(took);
        self.0.push((name.to_owned(), samples));
    }

    /// Every step of a plan that was run, by its name.
    pub(crate) fn push_steps(&mut self, times: &StepTimes) {
        for (step, took) in times.took() {
            self.push(&format!("`{step}`"), milliseconds(took));
        }
    }

    /// A row for each.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row> {
        self.0.iter().map(|(name, times)| Row::new(format!("of it: {name}"), times.few(0, "ms")))
    }
}
