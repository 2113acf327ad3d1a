//! The commands that look at or change what runs.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use super::complete::nodes_and_roles;
use super::number::{Since, since, whole};

/// `up`
#[derive(Debug, Args)]
pub struct UpArgs {
    /// The nodes; all of them without one
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(nodes_and_roles))]
    pub nodes: Vec<String>,

    /// Show the plan, do nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Do not ask before something that runs is replaced
    #[arg(short, long)]
    pub yes: bool,

    /// Make a new cluster although not every node could be asked whether it has a database already
    #[arg(long)]
    pub bootstrap: bool,
}

/// `down`
#[derive(Debug, Args)]
pub struct DownArgs {
    /// The nodes; all of them without one
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(nodes_and_roles))]
    pub nodes: Vec<String>,

    /// Destroy the containers and the volumes as well: the databases are gone then
    #[arg(long)]
    pub volumes: bool,

    /// First put the database that is destroyed into this file, a tar archive on this machine: the primary's, or that of
    /// the only node
    #[arg(long, value_name = "FILE", requires = "volumes")]
    pub backup: Option<PathBuf>,

    /// Show the plan, do nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// `status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The nodes to show; all of them without one
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(nodes_and_roles))]
    pub nodes: Vec<String>,
}

/// `health`
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// A node, "primary", "replica" or "all"
    #[arg(value_name = "NODE", default_value = "all", add = ArgValueCompleter::new(nodes_and_roles))]
    pub node: String,

    /// Look again until the cluster is healthy, at most for so long ("60s", "5min"), and report what was seen last
    #[arg(long, value_name = "DURATION", value_parser = wait)]
    pub wait: Option<Duration>,
}

fn wait(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "write a time such as 60s, 5min or 1h".to_owned())
}

/// `logs`
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// A node, "primary" or "replica"; all of them without one
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(nodes_and_roles))]
    pub node: Option<String>,

    /// Only this part
    #[arg(long, value_enum)]
    pub component: Option<ComponentArg>,

    /// Go on with what comes, until interrupted
    #[arg(short, long)]
    pub follow: bool,

    /// Only what was written since then: 10m, 2h, 1d, or a time such as 2026-11-23T23:12:36Z
    #[arg(long, value_name = "TIME", value_parser = since, allow_hyphen_values = true)]
    pub since: Option<Since>,

    /// At most that many of the last lines of each part [default: 100, with --since all]
    #[arg(long, value_name = "LINES", value_parser = whole::<0, 1_000_000_000>)]
    pub tail: Option<u64>,
}

/// A part of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ComponentArg {
    /// Its PostgreSQL
    Postgres,
    /// Its Keycloak
    Keycloak,
}
