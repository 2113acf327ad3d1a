//! `rejoin` and `rebuild`

use clap::Args;

/// `rejoin`
#[derive(Debug, Args)]
#[command(
    after_help = "First its data is looked at, cut off from everybody, and what only it holds is shown; nothing is \
                        changed before you agree. Interrupted, the same command goes on."
)]
pub struct RejoinArgs {
    /// The node that comes back as a standby: the old primary after a failover
    #[arg(value_name = "NODE")]
    pub node: String,

    /// Where there is no room for the old data beside a copy: destroy the old data first
    #[arg(long)]
    pub discard_old_data: bool,

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
    #[arg(value_name = "NODE")]
    pub node: String,

    /// Where there is no room for the old data beside the copy: destroy the old data first
    #[arg(long)]
    pub discard_old_data: bool,

    /// Show the plan, do nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}
