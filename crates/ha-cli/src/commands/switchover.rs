//! `switchover`: a planned change of roles, which loses nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ha_core::Cluster;
use ha_core::hooks::{HookEvent, RoleChange};
use ha_core::plan::{Switchover, SwitchoverOptions, undo_switchover};
use ha_core::steps::RunError;
use serde_json::json;

use super::operation::Operation;
use super::plan;
use super::question::{self, Confirmation};
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
        plan::report_dry_run(printer, &switchover.plan)?;
        return Ok(Outcome::Done);
    }
    let begun = Instant::now();
    let progress = Arc::new(PlanProgress::new(printer.format()));
    if switchover.plan.is_empty() {
        finish(cluster, &switchover, &progress, begun.elapsed(), &[], printer)?;
        return Ok(Outcome::Done);
    }
    question::confirm(printer, args.yes, &Some(question(&switchover))).await?;
    // Written before the primary is stopped and after the other one is there: no write waits for it.
    let operation = Operation::begin(cluster, turn, &switchover.plan).await?;
    let changed = change(cluster, &switchover, &progress, begun, printer).await;
    operation.end(cluster, &changed, printer).await;
    changed.map(|()| Outcome::Done)
}

async fn change(
    cluster: &Cluster,
    switchover: &Switchover,
    progress: &Arc<PlanProgress>,
    begun: Instant,
    printer: &Printer,
) -> Result<(), Error> {
    let watcher = Arc::new(with_hooks(cluster, switchover, progress));
    let ran = plan::attempt(cluster, &switchover.plan, &watcher).await;
    let took = begun.elapsed();
    // Whatever became of the rest: who was told of a promotion is let finish.
    let hooks = watcher.finish(printer).await;
    if let Err(error) = ran.map_err(|error| interrupted(error, switchover))? {
        return Err(go_back(cluster, switchover, error, printer).await?.into());
    }
    finish(cluster, switchover, progress, took, &hooks, printer)
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
    let undo = undo_switchover(switchover, &error);
    let failure = plan::step_failed(error);
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

fn finish(
    cluster: &Cluster,
    switchover: &Switchover,
    progress: &PlanProgress,
    took: Duration,
    hooks: &[HookReport],
    printer: &Printer,
) -> Result<(), Error> {
    let Switchover { from, to, resumed, plan, .. } = switchover;
    let seconds = took.as_secs_f64();
    if printer.format() == OutputFormat::Json {
        let object = json!({
            "schema": 1, "cluster": cluster.topology().cluster.name, "changed": !plan.is_empty(), "from": from, "to": to,
            "resumed": resumed, "steps": progress.to_json(plan), "seconds": seconds, "hooks": hooks.iter().map(HookReport::to_json).collect::<Vec<_>>(),
        });
        return printer.json(&object);
    }
    let text = if plan.is_empty() {
        format!("nothing to do: {to} is the primary\n")
    } else {
        format!("{to} is the primary, {from} follows it; done in {seconds:.1} s\n")
    };
    printer.text(&text)
}
