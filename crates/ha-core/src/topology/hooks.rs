//! `[hooks]`: programs of the operator's own that are run when something happens.

use std::time::Duration;

use super::{FieldPath, Problem};

/// `[hooks]`: each an argument vector whose first entry is the program; no shell is in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HooksSpec {
    /// Run when a standby was promoted.
    pub on_promote: Option<Vec<String>>,
    /// Run when a primary became a standby.
    pub on_demote: Option<Vec<String>>,
    /// Run when a standby was promoted because the primary was lost.
    pub on_failover: Option<Vec<String>>,
    /// Run by a watching command when the health of the cluster changes.
    pub on_health: Option<Vec<String>>,
    /// Most time for one run, in seconds.
    pub timeout_seconds: u32,
}

impl Default for HooksSpec {
    fn default() -> Self {
        Self { on_promote: None, on_demote: None, on_failover: None, on_health: None, timeout_seconds: 10 }
    }
}

/// The programs that are run when something happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hooks {
    /// When a standby was promoted.
    pub on_promote: Option<HookCommand>,
    /// When a primary became a standby.
    pub on_demote: Option<HookCommand>,
    /// When a standby was promoted because the primary was lost.
    pub on_failover: Option<HookCommand>,
    /// When the health of the cluster changes.
    pub on_health: Option<HookCommand>,
    /// Most time for one run.
    pub timeout: Duration,
}

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookCommand {
    /// A path, or a name that is looked for in `PATH`. Never empty.
    pub program: String,
    /// What it is called with.
    pub arguments: Vec<String>,
}

const LONGEST_SECONDS: u32 = 600;

impl HooksSpec {
    /// The checked hooks, where nothing is wrong; what is wrong is added to `problems`.
    pub(super) fn check(&self, problems: &mut Vec<Problem>) -> Option<Hooks> {
        let before = problems.len();
        let mut command = |key: &str, vector: &Option<Vec<String>>| {
            let checked = vector.as_deref().map(|vector| HookCommand::check(vector)).transpose();
            checked.unwrap_or_else(|(message, help)| {
                problems.push(Problem::new(FieldPath::of("hooks", key), message, help));
                None
            })
        };
        let on_promote = command("on_promote", &self.on_promote);
        let on_demote = command("on_demote", &self.on_demote);
        let on_failover = command("on_failover", &self.on_failover);
        let on_health = command("on_health", &self.on_health);
        if !(1..=LONGEST_SECONDS).contains(&self.timeout_seconds) {
            let help = format!("a number from 1 to {LONGEST_SECONDS}");
            let path = FieldPath::of("hooks", "timeout_seconds");
            problems.push(Problem::new(path, format!("is {}", self.timeout_seconds), help));
        }
        let timeout = Duration::from_secs(u64::from(self.timeout_seconds));
        (problems.len() == before).then_some(Hooks { on_promote, on_demote, on_failover, on_health, timeout })
    }
}

impl HookCommand {
    fn check(vector: &[String]) -> Result<Self, (&'static str, &'static str)> {
        const HELP: &str = "a list whose first text is the program: [\"/usr/local/bin/notify\", \"argument\"]";
        match vector {
            [] => Err(("is an empty list", "name the program, or remove the key")),
            [program, ..] if program.trim().is_empty() => Err(("names no program", HELP)),
            // The operating system ends a text there.
            [..] if vector.iter().any(|text| text.contains('\0')) => Err(("has a NUL character in it", HELP)),
            [program, arguments @ ..] => Ok(Self { program: program.clone(), arguments: arguments.to_vec() }),
        }
    }
}
