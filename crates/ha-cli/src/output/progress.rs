//! What is seen while a plan runs: bars on a terminal, lines elsewhere, nothing for programs.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ha_core::plan::{Plan, PlannedStep, StepId};
use ha_core::steps::{StepEvent, Watcher};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::globals::OutputFormat;
use crate::plain::plain;

/// Shows a plan at work on standard error, and keeps how long each step took.
pub struct PlanProgress {
    show: Show,
    state: Mutex<State>,
}

enum Show {
    Nothing,
    Lines,
    Bars(MultiProgress),
}

#[derive(Default)]
struct State {
    begun: BTreeMap<StepId, (Instant, Option<ProgressBar>)>,
    took: Vec<(PlannedStep, Duration, bool)>,
    /// The last tenth that a line was printed for.
    tenths: BTreeMap<StepId, u64>,
}

impl PlanProgress {
    /// What fits the format and the terminal.
    #[must_use]
    pub fn new(format: OutputFormat) -> Self {
        let show = match format {
            OutputFormat::Json => Show::Nothing,
            OutputFormat::Human if std::io::stderr().is_terminal() => {
                Show::Bars(MultiProgress::with_draw_target(ProgressDrawTarget::stderr()))
            }
            OutputFormat::Human => Show::Lines,
        };
        Self { show, state: Mutex::default() }
    }

    /// What each step took, for programs.
    #[must_use]
    pub fn to_json(&self, plan: &Plan) -> Value {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = plan.steps.iter().map(|step| {
            let took = state.took.iter().find(|(done, _, _)| done.id == step.id);
            let mut value = planned(step);
            if let Some(object) = value.as_object_mut() {
                object.insert("done".to_owned(), json!(took.is_some_and(|(_, _, well)| *well)));
                object.insert("seconds".to_owned(), json!(took.map(|(_, time, _)| time.as_secs_f64())));
            }
            value
        });
        Value::Array(steps.collect())
    }

    fn line(&self, text: &str) {
        use std::io::Write;
        let text = plain(text);
        match &self.show {
            Show::Nothing => {}
            Show::Lines => drop(writeln!(std::io::stderr(), "{text}")),
            Show::Bars(bars) => drop(bars.println(text)),
        }
    }
}

/// The steps that there would be, for programs.
pub(crate) fn planned_steps(plan: &Plan) -> Value {
    plan.steps.iter().map(planned).collect()
}

fn planned(step: &PlannedStep) -> Value {
    let mut value = serde_json::to_value(step).unwrap_or_default();
    value["description"] = json!(step.action.to_string());
    value
}

fn spinner(bars: &MultiProgress, step: &PlannedStep) -> ProgressBar {
    let bar = bars.add(ProgressBar::new_spinner());
    let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    bar.set_style(style);
    bar.set_message(plain(&step.to_string()).into_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

impl Watcher for PlanProgress {
    fn event(&self, event: StepEvent<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            StepEvent::Started(step) => {
                let bar = match &self.show {
                    Show::Bars(bars) => Some(spinner(bars, step)),
                    Show::Lines | Show::Nothing => None,
                };
                state.begun.insert(step.id, (Instant::now(), bar));
                if let Show::Lines = self.show {
                    self.line(&format!("  {step} …"));
                }
            }
            StepEvent::Progress(step, update) => {
                if let Some((_, Some(bar))) = state.begun.get(&step.id) {
                    if let Some(total) = update.total_bytes {
                        let template = "{spinner} {msg} {bar:24} {bytes}/{total_bytes} ({elapsed})";
                        if let Ok(style) = ProgressStyle::with_template(template) {
                            bar.set_style(style);
                        }
                        bar.set_length(total);
                    }
                    bar.set_position(update.done_bytes);
                } else if let Some(total) = update.total_bytes.filter(|&total| total > 0) {
                    let tenth = update.done_bytes.saturating_mul(10) / total;
                    if state.tenths.insert(step.id, tenth) != Some(tenth) {
                        self.line(&format!("  {step}: {} of {} MiB", update.done_bytes >> 20, total >> 20));
                    }
                }
            }
            StepEvent::Noted(step, text) => self.line(&format!("  ! {step}: {text}")),
            StepEvent::Done(step) => finish(self, &mut state, step, true),
            StepEvent::Failed(step, _) => finish(self, &mut state, step, false),
            _ => {}
        }
    }
}

fn finish(progress: &PlanProgress, state: &mut State, step: &PlannedStep, well: bool) {
    let Some((begun, bar)) = state.begun.remove(&step.id) else { return };
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let took = begun.elapsed();
    let mark = if well { "✓" } else { "✗" };
    progress.line(&format!("  {mark} {step} ({:.1} s)", took.as_secs_f64()));
    state.took.push((step.clone(), took, well));
}
