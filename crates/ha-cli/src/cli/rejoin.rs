//! `rejoin` and `rebuild`

use std::path::PathBuf;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::complete::nodes;

/// `rejoin`
#[derive(Debug, Args)]
#[command(
    after_help = "First its data is looked at, cut off from everybody, and what only it holds is shown; nothing is \
                        changed before you agree. Interrupted, the same command goes on."
)]
pub struct RejoinArgs {
    /// The node that comes back as a standby: the old primary after a failover
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(nodes))]
    pub node: String,

    /// What becomes of the data that is replaced
    #[command(flatten)]
    pub old_data: OldDataArgs,

    /// Look, and show what would be done; its server stays stopped
    #[arg(long)]
    pub dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// `rebuild`
#[derive(Debug, Args)]
#[command(
    after_help = "Never touches a primary, nor data that may be the only good copy. The old data stays aside until the \
                        node streams again. Interrupted, the same command begins anew."
)]
pub struct RebuildArgs {
    /// The standby whose data is replaced by a copy of the primary's
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(nodes))]
    pub node: String,

    /// What becomes of the data that is replaced
    #[command(flatten)]
    pub old_data: OldDataArgs,

    /// Show the plan, do nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// What becomes of the data that is replaced
#[derive(Debug, Args)]
pub struct OldDataArgs {
    /// Where there is no room for the old data beside a copy: destroy the old data first
    #[arg(long)]
    pub discard_old_data: bool,

    /// First put the old data into this file, a tar archive on this machine
    #[arg(long, value_name = "FILE")]
    pub backup: Option<PathBuf>,
}
