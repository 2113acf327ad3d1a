//! A planned change of roles, back and forth: how long nobody takes writes, seen by two writers that know both addresses and
//! never stop, one of rows and one of users through the Keycloaks; and which step costs how much of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ha_core::plan::SwitchoverOptions;
use ha_tests::ledger::Verdict;

use crate::arguments::Arguments;
use crate::error::Error;
use crate::report::{Row, say};
use crate::stats::{Samples, milliseconds};
use crate::steps::{Parts, StepTimes};
use crate::users::{SETTLED_LIMIT, Writers};
use crate::world::World;

/// Fewer say nothing about a tail.
pub(crate) const LEAST_ROUNDS: usize = 10;
const TRY_AGAIN: Duration = Duration::from_millis(5);

/// The steps that are shown, in words.
const PARTS: [(&str, &str); 6] = [
    ("checkpoint", "checkpoint"),
    ("stop", "the old primary stops"),
    ("prove-received", "proof that all has arrived"),
    ("demote", "the old primary is told to be a standby"),
    ("promote", "promotion"),
    ("start-postgres", "the old primary starts"),
];

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let world = World::start().await?;
    let writers = Writers::start(&world).await?;
    let (mut row_gaps, mut user_gaps, mut whole) = (Samples::default(), Samples::default(), Samples::default());
    let (mut parts, mut first_users) = (Parts::default(), None);
    let rounds = arguments.rounds_of(LEAST_ROUNDS);
    let nodes = [world.pair.standby().name.clone(), world.pair.primary().name.clone()];
    for round in 0..rounds {
        writers.settled().await?;
        let begun = Instant::now();
        let options = SwitchoverOptions { to: Some(nodes[round % 2].clone()), ..SwitchoverOptions::default() };
        let planned = planned(&world, &options).await?;
        let watcher = Arc::new(StepTimes::default());
        world.pair.cluster().run(&planned, Arc::clone(&watcher) as _).await?;
        whole.push(milliseconds(begun.elapsed()));
        writers.settled().await?;
        let end = Instant::now();
        let rows = milliseconds(writers.row_gap(begun, end));
        let users = milliseconds(writers.user_gap(begun, end));
        row_gaps.push(rows);
        user_gaps.push(users);
        first_users.get_or_insert(users);
        for (step, took) in watcher.took() {
            if let Some((_, name)) = PARTS.iter().find(|(action, _)| *action == step) {
                parts.push(name, milliseconds(took));
            }
        }
        say(&format!("switchover: round {} of {rounds}: rows {rows:.0} ms, users {users:.0} ms", round + 1));
    }
    let (node, keycloak) = if rounds.is_multiple_of(2) {
        (world.pair.primary(), &world.primary)
    } else {
        (world.pair.standby(), &world.standby)
    };
    let written = writers.stop(&world, node, keycloak).await?;
    for (what, (_, verdict)) in [("rows", written.rows), ("users", written.users)] {
        if verdict != Verdict::default() {
            return Err(format!("{what} are wrong afterwards: {verdict:?}").into());
        }
    }
    let mut table = vec![
        Row::new("switchover: longest time without an acknowledged row", row_gaps.few(0, "ms")).goal("< 250 ms"),
        Row::new("the same without an acknowledged user, through the Keycloaks", user_gaps.few(0, "ms"))
            .goal("< 500 ms"),
        Row::new(
            "the first of these, seconds after the standby's Keycloak has started",
            format!("{:.0} ms", first_users.unwrap_or(f64::NAN)),
        ),
        Row::new("the whole, until the old primary follows", whole.few(0, "ms")),
    ];
    table.extend(parts.rows());
    Ok(table)
}

/// A standby that has just come back may need a moment before it streams.
async fn planned(world: &World, options: &SwitchoverOptions) -> Result<ha_core::plan::Plan, Error> {
    let begun = Instant::now();
    loop {
        match world.pair.cluster().plan_switchover(options).await {
            Ok(planned) => return Ok(planned.plan),
            Err(refusals) if begun.elapsed() > SETTLED_LIMIT => return Err(format!("refused: {refusals:?}").into()),
            Err(_) => tokio::time::sleep(TRY_AGAIN).await,
        }
    }
}
