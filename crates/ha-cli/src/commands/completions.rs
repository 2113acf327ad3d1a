//! `completions`

use clap::CommandFactory;

use crate::cli::{Cli, CompletionsArgs};
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::Printer;

/// Prints the completions of a shell.
///
/// # Errors
/// The output could not be written.
pub(super) fn run(args: &CompletionsArgs, printer: &Printer) -> Result<Outcome, Error> {
    // Into memory first: the generator panics where a write fails.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ha-cli", &mut script);
    printer.verbatim(&script)?;
    Ok(Outcome::Done)
}
