//! One module a command. A command takes what the command line says and a [`Printer`], and returns how it ended; only
//! `main` exits the process.

mod backup;
mod completions;
mod config;
mod doctor;
mod down;
mod explain;
mod failover;
mod handover;
mod haproxy;
mod history;
mod identity;
mod interrupt;
mod logs;
mod monitor;
mod operation;
mod plan;
mod question;
mod rejoin;
mod replication;
mod schema;
mod settle;
mod setup;
mod status;
mod switchover;
mod time;
mod turn;
mod up;
mod verify;
mod who;

use crate::cli::{Cli, Command};
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::Printer;

/// Runs the command that the command line names.
///
/// # Errors
/// Why the command stopped; `main` prints it.
pub async fn run(cli: Cli, printer: &Printer) -> Result<Outcome, Error> {
    match cli.command {
        Command::Setup(args) => setup::run(&cli.globals, &args, printer),
        Command::Config(command) => config::run(&cli.globals, &command, printer).await,
        Command::Haproxy(args) => haproxy::run(&cli.globals, &args, printer),
        Command::Up(args) => up::run(&cli.globals, &args, printer).await,
        Command::Down(args) => down::run(&cli.globals, &args, printer).await,
        Command::Switchover(args) => switchover::run(&cli.globals, &args, printer).await,
        Command::Failover(args) => failover::run(&cli.globals, &args, printer).await,
        Command::Rejoin(args) => rejoin::rejoin(&cli.globals, &args, printer).await,
        Command::Rebuild(args) => rejoin::rebuild(&cli.globals, &args, printer).await,
        Command::Replication(command) => replication::run(&cli.globals, &command, printer).await,
        Command::Explain => explain::run(&cli.globals, printer).await,
        Command::Status(args) => status::status(&cli.globals, &args, printer).await,
        Command::Health(args) => status::health(&cli.globals, &args, printer).await,
        Command::Logs(args) => logs::run(&cli.globals, &args, printer).await,
        Command::Monitor(args) => monitor::run(&cli.globals, &args, printer).await,
        Command::History(args) => history::run(&cli.globals, &args, printer).await,
        Command::Doctor(args) => doctor::run(&cli.globals, &args, printer).await,
        Command::Verify => verify::run(&cli.globals, printer).await,
        Command::Schema => schema::run(printer),
        Command::Completions(args) => completions::run(&args, printer),
    }
}
