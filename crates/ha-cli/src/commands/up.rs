//! `up`: makes what the topology says.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join;
use ha_core::Cluster;
use ha_core::plan::{Action, Change, Plan, UpOptions};
use ha_core::values::NodeName;
use serde_json::json;

use super::identity;
use super::operation::Operation;
use super::plan;
use super::question::{self, Confirmation};
use super::settle::{self, Settled};
use super::turn::{Turn, refuse_strangers};
use crate::cli::{Globals, OutputFormat, UpArgs};
use crate::connect::{Purpose, connect};
use crate::error::{Error, Failure};
use crate::exit::Outcome;
use crate::output::{PlanProgress, Printer};
use crate::select;

/// A plan may need another look, when an image had to be pulled before data could be examined. More rounds than this
/// mean that what was done did not have the effect it should.
const ROUNDS: usize = 5;

pub(super) async fn run(globals: &Globals, args: &UpArgs, printer: &Printer) -> Result<Outcome, Error> {
    let cluster = connect(globals, Purpose::Work)?;
    let selected = select::nodes(cluster.topology(), &args.nodes, None)?;
    let options = UpOptions { bootstrap: args.bootstrap, ..UpOptions::default() };
    let begun = Instant::now();
    let nodes: Vec<_> = cluster.topology().nodes().iter().map(|node| node.name.clone()).collect();
    // The same calls to the same engines at the same time: it costs nothing to ask before anything is decided.
    let (ours, seen) =
        join(refuse_strangers(&cluster, "up", &nodes), plan::interruptible(cluster.plan_up(&selected, options))).await;
    ours?;
    let seen = seen?;
    if args.dry_run {
        let seen = seen.map_err(|refusals| plan::refused("up", &refusals))?;
        plan::show(printer, &seen);
        plan::report_dry_run(&cluster, printer, &seen)?;
        return Ok(left_out(&seen));
    }
    // As a rule there is nothing to do, and no lock is taken for that. Anything else is planned anew under the locks: what was
    // seen may be another's work, half done.
    if let Ok(seen) = seen
        && seen.is_empty()
    {
        plan::show(printer, &seen);
        identity::keep(globals, &cluster, printer).await?;
        let settled = settle::look(&cluster, &selected).await?;
        return end(&cluster, &Done { settled, left: seen, ..Done::at(begun) }, printer);
    }
    let turn = Turn::take(&cluster, "up", false, printer).await?;
    let mut operation = None;
    let result = match rounds(&cluster, &turn, &selected, args, printer, &mut operation).await {
        // Before the end is told: a program gets one object.
        Ok(done) => identity::keep(globals, &cluster, printer).await.and_then(|()| end(&cluster, &done, printer)),
        Err(error) => Err(error),
    };
    if let Some(operation) = operation {
        operation.end(&cluster, &result, printer).await;
    }
    turn.release().await;
    result
}

/// Plans and does until nothing is left to do. `operation` begins with the first thing that is really done.
async fn rounds(
    cluster: &Cluster,
    turn: &Turn,
    selected: &[NodeName],
    args: &UpArgs,
    printer: &Printer,
    operation: &mut Option<Operation>,
) -> Result<Done, Error> {
    let options = UpOptions { bootstrap: args.bootstrap, ..UpOptions::default() };
    let mut done = Done::at(Instant::now());
    let mut last: Option<Plan> = None;
    for _ in 0..ROUNDS {
        let planned = plan::interruptible(cluster.plan_up(selected, options)).await?;
        let plan = planned.map_err(|refusals| plan::refused("up", &refusals))?;
        // What a round has done may show what else there is to do: who follows whom is seen once both run. The same once more
        // is no use.
        if plan.is_empty() || last.as_ref() == Some(&plan) {
            if last.is_none() {
                plan::show(printer, &plan);
                done.settled = settle::look(cluster, selected).await?;
            }
            done.left = plan;
            return Ok(done);
        }
        plan::show(printer, &plan);
        question::confirm(printer, args.yes, &interruptions(&plan)).await?;
        if operation.is_none() {
            *operation = Some(Operation::begin(cluster, turn, &plan).await?);
        }
        let progress = Arc::new(PlanProgress::new(printer.format()));
        plan::run(cluster, &plan, &progress).await?;
        done.steps += plan.steps.len();
        done.rounds.push(progress.to_json(&plan));
        done.settled = settle::of(cluster, selected, printer).await?;
        last = Some(plan);
    }
    Err(Failure::failed("no-end", format!("after {ROUNDS} rounds there is still something to do"))
        .help("`ha-cli up --dry-run` shows what; the logs of that node may say why")
        .into())
}

/// A node that was asked for and left out is no full success.
fn left_out(plan: &Plan) -> Outcome {
    if plan.notes.is_empty() { Outcome::Done } else { Outcome::Degraded }
}

/// What runs and is interrupted: to be agreed to.
fn interruptions(plan: &Plan) -> Option<Confirmation> {
    let interrupted: Vec<_> = plan
        .steps
        .iter()
        .filter(|step| {
            matches!(
                &step.action,
                Action::StartPostgres { change: Change::Replace { .. }, .. }
                    | Action::StartKeycloak { change: Change::Replace { .. } }
            )
        })
        .map(|step| step.node.to_string())
        .collect();
    (!interrupted.is_empty()).then(|| {
        Confirmation::new(format!("what runs on {} is interrupted for a moment; go on?", interrupted.join(", ")))
    })
}

/// What was done.
struct Done {
    begun: Instant,
    steps: usize,
    rounds: Vec<serde_json::Value>,
    settled: Settled,
    /// What the last look had to say.
    left: Plan,
}

impl Done {
    fn at(begun: Instant) -> Self {
        Self { begun, steps: 0, rounds: Vec::new(), settled: Settled::default(), left: Plan::default() }
    }
}

/// Tells how it ended.
fn end(cluster: &Cluster, done: &Done, printer: &Printer) -> Result<Outcome, Error> {
    report(cluster, done, printer)?;
    Ok(left_out(&done.left).worse(done.settled.outcome()))
}

fn report(cluster: &Cluster, done: &Done, printer: &Printer) -> Result<(), Error> {
    let Done { begun, steps, rounds, settled, left } = done;
    let (steps, seconds) = (*steps, begun.elapsed().as_secs_f64());
    if printer.format() == OutputFormat::Json {
        let steps: Vec<_> = rounds.iter().filter_map(serde_json::Value::as_array).flatten().cloned().collect();
        let object = json!({
            "schema": 1, "cluster": cluster.topology().cluster.name, "changed": !steps.is_empty(), "steps": steps,
            "notes": left.notes, "seconds": seconds, "health": settled.to_json(),
        });
        return printer.json(&object);
    }
    let to_come = settled.in_words();
    let text = match (steps, to_come.is_empty()) {
        (0, true) => "nothing to do: everything is as it should be\n".to_owned(),
        (0, false) => format!("nothing to do\n{to_come}"),
        _ if settled.outcome() != Outcome::Done => format!("all steps are done, after {seconds:.1} s\n{to_come}"),
        (_, _) => {
            format!("done in {seconds:.1} s; `ha-cli status` shows it, `ha-cli verify` proves it\n{to_come}")
        }
    };
    printer.text(&text)
}
