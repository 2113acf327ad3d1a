//! A cluster that rests: not set up yet, or stopped by somebody who meant it. What follows from that is no fault of its own,
//! and no reason for a failover.

use super::{Code, Finding, Report};
use crate::advice::{Remedy, advice};
use crate::history::{Operation, Outcome};
use crate::values::NodeName;

/// Whether the history may tell that what does not run was stopped on purpose.
pub(crate) fn is_worth_asking(report: &Report) -> bool {
    report.nodes.iter().any(|node| has(report, &node.name, Code::PostgresStopped))
}

/// Puts one finding in the place of those that only say again that a node rests.
pub(crate) fn settle(mut report: Report, operations: &[Operation]) -> Report {
    if is_untouched(&report) {
        let message = "nothing of this cluster is on its nodes: it is not set up yet";
        let help = advice!("{} sets it up; `ha-cli doctor` says before whether the hosts are fit", Remedy::UP_ALL);
        report.findings.retain(|finding| !is_absence(finding.code));
        report.findings.push(Finding::new(Code::NotSetUp, None, message, help));
        Finding::sort(&mut report.findings);
        return report;
    }
    let resting: Vec<(NodeName, Operation)> = report
        .nodes
        .iter()
        .filter(|node| has(&report, &node.name, Code::PostgresStopped))
        .filter_map(|node| Some((node.name.clone(), meant(operations, &node.name)?.clone())))
        .collect();
    if resting.is_empty() {
        return report;
    }
    for (name, down) in &resting {
        report.findings.retain(|it| it.node.as_ref() != Some(name) || !is_rest(it.code));
        let message = format!("it was stopped by `down`, by {} at {} UTC", down.by, minute(down.when()));
        let help = advice!("{} starts it again", Remedy::up(name));
        report.findings.push(Finding::new(Code::StoppedByDown, Some(name), message, help));
    }
    let rests = |name: &NodeName| resting.iter().any(|(it, _)| it == name);
    if report.nodes.iter().all(|node| node.role != super::ReportedRole::Unknown || rests(&node.name)) {
        // Whoever is missing is known to rest: a primary is not lost by being stopped.
        report.findings.retain(|it| it.code != Code::PrimaryUnknown);
    }
    Finding::sort(&mut report.findings);
    report
}

/// No container of ours on any node, and nothing that could hide one.
fn is_untouched(report: &Report) -> bool {
    let absent = |name| has(report, name, Code::PostgresMissing) && has(report, name, Code::KeycloakMissing);
    let known = |code| is_absence(code) || matches!(code, Code::SharedEngine | Code::DiskLow | Code::MemoryLow);
    !report.nodes.is_empty()
        && report.nodes.iter().all(|node| absent(&node.name))
        && report.findings.iter().all(|finding| known(finding.code))
}

const fn is_absence(code: Code) -> bool {
    matches!(code, Code::PostgresMissing | Code::KeycloakMissing | Code::PrimaryUnknown)
}

const fn is_rest(code: Code) -> bool {
    matches!(code, Code::PostgresStopped | Code::KeycloakStopped)
}

fn has(report: &Report, node: &NodeName, code: Code) -> bool {
    report.findings.iter().any(|finding| finding.code == code && finding.node.as_ref() == Some(node))
}

/// The `down` that stopped a node, where nothing else has been done to it since.
fn meant<'o>(operations: &'o [Operation], node: &NodeName) -> Option<&'o Operation> {
    let last = operations.iter().rev().find(|operation| operation.nodes.contains(node))?;
    let done = last.ended.as_ref().is_some_and(|ended| ended.outcome == Some(Outcome::Done));
    (last.command == "down" && done).then_some(last)
}

/// `2026-11-23 23:12` of a time as the history has it.
fn minute(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}
