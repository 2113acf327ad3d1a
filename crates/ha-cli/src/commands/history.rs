//! `history`: what was done to the cluster.

use ha_core::history::{Ended, History, Operation, Outcome as Ending};
use ha_core::topology::Topology;
use serde_json::{Value, json};

use crate::cli::{Globals, HistoryArgs};
use crate::connect::{Purpose, connect};
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{Page, Printer, Report, Tone, columns};

pub(super) async fn run(globals: &Globals, args: &HistoryArgs, printer: &Printer) -> Result<Outcome, Error> {
    let cluster = connect(globals, Purpose::Look)?;
    let mut history = cluster.history().await;
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    history.operations.drain(..history.operations.len().saturating_sub(limit));
    printer.report(&HistoryReport { topology: cluster.topology(), history: &history })?;
    let nobody = history.gaps.len() == cluster.topology().nodes().len();
    Ok(if nobody { Outcome::Failed } else { Outcome::Done })
}

struct HistoryReport<'a> {
    topology: &'a Topology,
    history: &'a History,
}

impl Report for HistoryReport<'_> {
    fn human(&self, page: &mut Page) {
        if self.history.operations.is_empty() {
            page.line("nothing is written down");
        } else {
            let mut rows = vec![["WHEN (UTC)", "COMMAND", "GENERATION", "WHO", "TOOK", "RESULT"].map(str::to_owned)];
            rows.extend(self.history.operations.iter().map(row));
            columns(page, &rows);
        }
        let mark = page.tone(Tone::Warning, "note:");
        for (node, lines) in &self.history.unreadable {
            page.line(format!("{mark} {node}: {lines} lines of its history cannot be read"));
        }
        for gap in &self.history.gaps {
            page.line(format!("{mark} {}: its history is not among this: {}", gap.node, gap.message));
        }
    }

    fn json(&self) -> Value {
        let History { operations, unreadable, gaps } = self.history;
        json!({
            "schema": 1, "cluster": self.topology.cluster.name, "operations": operations, "unreadable": unreadable,
            "gaps": gaps,
        })
    }
}

fn row(operation: &Operation) -> [String; 6] {
    let unknown = || "-".to_owned();
    let when = operation.when().get(..19).map_or_else(unknown, |when| when.replace('T', " "));
    let seconds = operation.ended.as_ref().and_then(|ended| ended.seconds);
    [
        when,
        operation.command.clone(),
        operation.generation.map_or_else(unknown, |generation| generation.to_string()),
        operation.by.clone(),
        seconds.map_or_else(unknown, |seconds| format!("{seconds:.1} s")),
        operation.ended.as_ref().map_or_else(|| "not ended".to_owned(), result),
    ]
}

fn result(ended: &Ended) -> String {
    let word = match ended.outcome {
        Some(Ending::Done) => "done",
        Some(Ending::Failed) => "failed",
        Some(Ending::Refused) => "refused",
        Some(Ending::Interrupted) => "interrupted",
        None => "ended",
    };
    match ended.detail.as_deref().and_then(|detail| detail.lines().next()) {
        Some(detail) => format!("{word}: {detail}"),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(ended: Option<Ended>) -> Operation {
        Operation {
            operation: "7f".to_owned(),
            begun: Some("2026-11-23T23:12:36.007Z".to_owned()),
            command: "switchover".to_owned(),
            by: "alice@desk".to_owned(),
            generation: Some(4),
            nodes: vec!["vm1".parse().unwrap(), "vm2".parse().unwrap()],
            ended,
        }
    }

    fn ended(outcome: Ending, detail: Option<&str>) -> Ended {
        let detail = detail.map(str::to_owned);
        Ended { at: "2026-11-23T23:12:38.107Z".to_owned(), outcome: Some(outcome), seconds: Some(2.1), detail }
    }

    #[test]
    fn an_operation_is_a_line_and_what_is_not_known_is_a_dash() {
        let done = row(&operation(Some(ended(Ending::Done, None))));
        assert_eq!(done, ["2026-11-23 23:12:36", "switchover", "4", "alice@desk", "2.1 s", "done"]);
        let failed = row(&operation(Some(ended(Ending::Failed, Some("vm2: failed to promote\nits log")))));
        assert_eq!(failed[5], "failed: vm2: failed to promote");
        let under_way = row(&Operation { generation: None, ..operation(None) });
        assert_eq!(under_way[2..], ["-", "alice@desk", "-", "not ended"]);
        // Only the end is known: that is when.
        let found_late = Operation { begun: None, ..operation(Some(ended(Ending::Done, None))) };
        assert_eq!(row(&found_late)[0], "2026-11-23 23:12:38");
    }
}
