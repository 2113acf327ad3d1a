//! The read-only Keycloak, on real pairs: what works there, what follows the primary and how soon, what is refused and how,
//! and what becomes of it all at a promotion.
//!
//! One pair for each version in `HA_TEST_KEYCLOAKS` (default `26.7.3`), from the image that `HA_KEYCLOAK_IMAGE_26_7_3` (and
//! so on) names; one version after the other, all but the first under a path of the public URL. With `HA_TEST_NO_ENGINE` every
//! test shows as ignored. With `HA_CAPABILITIES=FILE` the table of capabilities is written from what was seen.

#![expect(clippy::print_stdout, reason = "what was measured is shown beside the tests' outcomes")]

mod capabilities;
mod case;
mod cases;
mod check;
mod elsewhere;
mod follows;
mod log;
mod must_write;
mod outcome;
mod promotion;
mod protections;
mod realm;
mod refused;
mod role;
mod schema;
mod start;
mod story;
mod suite;
mod tokens;
mod works;
mod world;
mod writer;

use std::process::ExitCode;

fn main() -> ExitCode {
    suite::run()
}
