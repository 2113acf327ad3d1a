//! `failover`

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::complete::nodes;

/// `failover`
#[derive(Debug, Args)]
#[command(
    after_help = "It looks before it acts: a primary that answers is never replaced; one that hangs is stopped through \
                        its engine first; one that can neither be asked nor stopped needs --primary-is-dead. Interrupted, the \
                        same command goes on."
)]
pub struct FailoverArgs {
    /// The standby that becomes the primary; without it, the one that has received most
    #[arg(long, value_name = "NODE", add = ArgValueCompleter::new(nodes))]
    pub to: Option<String>,

    /// The old primary can neither be asked nor stopped from here, and you have made sure that it does not run
    ///
    /// If it runs all the same, two nodes acknowledge writes, and those of the old one are lost when it comes back.
    #[arg(long)]
    pub primary_is_dead: bool,

    /// With durability "strict": go on without a standby's confirmation until one is back
    #[arg(long)]
    pub run_alone: bool,

    /// What this node holds and the new primary lacks is not missed; again for each
    ///
    /// For nodes that were promoted apart from each other, each of which holds what the other lacks; and, with durability
    /// "strict" and two or more nodes that are not seen, for one that is lost for good and may have confirmed what the new
    /// primary lacks. Its data stays as it is until `ha-cli rejoin`.
    #[arg(long, value_name = "NODE", add = ArgValueCompleter::new(nodes))]
    pub give_up: Vec<String>,

    /// Show the plan and what may be lost, do nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}
