//! The model, the ports and the decisions of a highly available Keycloak on PostgreSQL streaming replication.
//!
//! This crate decides and does no I/O. It holds
//! - [`topology`]: what a cluster is meant to be, one primary and any number of standbys, and its validation;
//! - [`docker`]: containers, images and volumes, as values;
//! - [`ports`]: what the decisions need from the world, as traits;
//! - [`observe`] and [`health`]: what was seen of the nodes, and what it means, with a finding for each cause;
//! - [`plan`] and [`steps`]: what `up`, `down`, `switchover`, `failover`, `rejoin` and the others will do, as a value that can be
//!   printed, and the running of it;
//! - [`layout`]: what stands on each engine, as pure functions of the topology;
//! - [`history`]: what was done to the cluster, by whom, and how it ended;
//! - [`lock`]: one who changes the cluster at a time;
//! - [`verify`]: the proof that what is written on the primary arrives at the standbys;
//! - [`Cluster`]: all of that behind one facade, over whichever ports it is given.
//!
//! It does not hold the adapters (the crates `ha-docker`, `ha-pg` and `ha-keycloak` implement the ports), the reading
//! of files, or anything for a terminal.
//!
//! # Example
//! What would `up` do on two hosts on which nothing stands yet? Facts come from the world by [`Cluster::plan_up`];
//! here they are made up, since a decision needs nothing else:
//!
//! ```
//! use ha_core::observe::{HostObservation, KeycloakObservation, NodeObservation, Unobserved, UnobservedWhy};
//! use ha_core::plan::{DataState, Facts, Lacking, NodeFacts, UpOptions, decide_up};
//! use ha_core::secrets::Secrets;
//! use ha_core::topology::{NodeSpec, TopologySpec};
//! use ha_core::values::Secret;
//!
//! let topology = TopologySpec::new("sso", "https://sso.example.org")
//!     .node(NodeSpec::primary("vm1", "192.0.2.11"))
//!     .node(NodeSpec::standby("vm2", "192.0.2.12"))
//!     .validate()
//!     .expect("nothing is wrong with it");
//! let secrets = Secrets {
//!     keycloak_db_password: Secret::new("1"),
//!     replication_password: Secret::new("2"),
//!     probe_password: Secret::new("3"),
//!     keycloak_admin_password: Secret::new("4"),
//!     keycloak_client_secret: Secret::new("5"),
//!     keycloak_bootstrap_secret: Secret::new("6"),
//! };
//!
//! let nothing = || Unobserved { why: UnobservedWhy::Refused, message: "nothing listens there".to_owned() };
//! let nodes: Vec<_> = topology.nodes().iter().map(|node| node.name.clone()).collect();
//! let facts: Facts = nodes
//!     .iter()
//!     .map(|node| {
//!         let observation = NodeObservation {
//!             node: node.clone(),
//!             engine: Err(nothing()),
//!             postgres_container: Ok(None),
//!             keycloak_container: Ok(None),
//!             last_words: None,
//!             lost_volumes: Vec::new(),
//!             postgres: Err(nothing()),
//!             keycloak: KeycloakObservation::unreachable("nothing listens there"),
//!             host: HostObservation::default(),
//!         };
//!         let facts = NodeFacts {
//!             observation,
//!             postgres_image: None,
//!             keycloak_base: None,
//!             keycloak_image: None,
//!             lacks: Lacking::default(),
//!             prepared: false,
//!             data: DataState::NoVolume,
//!             passwords_fit: None,
//!             keycloak_set_up: None,
//!             topology_noted: None,
//!             unnamed: Vec::new(),
//!         };
//!         (node.clone(), Ok(facts))
//!     })
//!     .collect();
//!
//! let plan = decide_up(&topology, &secrets, &nodes, &facts, UpOptions::default()).expect("nothing stands in the way");
//! for step in &plan.steps {
//!     println!("{step}");
//! }
//! assert!(plan.steps.iter().any(|step| step.to_string() == "vm1: create the database (initdb)"));
//! assert!(plan.steps.iter().any(|step| step.to_string() == "vm2: copy the database from vm1 (pg_basebackup)"));
//!
//! // One host that cannot be asked may hold a database: then none is made.
//! let mut facts = facts;
//! facts.insert(nodes[1].clone(), Err(nothing()));
//! let refusals = decide_up(&topology, &secrets, &nodes, &facts, UpOptions::default()).unwrap_err();
//! println!("{}: {}", refusals[0], refusals[0].help);
//! ```
//!
//! # For those who embed it
//! - **Futures may be dropped** at any time. What was under way then may or may not have happened; the next plan finds
//!   out and goes on from there. The tests drop `up` at every single call.
//! - **Nothing global is set up**: no logging, no signal handlers, no runtime. Any executor will do; time limits are
//!   kept by the ports.
//! - **Secrets** are in [`values::Secret`], which is neither printed nor serialised by accident.
//! - **Rust 1.88** or newer. Raising that is no breaking change before 1.0.
//! - **Nothing is stable** before 1.0: types, traits and names may change with any version. Meant to stay from now on
//!   are only the JSON of [`health::Report`], to which fields are added, and the texts of [`health::Code`].
//! - The feature `test-util` adds mocks of the ports, made by mockall.

pub mod advice;
pub mod causes;
mod cluster;
mod context;
pub mod docker;
pub mod doctor;
pub mod drift;
pub mod health;
pub mod history;
pub mod hooks;
pub mod layout;
pub mod lock;
mod locking;
pub mod observe;
pub mod plan;
pub mod ports;
mod reading;
pub mod secrets;
pub mod steps;
mod survey;
pub mod topology;
pub mod values;
pub mod verify;

pub use cluster::Cluster;
pub use context::{Limits, Ports};
