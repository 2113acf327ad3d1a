//! `switchover`: a planned change of roles, which loses nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ha_core::Cluster;
use ha_core::hooks::{HookEvent, RoleChange};
use ha_core::plan::{Switchover, SwitchoverOptions, undo_switchover};
use ha_core::steps::RunError;
use serde_json::{Value, json};

use super::handover;
use super::operation::Operation;
use super::plan;
use super::question::{self, Confirmation};
use super::settle::{self, Settled};
use super::turn::Turn;
use crate::cli::{Globals, OutputFormat, SwitchoverArgs};
use crate::connect::{Purpose, connect};
use crate::error::{Error, Failure, FailureKind};
use crate::exit::Outcome;
use crate::hooks::{HookReport, HooksOnPromotion};
use crate::output::{PlanProgress, Printer, Tone};
use crate::select;

pub(super) async fn run(globals: &Globals, args: &SwitchoverArgs, printer: &Printer) -> Result<Outcome, Error> {
    let cluster = connect(globals, Purpose::Work)?;
    let to = args.to.as_deref().map(|word| select::named(cluster.topology(), word)).transpose()?;
    let options = SwitchoverOptions { to, max_lag_bytes: args.max_lag << 20 };
    // The old primary is stopped, and its lock ends with its container. The target's stays to the end, and so it is still
    // one at a time: whoever else comes needs the locks of all.
    let turn = Turn::take(&cluster, "switchover", args.dry_run, printer).await?;
    let result = plan_and_change(&cluster, &turn, &options, args, printer).await;
    turn.release().await;
    result
}

async fn plan_and_change(
    cluster: &Cluster,
    turn: &Turn,
    options: &SwitchoverOptions,
    args: &SwitchoverArgs,
    printer: &Printer,
) -> Result<Outcome, Error> {
    let planned = plan::interruptible(cluster.plan_switchover(options)).await?;
    let switchover = planned.map_err(|refusals| plan::refused("switchover", &refusals))?;
    plan::show(printer, &switchover.plan);
    if args.dry_run {
        let also = whose(&switchover).into_iter().map(|(field, value)| (field.to_owned(), value));
        plan::report_dry_run_with(cluster, printer, &switchover.plan, also.collect())?;
        return Ok(Outcome::Done);
    }
    let begun = Instant::now();
    let progress = Arc::new(PlanProgress::new(printer.format()));
    if switchover.plan.is_empty() {
        finish(cluster, &switchover, &progress, &Ended { took: begun.elapsed(), ..Ended::default() }, printer)?;
        return Ok(Outcome::Done);
    }
    question::confirm(printer, args.yes, &Some(question(&switchover))).await?;
    // Written before the primary is stopped and after the other one is there: no write waits for it.
    let operation = Operation::begin(cluster, turn, &switchover.plan).await?;
    let changed = change(cluster, &switchover, &progress, begun, printer).await;
    operation.end(cluster, &changed, printer).await;
    changed
}

async fn change(
    cluster: &Cluster,
    switchover: &Switchover,
    progress: &Arc<PlanProgress>,
    begun: Instant,
    printer: &Printer,
) -> Result<Outcome, Error> {
    let watcher = Arc::new(with_hooks(cluster, switchover, progress));
    let ran = handover::run(cluster, &switchover.plan, Arc::clone(&watcher) as _, printer).await;
    let took = begun.elapsed();
    // Whatever became of the rest: who was told of a promotion is let finish.
    let hooks = watcher.finish(printer).await;
    let unproven = match ran.map_err(|error| interrupted(error, switchover))? {
        Ok(()) => Vec::new(),
        Err(error) if error.is_only_unproven() => plan::unproven(printer, &error),
        Err(error) => return Err(go_back(cluster, switchover, error, printer).await?.into()),
    };
    let settled = settle::of(cluster, &settle::all(cluster), printer).await?;
    let ended = Ended { took, hooks: &hooks, unproven: &unproven, settled: Some(&settled) };
    finish(cluster, switchover, progress, &ended, printer)?;
    Ok(if unproven.is_empty() { settled.outcome() } else { Outcome::Degraded })
}

/// How a change ended.
#[derive(Default)]
struct Ended<'a> {
    took: Duration,
    hooks: &'a [HookReport],
    unproven: &'a [String],
    settled: Option<&'a Settled>,
}

/// Without the target's name, the same command would change the roles back if this one had come to its end.
fn interrupted(error: Error, switchover: &Switchover) -> Error {
    match error {
        Error::Failure(failure) if failure.kind == FailureKind::Interrupted => {
            let help = format!(
                "how far it came, `ha-cli status` shows; `ha-cli switchover --to {}` does what is left, and nothing twice",
                switchover.to
            );
            failure.help(help).into()
        }
        other => other,
    }
}

fn question(switchover: &Switchover) -> Confirmation {
    let Switchover { from, to, resumed, .. } = switchover;
    let question = if *resumed {
        format!("an interrupted change from {from} to {to} is brought to its end; go on?")
    } else {
        format!("{to} becomes the primary, {from} a standby; writes are refused for a moment; go on?")
    };
    Confirmation::new(question)
}

fn with_hooks(cluster: &Cluster, switchover: &Switchover, progress: &Arc<PlanProgress>) -> HooksOnPromotion {
    let change = RoleChange {
        old_primary: Some(switchover.from.clone()),
        new_primary: switchover.to.clone(),
        generation: switchover.plan.generation(),
    };
    let events = [HookEvent::Promote, HookEvent::Demote];
    HooksOnPromotion::new(cluster.topology(), &events, change, Arc::clone(progress) as _)
}

/// Undoes what can be undone, and says how things stand.
async fn go_back(
    cluster: &Cluster,
    switchover: &Switchover,
    error: RunError,
    printer: &Printer,
) -> Result<Failure, Error> {
    let undo = undo_switchover(switchover, &error.failed());
    let lost = error.lost_lock().is_some();
    let failure = plan::step_failed(error);
    if lost {
        return Ok(failure);
    }
    let Switchover { from, to, .. } = switchover;
    let Some(undo) = undo else {
        return Ok(failure.help(format!(
            "{to} is, or is about to be, the primary, so the way is forward: run `ha-cli switchover --to {to}` again; \
             until then there may be no primary (`ha-cli status` shows it)"
        )));
    };
    printer.note(|page| {
        let mark = page.tone(Tone::Warning, "note:");
        page.line(format!("{mark} {}; going back:", failure.message));
    });
    let progress = Arc::new(PlanProgress::new(printer.format()));
    Ok(match plan::attempt(cluster, &undo, &progress).await? {
        Ok(()) => failure.help(format!("nothing has changed: {from} is the primary as before")),
        Err(again) => failure.help(format!(
            "going back failed as well ({}): `ha-cli status` shows how things stand, `ha-cli up {from}` starts the primary \
             again",
            again.failures.iter().map(|it| format!("{}: {}", it.step, it.error)).collect::<Vec<_>>().join("; ")
        )),
    })
}

/// Who changes roles, for programs, done or not. What an interrupted one left may be a matter of the primary alone.
fn whose(switchover: &Switchover) -> [(&'static str, Value); 3] {
    let Switchover { from, to, resumed, plan, .. } = switchover;
    let from = (from != to).then_some(from);
    [("from", json!(from)), ("to", json!(to)), ("resumed", json!(*resumed && !plan.is_empty()))]
}

fn finish(
    cluster: &Cluster,
    switchover: &Switchover,
    progress: &PlanProgress,
    ended: &Ended<'_>,
    printer: &Printer,
) -> Result<(), Error> {
    let Switchover { from, to, plan, .. } = switchover;
    let Ended { took, hooks, unproven, settled } = ended;
    let seconds = took.as_secs_f64();
    if printer.format() == OutputFormat::Json {
        let mut object = json!({
            "schema": 1, "cluster": cluster.topology().cluster.name, "changed": !plan.is_empty(),
            "steps": progress.to_json(plan), "seconds": seconds, "hooks": hooks.iter().map(HookReport::to_json).collect::<Vec<_>>(),
            "unproven": unproven, "health": settled.map(Settled::to_json),
        });
        for (field, value) in whose(switchover) {
            object[field] = value;
        }
        return printer.json(&object);
    }
    let text = if plan.is_empty() {
        format!("nothing to do: {to} is the primary\n")
    } else {
        let to_come = settled.map_or_else(String::new, Settled::in_words);
        let follows = (from != to).then_some(from).map_or_else(String::new, |from| format!(", {from} follows it"));
        format!("{to} is the primary{follows}; done in {seconds:.1} s\n{to_come}")
    };
    printer.text(&text)
}
