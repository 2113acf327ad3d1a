//! Done is what `health` calls healthy: what comes by itself within moments is waited for, and what does not is told.

use std::time::{Duration, Instant};

use ha_core::Cluster;
use ha_core::health::{ClusterState, Code, Finding, Report};
use ha_core::values::NodeName;
use serde_json::{Value, json};

use super::plan;
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Printer, Tone};

/// What somebody else has the last word on.
const SETTINGS: [Code; 2] = [Code::DurabilityNotInForce, Code::SettingNotInForce];
/// From a reload until every session shows it.
const RELOAD_LIMIT: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Waiting is not told before: as a rule it is over by then.
const QUIET: Duration = Duration::from_secs(2);

/// How things stand after a command has done what it had to do.
#[derive(Default)]
pub(super) struct Settled {
    state: Option<ClusterState>,
    /// What is still wrong or still to come, of the nodes that it was about.
    findings: Vec<Finding>,
    /// Something that should have come by itself has not, in time.
    late: bool,
}

impl Settled {
    fn of(report: Report, nodes: &[NodeName], late: bool) -> Self {
        let about = |finding: &Finding| finding.node.as_ref().is_none_or(|node| nodes.contains(node));
        Self { state: Some(report.state), findings: report.findings.into_iter().filter(about).collect(), late }
    }

    /// The exit code: what was to be done is done, unless something that should have come by itself has not, or what was to be in
    /// force is not.
    pub(super) fn outcome(&self) -> Outcome {
        let not_in_force = self.findings.iter().any(|finding| finding.code == Code::DurabilityNotInForce);
        if self.late || not_in_force { Outcome::Degraded } else { Outcome::Done }
    }

    /// For a person; nothing where all is well.
    pub(super) fn in_words(&self) -> String {
        if self.findings.is_empty() {
            return String::new();
        }
        let line = |finding: &Finding| {
            let node = finding.node.as_ref().map_or_else(String::new, |node| format!("{node}: "));
            // What nobody would expect after what was done, and what takes it back.
            let help =
                if SETTINGS.contains(&finding.code) { format!("    help: {}\n", finding.help) } else { String::new() };
            format!("  {node}{} [{}]\n{help}", finding.message, finding.code)
        };
        let lines: String = self.findings.iter().map(line).collect();
        format!("still to come, or wrong (`ha-cli health` says what to do):\n{lines}")
    }

    /// The same for programs.
    pub(super) fn to_json(&self) -> Value {
        json!({ "state": self.state, "findings": self.findings })
    }
}

/// Reads back what is in force: a server takes a moment to read its configuration again.
///
/// # Errors
/// An interrupt.
pub(super) async fn read_back(cluster: &Cluster) -> Result<Settled, Error> {
    let begun = Instant::now();
    loop {
        let mut settled = look(cluster, &all(cluster)).await?;
        settled.findings.retain(|finding| SETTINGS.contains(&finding.code));
        if settled.outcome() == Outcome::Done || begun.elapsed() >= RELOAD_LIMIT {
            return Ok(settled);
        }
        plan::interruptible(tokio::time::sleep(LOOK_AGAIN)).await?;
    }
}

/// One look.
///
/// # Errors
/// An interrupt.
pub(super) async fn look(cluster: &Cluster, nodes: &[NodeName]) -> Result<Settled, Error> {
    let report = plan::interruptible(cluster.report()).await?;
    Ok(Settled::of(report, nodes, false))
}

/// Every node.
pub(super) fn all(cluster: &Cluster) -> Vec<NodeName> {
    cluster.topology().nodes().iter().map(|node| node.name.clone()).collect()
}

/// Waits while something about `nodes` comes by itself.
///
/// # Errors
/// An interrupt.
pub(super) async fn of(cluster: &Cluster, nodes: &[NodeName], printer: &Printer) -> Result<Settled, Error> {
    let begun = Instant::now();
    let mut told = false;
    loop {
        let report = plan::interruptible(cluster.report()).await?;
        let mine = |finding: &&Finding| finding.node.as_ref().is_some_and(|node| nodes.contains(node));
        let coming = |finding: &&Finding| finding.code.passes_within().is_some_and(|limit| begun.elapsed() < limit);
        let mut passing = report.findings.iter().filter(mine).filter(|it| it.code.passes_within().is_some()).peekable();
        let late = passing.peek().is_some();
        let Some(first) = passing.find(coming) else { return Ok(Settled::of(report, nodes, late)) };
        if !told && begun.elapsed() >= QUIET {
            told = true;
            printer.note(|page| {
                let mark = page.tone(Tone::Faint, "waiting:");
                let node = first.node.as_ref().map_or("", |node| node.as_str());
                page.line(format!("{mark} {node}: {}", first.message));
            });
        }
        plan::interruptible(tokio::time::sleep(LOOK_AGAIN)).await?;
    }
}
