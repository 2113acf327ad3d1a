//! The faults, and what is expected of each.

mod disks;
mod given_up;
mod hosts;
mod links;
mod meanwhile;
mod servers;

use crate::case::Case;

/// A row of the table.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) fault: &'static str,
    pub(crate) expected: &'static str,
    /// Does it all, and tells who is the primary at the end.
    pub(crate) run: fn(&mut Case) -> usize,
}

const fn row(fault: &'static str, expected: &'static str, run: fn(&mut Case) -> usize) -> Row {
    Row { fault, expected, run }
}

pub(crate) fn rows() -> Vec<Row> {
    [servers::ROWS, hosts::ROWS, links::ROWS, disks::ROWS, meanwhile::ROWS, given_up::ROWS].concat()
}
