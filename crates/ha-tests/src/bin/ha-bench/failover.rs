//! A primary that is killed, and replaced by the program: how long until the first write through Keycloak, and how long
//! nobody takes writes, seen by two writers that know both addresses and never stop.

use std::time::{Duration, Instant};

use ha_core::layout::Component;
use ha_core::topology::Node;
use ha_tests::ledger::{Ledger, Verdict};
use serde_json::Value;

use crate::arguments::Arguments;
use crate::error::Error;
use crate::folder::Folder;
use crate::program::Program;
use crate::report::{Row, say};
use crate::stats::{Samples, milliseconds};
use crate::steps::Parts;
use crate::switchover::LEAST_ROUNDS;
use crate::users::Writers;
use crate::world::World;

const HEALTHY_LIMIT: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Beside what is announced: from the last row that the standby got until the kill was done, and the clocks' part.
const SLACK: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Seen {
    first_write: Samples,
    /// Of the first round: the new primary's Keycloak has never written before.
    never_written: Option<f64>,
    latest: f64,
    whole: Samples,
    parts: Parts,
    row_gaps: Samples,
    user_gaps: Samples,
    rejoined: Samples,
    /// Each kill, and how far back from it rows may be lost.
    deaths: Vec<(Instant, Duration)>,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let world = World::start().await?;
    let folder = Folder::of(&world.pair)?;
    let writers = Writers::start(&world).await?;
    let rounds = arguments.rounds_of(LEAST_ROUNDS);
    let (first, second) = (world.pair.primary(), world.pair.standby());
    let mut seen = Seen::default();
    for round in 0..rounds {
        let (old, new) = if round % 2 == 0 { (first, second) } else { (second, first) };
        healthy(&folder).await?;
        warm(&world, new).await?;
        once(&world, &folder, &writers, old, new, &mut seen).await?;
        say(&format!("failover: round {} of {rounds}: {:.0} ms", round + 1, seen.latest));
    }
    let (last, keycloak) = if rounds.is_multiple_of(2) { (first, &world.primary) } else { (second, &world.standby) };
    let written = writers.stop(&world, last, keycloak).await?;
    let lost_rows = lost("rows", &written.rows, &seen.deaths)?;
    let lost_users = lost("users", &written.users, &seen.deaths)?;
    let mut table = vec![
        Row::new("failover: the program's start → first write through Keycloak", seen.first_write.few(0, "ms"))
            .goal("≤ 1 s"),
        Row::new(
            "the first of these, by a Keycloak that has never written",
            format!("{:.0} ms", seen.never_written.unwrap_or(f64::NAN)),
        ),
        Row::new("the whole process", seen.whole.few(0, "ms")),
    ];
    table.extend(seen.parts.rows());
    table.extend([
        Row::new("kill → first acknowledged row", seen.row_gaps.few(0, "ms")),
        Row::new("kill → first acknowledged user, through the Keycloaks", seen.user_gaps.few(0, "ms")),
        Row::new(
            format!("acknowledged rows lost in {rounds} failovers, `async`"),
            format!("{lost_rows} of {}", written.rows.0.acknowledged.len()),
        ),
        Row::new("the same of users", format!("{lost_users} of {}", written.users.0.acknowledged.len())),
        Row::new("`rejoin` afterwards, the whole process", seen.rejoined.few(0, "ms")),
    ]);
    Ok(table)
}

/// One kill, and back to a whole pair.
async fn once(
    world: &World,
    folder: &Folder,
    writers: &Writers,
    old: &Node,
    new: &Node,
    seen: &mut Seen,
) -> Result<(), Error> {
    writers.settled().await?;
    let before = Instant::now();
    writers.settled().await?;
    Program::new("docker", &["kill", &world.pair.container(old, Component::Postgres)]).run().await?.succeeded()?;
    let killed = Instant::now();
    let ran = folder.run(&["failover", "--yes", "--output", "json"]).await?.succeeded()?;
    let told = Told::read(&ran.out).ok_or_else(|| format!("failover says what is not understood: {}", ran.out))?;
    if told.to != new.name.as_str() {
        return Err(format!("{} was promoted, not {}", told.to, new.name).into());
    }
    writers.settled().await?;
    let end = Instant::now();
    seen.row_gaps.push(milliseconds(writers.row_gap(writers.last_row(before, killed), end)));
    seen.user_gaps.push(milliseconds(writers.user_gap(writers.last_user(before, killed), end)));
    seen.first_write.push(told.first_write);
    seen.never_written.get_or_insert(told.first_write);
    seen.latest = told.first_write;
    seen.whole.push(milliseconds(ran.took));
    seen.parts.push("the locks, and looking", told.planned);
    for (step, took) in told.steps {
        seen.parts.push(&format!("`{step}`"), took);
    }
    seen.deaths.push((killed, told.announced + SLACK));
    let rejoined = folder.run(&["rejoin", old.name.as_str(), "--yes"]).await?.succeeded()?;
    seen.rejoined.push(milliseconds(rejoined.took));
    Ok(())
}

/// Everything runs as it should.
async fn healthy(folder: &Folder) -> Result<(), Error> {
    let begun = Instant::now();
    loop {
        let health = folder.run(&["health", "all"]).await?;
        if health.is_success() {
            return Ok(());
        }
        if begun.elapsed() > HEALTHY_LIMIT {
            health.succeeded()?;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A host is seldom lost in the seconds in which its peer's Keycloak warms up, and `failover` cannot wait for it.
async fn warm(world: &World, node: &Node) -> Result<(), Error> {
    let begun = Instant::now();
    while world.pair.cluster().ports().keycloak.observe(&node.name, HEALTHY_LIMIT).await.warm != Some(true) {
        if begun.elapsed() > HEALTHY_LIMIT {
            return Err(format!("Keycloak of {} does not become warm", node.name).into());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// What the program says of a failover, in milliseconds.
#[derive(Debug, PartialEq)]
struct Told {
    to: String,
    /// From its start to the end of `prove-service`.
    first_write: f64,
    /// Until the first step began.
    planned: f64,
    steps: Vec<(String, f64)>,
    /// What may be lost, as far back from then.
    announced: Duration,
}

impl Told {
    fn read(text: &str) -> Option<Self> {
        let told: Value = serde_json::from_str(text).ok()?;
        let (mut ends, mut steps, mut proven) = (Vec::<f64>::new(), Vec::new(), None);
        for step in told["steps"].as_array()? {
            let before = step["after"].as_array()?.iter().filter_map(Value::as_u64);
            let begun = before.filter_map(|id| ends.get(usize::try_from(id).ok()?).copied()).fold(0.0, f64::max);
            let (name, took) = (step["action"].as_str()?, step["seconds"].as_f64()? * 1000.0);
            ends.push(begun + took);
            if name == "prove-service" {
                proven = ends.last().copied();
            }
            steps.push((name.to_owned(), took));
        }
        // It ends with its last step; so what it took beyond the steps was before them.
        let planned = told["seconds"].as_f64()? * 1000.0 - ends.iter().copied().fold(0.0, f64::max);
        let announced = Duration::from_secs_f64(told["loss"]["seconds"].as_f64().unwrap_or_default());
        Some(Self { to: told["to"].as_str()?.to_owned(), first_write: planned + proven?, planned, steps, announced })
    }
}

/// How many of those that were acknowledged are not there any more.
///
/// # Errors
/// One is not there that no failover announced, or one is there that should not be.
fn lost(what: &str, written: &(Ledger, Verdict), deaths: &[(Instant, Duration)]) -> Result<usize, Error> {
    let (ledger, verdict) = written;
    let announced = |at: Instant| {
        deaths.iter().any(|(killed, back)| at <= *killed + SLACK && killed.saturating_duration_since(at) <= *back)
    };
    let all = ledger.acknowledged.iter().filter(|(number, _)| verdict.lost.contains(number));
    let silently: Vec<i64> = all.filter(|(_, at)| !announced(*at)).map(|(number, _)| *number).collect();
    if !silently.is_empty() || !verdict.phantom.is_empty() || !verdict.twice.is_empty() {
        return Err(format!("{what} are lost that were not announced: {silently:?}; {verdict:?}").into());
    }
    Ok(verdict.lost.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_first_write_is_not_counted() {
        let told = r#"{"to":"vm2","loss":{"loss":"since","lsn":"0/1","seconds":0.25},"seconds":1.0,"steps":[
            {"action":"record-promotion","after":[],"seconds":0.1},{"action":"promote","after":[0],"seconds":0.2},
            {"action":"demote","after":[1],"seconds":0.4},{"action":"prove-service","after":[1],"seconds":0.3}]}"#;
        let told = Told::read(told).unwrap();
        assert!((told.planned - 300.0).abs() < 1e-6, "{told:?}");
        assert!((told.first_write - 900.0).abs() < 1e-6, "{told:?}");
        assert_eq!((told.steps.len(), told.announced), (4, Duration::from_millis(250)));
        assert_eq!(Told::read("{}"), None);
    }
}
