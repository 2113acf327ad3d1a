//! What people see.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports")]

use std::process::ExitCode;

use crate::arguments::Arguments;

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// What was measured.
    pub figure: String,
    /// What came out.
    pub measured: String,
    /// What stands beside it, measured in the same run.
    pub beside: String,
    /// The first against the second.
    pub ratio: String,
    /// What was aimed for.
    pub goal: String,
}

impl Row {
    pub(crate) fn new(figure: impl Into<String>, measured: impl Into<String>) -> Self {
        let dash = || "–".to_owned();
        Self { figure: figure.into(), measured: measured.into(), beside: dash(), ratio: dash(), goal: dash() }
    }

    pub(crate) fn beside(mut self, beside: impl Into<String>, ratio: f64) -> Self {
        self.beside = beside.into();
        self.ratio = format!("{ratio:.2}");
        self
    }

    /// The same where a ratio says nothing.
    pub(crate) fn against(mut self, beside: impl Into<String>) -> Self {
        self.beside = beside.into();
        self
    }

    pub(crate) fn goal(mut self, goal: &str) -> Self {
        goal.clone_into(&mut self.goal);
        self
    }
}

/// Progress.
pub(crate) fn say(text: &str) {
    eprintln!("ha-bench: {text}");
}

/// The machine, and how this run was asked for.
pub(crate) fn head(machine: &str, arguments: &Arguments) {
    println!("{machine}\n");
    let kind = if arguments.quick { "a quick run: its numbers mean little" } else { "median (min–max)" };
    let more = if arguments.rounds_asked || arguments.quick { "" } else { ", more where the table says so" };
    let realms = if arguments.realms > 1 || arguments.clients > 0 {
        format!(" Realms that are logged in to: {}, with {} clients besides.", arguments.realms, arguments.clients)
    } else {
        String::new()
    };
    println!("Rounds: {}{more}; {kind}.{realms}\n", arguments.rounds);
}

pub(crate) fn table(rows: &[Row]) {
    println!("| figure | measured | beside it | ratio | goal |\n|---|---|---|---|---|");
    for Row { figure, measured, beside, ratio, goal } in rows {
        println!("| {figure} | {measured} | {beside} | {ratio} | {goal} |");
    }
}

/// How busy the machine was meanwhile, the benchmark included.
pub(crate) fn foot(load: &str) {
    println!("\nLoad afterwards (1, 5, 15 minutes): {load}.");
}

/// Shows the help: asked for, or after what is wrong.
pub(crate) fn usage(help: &str) -> ExitCode {
    if help.starts_with("usage") {
        println!("{help}");
        return ExitCode::SUCCESS;
    }
    eprintln!("{help}");
    ExitCode::from(2)
}
