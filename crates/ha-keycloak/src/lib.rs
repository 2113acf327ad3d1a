//! The Keycloaks of a cluster as `ha-core`'s [`KeycloakAdmin`](ha_core::ports::KeycloakAdmin), and the [`extension`] that
//! makes one of them work on a hot standby.
//!
//! [`KeycloakHttp`] speaks plain HTTP to the nodes' own addresses; TLS is yet to come. It decides nothing, sets up nothing
//! for the whole process, needs a tokio runtime, and its futures may be dropped at any time: a request that was sent may
//! then have been carried out.
//!
//! ```no_run
//! use std::{sync::Arc, time::Duration};
//!
//! use ha_core::ports::KeycloakAdmin;
//! use ha_core::topology::{NodeSpec, TopologySpec};
//! use ha_keycloak::KeycloakHttp;
//!
//! # async fn look() {
//! let topology = TopologySpec::new("sso", "https://sso.example.org")
//!     .node(NodeSpec::primary("vm1", "192.0.2.11"))
//!     .node(NodeSpec::standby("vm2", "192.0.2.12"))
//!     .validate()
//!     .expect("nothing is wrong with it");
//! let topology = Arc::new(topology);
//! let keycloak = KeycloakHttp::new(Arc::clone(&topology));
//! for node in topology.nodes() {
//!     let seen = keycloak.observe(&node.name, Duration::from_secs(2)).await;
//!     println!("{}: {:?} {:?}", node.name, seen.state, seen.mode);
//! }
//! # }
//! ```

mod admin;
pub mod extension;
mod http;
mod model;
mod observe;

pub use http::KeycloakHttp;
