//! The command line: types only. The comments here are the help that people read.

mod complete;
mod doctor;
mod failover;
mod history;
mod line;
mod monitor;
mod number;
mod rejoin;
mod replication;
mod run;
mod setup;
mod shell;
mod switchover;

pub use crate::globals::{Globals, OutputFormat};
pub use crate::usage;
pub use doctor::DoctorArgs;
pub use failover::FailoverArgs;
pub use history::HistoryArgs;
pub use line::{CheckArgs, Cli, Command, CompletionsArgs, ConfigCommand, HaproxyArgs};
pub use monitor::MonitorArgs;
pub use number::Since;
pub use rejoin::{RebuildArgs, RejoinArgs};
pub use replication::{ReplicationCommand, ReplicationSetArgs};
pub use run::{ComponentArg, DownArgs, HealthArgs, LogsArgs, StatusArgs, UpArgs};
pub use setup::{DurabilityArg, Pair, ProxyHeadersArg, SetupArgs};
pub use shell::{answer as answer_completion, registration};
pub use switchover::SwitchoverArgs;
