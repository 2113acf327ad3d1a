//! What people and programs read. Data goes to standard output, everything said about the work to standard error.
//!
//! A command builds one [`Report`] and the [`Printer`] renders it, for people or as one JSON object.

mod human;
mod json;
mod progress;
mod report;
mod shown;
pub(crate) mod size;
mod stderr;
mod transfer;

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

pub use crate::plain::plain;
pub use human::{Page, Tone, wrap};
pub use progress::PlanProgress;
pub(crate) use progress::planned_steps;
pub(crate) use report::findings;
pub use report::{HealthReport, StatusReport};
pub(crate) use report::{columns, lag, size};
pub use shown::Report;
pub use stderr::PlainStderr;
pub use transfer::Transfer;

use serde_json::Value;

use crate::error::Error;
use crate::globals::OutputFormat;
use crate::usage;

type Stream = Box<dyn Write + Send>;

/// Writes reports, notes and errors, each where it belongs. May be shared between tasks.
pub struct Printer {
    format: OutputFormat,
    color: Color,
    out: Mutex<Stream>,
    err: Mutex<Stream>,
    closed: AtomicBool,
    /// Standard output was a terminal in the beginning.
    on_terminal: bool,
    /// The columns of the terminals behind the streams.
    measure: fn() -> Widths,
}

/// How wide each stream's terminal is; `None` where it is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Widths {
    /// Of standard output.
    pub out: Option<usize>,
    /// Of standard error.
    pub err: Option<usize>,
}

impl Widths {
    /// As they are at the moment.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self {
            out: size::of(io::stdout()).map(|(columns, _)| columns),
            err: size::of(io::stderr()).map(|(columns, _)| columns),
        }
    }
}

/// Whether each stream takes colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Color {
    /// Standard output.
    pub out: bool,
    /// Standard error.
    pub err: bool,
}

impl Printer {
    /// A printer on the given streams.
    #[must_use]
    pub fn new(format: OutputFormat, color: Color, out: Stream, err: Stream) -> Self {
        Self {
            format,
            color,
            out: Mutex::new(out),
            err: Mutex::new(err),
            closed: AtomicBool::new(false),
            on_terminal: false,
            measure: Widths::default,
        }
    }

    /// The same, for terminals of that size: lines are broken between words.
    #[must_use]
    pub const fn with_widths(mut self, measure: fn() -> Widths) -> Self {
        self.measure = measure;
        self
    }

    /// The same, where standard output is a terminal: one that is closed meanwhile is a reader that has gone.
    #[must_use]
    pub const fn on_terminal(mut self, is_one: bool) -> Self {
        self.on_terminal = is_one;
        self
    }

    /// An empty page for standard output.
    #[must_use]
    pub fn new_page(&self) -> Page {
        Page::new(self.color.out).with_width((self.measure)().out)
    }

    /// For whom reports are rendered.
    #[must_use]
    pub const fn format(&self) -> OutputFormat {
        self.format
    }

    /// Which streams take colours.
    #[must_use]
    pub const fn color(&self) -> Color {
        self.color
    }

    /// Whether whoever read standard output has gone: what repeats until it is interrupted ends then.
    #[must_use]
    pub fn closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Prints a report to standard output.
    ///
    /// # Errors
    /// It could not be written. That its reader has gone is no error: see [`closed`](Self::closed).
    pub fn report(&self, report: &dyn Report) -> Result<(), Error> {
        let text = match self.format {
            OutputFormat::Human => {
                let mut page = self.new_page();
                report.human(&mut page);
                page.into_text()
            }
            OutputFormat::Json => json::line(&report.json()),
        };
        self.verbatim(text.as_bytes())
    }

    /// Prints an object to standard output, for programs.
    ///
    /// # Errors
    /// As [`report`](Self::report).
    pub fn json(&self, object: &Value) -> Result<(), Error> {
        self.verbatim(json::line(object).as_bytes())
    }

    /// Prints a text to standard output, for people.
    ///
    /// # Errors
    /// As [`report`](Self::report).
    pub fn text(&self, text: &str) -> Result<(), Error> {
        self.verbatim(plain(text).as_bytes())
    }

    /// Prints a page to standard output.
    ///
    /// # Errors
    /// As [`report`](Self::report).
    pub fn page(&self, page: Page) -> Result<(), Error> {
        self.verbatim(page.into_text().as_bytes())
    }

    /// Prints bytes to standard output as they are: what has a format of its own, and nothing of a stranger's in it.
    ///
    /// # Errors
    /// As [`report`](Self::report).
    pub fn verbatim(&self, bytes: &[u8]) -> Result<(), Error> {
        if self.closed() {
            return Ok(());
        }
        match write(&self.out, bytes) {
            Err(error) if self.reader_has_gone(&error) => {
                self.closed.store(true, Ordering::Relaxed);
                Ok(())
            }
            other => other.map_err(Error::output),
        }
    }

    /// Of a terminal that was closed the system says that it cannot be written to; of a disk it says so, too, and there it is an error.
    fn reader_has_gone(&self, error: &io::Error) -> bool {
        let hung_up = self.on_terminal && error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
        error.kind() == io::ErrorKind::BrokenPipe || hung_up
    }

    /// Says something about the work, to people only.
    pub fn note(&self, fill: impl FnOnce(&mut Page)) {
        if self.format == OutputFormat::Human {
            let mut page = Page::new(self.color.err).with_width((self.measure)().err);
            fill(&mut page);
            self.say(&page.into_text());
        }
    }

    /// Prints a question, or what ends its line, to standard error.
    pub fn prompt(&self, text: &str) {
        self.say(&plain(text));
    }

    /// Prints why a command stopped: to people on standard error, to programs as the object they wait for; where that cannot be
    /// written, to people.
    ///
    /// # Errors
    /// The object could not be written.
    pub fn error(&self, error: &Error) -> Result<(), Error> {
        match self.format {
            // Where no program can read it, somebody may: the cause must not be lost with the object.
            OutputFormat::Json => self.json(&json::error(error)).inspect_err(|_| self.complain(error)),
            OutputFormat::Human => {
                self.complain(error);
                Ok(())
            }
        }
    }

    fn complain(&self, error: &Error) {
        let mut page = Page::new(self.color.err).with_width((self.measure)().err);
        human::error(&mut page, error);
        self.say(&page.into_text());
    }

    /// Prints what is wrong with a command line, likewise; people get the whole of it.
    ///
    /// # Errors
    /// As [`error`](Self::error).
    pub fn usage(&self, wrong: &clap::Error) -> Result<(), Error> {
        match self.format {
            OutputFormat::Json => self.error(&usage::failure(wrong).into()),
            OutputFormat::Human => {
                self.prompt(&wrong.render().to_string());
                Ok(())
            }
        }
    }

    /// Standard error is the last place to say anything: what cannot be said there is lost.
    fn say(&self, text: &str) {
        drop(write(&self.err, text.as_bytes()));
    }
}

fn write(stream: &Mutex<Stream>, bytes: &[u8]) -> io::Result<()> {
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    stream.write_all(bytes)?;
    // Nothing is left in a buffer that would fail unseen at the end of the process.
    stream.flush()
}

#[cfg(test)]
mod tests;
