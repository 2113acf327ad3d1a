//! Measures what `docs/benchmarks.md` shows: one run, one Markdown table on standard output, progress on standard error.
//!
//! Everything it starts has names of its own and is removed again, also after ctrl-c. Every wait has a limit. Its traffic
//! goes to loopback and to containers on this machine only.

mod another;
mod arguments;
mod balancer;
mod binary;
mod by_hand;
mod commands;
mod durability;
mod error;
mod failover;
mod filled;
mod folder;
mod follows;
mod load;
mod machine;
mod program;
mod realm;
mod rebuild;
mod rejoin;
mod report;
mod rows;
mod sessions;
mod site;
mod start;
mod stats;
mod steps;
mod switchover;
mod throughput;
mod up;
mod users;
mod world;
mod writer;

use std::process::ExitCode;

use arguments::{Arguments, Figure};
use error::Error;
use ha_core::causes::chain;
use report::{Row, say};
use site::Site;
use world::World;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(help) => return report::usage(&help),
    };
    let mut rows = Vec::new();
    // What runs is dropped with the future, and removes itself then.
    let outcome = tokio::select! {
        outcome = measure(&arguments, &mut rows) => outcome,
        () = interrupted() => Err("interrupted; what was measured before is shown".into()),
    };
    report::table(&rows);
    report::foot(&machine::load());
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("failed: {}", chain(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

/// Waits for ctrl-c or a polite kill.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

async fn measure(arguments: &Arguments, rows: &mut Vec<Row>) -> Result<(), Error> {
    report::head(&machine::line().await?, arguments);
    let mut failed = Vec::new();
    let mut note = |figure: Figure, outcome: Result<Vec<Row>, Error>| match outcome {
        Ok(more) => rows.extend(more),
        Err(error) => {
            let why = chain(error.as_ref());
            say(&format!("{figure}: failed: {why}"));
            failed.push(figure.to_string());
        }
    };

    if arguments.wants(Figure::Up) {
        note(Figure::Up, up::run(arguments).await);
    }
    if arguments.wants(Figure::Start) {
        note(Figure::Start, start::run(arguments).await);
    }
    if arguments.wants(Figure::Commands) || arguments.wants(Figure::Binary) {
        let site = Site::running().await?;
        if arguments.wants(Figure::Commands) {
            note(Figure::Commands, commands::run(arguments, &site).await);
        }
        if arguments.wants(Figure::Binary) {
            note(Figure::Binary, binary::run(arguments, &site).await);
        }
    }
    let on_a_world = [Figure::Rows, Figure::Follows, Figure::Throughput];
    if on_a_world.into_iter().any(|figure| arguments.wants(figure)) {
        let world = World::start().await?;
        if arguments.wants(Figure::Rows) {
            note(Figure::Rows, rows::run(arguments, &world).await);
        }
        if arguments.wants(Figure::Follows) {
            note(Figure::Follows, follows::run(arguments, &world).await);
        }
        if arguments.wants(Figure::Throughput) {
            note(Figure::Throughput, throughput::run(arguments, &world).await);
        }
    }
    if arguments.wants(Figure::Sessions) {
        note(Figure::Sessions, sessions::run(arguments).await);
    }
    if arguments.wants(Figure::Switchover) {
        note(Figure::Switchover, switchover::run(arguments).await);
    }
    if arguments.wants(Figure::Balancer) {
        note(Figure::Balancer, balancer::run(arguments).await);
    }
    if arguments.wants(Figure::Failover) {
        note(Figure::Failover, failover::run(arguments).await);
    }
    if arguments.wants(Figure::Rejoin) {
        note(Figure::Rejoin, rejoin::run(arguments).await);
    }
    if arguments.wants(Figure::Rebuild) {
        note(Figure::Rebuild, rebuild::run(arguments).await);
    }
    if arguments.wants(Figure::Durability) {
        note(Figure::Durability, durability::run(arguments).await);
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("not measured: {}", failed.join(", ")).into()) }
}
