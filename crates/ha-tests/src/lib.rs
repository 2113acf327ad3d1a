//! A real PostgreSQL pair with streaming replication, and a real Keycloak on each server where wanted, for the length of
//! a test.
//!
//! It is the very pair that `ha-cli up` makes, on the Docker engine of this machine: containers, volumes and network have
//! names of their own, ports are free ones on loopback, and all of it is removed when the [`Pair`] is dropped, also by a
//! panic. What a killed test process left is removed when the next pair is made.
//!
//! ```no_run
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! use ha_tests::{Pair, PairOptions};
//!
//! let pair = Pair::start(PairOptions::postgres_only()).await?;
//! let primary = pair.connect(pair.primary()).await?;
//! primary.batch_execute("CREATE TABLE t (n int); INSERT INTO t VALUES (1)").await?;
//! pair.wait_replayed().await?;
//! let standby = pair.connect(pair.standby()).await?;
//! let rows = standby.query("SELECT n FROM t", &[]).await?;
//! assert_eq!(rows.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! The images are the official ones, or those that `HA_POSTGRES_IMAGE` and `HA_KEYCLOAK_IMAGE` name. A tokio runtime is
//! needed; nothing is set up for the whole process. The interface is young: before 1.0 it may change.

mod compose;
mod engine;
mod files;
mod findings;
pub mod hosts;
pub mod keycloak;
pub mod ledger;
mod leftovers;
mod pair;
mod ports;
pub mod servers;

pub use compose::{compose, compose_on_one, fresh_secrets};
pub use engine::engine_is_wanted;
pub use findings::of_the_pair;
pub use leftovers::{Removal, fresh_name};
pub use pair::{Pair, PairError, PairOptions};
pub use ports::free as free_port;
