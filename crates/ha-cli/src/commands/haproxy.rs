//! `haproxy`

use crate::cli::{Globals, HaproxyArgs, OutputFormat};
use crate::config;
use crate::error::{Error, Failure};
use crate::exit::Outcome;
use crate::haproxy::{Listen, render};
use crate::output::Printer;

/// Prints the configuration.
///
/// # Errors
/// What is wrong with the cluster's file, or that JSON was asked for: HAProxy reads none.
pub(super) fn run(globals: &Globals, args: &HaproxyArgs, printer: &Printer) -> Result<Outcome, Error> {
    if printer.format() == OutputFormat::Json {
        let message = "a configuration of HAProxy has one form, and it is not JSON";
        return Err(Failure::usage("no-json", message).help("leave --output json out").into());
    }
    let config = config::load(globals)?;
    let listen = Listen {
        everybody: &args.bind,
        readers: &args.bind_read_only,
        statistics: &args.bind_statistics,
        certificate: args.certificate.as_deref(),
    };
    printer.verbatim(render(&config.topology, listen).as_bytes())?;
    Ok(Outcome::Done)
}
