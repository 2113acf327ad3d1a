//! `failover`: the primary is gone, and a standby takes its place.

use std::sync::Arc;
use std::time::Instant;

use ha_core::Cluster;
use ha_core::hooks::{HookEvent, RoleChange};
use ha_core::plan::{Action, Failover, FailoverOptions, GivenUp, LastArrival, Loss, undo_failover};
use ha_core::steps::RunError;
use ha_core::values::NodeName;
use serde_json::json;

use super::handover;
use super::operation::Operation;
use super::plan;
use super::question::{self, Confirmation};
use super::settle::{self, Settled};
use super::turn::Turn;
use crate::cli::{FailoverArgs, Globals, OutputFormat};
use crate::connect::{Purpose, connect};
use crate::error::{Error, Failure};
use crate::exit::Outcome;
use crate::hooks::{HookReport, HooksOnPromotion};
use crate::output::{PlanProgress, Printer, Tone, planned_steps, size};
use crate::select;

pub(super) async fn run(globals: &Globals, args: &FailoverArgs, printer: &Printer) -> Result<Outcome, Error> {
    let begun = Instant::now();
    let cluster = connect(globals, Purpose::Failover)?;
    let to = args.to.as_deref().map(|word| select::named(cluster.topology(), word)).transpose()?;
    let named = |word: &String| select::named(cluster.topology(), word);
    let give_up = args.give_up.iter().map(named).collect::<Result<_, _>>()?;
    let options = FailoverOptions { to, primary_is_dead: args.primary_is_dead, run_alone: args.run_alone, give_up };
    if args.dry_run {
        let seen = plan(&cluster, &options).await?;
        show(printer, &seen);
        return report_dry_run(&cluster, printer, &seen);
    }
    let mut turn = Turn::soon(&cluster, "failover", printer).await?;
    let result = match look(&cluster, &mut turn, &options, printer).await {
        Ok(failover) => take_over(&cluster, &turn, &failover, begun, args, printer).await,
        Err(error) => Err(error),
    };
    turn.release().await;
    result
}

/// What is seen under the locks of all that something will be done on.
async fn look(
    cluster: &Cluster,
    turn: &mut Turn,
    options: &FailoverOptions,
    printer: &Printer,
) -> Result<Failover, Error> {
    let seen = plan(cluster, options).await?;
    let concerned = seen.plan.steps.iter().map(|step| step.node.clone()).collect();
    // A host that is lost is not waited for a second time.
    if turn.include(cluster, concerned, printer).await? { plan(cluster, options).await } else { Ok(seen) }
}

async fn plan(cluster: &Cluster, options: &FailoverOptions) -> Result<Failover, Error> {
    let planned = plan::interruptible(cluster.plan_failover(options)).await?;
    planned.map_err(|refusals| plan::refused("failover", &refusals))
}

async fn take_over(
    cluster: &Cluster,
    turn: &Turn,
    failover: &Failover,
    begun: Instant,
    args: &FailoverArgs,
    printer: &Printer,
) -> Result<Outcome, Error> {
    show(printer, failover);
    let progress = Arc::new(PlanProgress::new(printer.format()));
    let looked = begun.elapsed();
    if failover.plan.is_empty() {
        let ended = Ended { seconds: looked.as_secs_f64(), ..Ended::default() };
        finish(cluster, failover, &progress, &ended, printer)?;
        return Ok(Outcome::Done);
    }
    question::confirm(printer, args.yes, &Some(question(cluster, failover, args))).await?;
    // Written down at the same time: the intent itself is on the target's disk before anything else happens.
    let begun = Instant::now();
    let watcher = Arc::new(with_hooks(cluster, failover, &progress));
    let (operation, ran) = tokio::join!(
        Operation::begin_to_the_end(cluster, turn, &failover.plan),
        handover::run(cluster, &failover.plan, Arc::clone(&watcher) as _, printer)
    );
    let seconds = (looked + begun.elapsed()).as_secs_f64();
    let mut unproven = Vec::new();
    let ran = match ran {
        Ok(Err(error)) if error.is_only_unproven() => {
            unproven = plan::unproven(printer, &error);
            Ok(())
        }
        Ok(Err(error)) => Err(go_back(cluster, failover, error, printer).await?.into()),
        Ok(Ok(())) => Ok(()),
        Err(interrupted) => Err(interrupted),
    };
    let hooks = watcher.finish(printer).await;
    operation.end(cluster, &ran, printer).await;
    ran?;
    let proven = unproven.is_empty();
    // Somebody is away as a rule, and waiting for that would help nobody: what is still to come is told.
    let settled = settle::look(cluster, &settle::all(cluster)).await?;
    let ended = Ended { seconds, hooks: &hooks, unproven: &unproven, settled: Some(&settled) };
    finish(cluster, failover, &progress, &ended, printer)?;
    Ok(if proven { Outcome::Done } else { Outcome::Degraded })
}

/// Where somebody came back before the promotion, the target is what it was.
async fn go_back(cluster: &Cluster, failover: &Failover, error: RunError, printer: &Printer) -> Result<Failure, Error> {
    let undo = undo_failover(failover, &error.failed());
    let lost = error.lost_lock().is_some();
    let failure = plan::step_failed(error);
    if lost {
        return Ok(failure);
    }
    let Some(undo) = undo else { return Ok(failure) };
    let progress = Arc::new(PlanProgress::new(printer.format()));
    let undone = plan::attempt(cluster, &undo, &progress).await?;
    let stands = if undone.is_ok() { "nothing has changed" } else { "what is written down could not be taken back" };
    Ok(failure.help(format!(
        "nobody was promoted, and {stands}: `ha-cli status` shows how things stand now; where they call for it, run the same again"
    )))
}

fn with_hooks(cluster: &Cluster, failover: &Failover, progress: &Arc<PlanProgress>) -> HooksOnPromotion {
    let change = RoleChange {
        old_primary: failover.from.clone(),
        new_primary: failover.to.clone(),
        generation: failover.plan.generation(),
    };
    let events = [HookEvent::Failover, HookEvent::Promote];
    HooksOnPromotion::new(cluster.topology(), &events, change, Arc::clone(progress) as _)
}

/// What may be lost, in words.
fn loss_in_words(failover: &Failover) -> String {
    match &failover.loss {
        Loss::None { why } => format!("nothing acknowledged is lost: {why}"),
        Loss::Exactly { bytes } => format!("{} of WAL that the old primary wrote last are lost", size(*bytes)),
        Loss::GivenUp { nodes } => nodes.iter().map(given_up_in_words).collect::<Vec<_>>().join("; "),
        Loss::Since { lsn, seconds, last } => {
            let (to, from) = (&failover.to, failover.from.as_ref().map_or("the old primary", NodeName::as_str));
            let end = lsn.map_or_else(String::new, |lsn| format!(", up to {lsn}"));
            let ago = match (seconds, last) {
                (None, _) => String::new(),
                (Some(seconds), LastArrival::Message) => format!("; it last heard from {from} {seconds:.1} s ago"),
                (Some(seconds), LastArrival::Transaction) => {
                    format!(
                        "; the last transaction that arrived is {seconds:.1} s old, on a quiet cluster simply the last"
                    )
                }
            };
            format!(
                "{to} has all that reached it{end}{ago}. What {from} acknowledged after that and had not sent is lost"
            )
        }
    }
}

fn given_up_in_words(given_up: &GivenUp) -> String {
    let GivenUp { node, promotion, lsn, last_transaction_seconds } = given_up;
    let end = lsn.map_or_else(String::new, |lsn| format!(", up to {lsn}"));
    let age = last_transaction_seconds.map_or_else(String::new, |age| format!(", the last of it {age:.0} s ago,"));
    format!(
        "what {node} holds from the promotion of {} in generation {} on{end}{age} is given up. It stays there until \
         `ha-cli rejoin {node}`, which shows it first",
        promotion.primary, promotion.generation
    )
}

fn show(printer: &Printer, failover: &Failover) {
    plan::show(printer, &failover.plan);
    printer.note(|page| {
        for hint in &failover.hints {
            let mark = page.tone(Tone::Faint, "hint:");
            page.line(format!("{mark} {hint}"));
        }
        if failover.plan.is_empty() {
            return;
        }
        if promotes(failover) {
            let mark = page.tone(Tone::Warning, "loss:");
            page.line(format!("{mark} {}", loss_in_words(failover)));
        }
        for risk in &failover.risks {
            let mark = page.tone(Tone::Warning, "risk:");
            page.line(format!("{mark} {risk}"));
        }
    });
}

/// Else there is a primary, and only what an interrupted run left is done, or what it is told to do without a standby.
fn promotes(failover: &Failover) -> bool {
    failover.plan.steps.iter().any(|step| step.action == Action::Promote)
}

fn question(cluster: &Cluster, failover: &Failover, args: &FailoverArgs) -> Confirmation {
    let to = &failover.to;
    let consequence = match &failover.loss {
        _ if !promotes(failover) => format!("{to} is the primary already, and the rest is done"),
        Loss::None { .. } => format!("{to} becomes the primary; nothing acknowledged is lost"),
        Loss::GivenUp { .. } => format!("{to} becomes the primary; what is given up stands above"),
        Loss::Exactly { .. } | Loss::Since { .. } => format!("{to} becomes the primary; what may be lost stands above"),
    };
    // Nothing but this person's word stands against two primaries, or for what is given up.
    if promotes(failover) && (args.primary_is_dead || !args.give_up.is_empty()) {
        let dead = if args.primary_is_dead { ", and you say that the old primary does not run" } else { "" };
        return Confirmation::new(format!("{consequence}{dead}.")).by_name_of(cluster.topology().cluster.name.as_str());
    }
    Confirmation::new(format!("{consequence}; go on?"))
}

fn to_json(cluster: &Cluster, failover: &Failover) -> serde_json::Value {
    json!({
        "schema": 1, "cluster": cluster.topology().cluster.name,
        "from": failover.from, "to": failover.to, "loss": failover.loss, "risks": failover.risks, "hints": failover.hints,
    })
}

fn report_dry_run(cluster: &Cluster, printer: &Printer, failover: &Failover) -> Result<Outcome, Error> {
    if printer.format() == OutputFormat::Json {
        let mut object = to_json(cluster, failover);
        object["dry_run"] = json!(true);
        object["steps"] = planned_steps(&failover.plan);
        object["notes"] = json!(failover.plan.notes);
        printer.json(&object)?;
    } else {
        plan::report_dry_run(cluster, printer, &failover.plan)?;
    }
    Ok(Outcome::Done)
}

/// How a failover ended.
#[derive(Default)]
struct Ended<'a> {
    seconds: f64,
    hooks: &'a [HookReport],
    unproven: &'a [String],
    settled: Option<&'a Settled>,
}

fn finish(
    cluster: &Cluster,
    failover: &Failover,
    progress: &PlanProgress,
    ended: &Ended<'_>,
    printer: &Printer,
) -> Result<(), Error> {
    let Failover { to, plan, .. } = failover;
    let Ended { seconds, hooks, unproven, settled } = ended;
    if printer.format() == OutputFormat::Json {
        let mut object = to_json(cluster, failover);
        object["changed"] = json!(!plan.is_empty());
        object["steps"] = progress.to_json(plan);
        object["hooks"] = json!(hooks.iter().map(HookReport::to_json).collect::<Vec<_>>());
        object["seconds"] = json!(seconds);
        object["unproven"] = json!(unproven);
        object["health"] = json!(settled.map(Settled::to_json));
        return printer.json(&object);
    }
    let text = if plan.is_empty() {
        format!("nothing to do: {to} is the primary\n")
    } else {
        let follows = |node: &NodeName| {
            plan.steps.iter().any(|it| it.node == *node && matches!(it.action, Action::FollowPrimary { .. }))
        };
        let given_up = |node: &NodeName| match &failover.loss {
            Loss::GivenUp { nodes } => nodes.iter().any(|it| it.node == *node),
            Loss::None { .. } | Loss::Exactly { .. } | Loss::Since { .. } => false,
        };
        let peers = cluster.topology().peers_of(to).map(|node| &node.name);
        let (apart, others): (Vec<_>, Vec<_>) = peers.partition(|node| given_up(node));
        let apart: String = apart
            .iter()
            .map(|node| {
                format!("{node} follows nobody: `ha-cli rejoin {node}` shows what only it holds, and brings it back\n")
            })
            .collect();
        let away: Vec<_> = others.iter().filter(|node| !follows(node)).map(ToString::to_string).collect();
        let next = match &away[..] {
            [] => String::new(),
            [first, ..] => format!(
                "when {} is back: `ha-cli rejoin {first}`; until then `ha-cli status` shows what is missing\n",
                away.join(" or ")
            ),
        };
        let to_come = settled.map_or_else(String::new, Settled::in_words);
        format!("{to} is the primary; done in {seconds:.1} s\n{apart}{next}{to_come}")
    };
    printer.text(&text)
}
