//! `up` given up at each kind of step, by those who embed it: the next one ends in the same place.

use std::collections::BTreeSet;
use std::mem::{Discriminant, discriminant};
use std::sync::{Arc, Mutex};

use ha_core::plan::Action;
use ha_core::steps::{StepEvent, Watcher};
use ha_tests::{Pair, PairOptions, engine_is_wanted};
use tokio::sync::Notify;

use crate::up;

/// Tells when a step begins of a kind at which nobody gave up yet.
struct FirstOfAKind {
    seen: Arc<Mutex<Vec<Discriminant<Action>>>>,
    names: Arc<Mutex<BTreeSet<String>>>,
    begun: Arc<Notify>,
}

impl Watcher for FirstOfAKind {
    fn event(&self, event: StepEvent<'_>) {
        let StepEvent::Started(step) = event else { return };
        let mut seen = self.seen.lock().unwrap();
        let kind = discriminant(&step.action);
        if !seen.contains(&kind) {
            seen.push(kind);
            self.names.lock().unwrap().insert(step.action.to_string());
            self.begun.notify_one();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_up_at_each_kind_of_step_is_mended_by_the_next() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::prepare(PairOptions::postgres_only()).await.unwrap();
    let cluster = pair.cluster();
    let (seen, names) = (Arc::default(), Arc::new(Mutex::new(BTreeSet::new())));
    let mut dropped = 0;
    // Each round either gives up at a kind of step that was not tried yet, or ends.
    for round in 0.. {
        assert!(round < 20, "no end after {dropped} interruptions: {names:?}");
        let plan = up::plan(cluster).await.unwrap();
        let begun = Arc::new(Notify::new());
        let watcher = FirstOfAKind { seen: Arc::clone(&seen), names: Arc::clone(&names), begun: Arc::clone(&begun) };
        tokio::select! {
            biased;
            // A moment into the step, so that its first calls are under way: which of them is left to chance.
            () = async { begun.notified().await; tokio::task::yield_now().await; } => dropped += 1,
            result = cluster.run(&plan, Arc::new(watcher)) => {
                result.unwrap();
                if !plan.look_again {
                    break;
                }
            }
        }
    }
    let names = names.lock().unwrap().iter().map(String::as_str).collect::<Vec<_>>().join("; ");
    for kind in ["network and volumes", "initdb", "PostgreSQL", "set up roles", "pg_basebackup"] {
        assert!(names.contains(kind), "no interruption at {kind}: {names}");
    }
    assert!(dropped >= 5, "{names}");
    let systems = up::system_identifiers(&pair).await;
    assert_eq!(systems[0], systems[1]);
    up::replicates(&pair, "mended").await;
    assert!(up::plan(cluster).await.unwrap().is_empty());
    let jobs = crate::host::docker(&["ps", "-a", "--format", "{{.Names}}"]);
    let job = format!("{}-vm", pair.topology().cluster.name);
    assert!(!jobs.lines().any(|name| name.starts_with(&job) && name.contains("-job-")), "{jobs}");
}
