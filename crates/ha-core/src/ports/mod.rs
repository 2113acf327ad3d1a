//! What the decisions need from the world, as traits.
//!
//! Adapter crates implement them (`ha-docker`, `ha-pg`, `ha-keycloak`); whoever embeds this crate may implement them
//! over something else. Every port is `Send + Sync`, serves as `dyn`, takes its time limit as an argument where a
//! call may wait, and its futures may be dropped at any time: what was sent to the other side then may or may not
//! have happened, and has to be observed again.

mod clock;
mod keycloak;
mod postgres;
mod probe;
mod progress;
mod runtime;

pub use clock::Clock;
pub use keycloak::{KeycloakAdmin, KeycloakError, KeycloakState, Login, TokenGrant, UserSpec};
pub use postgres::{Database, DatabaseLogin, PostgresControl, PostgresError, Provision, Role, Row};
pub use probe::{ProbeError, ReplicationProbe};
pub use progress::{NoProgress, Progress, ProgressUpdate};
pub use runtime::{
    ByteStream, Container, ContainerRuntime, ContainerSpec, ContainerStatus, EngineInfo, ExecOutput, ExecSession,
    ExecSpec, HostFile, Image, ImageBuild, LogLine, LogOptions, LogStream, Mount, PortBinding, RestartPolicy,
    RuntimeError, Stream, Volume,
};

#[cfg(any(test, feature = "test-util"))]
pub use {
    clock::MockClock, keycloak::MockKeycloakAdmin, postgres::MockPostgresControl, probe::MockReplicationProbe,
    runtime::MockContainerRuntime,
};
