//! `schema`

use crate::error::Error;
use crate::exit::Outcome;
use crate::output::Printer;

/// The document of it, which the tests hold every output against.
const SCHEMA: &str = include_str!("../../../../docs/output.schema.json");

/// Prints the schema of the objects that this version prints.
///
/// # Errors
/// The output could not be written.
pub(super) fn run(printer: &Printer) -> Result<Outcome, Error> {
    printer.verbatim(SCHEMA.as_bytes())?;
    Ok(Outcome::Done)
}
