//! `ha-cli` and its library against real engines, with good luck and with bad.
//!
//! One binary, since linking takes longer than most of these tests. What needs PostgreSQL only uses a [`ha_tests::Pair`];
//! the whole pair, with both Keycloaks and through the program itself, is told in one story.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod backup;
mod busybox;
mod clock;
mod come_back;
mod data;
mod derived;
mod doctor;
mod engine;
mod failover;
mod guard;
mod hands;
mod health;
mod host;
mod interrupted;
mod keycloak;
mod lock;
mod monitor;
mod option_lists;
mod own_image;
#[path = "../shared/program.rs"]
mod program;
mod readers;
mod registry;
mod resources;
mod settings;
mod site;
mod story;
mod strangers;
mod strict;
mod switchover;
#[path = "../../../ha-cli/tests/shared/terminal.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod terminal;
mod told;
mod up;
mod versions;
