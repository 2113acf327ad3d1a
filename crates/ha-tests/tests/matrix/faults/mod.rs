//! The faults, and what is expected of each.

mod disks;
mod given_up;
mod hosts;
mod links;
mod meanwhile;
mod row;
mod servers;

pub(crate) use row::Row;

pub(crate) fn rows() -> Vec<Row> {
    [servers::ROWS, hosts::ROWS, links::ROWS, disks::ROWS, meanwhile::ROWS, given_up::ROWS].concat()
}
