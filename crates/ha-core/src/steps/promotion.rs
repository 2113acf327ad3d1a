//! Writing down promotions.

use super::StepError;
use super::run::At;
use crate::layout::{self, Component};
use crate::ports::ExecSpec;
use crate::values::{NodeName, PromotionId, PromotionRecord};

/// The record that a running server shows; nothing when it cannot be asked.
pub(super) async fn of(at: &At<'_>, node: &NodeName) -> Option<PromotionRecord> {
    at.cluster.ports.probe.observe(node, at.cluster.limits.observe).await.ok()?.promotion
}

/// The primary's record, if this node follows it in truth: streams from it, on its timeline. One whose data went another
/// way is told to follow, too, and must not pass for one that has all of that promotion.
pub(super) async fn followed(at: &At<'_>, primary: &NodeName) -> Option<PromotionRecord> {
    let (probe, limit) = (&at.cluster.ports.probe, at.cluster.limits.observe);
    let upstream = probe.observe(primary, limit).await.ok()?;
    let own = probe.observe(&at.node.name, limit).await.ok()?;
    (own.streams() && own.timeline == upstream.timeline).then_some(upstream.promotion)?
}

/// Writes the record of a running server, durably, and waits until the server shows it.
pub(super) async fn record(
    at: &At<'_>,
    generation: u64,
    primary: &NodeName,
    run_alone: bool,
    id: Option<&PromotionId>,
) -> Result<(), StepError> {
    let name = layout::container_name(at.cluster.topology(), &at.node.name, Component::Postgres);
    let alone = if run_alone { "on" } else { "off" };
    let (generation, primary) = (generation.to_string(), primary.to_string());
    let id = id.map_or_else(String::new, ToString::to_string);
    let argv = ["/bin/sh", "-c", layout::RECORD_SCRIPT, "record", &generation, &primary, alone, &id];
    let exec = ExecSpec { argv: argv.map(str::to_owned).to_vec(), ..ExecSpec::default() };
    let output = at.runtime.exec(&name, &exec, at.cluster.limits.observe * 5).await?;
    if output.exit_code == 0 {
        return Ok(());
    }
    Err(StepError::Job { code: output.exit_code, message: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
}
