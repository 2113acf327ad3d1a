//! A Keycloak that never becomes ready.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ha_core::Limits;
use ha_core::plan::UpOptions;
use ha_core::steps::StepError;
use ha_tests::{Pair, PairOptions, engine_is_wanted};

use crate::up::{PATIENCE, Unwatched, names};

#[tokio::test(flavor = "multi_thread")]
async fn that_never_becomes_ready_is_not_waited_for_for_ever() {
    if !engine_is_wanted() {
        return;
    }
    // It ends by itself, again and again: waited for no longer than that.
    let message = failure("log-level", "nonsense", Duration::from_secs(200), "exited with code").await;
    assert!(message.contains("nonsense"), "its own words: {message}");
    // It runs and is not ready in time.
    let message = failure("log-level", "info", Duration::from_secs(1), "after 1 s").await;
    assert!(message.lines().count() > 1 || message.contains("not"), "{message}");
}

async fn failure(option: &str, value: &str, limit: Duration, expected: &str) -> String {
    let keycloak_options = BTreeMap::from([(option.to_owned(), value.to_owned())]);
    let pair = Pair::prepare(PairOptions { keycloak_options, ..PairOptions::default() }).await.unwrap();
    let cluster = pair.cluster().clone().with_limits(Limits { keycloak_ready: limit, ..Limits::default() });
    // The primary alone: the standby's would only wait for its schema.
    let nodes = [names(&cluster).remove(0)];
    let plan = cluster.plan_up(&nodes, UpOptions::default()).await.unwrap();
    let begun = Instant::now();
    let run = tokio::time::timeout(PATIENCE, cluster.run(&plan, Arc::new(Unwatched))).await.expect("no hang");
    let mut error = run.unwrap_err();
    let error = error.failures.remove(0).error;
    assert!(matches!(error, StepError::NotReady { .. }), "{error:?}");
    assert!(begun.elapsed() < PATIENCE);
    let text = error.to_string();
    assert!(text.contains(expected), "{text}");
    text
}
