//! The cluster's report for people.

use ha_core::health::{
    ClusterState, Finding, NodeReport, PostgresState, ReplicationState, Report as Health, ReportedRole, Severity,
};
use ha_core::observe::{KeycloakMode, KeycloakState};
use serde_json::Value;

use super::human::{Page, Tone};
use super::shown::Report;
use super::size as terminal;
use crate::plain::plain;

/// The whole picture: `status`.
pub struct StatusReport<'a> {
    /// What was found.
    pub health: &'a Health,
    /// Where people reach the service.
    pub public_url: &'a str,
}

impl StatusReport<'_> {
    /// In few lines, for a picture that is drawn again and again.
    pub(crate) fn narrow(&self, page: &mut Page) {
        headline(page, self.health, self.public_url);
        narrow_table(page, &self.health.nodes);
        self.rest(page);
    }

    fn rest(&self, page: &mut Page) {
        for outlook in self.health.outlook.iter().filter(|outlook| outlook.primary) {
            let line = page.tone(Tone::Faint, &outlook.text);
            page.line(line);
        }
        if !self.health.findings.is_empty() {
            page.line("");
            findings(page, &self.health.findings);
        }
    }
}

impl Report for StatusReport<'_> {
    fn human(&self, page: &mut Page) {
        headline(page, self.health, self.public_url);
        table(page, &self.health.nodes);
        self.rest(page);
    }

    fn json(&self) -> Value {
        serde_json::to_value(self.health).unwrap_or_default()
    }
}

/// Only what is wrong: `health`.
pub struct HealthReport<'a> {
    /// What was found.
    pub health: &'a Health,
    /// Where people reach the service.
    pub public_url: &'a str,
}

impl Report for HealthReport<'_> {
    fn human(&self, page: &mut Page) {
        headline(page, self.health, self.public_url);
        findings(page, &self.health.findings);
    }

    fn json(&self) -> Value {
        serde_json::to_value(self.health).unwrap_or_default()
    }
}

fn headline(page: &mut Page, health: &Health, public_url: &str) {
    let (tone, word) = match health.state {
        ClusterState::Healthy => (Tone::Good, "healthy"),
        ClusterState::Degraded => (Tone::Warning, "degraded"),
        ClusterState::Down => (Tone::Bad, "down"),
    };
    let line = format!(
        "{}  {}  durability {}  {public_url}",
        page.tone(Tone::Strong, health.cluster.as_str()),
        page.tone(tone, word),
        health.durability
    );
    page.line(line);
}

/// Findings, each with what to do.
pub(crate) fn findings(page: &mut Page, findings: &[Finding]) {
    for finding in findings {
        let (tone, word) = match finding.severity {
            Severity::Error => (Tone::Bad, "error"),
            Severity::Warning => (Tone::Warning, "warning"),
        };
        let node = finding.node.as_ref().map_or_else(String::new, |node| format!("{node}: "));
        let line = format!(
            "{} {node}{} {}",
            page.tone(tone, format!("{word}:")),
            finding.message,
            page.tone(Tone::Faint, format!("[{}]", finding.code))
        );
        page.line(line);
        let help = page.tone(Tone::Good, "help:");
        page.line(format!("  {help} {}", finding.help));
    }
}

/// How much the table of the nodes tells: what is left out first is what changes least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    /// All there is.
    Whole,
    /// Without Keycloak's URLs.
    NoUrls,
    /// Without PostgreSQL's version, timeline and LSN, either.
    States,
    /// Without PostgreSQL's state, which the role tells as a rule.
    NoServer,
}

impl Table {
    const ALL: [Self; 4] = [Self::Whole, Self::NoUrls, Self::States, Self::NoServer];
}

/// The nodes, a line each where the terminal is wide enough for all there is, else a few lines each.
fn table(page: &mut Page, nodes: &[NodeReport]) {
    let rows = rows(nodes, Table::Whole);
    match page.width() {
        Some(width) if width_of(&rows) > width => blocks(page, &rows),
        _ => columns(page, &rows),
    }
}

/// The nodes, a line each, with as much as the terminal is wide enough for.
fn narrow_table(page: &mut Page, nodes: &[NodeReport]) {
    let fits = |table: &Table| page.width().is_none_or(|width| width_of(&rows(nodes, *table)) <= width);
    let table = Table::ALL.into_iter().find(fits).unwrap_or(Table::NoServer);
    let rows = rows(nodes, table);
    if table == Table::NoServer {
        let rows: Vec<_> = rows
            .into_iter()
            .map(|[name, role, _, keycloak, replication]| [name, role, keycloak, replication])
            .collect();
        columns(page, &rows);
    } else {
        columns(page, &rows);
    }
}

fn rows(nodes: &[NodeReport], table: Table) -> Vec<[String; 5]> {
    let mut rows = vec![["NODE", "ROLE", "POSTGRESQL", "KEYCLOAK", "REPLICATION"].map(str::to_owned)];
    rows.extend(nodes.iter().map(|node| row(node, table)));
    rows
}

fn width_of<const N: usize>(rows: &[[String; N]]) -> usize {
    let widest = |column: usize| rows.iter().map(|row| terminal::width(&row[column])).max().unwrap_or(0);
    (0..N).map(widest).sum::<usize>() + 2 * (N - 1)
}

/// Each row as lines of its own, with the headings before its cells.
fn blocks(page: &mut Page, rows: &[[String; 5]]) {
    let Some((headings, rows)) = rows.split_first() else { return };
    for [name, role, rest @ ..] in rows {
        let name = page.tone(Tone::Strong, name);
        page.line(format!("{name}  {role}"));
        for (heading, cell) in headings[2..].iter().zip(rest) {
            let heading = page.tone(Tone::Faint, format!("  {heading:<11}"));
            page.line(format!("{heading}  {cell}"));
        }
    }
}

/// Rows under their headings, in columns that are as wide as their widest cell.
pub(crate) fn columns<const N: usize>(page: &mut Page, rows: &[[String; N]]) {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| plain(cell).into_owned())).collect();
    let widths: Vec<usize> =
        (0..N).map(|column| rows.iter().map(|row| terminal::width(&row[column])).max().unwrap_or(0)).collect();
    for (index, row) in rows.iter().enumerate() {
        let pad =
            |cell: &String, width: usize| format!("{cell}{}", " ".repeat(width.saturating_sub(terminal::width(cell))));
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| pad(cell, *width)).collect();
        let text = cells.join("  ");
        let tone = if index == 0 { Tone::Faint } else { Tone::Plain };
        let line = page.tone(tone, text.trim_end());
        page.line(line);
    }
}

fn row(node: &NodeReport, table: Table) -> [String; 5] {
    let role = match node.role {
        ReportedRole::Primary => "primary",
        ReportedRole::Standby => "standby",
        ReportedRole::Unknown => "unknown",
    };
    let postgres = &node.postgres;
    let mut server = match postgres.state {
        PostgresState::Running => "running",
        PostgresState::Starting => "starting",
        PostgresState::Stopped => "stopped",
        PostgresState::Unreachable => "unreachable",
    }
    .to_owned();
    let told = matches!(table, Table::Whole | Table::NoUrls);
    if let (true, Some(version), Some(timeline), Some(lsn)) = (told, &postgres.version, postgres.timeline, postgres.lsn)
    {
        server = format!("{server} {version}, timeline {timeline}, {lsn}");
    }
    let mode = match node.keycloak.mode {
        KeycloakMode::ReadWrite => " read-write",
        KeycloakMode::ReadOnly => " read-only",
        KeycloakMode::Unknown => "",
    };
    let state = match node.keycloak.state {
        KeycloakState::Ready => "ready",
        KeycloakState::Starting => "starting",
        KeycloakState::Stopped => "stopped",
        KeycloakState::Unreachable => "unreachable",
    };
    let url = if table == Table::Whole { format!(" {}", node.keycloak.url) } else { String::new() };
    let keycloak = format!("{state}{mode}{url}");
    let replication = node.replication.as_ref().map_or_else(
        || "-".to_owned(),
        |replication| {
            let state = match replication.state {
                ReplicationState::Streaming => "streaming",
                ReplicationState::Catchup => "catching up",
                ReplicationState::Stopped => "stopped",
                ReplicationState::Unknown => "unknown",
            };
            format!("{state}, {}", lag(replication.lag_bytes, replication.lag_seconds))
        },
    );
    [node.name.to_string(), role.to_owned(), server, keycloak, replication]
}

/// How far behind, for people.
pub(crate) fn lag(bytes: Option<u64>, seconds: Option<f64>) -> String {
    let bytes = bytes.map_or_else(|| "? bytes".to_owned(), size);
    let seconds = seconds.map_or_else(|| "? s".to_owned(), |seconds| format!("{seconds:.1} s"));
    format!("{bytes} / {seconds} behind")
}

/// A size in the largest unit that leaves a number above 1.
pub(crate) fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let value = bytes as f64;
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", value / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", value / 1_048_576.0),
        _ => format!("{:.1} GiB", value / 1_073_741_824.0),
    }
}
