//! The probe and the control against a real primary and its hot standby.
//!
//! `HA_POSTGRES_IMAGE` names the image, with the contract of the official one; `HA_TEST_NO_ENGINE=1` skips all.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that meets the unexpected fails; one that is skipped says so"
)]

mod control;
mod crowd;
mod engine;
mod faults;
mod hostile;
mod pair;
mod reads;
mod strangers;
