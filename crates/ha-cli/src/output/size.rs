//! How large the terminal is, and how wide a text on it.

use std::os::fd::AsFd;

use console::measure_text_width;
use rustix::termios::tcgetwinsize;

/// A terminal that says it is narrower says nothing.
const LEAST: u16 = 20;

/// Columns and rows of a terminal; `None` where the stream is none, or it does not know.
pub(crate) fn of(stream: impl AsFd) -> Option<(usize, usize)> {
    let size = tcgetwinsize(stream).ok()?;
    (size.ws_col >= LEAST).then(|| (usize::from(size.ws_col), usize::from(size.ws_row)))
}

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    measure_text_width(text)
}
