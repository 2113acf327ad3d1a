//! `completions`

use crate::cli::{CompletionsArgs, registration};
use crate::error::{Error, Failure};
use crate::exit::Outcome;
use crate::output::Printer;

/// Prints the script by which a shell asks this program for what can come next.
///
/// # Errors
/// The output could not be written.
pub(super) fn run(args: &CompletionsArgs, printer: &Printer) -> Result<Outcome, Error> {
    let script = registration(args.shell);
    let script = script.ok_or_else(|| Failure::usage("no-completions", format!("{} is not known", args.shell)))?;
    printer.verbatim(&script)?;
    Ok(Outcome::Done)
}
