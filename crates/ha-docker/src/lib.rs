//! Docker engines as `ha-core`'s [`ContainerRuntime`](ha_core::ports::ContainerRuntime): over a local socket, TCP with
//! mutual TLS, or SSH.
//!
//! [`DockerRuntime`] is nearly all there is (beside it only [`TokioClock`]). It takes no decisions: it makes, runs and removes what it is told to, bounds
//! every call in time, and says in [`RuntimeError`](ha_core::ports::RuntimeError) what went wrong. It sets up nothing
//! for the whole process (no logging, no signals, no TLS provider), and every future may be dropped.
//!
//! Spans and events of `tracing` carry names only; contents of files, standard input and environments never appear.
//!
//! ```no_run
//! use std::collections::BTreeMap;
//!
//! use ha_core::ports::ContainerRuntime;
//! use ha_docker::DockerRuntime;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = DockerRuntime::local();
//! let labels = BTreeMap::from([("ha-cli.cluster".to_owned(), "sso".to_owned())]);
//! for container in runtime.list_containers(&labels).await? {
//!     println!("{} {:?}", container.name, container.status);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Engines from Docker 20.10 (API 1.41) on are spoken to, in API 1.44 where the engine knows it (see
//! [`DockerRuntime::connect`] for what each kind of endpoint needs).

mod archive;
mod clock;
mod connect;
mod connect_error;
mod container;
mod convert;
mod credentials;
mod error;
mod exec;
mod exec_session;
mod files;
mod image;
mod lines;
mod logs;
mod negotiate;
mod network;
mod runtime;
mod streams;
mod task;
mod tokio_clock;
mod transport;
mod volume;

pub use connect::DockerRuntime;
pub use connect_error::ConnectError;
pub use tokio_clock::TokioClock;
