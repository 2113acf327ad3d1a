//! Runs a plan's steps, each as soon as those before it are done.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::at::{At, Ended, way_to};
use super::{
    RunError, StepError, StepFailure, balancers, come_back, container, database, follow, handover, host, keycloak,
    promotion, rejoin, server, service, settings, teardown,
};
use crate::context::Context;
use crate::layout::Component;
use crate::locking;
use crate::plan::{Action, Change, Plan, PlannedStep};
use crate::ports::{Progress, ProgressUpdate};
use crate::values::PromotionRecord;

/// What happens while a plan runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum StepEvent<'a> {
    /// A step begins.
    Started(&'a PlannedStep),
    /// A step is so far.
    Progress(&'a PlannedStep, ProgressUpdate),
    /// A step goes on without something that a person should know of.
    Noted(&'a PlannedStep, &'a str),
    /// A step is done.
    Done(&'a PlannedStep),
    /// A step failed.
    Failed(&'a PlannedStep, &'a StepError),
}

/// Is told what happens while a plan runs. Called from within the work: it must not block.
pub trait Watcher: Send + Sync {
    /// Takes one event.
    fn event(&self, event: StepEvent<'_>);

    /// Whether further steps are to be begun. Those under way are waited for in any case.
    fn goes_on(&self) -> bool {
        true
    }
}

struct StepProgress {
    step: PlannedStep,
    watcher: Arc<dyn Watcher>,
}

impl Progress for StepProgress {
    fn update(&self, update: ProgressUpdate) {
        self.watcher.event(StepEvent::Progress(&self.step, update));
    }
}

pub(crate) async fn run(cluster: &Context, plan: &Plan, watcher: Arc<dyn Watcher>) -> Result<(), RunError> {
    let mut done = vec![false; plan.steps.len()];
    let mut begun = vec![false; plan.steps.len()];
    let mut failures = Vec::new();
    let ended = &Ended::default();
    let mut under_way = FuturesUnordered::new();
    loop {
        // A step that failed keeps back what waits for it, and nothing else: a proof that fails is no reason to leave the old
        // primary stopped.
        for step in &plan.steps {
            if !begun[step.id] && watcher.goes_on() && step.after.iter().all(|&before| done[before]) {
                begun[step.id] = true;
                watcher.event(StepEvent::Started(step));
                let watcher = Arc::clone(&watcher);
                under_way.push(async move { (step, act(cluster, step, watcher, ended).await) });
            }
        }
        let Some((step, result)) = under_way.next().await else { break };
        match result {
            Ok(()) => {
                done[step.id] = true;
                watcher.event(StepEvent::Done(step));
            }
            Err(error) => {
                watcher.event(StepEvent::Failed(step, &error));
                failures.push(StepFailure { step: step.clone(), error });
            }
        }
    }
    let not_begun = begun.iter().filter(|begun| !**begun).count();
    if failures.is_empty() && not_begun == 0 {
        return Ok(());
    }
    Err(RunError { failures, not_begun })
}

/// Whether a step ends the container in which its node's lock is held.
fn ends_the_server(action: &Action) -> bool {
    match action {
        Action::StartPostgres { change, .. } => matches!(change, Change::Replace { .. }),
        Action::Stop { component } => *component == Component::Postgres,
        Action::Fence | Action::RemoveContainers => true,
        _ => false,
    }
}

async fn act(cluster: &Context, step: &PlannedStep, watcher: Arc<dyn Watcher>, ended: &Ended) -> Result<(), StepError> {
    let node = cluster
        .topology
        .node(&step.node)
        .ok_or_else(|| StepError::Changed(format!("the topology has no node {}", step.node)))?;
    let runtime = way_to(cluster, &step.node)?;
    cluster.held.prove().await?;
    if ends_the_server(&step.action) {
        cluster.held.ends(&step.node);
    }
    let noted = |text: &str| watcher.event(StepEvent::Noted(step, text));
    let progress = Arc::new(StepProgress { step: step.clone(), watcher: Arc::clone(&watcher) });
    let at = At { cluster, node, runtime, progress, ended, noted: &noted };
    let result = perform(&at, &step.action).await;
    if result.is_ok() && matches!(step.action, Action::StartPostgres { .. }) {
        locking::take_again(cluster, node).await;
    }
    result
}

async fn perform(at: &At<'_>, action: &Action) -> Result<(), StepError> {
    match action {
        Action::PullImage { reference } => host::pull(at, reference).await,
        Action::BuildKeycloakImage { .. } => host::build_keycloak_image(at).await,
        Action::PrepareVolumes => host::prepare(at).await,
        Action::InitDatabase => database::init(at).await,
        Action::AdoptDatabase { system } => database::adopt(at, *system).await,
        Action::CopyDatabase { from } => database::copy(at, from).await,
        Action::RewindDatabase { from } => rejoin::rewind(at, from).await,
        Action::ReplaceDatabase { from, old_data } => database::replace(at, from, *old_data).await,
        Action::WaitStreaming { primary } => rejoin::wait_streaming(at, primary).await,
        Action::ForgetOldData => rejoin::forget_old_data(at).await,
        Action::TrySettings => settings::try_out(at).await,
        Action::StartPostgres { change, permit } => server::start(at, change, *permit).await,
        Action::MakePostgres => server::make(at).await,
        Action::KeepRunning { component } => container::keep_running(at, *component).await,
        Action::RecallPromotion => promotion::recall(at).await,
        Action::ReloadSettings => server::reload(at).await,
        Action::NoteTopology => server::note_topology(at).await,
        Action::FollowPrimary { primary } => follow::follow(at, primary).await,
        Action::ProvisionDatabase => database::provision(at).await,
        Action::StartKeycloak { change } => keycloak::start(at, change).await,
        Action::ProvisionKeycloak => keycloak::provision(at).await,
        Action::MendServiceClient => keycloak::mend_service_client(at).await,
        Action::AwaitKeycloak => keycloak::await_warm(at).await,
        Action::Checkpoint => handover::checkpoint(at).await,
        Action::EnsureSlots { slots } => handover::ensure_slots(at, slots).await,
        Action::ProveReceived { from } => handover::prove_received(at, from).await,
        Action::Demote { to, proven } => handover::demote(at, to, *proven).await,
        Action::RecordPromotion { generation, primary, run_alone, ancestors } => {
            promotion::record(at, *generation, primary, *run_alone, ancestors, None).await
        }
        Action::RestorePromotion { record } => {
            let PromotionRecord { generation, id, primary, run_alone, ancestors } = record;
            promotion::record(at, *generation, primary, *run_alone, ancestors, Some(id)).await
        }
        Action::Fence => handover::fence(at).await,
        Action::TurnBalancers { from } => {
            balancers::turn(at, from).await;
            Ok(())
        }
        Action::TurnBalancersBack { from } => {
            balancers::turn_back(at, from).await;
            Ok(())
        }
        Action::WatchShutdown => {
            handover::watch_shutdown(at).await;
            Ok(())
        }
        Action::PreparePromotion => handover::prepare_promotion(at).await,
        Action::ProveDown { nodes, vouched } => come_back::prove_down(at, nodes, vouched).await,
        Action::Promote => handover::promote(at).await,
        Action::ProveService => service::prove(at).await,
        Action::DropSlots { slots } => handover::drop_slots(at, slots).await,
        Action::Stop { component } => teardown::stop(at, *component).await,
        Action::RemoveContainers => teardown::remove_containers(at).await,
        Action::RemoveVolumes => teardown::remove_volumes(at).await,
        Action::RemoveNetwork => teardown::remove_network(at).await,
    }
}
