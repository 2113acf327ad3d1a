//! `doctor`: whether the hosts are fit for the cluster.

use std::time::{SystemTime, UNIX_EPOCH};

use ha_core::doctor::{CheckResult, DoctorOptions};
use ha_core::values::NodeName;

use self::report::Examined;
use super::interrupt::second_interrupt;
use crate::cli::{DoctorArgs, Globals};
use crate::connect::{Purpose, connect};
use crate::error::{Error, Failure};
use crate::exit::Outcome;
use crate::interrupt::interrupted;
use crate::output::Printer;
use crate::select;
use ha_docker::TokioClock;

mod report;

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
    let stop = interrupted();
    let work = cluster.doctor(&nodes, &options, &clock, stop);
    let report = tokio::select! {
        report = work => report,
        () = second_interrupt(printer, "removing what was put on the hosts; ctrl-c again leaves it …") => {
            let left = "what is left of the examination ends by itself in minutes; the next `doctor` removes it";
            return Err(Failure::interrupted(left).into());
        }
    };
    let Some(report) = report else {
        return Err(Failure::interrupted("nothing was left behind").into());
    };
    printer.report(&Examined { report: &report })?;
    Ok(if report.result == CheckResult::Error { Outcome::Failed } else { Outcome::Done })
}
