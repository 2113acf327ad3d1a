//! `switchover`

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::complete::nodes;
use super::number::whole;

/// `switchover`
#[derive(Debug, Args)]
#[command(after_help = "The primary is shut down, the standby takes over once it has everything, and the old primary \
                        follows it. Nothing acknowledged is lost. Interrupted, the same command goes on.")]
pub struct SwitchoverArgs {
    /// The standby that becomes the primary; without it, the one that has received most
    #[arg(long, value_name = "NODE", add = ArgValueCompleter::new(nodes))]
    pub to: Option<String>,

    /// The most WAL, in MiB, that it may be behind when this begins: writes wait while it catches up
    #[arg(long, value_name = "MIB", default_value_t = 16, value_parser = whole::<0, 1_000_000_000>)]
    pub max_lag: u64,

    /// Show the plan, do nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}
