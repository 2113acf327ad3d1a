//! What the data of a stopped server holds that its primary does not have.

use crate::context::Context;
use crate::layout::{self, Component, PASSFILE_PATH, PGDATA};
use crate::observe::{BranchObservation, PostgresObservation};
use crate::ports::{ExecSpec, HostFile};
use crate::steps::{StepError, one_off};
use crate::values::{NodeName, PromotionId};

/// Starts the data cut off from everybody, in recovery, and compares it with the primary's history. The server of `node`
/// must not run; afterwards it comes back as a standby only.
pub(crate) async fn inspect(
    cluster: &Context,
    node: &NodeName,
    primary: &NodeName,
) -> Result<BranchObservation, StepError> {
    let topology = cluster.topology();
    let gone = |name: &NodeName| StepError::Changed(format!("the topology has no node {name}"));
    let own = topology.node(node).ok_or_else(|| gone(node))?;
    let upstream = topology.node(primary).ok_or_else(|| gone(primary))?;
    let runtime = match cluster.ports.runtimes.get(node) {
        Some(Ok(runtime)) => runtime.as_ref(),
        Some(Err(why)) => return Err(StepError::NoWay(why.clone())),
        None => return Err(StepError::NoWay(format!("there is no way to the engine of {node}"))),
    };
    let reference = &topology.images.postgres;
    let image = runtime.find_image(reference).await?;
    let image = image.ok_or_else(|| StepError::Changed(format!("the image {reference} is gone")))?;
    let seen = cluster.ports.probe.observe(primary, cluster.limits.observe).await?;
    let job = one_off::Job {
        name: "inspect",
        script: layout::INSPECT_SCRIPT,
        arguments: vec![
            layout::conninfo(topology, node, upstream),
            seen.timeline.to_string(),
            topology.postgres.database.clone(),
            layout::ids(&promotions(&seen)),
            topology.postgres.user.clone(),
        ],
        files: vec![HostFile::new(PASSFILE_PATH, layout::passfile(cluster.secrets()), 0o600)],
        limit: cluster.limits.copy,
    };
    let facts = one_off::run(cluster, own, runtime, &image, job, |_| {}).await?;
    BranchObservation::parse(&facts).map_err(|broken| StepError::Broken(broken.0))
}

/// All that its data has been through.
fn promotions(primary: &PostgresObservation) -> Vec<PromotionId> {
    let written = primary.lineage.iter().flat_map(|it| it.promotion.ancestors_of_next());
    written.chain(primary.promotion.iter().map(|record| record.id.clone())).collect()
}

/// Whether data that was put aside still lies beside that of a running server.
pub(crate) async fn keeps_old_data(cluster: &Context, node: &NodeName) -> bool {
    let Some(Ok(runtime)) = cluster.ports.runtimes.get(node) else { return false };
    let container = layout::container_name(&cluster.topology, node, Component::Postgres);
    let argv = ["test", "-e", &format!("{PGDATA}.old")].map(str::to_owned).to_vec();
    let exec = ExecSpec { argv, ..ExecSpec::default() };
    let found = runtime.exec(&container, &exec, cluster.limits.observe).await;
    found.is_ok_and(|output| output.exit_code == 0)
}
