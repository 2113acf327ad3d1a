//! `doctor`

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::complete::nodes_and_roles;

/// `doctor`
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 nothing worse than a warning, 1 something does not work")]
pub struct DoctorArgs {
    /// The nodes; all of them without one
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(nodes_and_roles))]
    pub nodes: Vec<String>,

    /// Leave out what takes long: the speed of disks and of the network
    #[arg(long)]
    pub quick: bool,
}
