//! What `up`, `down` and their like share: showing a plan, asking, running it, and what an interrupt means.

use std::future::Future;
use std::sync::Arc;

use ha_core::Cluster;
use ha_core::plan::{Plan, Refusal, RefusalKind};
use ha_core::steps::{RunError, Watcher};
use serde_json::{Map, Value, json};

use crate::cli::OutputFormat;
use crate::error::{Error, Failure};
use crate::output::{PlanProgress, Printer, Tone, planned_steps};

/// Awaits, until ctrl-c, or what means the same. What was under way is dropped: it is found and gone on with by the next run.
pub(super) async fn interruptible<T>(work: impl Future<Output = T>) -> Result<T, Error> {
    tokio::select! {
        value = work => Ok(value),
        () = crate::interrupt::interrupted() => Err(interrupted().into()),
    }
}

/// The failure that an interrupt is.
pub(super) fn interrupted() -> Failure {
    Failure::interrupted("nothing is half-made that the same command does not mend: run it again")
}

pub(super) fn show(printer: &Printer, plan: &Plan) {
    printer.note(|page| {
        for note in &plan.notes {
            let mark = page.tone(Tone::Warning, "note:");
            page.line(format!("{mark} {note}"));
        }
        if !plan.is_empty() {
            page.line("plan:");
            for step in &plan.steps {
                let after: Vec<_> = step.after.iter().map(|id| (id + 1).to_string()).collect();
                let after = if after.is_empty() { String::new() } else { format!("  (after {})", after.join(", ")) };
                let after = page.tone(Tone::Faint, after);
                page.line(format!("  {:>2}. {step}{after}", step.id + 1));
            }
        }
    });
}

pub(super) fn report_dry_run(cluster: &Cluster, printer: &Printer, plan: &Plan) -> Result<(), Error> {
    report_dry_run_with(cluster, printer, plan, Map::new())
}

/// The same, and for programs what else the command would tell of what it does.
pub(super) fn report_dry_run_with(
    cluster: &Cluster,
    printer: &Printer,
    plan: &Plan,
    also: Map<String, Value>,
) -> Result<(), Error> {
    if printer.format() == OutputFormat::Json {
        let mut object = json!({
            "schema": 1, "cluster": cluster.topology().cluster.name, "dry_run": true, "steps": planned_steps(plan),
            "notes": plan.notes,
        });
        if let Some(object) = object.as_object_mut() {
            object.extend(also);
        }
        return printer.json(&object);
    }
    if plan.is_empty() {
        return printer.text("nothing to do\n");
    }
    printer.text("nothing was done (--dry-run)\n")
}

pub(super) async fn run(cluster: &Cluster, plan: &Plan, progress: &Arc<PlanProgress>) -> Result<(), Error> {
    attempt(cluster, plan, progress).await?.map_err(|error| step_failed(error).into())
}

/// Runs a plan; the outer error is an interrupt.
pub(super) async fn attempt<W: Watcher + 'static>(
    cluster: &Cluster,
    plan: &Plan,
    watcher: &Arc<W>,
) -> Result<Result<(), RunError>, Error> {
    let watcher: Arc<dyn Watcher> = Arc::clone(watcher) as _;
    interruptible(cluster.run(plan, watcher)).await
}

/// The steps that failed, as one failure.
pub(super) fn step_failed(mut error: RunError) -> Failure {
    if error.failures.is_empty() {
        return interrupted();
    }
    let first = error.failures.remove(0);
    let mut message = format!("failed to {}", first.step.action);
    for failure in &error.failures {
        use std::fmt::Write as _;
        write!(message, "; {}: {} failed as well: {}", failure.step.node, failure.step.action, failure.error)
            .unwrap_or_default();
    }
    let help = first.error.help().unwrap_or_else(|| {
        "nothing is lost; when the cause is mended, run the same again: it goes on where it stopped".to_owned()
    });
    Failure::failed("step-failed", message).on(&first.step.node).because(first.error).help(help)
}

/// A change that is done, and of which only the last proof failed: told, and no failure of the change.
pub(super) fn unproven(printer: &Printer, error: &RunError) -> Vec<String> {
    let told: Vec<_> = error.failures.iter().map(|it| format!("{}: {}", it.step, it.error)).collect();
    printer.note(|page| {
        let mark = page.tone(Tone::Warning, "not proven:");
        for text in &told {
            page.line(format!("{mark} {text}"));
        }
        page.line("  the change itself is done; `ha-cli health` says what is wrong, `ha-cli verify` proves it again");
    });
    told
}

/// Refusals as one error; several are listed.
pub(super) fn refused(what: &str, refusals: &[Refusal]) -> Error {
    let kinds: Vec<_> = refusals.iter().map(|refusal| refusal.kind).collect();
    let make = |code, message: String| {
        if kinds.contains(&RefusalKind::Unsafe) {
            Failure::refused(code, message)
        } else if kinds.contains(&RefusalKind::Mismatch) {
            Failure::usage(code, message)
        } else {
            Failure::failed(code, message)
        }
    };
    match refusals {
        [one] => {
            let failure = make("refused", one.message.clone()).help(one.help.clone());
            match &one.node {
                Some(node) => failure.on(node).into(),
                None => failure.into(),
            }
        }
        many => {
            let lines: Vec<_> = many.iter().map(|refusal| format!("\n  - {refusal}\n    {}", refusal.help)).collect();
            make("refused", format!("`{what}` cannot go on, for {} reasons:{}", many.len(), lines.concat())).into()
        }
    }
}
