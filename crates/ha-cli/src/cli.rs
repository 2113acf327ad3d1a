//! The command line: types only. The comments here are the help that people read.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod setup;

pub use setup::{DurabilityArg, Pair, ProxyHeadersArg, SetupArgs};

/// One highly available Keycloak on plain Docker hosts
///
/// PostgreSQL streaming replication underneath, a read-write Keycloak on the primary's host, a read-only one on every
/// standby's. Start with `ha-cli setup`.
#[derive(Debug, Parser)]
#[command(
    name = "ha-cli",
    version,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Exit codes: 0 healthy or done, 1 failed, 2 wrong usage or configuration, 3 degraded, 4 down, \
                  5 refused for safety"
)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub globals: Globals,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Debug, Clone, Args)]
pub struct Globals {
    /// The cluster's file
    ///
    /// Without it: ./ha.toml, then ha-cli/ha.toml in the user's configuration folder, then /etc/ha-cli/ha.toml. The
    /// secrets stand beside it, in ha.secrets.toml.
    #[arg(
        long,
        global = true,
        env = "HA_CONFIG",
        hide_env_values = true,
        value_name = "PATH",
        help_heading = "Global options"
    )]
    pub config: Option<PathBuf>,

    /// For people, or one JSON object for programs
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t = OutputFormat::Human,
        value_name = "FORMAT",
        help_heading = "Global options"
    )]
    pub output: OutputFormat,

    /// Say more on standard error; twice for more still (or set HA_LOG)
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,

    /// No colours, as with NO_COLOR set
    #[arg(long, global = true, help_heading = "Global options")]
    pub no_color: bool,
}

/// For whom the output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Text for people
    Human,
    /// One JSON object, with a schema number, for programs
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the cluster's file and its secrets, or take over those of the first host
    Setup(Box<SetupArgs>),
    /// Show or check the cluster's file
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
}

/// What to do with the cluster's file.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every setting in effect and where it comes from; secrets stay hidden
    Show,
    /// Say everything that is wrong with the file and the secrets, or that nothing is
    Check,
}

/// `completions`
#[derive(Debug, Args)]
#[command(after_help = "For bash: ha-cli completions bash > /etc/bash_completion.d/ha-cli")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }
}
