//! The `ha-cli` binary: sets up the process, runs one command, exits. Nothing else exits the process.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use ha_cli::cli::{Cli, Globals, OutputFormat, answer_completion, usage};
use ha_cli::error::{Error, Failure};
use ha_cli::exit::{self, Outcome};
use ha_cli::output::{Color, PlainStderr, Printer, Widths};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    match answer_completion() {
        Ok(false) => {}
        // What goes wrong at a key is not worth a word in the middle of a line.
        Ok(true) => return ExitCode::from(exit::DONE),
        Err(_) => return ExitCode::from(exit::FAILED),
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version come here too, as output with code 0. A reader that has gone needs no answer.
        Err(asked) if !asked.use_stderr() => return help(&asked),
        Err(wrong) => return refuse(&wrong),
    };
    let color = color(&cli.globals);
    start_logging(&cli.globals);
    let printer = Printer::new(cli.globals.output, color, Box::new(io::stdout()), Box::new(io::stderr()))
        .with_widths(Widths::of_this_process)
        .on_terminal(io::stdout().is_terminal());
    let mut result = run(cli, &printer);
    if let Err(error) = &result
        && let Err(lost) = printer.error(error)
    {
        result = Err(lost);
    }
    ExitCode::from(exit::code(&result))
}

fn help(asked: &clap::Error) -> ExitCode {
    match asked.print() {
        Err(lost) if lost.kind() != io::ErrorKind::BrokenPipe => {
            let printer =
                Printer::new(OutputFormat::Human, Color::default(), Box::new(io::stdout()), Box::new(io::stderr()));
            drop(printer.error(&Error::output(lost)));
            ExitCode::from(exit::FAILED)
        }
        _ => ExitCode::from(exit::DONE),
    }
}

/// A command line that makes no sense is told to programs, too, as far as it says that it is one that reads.
fn refuse(wrong: &clap::Error) -> ExitCode {
    let format = usage::format_of(std::env::args_os().skip(1));
    let printer = Printer::new(format, Color::default(), Box::new(io::stdout()), Box::new(io::stderr()));
    let code = match printer.usage(wrong) {
        Ok(()) => exit::USAGE,
        Err(_) => exit::FAILED,
    };
    ExitCode::from(code)
}

fn run(cli: Cli, printer: &Printer) -> Result<Outcome, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("runtime", "no threads could be started").because(error))?;
    runtime.block_on(ha_cli::commands::run(cli, printer))
}

/// Colours only where a terminal shows them and nobody asked for none (no-color.org).
fn color(globals: &Globals) -> Color {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let wanted = !(globals.no_color || set("NO_COLOR") || dumb);
    Color { out: wanted && io::stdout().is_terminal(), err: wanted && io::stderr().is_terminal() }
}

fn start_logging(globals: &Globals) {
    let level = match globals.verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let ours = ["ha_cli", "ha_core", "ha_docker", "ha_pg", "ha_keycloak"].map(|name| format!("{name}={level}"));
    let filter =
        EnvFilter::try_from_env("HA_LOG").unwrap_or_else(|_| EnvFilter::new(format!("warn,{}", ours.join(","))));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(PlainStderr::default).with_ansi(false).init();
}
