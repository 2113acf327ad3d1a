//! docs
mod cluster;
pub mod health;
pub mod layout;
pub mod observe;
pub mod plan;
pub mod ports;
pub mod secrets;
pub mod steps;
mod survey;
pub mod topology;
pub mod values;
pub mod verify;

pub use cluster::{Cluster, Limits, Ports};
