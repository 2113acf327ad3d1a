//! What was seen of a node: facts with their unknowns, no opinion.

mod branch;
mod clock;
mod control_file;
#[cfg(test)]
pub(crate) mod fixtures;
mod host;
mod keycloak;
mod node;
mod postgres;
mod sessions;

pub use branch::{BranchObservation, BrokenBranch, OnlyHere};
pub use clock::ClockReading;
pub(crate) use clock::ahead;
pub use control_file::{CONTROL_FILE, ControlFile, ControlFileError, ControlState};
pub use host::{HostObservation, Room};
pub use keycloak::{HandoverObservation, KeycloakMode, KeycloakObservation, KeycloakState, ServiceClient};
pub use node::{ComponentObservation, NodeObservation, Unobserved, UnobservedWhy};
pub use postgres::{
    DatabaseObservation, PostgresObservation, PostgresRole, Sender, SettingInForce, Shortage, SlotObservation,
    WalReceiver,
};
pub use sessions::{DatabaseRole, OpenTransaction, PreparedTransaction};
