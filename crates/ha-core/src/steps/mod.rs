//! Runs plans through the ports. What is done was chosen before; here it is only carried out, each step in a way that
//! may be repeated.

mod at;
pub(crate) mod backup;
mod balancers;
mod come_back;
mod container;
mod database;
mod error;
mod follow;
mod handover;
mod host;
mod keycloak;
pub(crate) mod one_off;
mod promotion;
mod put_back;
mod ready;
mod rejoin;
mod run;
mod server;
mod service;
mod settings;
mod teardown;

pub use error::{RunError, StepError, StepFailure};
pub use run::{StepEvent, Watcher};

pub(crate) use run::run;
