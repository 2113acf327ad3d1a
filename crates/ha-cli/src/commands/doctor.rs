//! `doctor`: whether the hosts are fit for the cluster.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ha_core::doctor::{CheckResult, DoctorOptions};
use ha_core::values::NodeName;

use self::report::Examined;
use crate::cli::{DoctorArgs, Globals};
use crate::connect::{Purpose, connect};
use crate::error::{Error, Failure};
use crate::exit::Outcome;
use crate::output::Printer;
use crate::select;
use ha_docker::TokioClock;

mod report;

/// Removing what was put there may wait for an engine; whoever presses ctrl-c again does not want to.
const CLEAN_UP_HINT: Duration = Duration::from_secs(2);

pub(super) async fn run(globals: &Globals, args: &DoctorArgs, printer: &Printer) -> Result<Outcome, Error> {
    let cluster = connect(globals, Purpose::Look)?;
    let nodes = select::nodes(cluster.topology(), &args.nodes, None)?;
    printer.note(|page| {
        let names: Vec<_> = nodes.iter().map(NodeName::as_str).collect();
        let speeds = if args.quick { "" } else { ", speeds included: some 20 s, --quick leaves them out" };
        page.line(format!("examining {}{speeds} …", names.join(", ")));
    });
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let options = DoctorOptions {
        quick: args.quick,
        unix_ms: i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX),
        run: format!("{:x}{:x}", std::process::id(), since_1970.subsec_micros()),
    };
    let clock = TokioClock::start();
    let interrupted = Failure::failed("interrupted", "interrupted");
    let stop = async {
        drop(tokio::signal::ctrl_c().await);
    };
    let work = cluster.doctor(&nodes, &options, &clock, stop);
    let report = tokio::select! {
        report = work => report,
        () = second_interrupt(printer) => {
            return Err(interrupted.help("what is left of the examination ends by itself in minutes; the next `doctor` removes it").into());
        }
    };
    let Some(report) = report else {
        return Err(interrupted.help("nothing was left behind").into());
    };
    printer.report(&Examined { report: &report })?;
    Ok(if report.result == CheckResult::Error { Outcome::Failed } else { Outcome::Done })
}

/// Ready at the second ctrl-c; at the first, what was put on the hosts is being removed.
async fn second_interrupt(printer: &Printer) {
    drop(tokio::signal::ctrl_c().await);
    let second = tokio::signal::ctrl_c();
    let hint = async {
        tokio::time::sleep(CLEAN_UP_HINT).await;
        printer.note(|page| page.line("removing what was put on the hosts; ctrl-c again leaves it …"));
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = second => {}
        () = hint => {}
    }
}
