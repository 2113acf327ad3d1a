//! What a Docker engine has and is asked for, as values, in Docker's words.

mod container;
mod engine;

pub use container::{Container, ContainerSpec, ContainerStatus, Mount, PortBinding, RestartPolicy};
pub use engine::{EngineInfo, HostFile, Image, ImageBuild, Volume};
