//! `completions`

use crate::cli::{CompletionsArgs, OutputFormat, registration};
use crate::error::{Error, Failure};
use crate::exit::Outcome;
use crate::output::Printer;

/// Prints the script by which a shell asks this program for what can come next.
///
/// # Errors
/// JSON was asked for, which no shell reads, or the output could not be written.
pub(super) fn run(args: &CompletionsArgs, printer: &Printer) -> Result<Outcome, Error> {
    if printer.format() == OutputFormat::Json {
        let message = "completions are a script for a shell, and that is not JSON";
        return Err(Failure::usage("no-json", message).help("leave --output json out").into());
    }
    let script = registration(args.shell);
    let script = script.ok_or_else(|| Failure::usage("no-completions", format!("{} is not known", args.shell)))?;
    printer.verbatim(&script)?;
    Ok(Outcome::Done)
}
