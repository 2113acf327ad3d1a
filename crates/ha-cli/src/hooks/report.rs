//! How a hook went, for people and programs.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use ha_core::hooks::HookCall;
use serde_json::{Value, json};

use super::HookEnd;

/// Lines of its output that people are shown.
const SHOWN_LINES: usize = 20;

/// One run of a hook.
#[derive(Debug)]
pub struct HookReport {
    /// What was run, and why.
    pub call: HookCall,
    /// How it ended.
    pub end: HookEnd,
    /// What it wrote last, to either stream.
    pub output: String,
    /// How long it took.
    pub took: Duration,
}

impl HookReport {
    pub(super) const fn interrupted(call: HookCall) -> Self {
        Self { call, end: HookEnd::Interrupted, output: String::new(), took: Duration::ZERO }
    }

    /// Whether there is nothing to warn of.
    #[must_use]
    pub const fn went_well(&self) -> bool {
        matches!(self.end, HookEnd::Done)
    }

    /// What is wrong; `None` where it went well.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        Some(match &self.end {
            HookEnd::Done => return None,
            HookEnd::Failed(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("ended with exit code {code}"),
                (None, Some(signal)) => format!("was ended by signal {signal}"),
                (None, None) => format!("ended with {status}"),
            },
            HookEnd::NotStarted(error) => format!("could not be run: {error}"),
            HookEnd::TimedOut => {
                format!("took more than {} s and was killed with all that it started", self.call.limit.as_secs())
            }
            HookEnd::Interrupted => "was killed: it was not waited for".to_owned(),
        })
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "event": self.call.event.as_str(), "node": self.call.node, "program": self.call.command.program,
            "done": self.went_well(), "problem": self.problem(), "output": self.output,
            "seconds": self.took.as_secs_f64(),
        })
    }
}

/// The warning: what is wrong, then what it wrote last, set in.
impl fmt::Display for HookReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HookCall { event, command, .. } = &self.call;
        write!(f, "{event} ({}) {}", command.program, self.problem().as_deref().unwrap_or("went well"))?;
        let lines: Vec<_> = self.output.lines().collect();
        let shown = lines.len().saturating_sub(SHOWN_LINES)..;
        lines[shown].iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}
