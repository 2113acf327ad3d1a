//! The examination for people and for programs.

use ha_core::doctor::{Check, CheckResult, DoctorReport};
use serde_json::Value;

use crate::output::{Page, Report, Tone, wrap};

const WIDTH: usize = 110;

pub(super) struct Examined<'a> {
    pub(super) report: &'a DoctorReport,
}

impl Report for Examined<'_> {
    fn human(&self, page: &mut Page) {
        let checks = &self.report.checks;
        for of_node in checks.chunk_by(|a, b| a.node == b.node) {
            let Some(first) = of_node.first() else { continue };
            let name = page.tone(Tone::Strong, first.node.as_str());
            page.line(name);
            node(page, of_node);
            page.line("");
        }
        let count = |result| checks.iter().filter(|check| check.result == result).count();
        let words = [
            (CheckResult::Error, "error", "errors"),
            (CheckResult::Warning, "warning", "warnings"),
            (CheckResult::Unknown, "not known", "not known"),
            (CheckResult::Ok, "ok", "ok"),
        ];
        let counts: Vec<_> = words
            .into_iter()
            .filter_map(|(result, one, many)| match count(result) {
                0 => None,
                1 => Some(format!("1 {one}")),
                more => Some(format!("{more} {many}")),
            })
            .collect();
        page.line(counts.join(", "));
    }

    fn json(&self) -> Value {
        serde_json::to_value(self.report).unwrap_or_default()
    }
}

fn node(page: &mut Page, checks: &[Check]) {
    let titles: Vec<_> = checks.iter().map(title).collect();
    let width = titles.iter().map(|title| title.chars().count()).max().unwrap_or(0);
    let mut said: Vec<&str> = Vec::new();
    for (check, title) in checks.iter().zip(&titles) {
        if let Some(others) = same_reason(checks, check) {
            // One reason, for instance an engine that does not answer, would fill the page line by line.
            if !said.contains(&check.found.as_str()) {
                said.push(&check.found);
                line(page, check.result, &format!("{} checks", others), width, &check.found);
            }
            continue;
        }
        line(page, check.result, title, width, &check.found);
        if let Some(help) = &check.help {
            let word = page.tone(Tone::Good, "help:");
            page.line(format!("           {word} {}", indent(help, 17)));
        }
    }
}

fn title(check: &Check) -> String {
    match &check.peer {
        Some(peer) => format!("{peer}: {}", check.code.title()),
        None => check.code.title().to_owned(),
    }
}

/// How many checks are not known for the very same reason, where it is more than one and there is no more to say.
fn same_reason(checks: &[Check], check: &Check) -> Option<usize> {
    let mute = |check: &Check| check.result == CheckResult::Unknown && check.help.is_none();
    if !mute(check) {
        return None;
    }
    let count = checks.iter().filter(|other| mute(other) && other.found == check.found).count();
    (count > 1).then_some(count)
}

fn line(page: &mut Page, result: CheckResult, title: &str, width: usize, found: &str) {
    let (tone, word) = match result {
        CheckResult::Ok => (Tone::Good, "ok"),
        CheckResult::Warning => (Tone::Warning, "warning"),
        CheckResult::Error => (Tone::Bad, "error"),
        CheckResult::Unknown => (Tone::Faint, "unknown"),
    };
    let word = page.tone(tone, format!("{word:<7}"));
    page.line(format!("  {word}  {title:<width$}  {}", indent(found, width + 13)));
}

/// Breaks a long text so that it stays in its column.
fn indent(text: &str, column: usize) -> String {
    let wrapped = wrap(text, WIDTH.saturating_sub(column).max(30));
    let mut lines = wrapped.lines().map(str::trim_start);
    let mut out = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        out.push('\n');
        out.push_str(&" ".repeat(column));
        out.push_str(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use ha_core::doctor::{CheckCode, DoctorReport};

    use super::*;

    fn check(node: &str, code: CheckCode, peer: Option<&str>, result: CheckResult, found: &str) -> Check {
        Check {
            node: node.parse().unwrap(),
            code,
            peer: peer.map(|peer| peer.parse().unwrap()),
            result,
            found: found.to_owned(),
            help: matches!(result, CheckResult::Warning | CheckResult::Error)
                .then(|| "do this, and when that does not help, do something else that is much longer to say, so that it takes a second line".to_owned()),
        }
    }

    #[test]
    fn one_reason_for_many_unknown_checks_is_said_once() {
        use CheckResult::{Error, Ok, Unknown, Warning};
        let no_engine = "the engine of vm2 could not be asked";
        let report = DoctorReport {
            schema: 1,
            cluster: "sso".parse().unwrap(),
            result: Error,
            checks: vec![
                check("vm1", CheckCode::Engine, None, Ok, "Docker 20.10.24"),
                check("vm1", CheckCode::DiskSync, None, Warning, "90 durable writes a second"),
                check("vm1", CheckCode::PeerPostgres, Some("vm2"), Unknown, "nobody listens"),
                check("vm2", CheckCode::Engine, None, Error, "no Docker engine answers"),
                check("vm2", CheckCode::EngineExposed, None, Unknown, no_engine),
                check("vm2", CheckCode::DiskSpace, None, Unknown, no_engine),
                check("vm2", CheckCode::Clock, None, Unknown, no_engine),
            ],
        };
        let mut page = Page::new(false);
        Examined { report: &report }.human(&mut page);
        insta::assert_snapshot!(page.into_text());
    }
}
