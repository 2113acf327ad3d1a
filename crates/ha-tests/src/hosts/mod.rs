//! Separate Docker hosts on one Linux machine, and what may happen to them.
//!
//! A host has a network, process, mount, IPC and host-name namespace, a control group, and a `dockerd` with its own
//! containerd, `/run`, `/etc/docker` and data. All hosts hang on a bridge in a namespace of its own, the machine too. What a
//! container publishes on host 1 answers at [`Hosts::address`]`(1)` from every host, from their containers and from the
//! machine. Nothing is added to the machine's packet filter, and its own engine is only asked for images.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use ha_docker::DockerRuntime;
//! use ha_tests::hosts::{End, Hosts, HostsOptions};
//!
//! # fn test() -> Result<(), Box<dyn std::error::Error>> {
//! let options = HostsOptions::new(2).image("postgres:17");
//! if let Err(reason) = options.available() {
//!     // To be shown as skipped, not as passed.
//!     return Err(reason.into());
//! }
//! let hosts = Hosts::start(&options)?;
//! let engine = DockerRuntime::at(&hosts.docker(1)?)?;
//! hosts.cut(1, 2)?;
//! hosts.cut_port(End::Machine, 1, 5432)?;
//! hosts.heal()?;
//! hosts.set_latency(2, Duration::from_millis(20))?;
//! hosts.power_off(1)?;
//! hosts.boot(1)?;
//! # Ok(())
//! # }
//! ```
//!
//! Dropping [`Hosts`] removes everything, also by a panic; what a killed process left is removed when the next hosts are
//! made. Every call blocks for as long as it takes, most a few milliseconds, and every wait has a limit; in a runtime of
//! tokio's, `spawn_blocking` is the place for those that take longer.
//!
//! # What is not covered
//!
//! - A host without a disk of its own keeps the kernel's page cache when it is powered off: what was written is there after
//!   [`Hosts::boot`], synchronised or not. That is no power cut. With [`HostsOptions::disk`] what was not synchronised is
//!   lost, since the file system is shut down first without a flush; but what reached the device is whole and in order, and
//!   a real device may lie about that, too.
//! - One kernel and one clock: no skew, no kernel panic, no host that is slow alone. Processors and memory are shared.
//! - A frozen host's kernel still completes TCP handshakes and acknowledges what arrives: a host whose processes hang. For a
//!   suspended virtual machine, [`Hosts::isolate`] it as well.
//! - The engine's Unix socket ([`Hosts::docker`]) is reached beside the network, so no cut concerns it.

mod availability;
mod cgroup;
mod claim;
mod disk;
mod engine;
mod error;
mod faults;
mod host;
mod images;
mod latency;
mod links;
mod removal;
mod rig;
mod run;
mod switch;

pub use engine::newer_engine;
pub use error::{HostsError, Unavailable};
pub use links::End;
pub use rig::{Hosts, HostsOptions};
