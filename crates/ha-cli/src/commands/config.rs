//! `config show` and `config check`

mod check;
mod show;

use crate::cli::{ConfigCommand, Globals};
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::Printer;

/// Runs one of them.
///
/// # Errors
/// The file cannot be found or read, or what it says is wrong.
pub(super) async fn run(globals: &Globals, command: &ConfigCommand, printer: &Printer) -> Result<Outcome, Error> {
    match command {
        ConfigCommand::Show => show::run(globals, printer),
        ConfigCommand::Check(args) => check::run(globals, args, printer).await,
    }
}
