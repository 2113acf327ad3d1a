//! A Keycloak that never becomes ready.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ha_core::layout::Component;
use ha_core::observe::{KeycloakMode, KeycloakState};
use ha_core::plan::UpOptions;
use ha_core::steps::StepError;
use ha_core::{Cluster, Limits};
use ha_tests::{Pair, PairOptions, engine_is_wanted};

use crate::host::docker;
use crate::up::{PATIENCE, Unwatched, names, variant};

#[tokio::test(flavor = "multi_thread")]
async fn that_never_becomes_ready_is_not_waited_for_for_ever() {
    if !engine_is_wanted() {
        return;
    }
    let within = |limit| Limits { keycloak_ready: limit, ..Limits::default() };
    // It ends by itself, again and again: waited for no longer than that.
    let pair = prepared("nonsense").await;
    let message = not_ready(pair.cluster().clone().with_limits(within(Duration::from_secs(200)))).await;
    assert!(message.contains("exited with code") && message.contains("nonsense"), "its own words: {message}");
    drop(pair);

    // It runs and is not ready in time.
    let pair = prepared("info").await;
    let message = not_ready(pair.cluster().clone().with_limits(within(Duration::from_secs(1)))).await;
    assert!(message.contains("was not ready after 1 s: "), "{message}");

    // Waited for, it serves; and again after options with which it does not.
    primary_up(pair.cluster()).await.unwrap();
    let mut topology = pair.topology().clone();
    topology.keycloak.options.insert("log-level".to_owned(), "nonsense".to_owned());
    let changed = variant(&pair, topology, pair.cluster().secrets().clone());
    let error = primary_up(&changed).await.unwrap_err();
    assert!(matches!(error, StepError::PutBack { .. }), "{error:?}");
    assert!(error.to_string().contains("nonsense"), "its own words: {error}");
    let primary = &pair.primary().name;
    let seen = pair.cluster().ports().keycloak.observe(primary, Duration::from_secs(10)).await;
    assert_eq!((seen.state, seen.mode), (KeycloakState::Ready, KeycloakMode::ReadWrite), "{seen:?}");
    let container = pair.container(pair.primary(), Component::Keycloak);
    let file = docker(&["exec", &container, "cat", "/opt/keycloak/conf/keycloak.conf"]);
    assert!(file.contains("log-level=info"), "what it had before: {file}");
    // What `ha.toml` had before is in force; what it has now is still to come.
    let plan =
        |cluster: Cluster| async move { cluster.plan_up(&names(&cluster)[..1], UpOptions::default()).await.unwrap() };
    let steps = plan(pair.cluster().clone()).await;
    assert!(steps.is_empty(), "{steps:?}");
    assert!(!plan(changed).await.is_empty(), "the new options are not forgotten");
}

async fn prepared(log_level: &str) -> Pair {
    let keycloak_options = BTreeMap::from([("log-level".to_owned(), log_level.to_owned())]);
    Pair::prepare(PairOptions { keycloak_options, ..PairOptions::default() }).await.unwrap()
}

async fn not_ready(cluster: Cluster) -> String {
    let begun = Instant::now();
    let error = primary_up(&cluster).await.unwrap_err();
    assert!(matches!(error, StepError::NotReady { .. }), "{error:?}");
    assert!(begun.elapsed() < PATIENCE);
    error.to_string()
}

/// The primary alone: the standby's Keycloak would only wait for its schema.
async fn primary_up(cluster: &Cluster) -> Result<(), StepError> {
    let plan = cluster.plan_up(&names(cluster)[..1], UpOptions::default()).await.unwrap();
    let run = tokio::time::timeout(PATIENCE, cluster.run(&plan, Arc::new(Unwatched))).await.expect("no hang");
    run.map_err(|mut error| error.failures.remove(0).error)
}
