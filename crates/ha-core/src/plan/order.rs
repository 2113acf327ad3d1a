//! What may wait for what: proofs, hooks and the service for people never keep back what brings a copy or a way for writes back.

use super::{Action, Plan, StepId};
use crate::layout::Component;

/// What a step is for, as far as the order of a plan goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// It ends something that runs, or destroys something.
    TakesAway,
    /// It brings a copy of the data, or a way for writes, back.
    Restores,
    /// It looks whether people are served, or serves them.
    Serves,
    /// All else, the proofs among it without which a promotion would not be safe.
    Prepares,
}

const fn purpose(action: &Action) -> Purpose {
    match action {
        Action::Stop { component: Component::Postgres }
        | Action::Fence
        | Action::RemoveContainers
        | Action::RemoveVolumes
        | Action::RemoveNetwork => Purpose::TakesAway,
        Action::InitDatabase
        | Action::AdoptDatabase { .. }
        | Action::MakePostgres
        | Action::RecallPromotion
        | Action::CopyDatabase { .. }
        | Action::RewindDatabase { .. }
        | Action::ReplaceDatabase { .. }
        | Action::WaitStreaming { .. }
        | Action::StartPostgres { .. }
        | Action::ReloadSettings
        | Action::FollowPrimary { .. }
        | Action::ProvisionDatabase
        | Action::EnsureSlots { .. }
        | Action::Demote { .. }
        | Action::RecordPromotion { .. }
        | Action::RestorePromotion { .. }
        | Action::Promote => Purpose::Restores,
        Action::BuildKeycloakImage { .. }
        | Action::StartKeycloak { .. }
        | Action::ProvisionKeycloak
        | Action::MendServiceClient
        | Action::AwaitKeycloak
        | Action::TurnBalancers { .. }
        | Action::TurnBalancersBack { .. }
        | Action::ProveService
        | Action::Stop { component: Component::Keycloak } => Purpose::Serves,
        Action::PullImage { .. }
        | Action::PrepareVolumes
        | Action::ForgetOldData
        | Action::Checkpoint
        | Action::ProveReceived { .. }
        | Action::WatchShutdown
        | Action::PreparePromotion
        | Action::TrySettings
        | Action::NoteTopology
        | Action::KeepRunning { .. }
        | Action::ProveDown { .. }
        | Action::DropSlots { .. } => Purpose::Prepares,
    }
}

/// The steps that wait for `first`, through others as well.
fn waiting_for(plan: &Plan, first: StepId) -> Vec<bool> {
    let mut waits = vec![false; plan.steps.len()];
    for step in &plan.steps {
        waits[step.id] = step.after.iter().any(|&before| before == first || waits[before]);
    }
    waits
}

/// A step that serves people, and one behind it that would restore something and is not begun where the first fails; `None` in a
/// plan that is right.
///
/// A look before anything is taken away is no such step: where it fails, what it keeps back is not missed.
pub(crate) fn kept_back(plan: &Plan) -> Option<(StepId, StepId)> {
    let of =
        |wanted: Purpose| plan.steps.iter().filter(move |step| purpose(&step.action) == wanted).map(|step| step.id);
    for serves in of(Purpose::Serves) {
        let behind = waiting_for(plan, serves);
        let taken_later: Vec<_> =
            of(Purpose::TakesAway).filter(|&it| behind[it]).map(|taken| waiting_for(plan, taken)).collect();
        let nothing_taken_before = !of(Purpose::TakesAway).any(|taken| waiting_for(plan, taken)[serves]);
        // What prepares the change that the look comes before is of no use without it.
        let only_a_look = !taken_later.is_empty() && nothing_taken_before;
        if let Some(restores) = of(Purpose::Restores).find(|&it| behind[it] && !only_a_look) {
            return Some((serves, restores));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::fixtures::name;
    use crate::plan::Change;

    #[test]
    fn a_proof_before_the_old_primary_comes_back_is_found() {
        let (vm1, vm2) = (name("vm1"), name("vm2"));
        let mut plan = Plan::default();
        let warm = plan.add(&vm2, Action::AwaitKeycloak, []);
        let stop = plan.add(&vm1, Action::Stop { component: Component::Postgres }, [warm]);
        let promoted = plan.add(&vm2, Action::Promote, [stop]);
        let proven = plan.add(&vm2, Action::ProveService, [promoted]);
        let start = |plan: &mut Plan, after| {
            plan.add(&vm1, Action::StartPostgres { change: Change::Start, permit: false }, [after])
        };
        start(&mut plan, promoted);
        assert_eq!(kept_back(&plan), None, "the look comes before the stop, the proof stands before nothing");
        let started = start(&mut plan, proven);
        assert_eq!(kept_back(&plan), Some((proven, started)));
    }
}
