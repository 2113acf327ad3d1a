//! `history`

use clap::Args;

use super::number::whole;

/// `history`
#[derive(Debug, Args)]
#[command(
    after_help = "Each node keeps a copy, reached through its PostgreSQL container, running or not. `down --volumes` \
                        destroys it with the rest."
)]
pub struct HistoryArgs {
    /// At most that many of the last operations
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = whole::<0, 1_000_000_000>)]
    pub limit: u64,
}
