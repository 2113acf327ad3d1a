//! Looking at the nodes through the ports. Reads only, and has no opinion.

mod belonging;
mod branch;
mod container;
mod doctor;
mod facts;
mod hosts;
mod images;
mod last_words;
mod observe;
mod roles;

pub(crate) use belonging::standing;
pub(crate) use branch::{inspect, keeps_old_data};
pub(crate) use container::container_of;
pub(crate) use facts::facts_of_all;
pub(crate) use hosts::ask_hosts;
pub(crate) use images::lacks;
pub(crate) use observe::{chain, observe_all};
pub(crate) use roles::{control_file, facts_for_failover, role_facts};
