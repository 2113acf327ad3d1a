//! What was seen of a node: facts with their unknowns, no opinion.

mod branch;
mod control_file;
#[cfg(test)]
pub(crate) mod fixtures;
mod host;
mod keycloak;
mod node;
mod postgres;

pub use branch::{BranchObservation, BrokenBranch, OnlyHere};
pub use control_file::{CONTROL_FILE, ControlFile, ControlFileError, ControlState};
pub use host::{HostObservation, Room};
pub use keycloak::{HandoverObservation, KeycloakMode, KeycloakObservation, KeycloakState, ServiceClient};
pub use node::{ComponentObservation, NodeObservation, Unobserved, UnobservedWhy};
pub use postgres::{PostgresObservation, PostgresRole, Sender, SettingInForce, SlotObservation, WalReceiver};
