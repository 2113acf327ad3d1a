//! The PostgreSQL servers of a cluster, one on each of the rig's hosts, without Keycloaks: `vm1` is the primary on host 1, `vm2` a
//! standby on host 2, and so on.
//!
//! Made for stories that go through a whole change of roles: what does not come in time, or fails where it must not, is a
//! panic, as an assertion's in a test. Every wait has a limit.

mod moment;
mod roles;
mod running;

pub use roles::{Announced, Return};
pub use running::{NOTICED, Servers, ServersOptions};
