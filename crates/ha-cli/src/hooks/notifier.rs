//! Tells a program of changes while somebody watches, one after the other and in their order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ha_core::hooks::{HealthChange, health_call};
use ha_core::topology::{HookCommand, Topology};
use tokio::task::JoinSet;

use super::report::HookReport;
use super::under_way::run;
use crate::interrupt::interrupted;
use crate::output::Printer;

/// Runs one program for each change of health. While it is busy, further changes become one, so that a slow program is
/// told late but of how things stand, and nothing piles up. Dropped, it kills what it runs.
pub struct Notifier {
    topology: Topology,
    command: HookCommand,
    state: Arc<Mutex<State>>,
    worker: Mutex<JoinSet<()>>,
}

#[derive(Default)]
struct State {
    busy: bool,
    waiting: Option<HealthChange>,
    over: Vec<HookReport>,
}

impl Notifier {
    /// For that program; nothing runs yet.
    #[must_use]
    pub fn new(topology: Topology, command: HookCommand) -> Self {
        Self { topology, command, state: Arc::default(), worker: Mutex::default() }
    }

    /// Has the program told, now or when it is done with what it was told before. Returns at once.
    pub fn notify(&self, change: HealthChange) {
        let mut state = lock(&self.state);
        state.waiting = Some(match state.waiting.take() {
            Some(earlier) => earlier.and_then(change),
            None => change,
        });
        if state.busy {
            return;
        }
        state.busy = true;
        let (topology, command, state) = (self.topology.clone(), self.command.clone(), Arc::clone(&self.state));
        let mut worker = lock(&self.worker);
        while worker.try_join_next().is_some() {}
        worker.spawn(async move {
            while let Some(change) = next(&state) {
                let report = run(health_call(&topology, &command, &change)).await;
                lock(&state).over.push(report);
            }
        });
    }

    /// The runs that have ended since this was asked last.
    #[must_use]
    pub fn over(&self) -> Vec<HookReport> {
        std::mem::take(&mut lock(&self.state).over)
    }

    /// Waits for what is under way and what waits, each within its limit or until ctrl-c; what ended since is returned.
    pub async fn finish(self, printer: &Printer) -> Vec<HookReport> {
        let mut worker = std::mem::take(&mut *lock(&self.worker));
        let runs = {
            let state = lock(&self.state);
            u64::from(state.busy) + u64::from(state.waiting.is_some())
        };
        if runs > 0 {
            let most = self.topology.hooks.timeout.as_secs() * runs;
            printer.note(|page| page.line(format!("waiting for on_health (at most {most} s; ctrl-c ends that)")));
        }
        tokio::select! {
            () = async { while worker.join_next().await.is_some() {} } => {}
            () = interrupted() => worker.shutdown().await,
        }
        self.over()
    }
}

/// What comes next; without anything, the worker ends.
fn next(state: &Mutex<State>) -> Option<HealthChange> {
    let mut state = lock(state);
    let change = state.waiting.take();
    state.busy = change.is_some();
    change
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::OutputFormat;
    use crate::output::Color;
    use ha_core::health::ClusterState;
    use ha_core::topology::{NodeSpec, TopologySpec};

    /// The first run waits until it is let go; meanwhile two more changes come.
    #[tokio::test]
    async fn while_it_is_busy_changes_become_one_and_the_last_word_is_how_things_stand() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let script = format!(
            "echo \"${{HA_STATE_BEFORE-none}} $HA_STATE\" >> {path}/told; until [ -e {path}/go ]; do sleep 0.01; done"
        );
        let topology = TopologySpec::new("sso", "https://sso.example.org")
            .node(NodeSpec::primary("vm1", "192.0.2.11"))
            .node(NodeSpec::standby("vm2", "192.0.2.12"));
        let command = HookCommand { program: "sh".to_owned(), arguments: vec!["-c".to_owned(), script] };
        let notifier = Notifier::new(topology.validate().unwrap(), command);
        let told = || std::fs::read_to_string(folder.path().join("told")).unwrap_or_default();
        let change = |before, state| HealthChange { before, state, findings: Vec::new() };
        notifier.notify(change(None, ClusterState::Down));
        while told().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        notifier.notify(change(Some(ClusterState::Down), ClusterState::Degraded));
        notifier.notify(change(Some(ClusterState::Degraded), ClusterState::Healthy));
        assert_eq!(told(), "none down\n", "one at a time");
        assert!(notifier.over().is_empty());
        std::fs::write(folder.path().join("go"), "").unwrap();
        let printer = Printer::new(OutputFormat::Json, Color::default(), Box::new(Vec::new()), Box::new(Vec::new()));
        let reports = notifier.finish(&printer).await;
        assert_eq!(told(), "none down\ndown healthy\n");
        assert!(reports.len() == 2 && reports.iter().all(HookReport::went_well), "{reports:?}");
    }
}
