//! `down`: stops what runs, in an order that loses nothing; with `--volumes`, destroys it.
//!
//! Without `--volumes` the containers stay, stopped: volumes that no container uses are what `docker volume prune`
//! deletes, and the logs are still there to be read.

use std::sync::Arc;

use ha_core::Cluster;
use ha_core::health::{Report as Health, ReportedRole};
use ha_core::plan::{Action, Plan, choose_backup};
use ha_core::topology::Topology;
use ha_core::values::NodeName;
use serde_json::json;

use super::backup::{self, Taken, Wanted};
use super::operation::Operation;
use super::plan;
use super::question::{self, Confirmation};
use super::turn::Turn;
use crate::cli::{DownArgs, Globals, OutputFormat};
use crate::connect::{Purpose, connect};
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{PlanProgress, Printer};
use crate::select;

pub(super) async fn run(globals: &Globals, args: &DownArgs, printer: &Printer) -> Result<Outcome, Error> {
    let cluster = connect(globals, Purpose::Work)?;
    select::nodes(cluster.topology(), &args.nodes, None)?;
    backup::check(args.backup.as_deref())?;
    let turn = Turn::take(&cluster, "down", args.dry_run, printer).await?;
    let result = plan_and_do(&cluster, &turn, args, printer).await;
    turn.release().await;
    result
}

async fn plan_and_do(cluster: &Cluster, turn: &Turn, args: &DownArgs, printer: &Printer) -> Result<Outcome, Error> {
    let report = plan::interruptible(cluster.report()).await?;
    let selected = select::nodes(cluster.topology(), &args.nodes, Some(&report))?;
    let planned = plan::interruptible(cluster.plan_down(&selected, args.volumes)).await?;
    let plan = planned.map_err(|refusals| plan::refused("down", &refusals))?;
    plan::show(printer, &plan);
    let wanted = if args.volumes { offer_backup(cluster, &selected, args, &report, printer).await? } else { None };
    if args.dry_run {
        plan::report_dry_run(cluster, printer, &plan)?;
        return Ok(outcome(&plan));
    }
    question::confirm(printer, args.yes, &question(cluster.topology(), &plan, &report)).await?;
    let kept = backup::take(wanted, cluster, printer).await?;
    // With the volumes goes their history, so what would be written into it is lost.
    let operation =
        if plan.is_empty() || args.volumes { None } else { Some(Operation::begin(cluster, turn, &plan).await?) };
    let done = take_down(cluster, args, &plan, kept, printer).await;
    if let Some(operation) = operation {
        operation.end(cluster, &done, printer).await;
    }
    done.map(|()| outcome(&plan))
}

async fn offer_backup(
    cluster: &Cluster,
    selected: &[NodeName],
    args: &DownArgs,
    report: &Health,
    printer: &Printer,
) -> Result<Option<Wanted>, Error> {
    match (choose_backup(selected, |node| report.is_primary(node)), &args.backup) {
        (Ok(node), file) => backup::offer(cluster, node, file.as_deref(), !args.dry_run && !args.yes, printer).await,
        (Err(refusal), Some(_)) => Err(plan::refused("backup", &[refusal])),
        (Err(_), None) => Ok(None),
    }
}

async fn take_down(
    cluster: &Cluster,
    args: &DownArgs,
    plan: &Plan,
    kept: Option<Taken>,
    printer: &Printer,
) -> Result<(), Error> {
    let progress = Arc::new(PlanProgress::new(printer.format()));
    plan::run(cluster, plan, &progress).await?;
    if printer.format() == OutputFormat::Json {
        let object = json!({
            "schema": 1, "cluster": cluster.topology().cluster.name, "changed": !plan.is_empty(),
            "backup": kept, "steps": progress.to_json(plan), "notes": plan.notes,
        });
        printer.json(&object)?;
    } else if plan.is_empty() {
        printer.text("nothing to do: nothing runs\n")?;
    } else if args.volumes {
        printer.text("gone, data included\n")?;
    } else {
        printer.text("stopped; the data is kept, and `ha-cli up` starts it again\n")?;
    }
    Ok(())
}

fn outcome(plan: &Plan) -> Outcome {
    if plan.notes.is_empty() { Outcome::Done } else { Outcome::Degraded }
}

/// What is interrupted or lost, in words.
fn question(topology: &Topology, plan: &Plan, report: &Health) -> Option<Confirmation> {
    let names = |wanted: fn(&Action) -> bool| {
        let names: Vec<_> =
            plan.steps.iter().filter(|step| wanted(&step.action)).map(|step| step.node.to_string()).collect();
        names.join(", ")
    };
    let destroyed = names(|action| matches!(action, Action::RemoveVolumes));
    if !destroyed.is_empty() {
        let all =
            plan.steps.iter().filter(|step| step.action == Action::RemoveVolumes).count() == topology.nodes().len();
        let last = if all { " No copy of it is left then." } else { "" };
        let cluster = &topology.cluster.name;
        let question = format!("the database of cluster {cluster} on {destroyed} is destroyed.{last}");
        return Some(Confirmation::new(question).by_name_of(cluster.as_str()));
    }
    let stopped = names(|action| matches!(action, Action::Stop { .. }));
    let question = match primary_whose_standbys_stay(plan, report) {
        Some(primary) => format!(
            "{primary} is the primary, and nobody takes writes without it: `ha-cli switchover` moves the service to a \
             standby first. Stop it all the same?"
        ),
        None => "the service on these nodes stops; go on?".to_owned(),
    };
    (!stopped.is_empty()).then(|| Confirmation::new(question))
}

/// The primary, when it is stopped and a standby that could take its place is not.
fn primary_whose_standbys_stay<'r>(plan: &Plan, report: &'r Health) -> Option<&'r NodeName> {
    let stops = |node: &NodeName| plan.steps.iter().any(|step| step.node == *node);
    let of_role = |role| report.nodes.iter().filter(move |node| node.role == role).map(|node| &node.name);
    let stays = of_role(ReportedRole::Standby).any(|node| !stops(node));
    of_role(ReportedRole::Primary).find(|node| stays && stops(node))
}
