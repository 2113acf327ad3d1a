//! Somebody who writes to the primary all the time.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use reqwest::Method;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use crate::Error;
use crate::realm::{Realm, user};
use crate::world::World;

/// Changes a second.
pub(crate) const RATE: u32 = 25;
/// How many may be under way at a time: one hand alone would wait for the slowest.
const HANDS: u32 = 4;
/// Each so many turns a user is made and deleted: a deletion costs the read-only node most.
const COME_AND_GO_EVERY: u32 = 12;

static PASSING: AtomicU32 = AtomicU32::new(0);

/// Runs `work` while users of `realm` are changed on the primary. Returns its result, and the changes made a second.
pub(crate) async fn meanwhile<T>(
    world: &World,
    realm: &Realm,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<(T, f64), Error> {
    let done = AtomicU32::new(0);
    let begun = Instant::now();
    let hands = try_join_all((0..HANDS).map(|hand| write(world, realm, hand, &done)));
    let result = tokio::select! {
        result = work => result?,
        stopped = hands => return Err(stopped.err().unwrap_or_else(|| "the writer stopped by itself".into())),
    };
    Ok((result, f64::from(done.load(Ordering::Relaxed)) / begun.elapsed().as_secs_f64()))
}

/// Never ends by itself but with an error.
async fn write(world: &World, realm: &Realm, hand: u32, done: &AtomicU32) -> Result<(), Error> {
    let mut ticks = interval(Duration::from_secs(1) * HANDS / RATE);
    // What could not be made in time is made up for: the rate is what counts.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut turn = 0_usize;
    loop {
        ticks.tick().await;
        turn += 1;
        if turn.is_multiple_of(COME_AND_GO_EVERY as usize) {
            let name = format!("passing-{}", PASSING.fetch_add(1, Ordering::Relaxed));
            let answer = world.admin(Method::POST, &realm.admin("/users"), Some(&user(&name))).await?;
            let id = answer.header("location").and_then(|at| at.rsplit('/').next()).unwrap_or_default().to_owned();
            done.fetch_add(1, Ordering::Relaxed);
            ticks.tick().await;
            world.admin(Method::DELETE, &realm.admin(&format!("/users/{id}")), None).await?;
        } else {
            // Each hand at another user: two at one would wait for each other's row.
            let id = &realm.users[(turn * HANDS as usize + hand as usize) % realm.users.len()];
            let change = json!({ "firstName": format!("Turn {turn}"), "lastName": format!("of hand {hand}"),
                "email": format!("{id}@example.org") });
            world.admin(Method::PUT, &realm.admin(&format!("/users/{id}")), Some(&change)).await?;
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}
