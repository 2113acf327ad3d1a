//! A look on a terminal, or as lines.

use ha_core::health::{Change, HostReport, Report as Health, hours};
use ha_core::observe::Room;

use super::super::time::hour;
use super::history::{History, sparkline, worst};
use crate::error::Error;
use crate::output::{Page, Printer, Report, StatusReport, Tone, lag, size};

/// Lines beyond the cut edge of a terminal would break the count of lines to go back.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// A picture that is drawn anew in its place.
#[derive(Debug, Default)]
pub(super) struct Screen {
    /// How many lines the last one has.
    lines: usize,
}

impl Screen {
    pub(super) fn draw(
        &mut self,
        printer: &Printer,
        now: &str,
        report: &Health,
        public_url: &str,
        history: &History,
    ) -> Result<(), Error> {
        let mut page = Page::new(printer.color().out);
        picture(&mut page, now, report, public_url, history);
        let text = page.into_text();
        // In one piece, so that an interrupt leaves the terminal as it was.
        let back = if self.lines == 0 { String::new() } else { format!("\x1b[{}A", self.lines) };
        self.lines = text.lines().count();
        printer.verbatim(format!("{NO_WRAP}{back}\x1b[J{text}{WRAP}").as_bytes())
    }
}

fn picture(page: &mut Page, now: &str, report: &Health, public_url: &str, history: &History) {
    StatusReport { health: report, public_url }.human(page);
    page.line("");
    for (node, lags) in history.lags() {
        let worst = worst(lags);
        page.line(format!("lag of {node}  {}  at most {}", sparkline(lags), lag(worst.bytes, worst.seconds)));
    }
    for node in &report.nodes {
        if let Some(host) = room(&node.host) {
            page.line(format!("host of {}  {host}", node.name));
        }
    }
    let mut changes = history.changes().peekable();
    if changes.peek().is_some() {
        page.line("changes:");
    }
    for (time, change) in changes {
        let line = change_line(page, hour(time), change);
        page.line(format!("  {line}"));
    }
    if let Some((time, trouble)) = history.last_trouble() {
        page.line(format!("{} {} {trouble}", hour(time), page.tone(Tone::Warning, "warning:")));
    }
    let foot = page.tone(Tone::Faint, format!("{} UTC; ctrl-c ends it", hour(now)));
    page.line(foot);
}

/// The room on a host; `None` where nothing is known of it.
fn room(host: &HostReport) -> Option<String> {
    let of = |what: &str, room: Option<Room>| {
        room.map(|room| format!("{what} {} of {} free", size(room.free_bytes), size(room.total_bytes)))
    };
    let full = host.disk_full_in_seconds.map(|seconds| format!("full in about {}", hours(seconds)));
    let parts: Vec<_> = [of("disk", host.disk), full, of("memory", host.memory)].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn change_line(page: &Page, time: &str, change: &Change) -> String {
    let (tone, mark) = match change.worse() {
        Some(true) => (Tone::Bad, "-"),
        Some(false) => (Tone::Good, "+"),
        None => (Tone::Plain, "*"),
    };
    format!("{time} {} {change}", page.tone(tone, mark))
}

/// The first look, where there is no terminal.
pub(super) fn first(printer: &Printer, now: &str, report: &Health, public_url: &str) -> Result<(), Error> {
    let mut page = Page::new(printer.color().out);
    page.line(format!("{now} * watching; from here on, a line for each change"));
    StatusReport { health: report, public_url }.human(&mut page);
    printer.page(page)
}

/// What changed, a line each.
pub(super) fn lines(printer: &Printer, now: &str, changes: &[Change]) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut page = Page::new(printer.color().out);
    for change in changes {
        let line = change_line(&page, now, change);
        page.line(line);
    }
    printer.page(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_shown_as_far_as_it_is_known() {
        let some = |free: u64, total: u64| Some(Room { free_bytes: free << 30, total_bytes: total << 30 });
        let host = HostReport { disk: some(52, 252), disk_full_in_seconds: Some(7 * 3600), memory: some(20, 24) };
        let text = "disk 52.0 GiB of 252.0 GiB free, full in about 7 h, memory 20.0 GiB of 24.0 GiB free";
        assert_eq!(room(&host).as_deref(), Some(text));
        let memory = HostReport { memory: some(20, 24), ..HostReport::default() };
        assert_eq!(room(&memory).as_deref(), Some("memory 20.0 GiB of 24.0 GiB free"));
        assert_eq!(room(&HostReport::default()), None);
    }
}
