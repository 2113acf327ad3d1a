//! `status` and `health`: one look at the whole cluster.

use std::time::{Duration, Instant};

use ha_core::Cluster;
use ha_core::health::{ClusterState, Report};

use super::plan;
use crate::cli::{Globals, HealthArgs, StatusArgs};
use crate::connect::{Purpose, connect};
use crate::error::Error;
use crate::exit::Outcome;
use crate::output::{HealthReport, Printer, StatusReport};
use crate::select;

/// Between two looks of `health --wait`.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The outcome that a state is.
pub(crate) const fn outcome(state: ClusterState) -> Outcome {
    match state {
        ClusterState::Healthy => Outcome::Done,
        ClusterState::Degraded => Outcome::Degraded,
        ClusterState::Down => Outcome::Down,
    }
}

/// Leaves in the report what is about the named nodes, or about all. The state stays the cluster's: whether a standby
/// is right depends on its primary.
fn narrow(report: &mut Report, nodes: &[ha_core::values::NodeName]) {
    report.nodes.retain(|node| nodes.contains(&node.name));
    report.outlook.retain(|outlook| nodes.contains(&outlook.node));
    report.findings.retain(|finding| finding.node.as_ref().is_none_or(|node| nodes.contains(node)));
}

pub(super) async fn status(globals: &Globals, args: &StatusArgs, printer: &Printer) -> Result<Outcome, Error> {
    let cluster = connect(globals, Purpose::Look)?;
    // A word that names nothing is said before anybody is asked.
    select::nodes(cluster.topology(), &args.nodes, None)?;
    let mut health = cluster.report().await;
    let nodes = select::nodes(cluster.topology(), &args.nodes, Some(&health))?;
    narrow(&mut health, &nodes);
    printer.report(&StatusReport { health: &health, public_url: &cluster.topology().cluster.public_url })?;
    Ok(outcome(health.state))
}

/// The first report that is a healthy one, or the last of those within `limit`. At least one look is taken.
async fn healthy_within(cluster: &Cluster, limit: Duration) -> Result<Report, Error> {
    let begun = Instant::now();
    loop {
        let report = plan::interruptible(cluster.report()).await?;
        let left = limit.saturating_sub(begun.elapsed());
        if report.state == ClusterState::Healthy || left.is_zero() {
            return Ok(report);
        }
        plan::interruptible(tokio::time::sleep(LOOK_AGAIN.min(left))).await?;
    }
}

pub(super) async fn health(globals: &Globals, args: &HealthArgs, printer: &Printer) -> Result<Outcome, Error> {
    let cluster = connect(globals, Purpose::Look)?;
    let words = [args.node.clone()];
    select::nodes(cluster.topology(), &words, None)?;
    let mut health = match args.wait {
        Some(limit) => healthy_within(&cluster, limit).await?,
        None => cluster.report().await,
    };
    let nodes = select::nodes(cluster.topology(), &words, Some(&health))?;
    narrow(&mut health, &nodes);
    printer.report(&HealthReport { health: &health, public_url: &cluster.topology().cluster.public_url })?;
    Ok(outcome(health.state))
}
