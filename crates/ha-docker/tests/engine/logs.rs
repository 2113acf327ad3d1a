//! What containers wrote.

use std::time::Duration;

use futures_util::StreamExt;
use ha_core::ports::{ContainerRuntime, LogLine, LogOptions, RuntimeError, Stream};
use ha_docker::DockerRuntime;
use tokio::time::timeout;

use crate::fake::Relay;
use crate::support::{Owned, PATIENCE, engine, eventually};

/// Everything that is there.
pub(crate) async fn all(engine: &DockerRuntime, name: &str) -> Vec<LogLine> {
    read(engine, name, &LogOptions::default()).await
}

async fn read(engine: &DockerRuntime, name: &str, options: &LogOptions) -> Vec<LogLine> {
    engine.logs(name, options).await.unwrap().map(Result::unwrap).collect().await
}

#[tokio::test]
async fn both_outputs_come_back_in_lines() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.started(&own.shell("echo one; echo two; sleep 0.1; echo three >&2; printf four")).await;
    engine.wait_container(&own.name, PATIENCE).await.unwrap();
    let mut lines = all(&engine, &own.name).await;
    // The engine reads the two outputs apart, so only the order within each is certain.
    lines.sort_by_key(|line| line.stream == Stream::Stderr);
    let texts: Vec<_> = lines.iter().map(|line| (line.stream, line.text.as_str())).collect();
    let expected =
        [(Stream::Stdout, "one"), (Stream::Stdout, "two"), (Stream::Stdout, "four"), (Stream::Stderr, "three")];
    assert_eq!(texts, expected);

    let last = read(&engine, &own.name, &LogOptions { tail: Some(1), timestamps: true, ..LogOptions::default() }).await;
    assert_eq!(last.len(), 1);
    let (time, text) = last[0].text.split_once(' ').expect("a time before the text");
    assert!(time.starts_with("20") && time.ends_with('Z') && text == "four", "{}", last[0].text);
}

#[tokio::test]
async fn a_follower_gets_lines_as_they_come_and_ends_with_the_container() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.started(&own.shell("echo early; while [ ! -e /go ]; do sleep 0.05; done; echo late")).await;
    let mut lines = engine.logs(&own.name, &LogOptions { follow: true, ..LogOptions::default() }).await.unwrap();
    assert_eq!(timeout(PATIENCE, lines.next()).await.unwrap().unwrap().unwrap().text, "early");
    crate::execs::shell(&engine, &own.name, "touch /go").await;
    assert_eq!(timeout(PATIENCE, lines.next()).await.unwrap().unwrap().unwrap().text, "late");
    assert!(timeout(PATIENCE, lines.next()).await.unwrap().is_none(), "the container has exited");
}

#[tokio::test]
async fn a_follower_of_a_silent_container_outlasts_the_call_limit() {
    let Some(engine) = engine() else { return };
    let own = Owned::new(&engine);
    own.running().await;
    let hasty = engine.clone().with_call_limit(Duration::from_secs(1));
    let mut lines = hasty.logs(&own.name, &LogOptions { follow: true, ..LogOptions::default() }).await.unwrap();
    let next = timeout(Duration::from_millis(2500), lines.next()).await;
    assert!(next.is_err(), "nothing was written, and yet: {next:?}");
}

#[tokio::test]
async fn a_dropped_follower_leaves_nothing() {
    let Some(engine) = engine() else { return };
    let Some(relay) = Relay::to_engine(&engine) else { return };
    let own = Owned::new(&engine);
    own.started(&own.shell("echo here; exec sleep 600")).await;
    // Through a relay, which knows which connections are open, and of no other test's.
    let through = relay.runtime();
    let mut lines = through.logs(&own.name, &LogOptions { follow: true, ..LogOptions::default() }).await.unwrap();
    lines.next().await.unwrap().unwrap();
    assert!(relay.open() > 0);
    drop(lines);
    drop(through);
    eventually("the end of every connection", || async { relay.open() == 0 }).await;
}

#[tokio::test]
async fn a_container_that_is_not_there_has_no_log() {
    let Some(engine) = engine() else { return };
    let answer = engine.logs("hatest-docker-none", &LogOptions { follow: true, ..LogOptions::default() }).await;
    assert!(matches!(answer.err(), Some(RuntimeError::NotFound { .. })));
}
