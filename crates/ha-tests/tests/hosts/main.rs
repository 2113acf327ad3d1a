//! The rig of separate hosts, on real engines: that each fault does what it says, seen from outside, that nothing is left of
//! it, and that a host's engine is reached over TLS and SSH.
//!
//! Where a machine can have no such hosts, or `HA_TEST_NO_ENGINE` is set, every test shows as ignored, and why is said once.

#![expect(clippy::unwrap_used, reason = "a test that meets an error fails with it")]
#![expect(clippy::print_stdout, reason = "a role tells the test what it sees; why tests are skipped must be seen")]

mod actor;
mod by_hand;
mod cluster;
mod disk;
mod engines;
mod gone;
mod links;
mod lost;
mod power;
#[path = "../shared/program.rs"]
#[expect(dead_code, reason = "another suite needs more of it")]
mod program;
mod roles;
mod separate;
mod ssh;
mod suite;
mod three;
mod tls;
mod upgrade;
mod whole;
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    // This program is also what the tests start inside hosts.
    if arguments.next().as_deref() == Some(actor::ROLE) {
        roles::play(&arguments.collect::<Vec<_>>());
        return ExitCode::SUCCESS;
    }
    suite::run()
}
