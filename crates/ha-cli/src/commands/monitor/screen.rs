//! A look on a terminal, or as lines.

use std::io::Write as _;

use ha_core::health::{Change, HostReport, Report as Health, hours};
use ha_core::observe::Room;

use super::super::time::hour;
use super::history::{History, sparkline, worst};
use super::keys::Keys;
use crate::error::Error;
use crate::output::size as terminal;
use crate::output::{Page, Printer, Report, StatusReport, Tone, lag, size};

/// Another screen, which leaves what was there before alone, without a cursor and without wrapping (xterm's control sequences).
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/// To the first line.
const HOME: &str = "\x1b[H";
/// The rest of a line, and all below.
const REST_OF_LINE: &str = "\x1b[K";
const REST: &str = "\x1b[J";

/// A picture that is drawn anew in its place, on a screen of its own. Dropped, the terminal is what it was.
pub(super) struct Screen {
    keys: Keys,
    entered: Entered,
    last: Option<String>,
}

/// Goes back to the screen of before, whatever happens.
struct Entered;

impl Drop for Entered {
    fn drop(&mut self) {
        let mut out = std::io::stdout();
        out.write_all(LEAVE.as_bytes()).and_then(|()| out.flush()).unwrap_or_default();
    }
}

impl Screen {
    pub(super) fn enter(printer: &Printer) -> Result<Self, Error> {
        printer.verbatim(ENTER.as_bytes())?;
        Ok(Self { keys: Keys::of_stdin(), entered: Entered, last: None })
    }

    /// Ready when somebody has had enough.
    pub(super) async fn quit(&mut self) {
        self.keys.quit().await;
    }

    pub(super) fn draw(
        &mut self,
        printer: &Printer,
        now: &str,
        report: &Health,
        public_url: &str,
        history: &History,
    ) -> Result<(), Error> {
        let mut page = printer.new_page();
        picture(&mut page, report, public_url, history);
        let foot = page.tone(Tone::Faint, format!("{} UTC; q ends it", hour(now)));
        let text = page.into_text();
        let mut page = printer.new_page();
        page.line(foot);
        let rows = terminal::of(std::io::stdout()).map_or(usize::MAX, |(_, rows)| rows.max(2));
        let lines: Vec<&str> = text.lines().take(rows.saturating_sub(1)).collect();
        let foot = page.into_text();
        let all: String = lines.iter().map(|line| format!("{line}{REST_OF_LINE}\n")).collect();
        // In one piece, so that an interrupt leaves no half of one; and no line's end after the last, which would scroll.
        let drawn = format!("{HOME}{all}{}{REST_OF_LINE}{REST}", foot.trim_end());
        self.last = Some(text);
        printer.verbatim(drawn.as_bytes())
    }

    /// Goes back to the screen of before, and leaves the last picture there.
    pub(super) fn leave(self, printer: &Printer) -> Result<(), Error> {
        let Self { keys, entered, last } = self;
        drop((keys, entered));
        printer.verbatim(last.unwrap_or_default().as_bytes())
    }
}

fn picture(page: &mut Page, report: &Health, public_url: &str, history: &History) {
    StatusReport { health: report, public_url }.narrow(page);
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
    let mut page = printer.new_page();
    page.line(format!("{now} * watching; from here on, a line for each change"));
    StatusReport { health: report, public_url }.human(&mut page);
    printer.page(page)
}

/// What changed, a line each.
pub(super) fn lines(printer: &Printer, now: &str, changes: &[Change]) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut page = printer.new_page();
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
