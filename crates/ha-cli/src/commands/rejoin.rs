//! `rejoin` and `rebuild`: a node comes back as a standby.

use std::sync::Arc;
use std::time::Instant;

use ha_core::Cluster;
use ha_core::observe::{BranchObservation, OnlyHere};
use ha_core::plan::{Action, OldData, Plan, RejoinMethod, RejoinStart, UpOptions};
use ha_core::steps::StepError;
use ha_core::values::NodeName;
use serde_json::{Value, json};

use super::backup::{self, Taken};
use super::operation::Operation;
use super::plan;
use super::question::{self, Confirmation};
use super::turn::Turn;
use crate::cli::{Globals, OutputFormat, RebuildArgs, RejoinArgs};
use crate::connect::{Purpose, connect};
use crate::error::{Error, Failure};
use crate::exit::Outcome;
use crate::output::{PlanProgress, Printer, Tone, planned_steps, size};
use crate::select;

/// More users, realms or tables than this are counted, not listed.
const LISTED: usize = 20;

pub(super) async fn rejoin(globals: &Globals, args: &RejoinArgs, printer: &Printer) -> Result<Outcome, Error> {
    let cluster = connect(globals, Purpose::Work)?;
    let node = select::named(cluster.topology(), &args.node)?;
    backup::check(args.old_data.backup.as_deref())?;
    // Also with --dry-run: to look at the data its server is stopped.
    let turn = Turn::take(&cluster, "rejoin", false, printer).await?;
    let result = come_back(&cluster, &turn, &node, args, printer).await;
    turn.release().await;
    result
}

async fn come_back(
    cluster: &Cluster,
    turn: &Turn,
    node: &NodeName,
    args: &RejoinArgs,
    printer: &Printer,
) -> Result<Outcome, Error> {
    let begun = Instant::now();
    let start = plan::interruptible(cluster.begin_rejoin(node)).await?;
    let start = start.map_err(|refusal| plan::refused("rejoin", &[refusal]))?;
    let (primary, stop, second_primary) = match start {
        RejoinStart::Streams { primary, plan } => {
            printer.note(|page| page.line(format!("{node} streams from {primary}")));
            plan::show(printer, &plan);
            let progress = Arc::new(PlanProgress::new(printer.format()));
            let work = !plan.is_empty() && !args.dry_run;
            if work {
                let operation = Operation::begin(cluster, turn, &plan).await?;
                let done = plan::run(cluster, &plan, &progress).await;
                operation.end(cluster, &done, printer).await;
                done?;
            }
            if args.old_data.backup.is_some() {
                printer.note(|page| page.line("none of its data is replaced, so no backup was taken"));
            }
            let came = Came { progress: work.then_some(&*progress), dry_run: args.dry_run, ..Came::default() };
            report(cluster, printer, node, came, &plan, begun)?;
            return Ok(Outcome::Done);
        }
        RejoinStart::Inspect { primary, stop, second_primary } => (primary, stop, second_primary),
    };
    if !stop.is_empty() {
        plan::show(printer, &stop);
        let question = if second_primary {
            format!("{node} accepts writes, beside {primary}: it is stopped, and its data is looked at; go on?")
        } else if stop.steps.iter().any(|step| step.action == Action::MakePostgres) {
            format!("to look at the data of {node}, whose container is gone, one is made for it; go on?")
        } else {
            format!("to look at the data of {node}, its PostgreSQL has to be stopped; go on?")
        };
        question::confirm(printer, args.yes, &Some(Confirmation::new(question))).await?;
    }
    // Looking changes something already: the server is stopped, and comes back as a standby only.
    let operation = Operation::begin_on(cluster, turn, vec![node.clone()], None).await?;
    let done = looked_at(cluster, &primary, &stop, node, args, begun, printer).await;
    operation.end(cluster, &done, printer).await;
    done
}

/// From the stop of its server on.
async fn looked_at(
    cluster: &Cluster,
    primary: &NodeName,
    stop: &Plan,
    node: &NodeName,
    args: &RejoinArgs,
    begun: Instant,
    printer: &Printer,
) -> Result<Outcome, Error> {
    if !stop.is_empty() {
        plan::run(cluster, stop, &Arc::new(PlanProgress::new(printer.format()))).await?;
    }
    printer.note(|page| page.line(format!("looking at the data of {node}, cut off from everybody …")));
    let found = plan::interruptible(cluster.inspect(node, primary)).await?;
    if let Err(error) = &found
        && !matches!(error, StepError::Broken(_))
    {
        return Err(not_inspected(node, found.expect_err("just seen")).into());
    }
    let old_data = old_data(args.old_data.discard_old_data);
    let (method, plan) = plan::interruptible(cluster.plan_rejoin(node, primary, &found, old_data)).await?;
    show_branch(printer, node, primary, found.as_ref().ok(), &method);
    plan::show(printer, &plan);
    let ask = !args.dry_run && !args.yes && method != RejoinMethod::Start;
    let wanted = backup::offer(cluster, node, args.old_data.backup.as_deref(), ask, printer).await?;
    let came = Came { found: Some((&method, found.as_ref().ok())), dry_run: args.dry_run, ..Came::default() };
    if args.dry_run {
        report(cluster, printer, node, came, &plan, begun)?;
        return Ok(Outcome::Done);
    }
    let name = cluster.topology().cluster.name.as_str();
    let question = rejoin_question(name, node, primary, found.as_ref().ok(), &method, old_data);
    question::confirm(printer, args.yes, &Some(question)).await?;
    let kept = backup::take(wanted, cluster, printer).await?;
    let progress = Arc::new(PlanProgress::new(printer.format()));
    work(cluster, &plan, node, &progress, printer).await?;
    report(cluster, printer, node, Came { kept, progress: Some(&progress), ..came }, &plan, begun)?;
    Ok(Outcome::Done)
}

pub(super) async fn rebuild(globals: &Globals, args: &RebuildArgs, printer: &Printer) -> Result<Outcome, Error> {
    let cluster = connect(globals, Purpose::Work)?;
    let node = select::named(cluster.topology(), &args.node)?;
    backup::check(args.old_data.backup.as_deref())?;
    let turn = Turn::take(&cluster, "rebuild", args.dry_run, printer).await?;
    let result = replace(&cluster, &turn, &node, args, printer).await;
    turn.release().await;
    result
}

async fn replace(
    cluster: &Cluster,
    turn: &Turn,
    node: &NodeName,
    args: &RebuildArgs,
    printer: &Printer,
) -> Result<Outcome, Error> {
    let begun = Instant::now();
    let old_data = old_data(args.old_data.discard_old_data);
    let planned = plan::interruptible(cluster.plan_rebuild(node, old_data)).await?;
    let plan = planned.map_err(|refusal| plan::refused("rebuild", &[refusal]))?;
    plan::show(printer, &plan);
    let ask = !args.dry_run && !args.yes;
    let wanted = backup::offer(cluster, node, args.old_data.backup.as_deref(), ask, printer).await?;
    if args.dry_run {
        let also = [("node".to_owned(), json!(node))].into_iter().collect();
        plan::report_dry_run_with(cluster, printer, &plan, also)?;
        return Ok(Outcome::Done);
    }
    let question = rebuild_question(cluster.topology().cluster.name.as_str(), node, old_data);
    question::confirm(printer, args.yes, &Some(question)).await?;
    let kept = backup::take(wanted, cluster, printer).await?;
    let progress = Arc::new(PlanProgress::new(printer.format()));
    let operation = Operation::begin(cluster, turn, &plan).await?;
    let done = work(cluster, &plan, node, &progress, printer).await;
    operation.end(cluster, &done, printer).await;
    done?;
    report(cluster, printer, node, Came { kept, progress: Some(&progress), ..Came::default() }, &plan, begun)?;
    Ok(Outcome::Done)
}

const fn old_data(discard: bool) -> OldData {
    if discard { OldData::Discard } else { OldData::Keep }
}

fn not_inspected(node: &NodeName, error: StepError) -> Failure {
    let help = error.help().unwrap_or_else(|| {
        format!("its data is as it was; `ha-cli rebuild {node}` replaces it by a copy without looking at it")
    });
    Failure::failed("not-inspected", "its data could not be looked at").on(node).because(error).help(help)
}

/// Does what is planned, and brings up what else the node should run.
async fn work(
    cluster: &Cluster,
    plan: &Plan,
    node: &NodeName,
    progress: &Arc<PlanProgress>,
    printer: &Printer,
) -> Result<(), Error> {
    plan::run(cluster, plan, progress).await?;
    bring_up(cluster, printer, node).await
}

/// What else the node should run, its Keycloak above all.
async fn bring_up(cluster: &Cluster, printer: &Printer, node: &NodeName) -> Result<(), Error> {
    let planned = plan::interruptible(cluster.plan_up(std::slice::from_ref(node), UpOptions::default())).await?;
    let plan = planned.map_err(|refusals| plan::refused("up", &refusals))?;
    if plan.is_empty() {
        return Ok(());
    }
    plan::show(printer, &plan);
    plan::run(cluster, &plan, &Arc::new(PlanProgress::new(printer.format()))).await
}

fn listed(names: &[String]) -> String {
    let mut text = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > LISTED {
        text.push_str(&format!(", and {} more", names.len() - LISTED));
    }
    text
}

fn show_branch(
    printer: &Printer,
    node: &NodeName,
    primary: &NodeName,
    branch: Option<&BranchObservation>,
    method: &RejoinMethod,
) {
    printer.note(|page| {
        if let Some(BranchObservation { end, fork: Some(fork), only_here: Some(only_here), .. }) = branch {
            let mark = page.tone(Tone::Warning, "lost:");
            let OnlyHere { transactions, realms, users, tables } = only_here;
            let count = transactions.map_or_else(|| "an unknown number of".to_owned(), |count| count.to_string());
            page.line(format!(
                "{mark} {node} holds what {primary} does not: {} of WAL, from {fork} to {end}, with {count} transactions",
                size(end.bytes_since(*fork))
            ));
            if !realms.is_empty() {
                page.line(format!("  realms made or changed: {}", listed(realms)));
            }
            if !users.is_empty() {
                page.line(format!("  users made or changed: {}", listed(users)));
            }
            if !tables.is_empty() {
                let rows: Vec<_> = tables.iter().map(|(table, rows)| format!("{table} {rows}")).collect();
                page.line(format!("  rows by table: {}", listed(&rows)));
            }
        } else if branch.is_some_and(|branch| branch.fork.is_some() || branch.same_history == Some(true)) {
            page.line(format!("{node} holds nothing that {primary} does not"));
        } else {
            let mark = page.tone(Tone::Warning, "lost:");
            page.line(format!("{mark} what {node} holds that {primary} does not is not known"));
        }
        match method {
            RejoinMethod::Start => page.line("it only has to follow"),
            RejoinMethod::Rewind => page.line("pg_rewind takes it back to where the histories part"),
            RejoinMethod::BaseBackup { why, .. } => page.line(format!("a copy of {primary}'s data is needed: {why}")),
        }
    });
}

/// By the cluster's name where something is destroyed of which no other copy is known.
fn rejoin_question(
    cluster: &str,
    node: &NodeName,
    primary: &NodeName,
    branch: Option<&BranchObservation>,
    method: &RejoinMethod,
    old_data: OldData,
) -> Confirmation {
    let what = match method {
        RejoinMethod::Start => return Confirmation::new(format!("{node} becomes a standby of {primary}; go on?")),
        RejoinMethod::Rewind => format!("{node} becomes a standby of {primary}"),
        RejoinMethod::BaseBackup { .. } => format!("the data of {node} is replaced by a copy of {primary}'s"),
    };
    let copied = matches!(method, RejoinMethod::BaseBackup { .. });
    if let Some(lost) = lost(primary, branch).or_else(|| not_compared(primary, method)) {
        Confirmation::new(format!("{what}; {lost}.")).by_name_of(cluster)
    } else if copied && old_data == OldData::Discard {
        Confirmation::new(format!("{what}; {}", destroyed_first(primary.as_str()))).by_name_of(cluster)
    } else {
        Confirmation::new(format!("{what}; go on?"))
    }
}

fn rebuild_question(cluster: &str, node: &NodeName, old_data: OldData) -> Confirmation {
    let what = format!("the data of {node} is replaced by a copy of the primary's");
    match old_data {
        OldData::Keep => Confirmation::new(format!("{what}; the old data stays aside until it streams again; go on?")),
        OldData::Discard => {
            Confirmation::new(format!("{what}; {}", destroyed_first("the primary"))).by_name_of(cluster)
        }
    }
}

fn destroyed_first(primary: &str) -> String {
    format!("the old data is destroyed first, and until the copy is whole, only {primary} has the data.")
}

/// What only a node holds, in words; `None` where it is known to hold nothing of value that the primary does not.
fn lost(primary: &NodeName, branch: Option<&BranchObservation>) -> Option<String> {
    match branch {
        Some(BranchObservation { only_here: Some(only_here), .. }) => {
            (only_here.transactions != Some(0)).then(|| "what only it holds is lost".to_owned())
        }
        Some(branch) if branch.fork.is_some() || branch.same_history == Some(true) => None,
        _ => Some(format!("what it may hold that {primary} does not is lost")),
    }
}

/// The same of one in the primary's own history, where that does not tell.
fn not_compared(primary: &NodeName, method: &RejoinMethod) -> Option<String> {
    let unknown = matches!(method, RejoinMethod::BaseBackup { not_compared: true, .. });
    unknown.then(|| format!("what it may hold that {primary} does not is lost"))
}

/// How a node came back.
#[derive(Default)]
struct Came<'a> {
    /// What was found of its data, and what it led to; `None` where it was not looked at.
    found: Option<(&'a RejoinMethod, Option<&'a BranchObservation>)>,
    /// What of its data was put into a file.
    kept: Option<Taken>,
    /// What was done; `None` where nothing was.
    progress: Option<&'a PlanProgress>,
    /// Nothing was to be done.
    dry_run: bool,
}

fn report(
    cluster: &Cluster,
    printer: &Printer,
    node: &NodeName,
    came: Came<'_>,
    plan: &Plan,
    begun: Instant,
) -> Result<(), Error> {
    let Came { found, kept, progress, dry_run } = came;
    let seconds = begun.elapsed().as_secs_f64();
    if printer.format() == OutputFormat::Json {
        let steps = progress.map_or_else(|| planned_steps(plan), |progress| progress.to_json(plan));
        let mut object: Value = json!({
            "schema": 1, "cluster": cluster.topology().cluster.name, "node": node,
            "changed": progress.is_some(), "method": found.map(|(method, _)| method),
            "found": found.and_then(|(_, branch)| branch), "backup": kept, "steps": steps, "seconds": seconds,
        });
        if dry_run {
            object["dry_run"] = json!(true);
        }
        return printer.json(&object);
    }
    let text = match (plan.is_empty(), progress) {
        (true, _) => format!("nothing to do: {node} follows the primary\n"),
        (false, None) => "nothing was changed (--dry-run)\n".to_owned(),
        (false, Some(_)) => format!("{node} is a standby again and streams; done in {seconds:.1} s\n"),
    };
    printer.text(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(facts: &str) -> BranchObservation {
        let facts = facts.split(' ').filter_map(|fact| fact.split_once('='));
        BranchObservation::parse(&facts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()).unwrap()
    }

    #[test]
    fn what_may_be_the_only_copy_is_given_up_by_the_clusters_name() {
        let (vm1, vm2) = ("vm1".parse().unwrap(), "vm2".parse().unwrap());
        let nothing = branch("end=0/5 timeline=1 fork=0/5");
        let idle = branch("end=0/9 timeline=1 fork=0/5 diverged=yes transactions=0");
        let something = branch("end=0/9 timeline=1 fork=0/5 diverged=yes transactions=3");
        let uncounted = branch("end=0/9 timeline=1 fork=0/5 diverged=yes");
        let same = branch("end=0/9 timeline=1 same_history=yes");
        let unknown = branch("end=0/9 timeline=1");
        let copy = || RejoinMethod::BaseBackup { why: "its slot is lost".to_owned(), not_compared: false };
        let reset = || RejoinMethod::BaseBackup { why: "it is ahead".to_owned(), not_compared: true };
        for (branch, method, old_data, by_name) in [
            (Some(&something), RejoinMethod::Start, OldData::Discard, false),
            (Some(&nothing), RejoinMethod::Rewind, OldData::Discard, false),
            (Some(&idle), RejoinMethod::Rewind, OldData::Keep, false),
            (Some(&something), RejoinMethod::Rewind, OldData::Keep, true),
            (Some(&uncounted), RejoinMethod::Rewind, OldData::Keep, true),
            (Some(&nothing), copy(), OldData::Keep, false),
            (Some(&nothing), copy(), OldData::Discard, true),
            (Some(&same), copy(), OldData::Keep, false),
            (Some(&same), reset(), OldData::Keep, true),
            (Some(&unknown), copy(), OldData::Keep, true),
            (None, copy(), OldData::Keep, true),
        ] {
            let question = rejoin_question("sso", &vm2, &vm1, branch, &method, old_data);
            let asked = question.prompt();
            assert_eq!(asked.ends_with("Type the cluster's name, sso, to go on: "), by_name, "{asked}");
            assert_eq!(asked.ends_with("go on? [y/N] "), !by_name, "{asked}");
        }
        for (old_data, end) in [(OldData::Keep, "go on? [y/N] "), (OldData::Discard, "sso, to go on: ")] {
            let asked = rebuild_question("sso", &vm2, old_data).prompt();
            assert!(asked.ends_with(end), "{asked}");
        }
    }
}
