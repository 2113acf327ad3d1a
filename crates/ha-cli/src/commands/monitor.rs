//! `monitor`: looks again and again, and tells what changes.

use std::io::IsTerminal;
use std::time::Duration;

use ha_core::health::{Change, Report as Health, carry, changes};
use ha_core::hooks::HealthChange;
use ha_core::topology::{HookCommand, Topology};
use serde_json::json;

use self::disks::Disks;
use self::history::History;
use super::status::outcome;
use super::time;
use crate::cli::{Globals, MonitorArgs, OutputFormat};
use crate::connect::{Purpose, connect};
use crate::error::{Error, Failure};
use crate::exit::Outcome;
use crate::hooks::{self, HookReport, Notifier};
use crate::interrupt::interrupted;
use crate::output::Printer;

mod disks;
mod history;
mod keys;
mod screen;

/// The way in which looks are shown.
enum Show {
    /// An object a look.
    Json,
    /// The first look, then a line for each change.
    Lines,
    /// A picture that is drawn anew in its place.
    Screen(screen::Screen),
}

pub(super) async fn run(globals: &Globals, args: &MonitorArgs, printer: &Printer) -> Result<Outcome, Error> {
    let cluster = connect(globals, Purpose::Look)?;
    // Before the terminal is taken, which whoever ends it gets back.
    let interrupt = interrupted();
    tokio::pin!(interrupt);
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    let mut show = match printer.format() {
        OutputFormat::Json => Show::Json,
        OutputFormat::Human if std::io::stdout().is_terminal() && !dumb => {
            Show::Screen(screen::Screen::enter(printer)?)
        }
        OutputFormat::Human => Show::Lines,
    };
    let public_url = cluster.topology().cluster.public_url.clone();
    let notifier = args.notify.as_ref().map(|named| notifier(cluster.topology(), named.as_deref())).transpose()?;
    let mut history = History::default();
    let mut disks = Disks::new();
    let mut last: Option<Health> = None;
    let mut ends = Ends::default();
    // A look that takes longer than the interval delays the next one; none is made up for.
    let mut ticks = tokio::time::interval(args.interval.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut looks: u64 = 0;
    while !printer.closed() && args.count.is_none_or(|count| looks < count) {
        let look = async {
            ticks.tick().await;
            disks.foretell(cluster.report().await)
        };
        let quit = async {
            match &mut show {
                Show::Screen(screen) => screen.quit().await,
                Show::Json | Show::Lines => std::future::pending().await,
            }
        };
        let report = tokio::select! {
            report = look => report,
            () = quit => break,
            // Whoever ends it gets the terminal back.
            () = &mut interrupt => {
                ends.interrupted = true;
                break;
            }
        };
        let now = time::now();
        let news: Vec<Change> = last.as_ref().map(|last| changes(last, &report)).unwrap_or_default();
        history.add(&now, &report, &news);
        let told = notifier.as_ref().map(|notifier| {
            let change = HealthChange::of_look(last.as_ref().map(|last| last.state), &report, &news);
            change.into_iter().for_each(|change| notifier.notify(change));
            notifier.over()
        });
        let trouble = told.iter().flatten().filter(|report| !report.went_well());
        if let Show::Screen(_) = show {
            // A line between two pictures would stay in the next one.
            trouble.for_each(|report| history.trouble(&now, report));
        } else {
            trouble.for_each(|report| hooks::warn(printer, report));
        }
        match &mut show {
            Show::Json => {
                let mut value = serde_json::to_value(&report).unwrap_or_default();
                if let Some(object) = value.as_object_mut() {
                    object.insert("time".to_owned(), json!(now));
                    let told = told.iter().map(|told| json!(told.iter().map(HookReport::to_json).collect::<Vec<_>>()));
                    object.extend(told.map(|told| ("hooks".to_owned(), told)));
                }
                printer.json(&value)?;
            }
            Show::Lines if last.is_none() => screen::first(printer, &now, &report, &public_url)?,
            Show::Lines => screen::lines(printer, &now, &news)?,
            Show::Screen(screen) => screen.draw(printer, &now, &report, &public_url, &history)?,
        }
        ends.state = Some(report.state);
        last = Some(last.map_or_else(|| report.clone(), |last| carry(&last, &report)));
        looks += 1;
    }
    if let Show::Screen(screen) = show {
        screen.leave(printer)?;
    }
    if let Some(notifier) = notifier {
        for report in notifier.finish(printer).await.iter().filter(|report| !report.went_well()) {
            hooks::warn(printer, report);
            if printer.format() == OutputFormat::Json {
                // There is no further look whose object could hold it.
                tracing::warn!("{report}");
            }
        }
    }
    ends.outcome()
}

/// What runs the program that is named, or that of the file.
fn notifier(topology: &Topology, named: Option<&str>) -> Result<Notifier, Error> {
    let named = named.map(|program| HookCommand { program: program.to_owned(), arguments: Vec::new() });
    let command = named.or_else(|| topology.hooks.on_health.clone()).ok_or_else(|| {
        Failure::usage("no-program", "there is no program to notify")
            .help("write on_health = [\"PROGRAM\"] below [hooks] in ha.toml, or name it: --notify PROGRAM")
    })?;
    Ok(Notifier::new(topology.clone(), command))
}

/// What the exit code will say.
#[derive(Default)]
struct Ends {
    state: Option<ha_core::health::ClusterState>,
    interrupted: bool,
}

impl Ends {
    fn outcome(&self) -> Result<Outcome, Error> {
        match self.state {
            _ if self.interrupted => Ok(Outcome::Interrupted),
            Some(state) => Ok(outcome(state)),
            None => Err(Failure::failed("no-look", "it was ended before the first look was over").into()),
        }
    }
}
