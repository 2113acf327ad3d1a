//! Reading and administering the PostgreSQL servers of a highly available pair.
//!
//! [`Probe`] implements [`ReplicationProbe`](ha_core::ports::ReplicationProbe): it asks a server over the network as a
//! role with `pg_monitor` ([`NetworkProbe`]) and, where there is no way for this machine, through the engine of the
//! server's host ([`EngineProbe`]). [`EngineControl`] implements
//! [`PostgresControl`](ha_core::ports::PostgresControl): it makes roles, database and slots through the server's local
//! socket, so that no superuser needs a password or a way in over the network.
//!
//! PostgreSQL 16 and newer. This crate decides nothing: what an observation means is up to `ha-core`. It sets up neither
//! logging nor signals; it needs a tokio runtime with time and network. Every future may be dropped at any time: a probe
//! never writes, and what a dropped call of [`EngineControl`] did may be repeated.
//!
//! # Example: watch the lag of a pair
//!
//! ```no_run
//! use std::{sync::Arc, time::Duration};
//!
//! use ha_core::observe::PostgresRole;
//! use ha_core::ports::ReplicationProbe;
//! use ha_core::topology::{NodeSpec, TopologySpec};
//! use ha_core::values::Secret;
//! use ha_pg::NetworkProbe;
//!
//! # async fn watch() -> Result<(), Box<dyn std::error::Error>> {
//! let topology = TopologySpec::new("sso", "https://sso.example.org")
//!     .node(NodeSpec::primary("vm1", "192.0.2.11"))
//!     .node(NodeSpec::standby("vm2", "192.0.2.12"))
//!     .validate()
//!     .expect("nothing is wrong with it");
//! let topology = Arc::new(topology);
//! let probe = NetworkProbe::new(Arc::clone(&topology), Secret::new("the probe's password")).keep_connections();
//! let mut every_second = tokio::time::interval(Duration::from_secs(1));
//! loop {
//!     every_second.tick().await;
//!     for node in topology.nodes() {
//!         let seen = probe.observe(&node.name, Duration::from_secs(2)).await?;
//!         if seen.role == PostgresRole::Primary {
//!             for standby in &seen.senders {
//!                 let lag = seen.write_lsn.zip(standby.replay_lsn).map(|(written, replayed)| written.bytes_since(replayed));
//!                 println!("{}: {lag:?} bytes behind {}", standby.name, node.name);
//!             }
//!         }
//!     }
//! }
//! # }
//! ```

mod control;
mod engine;
mod engines;
mod error;
mod network;
mod probe;
mod promoter;
mod proven;
mod provision;
mod psql;
mod scram;
mod server;
mod shortage;
mod shutdown;
mod sql;

pub use control::EngineControl;
pub use engine::EngineProbe;
pub use engines::Engines;
pub use network::NetworkProbe;
pub use probe::Probe;
