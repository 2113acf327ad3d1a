//! Runs the rows one after the other, on two hosts that all share, and writes the table.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use ha_tests::PairOptions;
use ha_tests::hosts::{Hosts, HostsOptions};
use libtest_mimic::{Arguments, Failed, Trial};

use crate::case::Case;
use crate::faults::{Row, rows};
use crate::table::{Line, markdown};

/// The images, a database, and the WAL that is kept for a standby that is away.
const DISK_MIB: u64 = 2048;
const PROFILES: [&str; 2] = ["async", "strict"];

#[derive(Default)]
struct World {
    hosts: OnceLock<Result<Arc<Hosts>, String>>,
    lines: Mutex<Vec<Line>>,
}

fn options() -> HostsOptions {
    HostsOptions::new(2).image(PairOptions::default().postgres_image).disk(DISK_MIB)
}

pub(crate) fn run() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    arguments.include_ignored = false;
    let file = std::env::var_os("HA_MATRIX");
    let forbidden = if file.is_none() {
        Some("HA_MATRIX is not set".to_owned())
    } else if ha_tests::engine_is_wanted() {
        options().available().err().map(|error| error.to_string())
    } else {
        Some("HA_TEST_NO_ENGINE".to_owned())
    };
    if let Some(reason) = &forbidden {
        println!("the fault matrix is skipped: {reason}");
    }
    let world = Arc::new(World::default());
    let trials = rows().into_iter().enumerate().flat_map(|(index, row)| {
        PROFILES.into_iter().enumerate().map(move |(other, profile)| (index * PROFILES.len() + other, row, profile))
    });
    let trials = trials.map(|(place, row, profile)| {
        let world = Arc::clone(&world);
        let run = move || run_row(&world, place, row, profile);
        Trial::test(format!("{} ({profile})", row.fault), run).with_ignored_flag(forbidden.is_some())
    });
    let outcome = libtest_mimic::run(&arguments, trials.collect());
    let lines = std::mem::take(&mut *world.lines.lock().unwrap());
    if let Some(file) = file.filter(|_| !lines.is_empty()) {
        std::fs::write(file, markdown(lines)).unwrap();
    }
    drop(world);
    outcome.exit_code()
}

fn run_row(world: &World, place: usize, row: Row, profile: &'static str) -> Result<(), Failed> {
    let start = || Hosts::start(&options()).map(Arc::new).map_err(|error| error.to_string());
    let hosts = world.hosts.get_or_init(start).clone()?;
    let begun = Instant::now();
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let mut case = Case::start(&hosts, profile);
        let primary = (row.run)(&mut case);
        case.ends(primary)
    }));
    let Row { fault, expected, .. } = row;
    let seconds = begun.elapsed().as_secs();
    let line = Line { place, fault, profile, expected, seen: String::new(), lost: None, seconds };
    let (line, result) = match ran {
        Ok(outcome) => (Line { seen: outcome.seen, lost: Some(outcome.lost), ..line }, Ok(())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default();
            (Line { seen: format!("**FAILED**: {text}"), ..line }, Err(Failed::from(text)))
        }
    };
    world.lines.lock().unwrap().push(line);
    result
}
