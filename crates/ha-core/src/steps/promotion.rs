//! Writing down promotions.

use std::time::Duration;

use super::StepError;
use super::at::At;
use crate::layout::{self, Component, PROMOTION_PATH};
use crate::plan::{Of, has_been_through, own_way};
use crate::ports::ExecSpec;
use crate::values::{Lineage, NodeName, PromotionId, PromotionIdError, PromotionRecord};

/// From a server's SIGHUP until it shows what it read: some milliseconds, more on a busy host.
const READ_LIMIT: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What its state volume says of promotions; the container need not run.
async fn written_down(at: &At<'_>) -> Result<Option<PromotionRecord>, StepError> {
    let name = layout::container_name(at.cluster.topology(), &at.node.name, Component::Postgres);
    let text = at.runtime.read_file(&name, PROMOTION_PATH).await?;
    Ok(text.and_then(|text| layout::read_promotion(&String::from_utf8_lossy(&text))))
}

/// Whether a server that does not run, or not yet, may be given that upstream: only where the upstream's data has been through the
/// last promotion that this node knows of, since PostgreSQL compares the numbers of timelines and nothing else.
pub(super) async fn may_follow(at: &At<'_>, upstream: &NodeName) -> Result<bool, StepError> {
    let own = written_down(at).await?;
    let seen = at.cluster.ports.probe.observe(upstream, at.cluster.limits.observe).await;
    Ok(seen.is_ok_and(|seen| match own {
        Some(own) => has_been_through(&seen, &own.id),
        // Nothing was written down here, or it was lost: once it runs, its data tells.
        None => seen.lineage.is_none(),
    }))
}

/// Writes down again by which promotion a primary is one that has lost its own record: what was written into its data tells, or the
/// nodes that followed it; else it is the one that made the database.
pub(super) async fn recall(at: &At<'_>) -> Result<(), StepError> {
    let cluster = at.cluster;
    let own = cluster.ports.probe.observe(&at.node.name, cluster.limits.observe).await?;
    if own.promotion.is_some() {
        return Ok(());
    }
    let mut told = Vec::new();
    for peer in cluster.topology().peers_of(&at.node.name) {
        let Some(Ok(runtime)) = cluster.ports.runtimes.get(&peer.name) else { continue };
        let name = layout::container_name(cluster.topology(), &peer.name, Component::Postgres);
        let text = runtime.read_file(&name, PROMOTION_PATH).await.ok().flatten();
        told.extend(text.and_then(|text| layout::read_promotion(&String::from_utf8_lossy(&text))));
    }
    let node = &at.node.name;
    match recalled(node, own.lineage.as_ref(), &told) {
        Some(of) => record(at, of.generation, &of.primary, false, &of.ancestors, Some(&of.id)).await,
        None => record(at, 1, node, false, &[], None).await,
    }
}

/// The promotion by which the primary `node` is one.
fn recalled(node: &NodeName, lineage: Option<&Lineage>, told: &[PromotionRecord]) -> Option<PromotionRecord> {
    let own = lineage.map(|lineage| &lineage.promotion);
    let told = told.iter().filter(|record| record.primary == *node);
    own.into_iter().chain(told).max_by_key(|record| record.generation).cloned()
}

/// The promotion by which a running server's data went another way than that of `primary`, where both can be asked.
pub(super) async fn own_way_of(at: &At<'_>, primary: &NodeName) -> Option<PromotionRecord> {
    let (probe, limit) = (&at.cluster.ports.probe, at.cluster.limits.observe);
    let upstream = probe.observe(primary, limit).await.ok()?;
    let server = probe.observe(&at.node.name, limit).await.ok()?;
    own_way(Of { node: &at.node.name, server: &server }, &upstream).cloned()
}

/// The record that a running server shows; nothing when it cannot be asked.
pub(super) async fn of(at: &At<'_>, node: &NodeName) -> Option<PromotionRecord> {
    at.cluster.ports.probe.observe(node, at.cluster.limits.observe).await.ok()?.promotion
}

/// Writes the record of a running server, durably, and waits until the server shows it.
pub(super) async fn record(
    at: &At<'_>,
    generation: u64,
    primary: &NodeName,
    run_alone: bool,
    ancestors: &[PromotionId],
    id: Option<&PromotionId>,
) -> Result<(), StepError> {
    let name = layout::container_name(at.cluster.topology(), &at.node.name, Component::Postgres);
    let alone = if run_alone { "on" } else { "off" };
    let (generation, primary) = (generation.to_string(), primary.to_string());
    let id = id.map_or_else(String::new, ToString::to_string);
    let argv =
        ["/bin/sh", "-c", layout::RECORD_SCRIPT, "record", &generation, &primary, alone, &layout::ids(ancestors), &id];
    let exec = ExecSpec { argv: argv.map(str::to_owned).to_vec(), ..ExecSpec::default() };
    let output = at.runtime.exec(&name, &exec, at.cluster.limits.observe * 5).await?;
    if output.exit_code != 0 {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(StepError::Job { code: output.exit_code, message });
    }
    let id = String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .map_err(|error: PromotionIdError| StepError::Changed(error.to_string()))?;
    is_read(at, &id, run_alone).await
}

/// Waits until the running server has read what was written down.
async fn is_read(at: &At<'_>, id: &PromotionId, run_alone: bool) -> Result<(), StepError> {
    let clock = &at.cluster.ports.clock;
    let begun = clock.now();
    loop {
        let seen = of(at, &at.node.name).await;
        if seen.as_ref().is_some_and(|seen| seen.id == *id && seen.run_alone == run_alone) {
            return Ok(());
        }
        if clock.now().saturating_sub(begun) >= READ_LIMIT {
            let shown = seen.map_or_else(|| "none".to_owned(), |seen| seen.to_string());
            return Err(StepError::Changed(format!(
                "the server has not read {PROMOTION_PATH} within {} s; it shows {shown}",
                READ_LIMIT.as_secs()
            )));
        }
        clock.sleep(LOOK_AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::fixtures::{lineage, name, promotion};

    #[test]
    fn a_lost_record_is_told_by_the_data_or_by_those_who_followed() {
        let vm1 = name("vm1");
        let data = lineage(3, "vm1", 2);
        assert_eq!(recalled(&vm1, None, &[]), None);
        assert_eq!(recalled(&vm1, Some(&data), &[]), Some(promotion(3, "vm1")));
        assert_eq!(recalled(&vm1, None, &[promotion(1, "vm1")]), Some(promotion(1, "vm1")));
        // Written down, and not yet in the data.
        assert_eq!(recalled(&vm1, Some(&data), &[promotion(5, "vm1")]), Some(promotion(5, "vm1")));
        // Of another's this one's data has not been through it.
        assert_eq!(recalled(&vm1, Some(&data), &[promotion(6, "vm2")]), Some(promotion(3, "vm1")));
        assert_eq!(recalled(&vm1, None, &[promotion(6, "vm2")]), None);
    }
}
