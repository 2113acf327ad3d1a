//! A row of the table.

use crate::case::Case;

/// A row of the table.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) fault: &'static str,
    pub(crate) expected: &'static str,
    /// Does it all, and tells who is the primary at the end.
    pub(crate) run: fn(&mut Case) -> usize,
}

pub(super) const fn row(fault: &'static str, expected: &'static str, run: fn(&mut Case) -> usize) -> Row {
    Row { fault, expected, run }
}
