//! The adapter against a real engine, and against listeners that behave as broken engines do.
//!
//! `HA_POSTGRES_IMAGE` names the image to run (default `postgres:17`); nothing but its shell and coreutils is used.
//! `HA_TEST_DOCKER` names another endpoint of the same host, `HA_TEST_DOCKER_CERTIFICATES` the folder for `tcp://`.
//! With `HA_TEST_NO_ENGINE=1`, tests that need an engine say that they are skipped.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "tests fail and tell that way")]

#[path = "engine/builds.rs"]
mod builds;
#[path = "engine/endpoints.rs"]
mod endpoints;
#[path = "engine/execs.rs"]
mod execs;
#[path = "engine/fake.rs"]
mod fake;
#[path = "engine/files.rs"]
mod files;
#[path = "engine/lifecycle.rs"]
mod lifecycle;
#[path = "engine/logs.rs"]
mod logs;
#[path = "engine/sessions.rs"]
mod sessions;
#[path = "engine/starts.rs"]
mod starts;
#[path = "engine/streams.rs"]
mod streams;
#[path = "engine/support.rs"]
mod support;
#[path = "engine/volumes.rs"]
mod volumes;
