//! The fault matrix: what becomes of a pair on two hosts, in each durability profile, when something breaks under a writer
//! that never stops.
//!
//! It takes long, so it runs only where `HA_MATRIX` names the file that its table is written to (`scripts/test.sh --matrix`);
//! else every row shows as ignored.

#![expect(clippy::unwrap_used, reason = "a row that meets an error fails with it")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "why rows are skipped, and what they take, must be seen"
)]

mod case;
mod faults;
mod suite;
mod table;
mod watch;

use std::process::ExitCode;

fn main() -> ExitCode {
    suite::run()
}
