//! The parts of the `ha-cli` binary, as a library so that tests reach every one of them. Programs that want to run or
//! watch clusters build on `ha-core` and its adapters instead; nothing here is kept stable for them.

pub mod cli;
pub mod commands;
pub mod config;
pub mod connect;
mod diagnostic;
pub mod error;
pub mod exit;
mod globals;
pub mod haproxy;
pub mod hooks;
mod interrupt;
pub mod output;
mod plain;
pub mod select;
pub mod usage;
