//! Looking at the nodes through the ports. Reads only, and has no opinion.

mod doctor;
mod facts;
mod observe;

pub(crate) use facts::facts_of_all;
pub(crate) use observe::{chain, observe_all};
