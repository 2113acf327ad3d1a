//! `replication`

use clap::{Args, Subcommand};

/// What to do with the replication.
#[derive(Debug, Subcommand)]
pub enum ReplicationCommand {
    /// Show the durability profile, what the servers do about it, and how each standby follows
    Show,
    /// Change the durability profile while everything runs: nothing is restarted
    Set(ReplicationSetArgs),
}

/// `replication set`
#[derive(Debug, Args)]
#[command(
    after_help = "Writes the profile into the cluster's file, too: copy the file to the other hosts that have one."
)]
pub struct ReplicationSetArgs {
    /// async: a failover may lose the last moments. strict: nothing acknowledged is lost; while the standby is away, writes wait
    #[arg(value_name = "async|strict")]
    pub durability: String,

    /// Show the plan, do nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}
