//! The admin calls against a stock Keycloak, and the answers that a healthy one never gives.
//!
//! `HA_KEYCLOAK_IMAGE` names the image, with the contract of Keycloak's own; `HA_TEST_NO_ENGINE=1` skips what needs one.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that meets the unexpected fails; one that is skipped says so"
)]

mod keycloak;
mod real;
mod silent;
