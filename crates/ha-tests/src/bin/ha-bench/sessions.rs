//! What it costs to keep many cached sessions true: sessions of the primary are cached by the read-only Keycloak, then some
//! are ended on the primary, and each time all of them are compared with their rows, in parts.
//!
//! The extension says what each of its passes took, at the level TRACE, which a pair of its own has switched on.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use ha_core::layout::Component;
use ha_core::ports::{ContainerRuntime as _, LogOptions};
use ha_tests::PairOptions;
use reqwest::Method;

use crate::arguments::Arguments;
use crate::error::Error;
use crate::realm::{Hashing, Realm, password, user_name};
use crate::report::{Row, say};
use crate::stats::Samples;
use crate::world::World;

/// As many as Keycloak's cache of sessions holds by default.
const SESSIONS: usize = 10_000;
const QUICK_SESSIONS: usize = 200;
const USERS: usize = 100;
/// How many logins are under way at a time.
const AT_A_TIME: usize = 4;
/// A comparison is spread over about eight passes and followed by repetitions.
const PASSES: usize = 20;
const PASSES_LIMIT: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(200);

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let mut options = PairOptions::default();
    options.keycloak_options.insert("log-level".to_owned(), "info,org.hacli.standby:trace".to_owned());
    let world = World::start_with(options).await?;
    let realm = Realm::make(&world, "bench-sessions", USERS, Hashing::Cheap).await?;
    let count = arguments.count(SESSIONS, QUICK_SESSIONS);
    say(&format!("sessions: {count} logins on the primary, each refreshed on the read-only node"));
    let sessions = cached(&world, &realm, count).await?;

    let since = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let since = i64::try_from(since)?;
    let (mut passes, mut costliest) = (Samples::default(), Samples::default());
    for (round, session) in sessions.iter().take(arguments.rounds).enumerate() {
        let before = pass_times(&world, since).await?.len();
        world.admin(Method::DELETE, &realm.admin(&format!("/sessions/{session}")), None).await?;
        let times = wait_for_passes(&world, since, before).await?;
        costliest.push(times.iter().copied().fold(0.0, f64::max));
        times.into_iter().for_each(|time| passes.push(time));
        say(&format!("sessions: round {} of {}", round + 1, arguments.rounds));
    }
    let what = format!("one pass of the extension after a session has ended, {count} sessions cached");
    Ok(vec![
        Row::new(&what, passes.tail(2, "ms")).goal("≤ 10 ms"),
        Row::new("the costliest pass of each such round", costliest.spread(2, "ms")),
    ])
}

/// Logs in on the primary and refreshes on the read-only node, which reads and caches the session; returns their ids.
async fn cached(world: &World, realm: &Realm, count: usize) -> Result<Vec<String>, Error> {
    let logins = stream::iter(0..count).map(async |number| {
        let name = user_name(number % USERS);
        let answer = realm.login(&world.primary, &name, &password(&name)).await?.expect(200)?;
        Ok::<_, Error>((answer.field("session_state")?, answer.field("refresh_token")?))
    });
    let logins: Vec<(String, String)> = logins.buffer_unordered(AT_A_TIME).try_collect().await?;
    world.pair.wait_replayed().await?;
    let refreshes = stream::iter(logins).map(async |(session, token)| {
        realm.refresh(&world.standby, &token).await?.expect(200)?;
        Ok::<_, Error>(session)
    });
    refreshes.buffer_unordered(AT_A_TIME).try_collect().await
}

/// Waits until the extension has made [`PASSES`] more than `before`, and returns what those took.
async fn wait_for_passes(world: &World, since: i64, before: usize) -> Result<Vec<f64>, Error> {
    let begun = Instant::now();
    loop {
        let mut times = pass_times(world, since).await?;
        if times.len() >= before + PASSES {
            return Ok(times.split_off(before));
        }
        if begun.elapsed() > PASSES_LIMIT {
            let seen = times.len() - before;
            return Err(format!("the log tells of {seen} passes in {} s", PASSES_LIMIT.as_secs()).into());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Milliseconds of each pass that the read-only Keycloak's log tells of.
async fn pass_times(world: &World, since: i64) -> Result<Vec<f64>, Error> {
    let name = world.pair.container(world.pair.standby(), Component::Keycloak);
    let options = LogOptions { since_unix: Some(since), ..LogOptions::default() };
    let mut lines = world.pair.runtime().logs(&name, &options).await?;
    let mut times = Vec::new();
    while let Some(line) = lines.next().await {
        times.extend(pass_time(&line?.text));
    }
    Ok(times)
}

fn pass_time(line: &str) -> Option<f64> {
    let micros: f64 = line.split_once("pass took ")?.1.strip_suffix(" us")?.parse().ok()?;
    Some(micros / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_pass_took() {
        let line = "2026-01-01 00:00:00,000 TRACE [org.hacli.standby] (ha-standby) pass took 1500 us";
        assert_eq!(pass_time(line), Some(1.5));
        assert_eq!(pass_time("this node is now read-only, as its database"), None);
    }
}
