//! Looking at the nodes through the ports. Reads only, and has no opinion.

mod belonging;
mod branch;
mod doctor;
mod facts;
mod hosts;
mod last_words;
mod observe;
mod roles;

pub(crate) use belonging::standing;
pub(crate) use branch::{inspect, keeps_old_data};
pub(crate) use doctor::examine;
pub(crate) use facts::facts_of_all;
pub(crate) use hosts::ask_hosts;
pub(crate) use observe::observe_all;
pub(crate) use roles::{facts_for_failover, role_facts};
