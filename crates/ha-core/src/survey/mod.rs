//! Looking at the nodes through the ports. Reads only, and has no opinion.

mod doctor;
mod facts;
mod hosts;
mod observe;
mod stopped;

pub(crate) use facts::facts_of_all;
pub(crate) use hosts::hosts;
pub(crate) use observe::{chain, observe_all};
pub(crate) use stopped::{control_file, switchover_facts};
