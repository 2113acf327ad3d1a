//! What holds for every command.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

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
