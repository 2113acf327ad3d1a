//! Hooks at work.

use std::time::Instant;

use ha_core::hooks::{HookCall, HookEvent, RoleChange, role_calls};
use ha_core::topology::Topology;
use tokio::task::JoinSet;

use super::process;
use super::report::HookReport;
use crate::interrupt::interrupted;
use crate::output::{Printer, Tone};

/// Hooks at work. Dropped, they are killed.
#[derive(Debug, Default)]
pub struct HooksUnderWay {
    calls: Vec<HookCall>,
    runs: JoinSet<(usize, HookReport)>,
}

impl HooksUnderWay {
    /// Starts what the topology has for these events. Returns at once.
    #[must_use]
    pub fn start(topology: &Topology, events: &[HookEvent], change: &RoleChange) -> Self {
        let mut under_way = Self::default();
        under_way.add(role_calls(topology, events, change));
        under_way
    }

    pub(super) fn add(&mut self, calls: impl IntoIterator<Item = HookCall>) {
        for call in calls {
            let place = self.calls.len();
            self.calls.push(call.clone());
            self.runs.spawn(async move { (place, run(call).await) });
        }
    }

    /// Waits for all of them, each within its limit or until ctrl-c, and warns of those that did not go well.
    pub async fn finish(mut self, printer: &Printer) -> Vec<HookReport> {
        let mut reports: Vec<Option<HookReport>> = self.calls.iter().map(|_| None).collect();
        while let Some(joined) = self.runs.try_join_next() {
            joined.into_iter().for_each(|(place, report)| reports[place] = Some(report));
        }
        let under_way = || self.calls.iter().zip(&reports).filter(|(_, report)| report.is_none()).map(|(call, _)| call);
        if let Some(longest) = under_way().map(|call| call.limit.as_secs()).max() {
            let names: Vec<_> = under_way().map(|call| call.event.to_string()).collect();
            let line = format!("waiting for {} (at most {longest} s; ctrl-c ends that)", names.join(" and "));
            printer.note(|page| page.line(line));
        }
        let interrupt = interrupted();
        tokio::pin!(interrupt);
        loop {
            tokio::select! {
                joined = self.runs.join_next() => match joined {
                    Some(joined) => joined.into_iter().for_each(|(place, report)| reports[place] = Some(report)),
                    None => break,
                },
                () = &mut interrupt => {
                    self.runs.shutdown().await;
                    break;
                }
            }
        }
        let reports: Vec<_> = reports
            .into_iter()
            .zip(self.calls)
            .map(|(report, call)| report.unwrap_or_else(|| HookReport::interrupted(call)))
            .collect();
        for report in reports.iter().filter(|report| !report.went_well()) {
            warn(printer, report);
        }
        reports
    }
}

/// Warns people; programs find it in the object that they get.
pub(crate) fn warn(printer: &Printer, report: &HookReport) {
    printer.note(|page| {
        let mark = page.tone(Tone::Warning, "warning:");
        page.line(format!("{mark} {report}"));
    });
}

/// Runs one hook to its end.
pub(super) async fn run(call: HookCall) -> HookReport {
    let begun = Instant::now();
    let (end, output) = process::run(&call).await;
    HookReport { call, end, output, took: begun.elapsed() }
}

#[cfg(test)]
mod tests;
