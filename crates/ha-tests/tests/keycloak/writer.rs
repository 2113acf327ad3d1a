//! Somebody who writes to the primary all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::check::{ensure, until};
use crate::outcome::Outcome;
use crate::realm::{Realm, user};
use crate::world::{PATIENCE, World};

/// 25 a second.
const EVERY: Duration = Duration::from_millis(40);
/// How many changes may be under way at a time: one alone would wait for the slowest.
const HANDS: u32 = 2;
/// Below this the case would not prove what it says. Two busy processors do not always manage 25.
const ENOUGH_A_SECOND: f32 = 12.0;
const USERS: u32 = 20;

/// Writes until it is stopped or dropped.
pub(crate) struct Writer {
    hands: Vec<JoinHandle<Outcome>>,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU32>,
    since: Instant,
}

impl Writer {
    pub(crate) async fn start(world: &Arc<World>) -> Result<Self, Failed> {
        let make = async || -> Result<(String, Vec<String>), Failed> {
            let users: Vec<_> = (0..USERS).map(|number| user(&name(number))).collect();
            let realm = Realm::make(world, "noise", json!({ "users": users })).await?;
            let mut ids = Vec::new();
            for number in 0..USERS {
                ids.push(realm.user_id(&name(number)).await?);
            }
            Ok((realm.name, ids))
        };
        let (realm, ids) = world.noise.get_or_try_init(make).await?;
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let write = |hand| {
            tokio::spawn(write(
                Arc::clone(world),
                realm.clone(),
                ids.clone(),
                hand,
                Arc::clone(&stop),
                Arc::clone(&done),
            ))
        };
        let hands = (0..HANDS).map(write).collect();
        let writer = Self { hands, stop: Arc::clone(&stop), done: Arc::clone(&done), since: Instant::now() };
        until(PATIENCE, "the writer gets going", async || Ok(done.load(Ordering::Relaxed) >= 10)).await?;
        Ok(writer)
    }

    /// Ends it, and fails if it did not write as much as it should have.
    pub(crate) async fn stop(mut self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        let rate = self.done.load(Ordering::Relaxed) as f32 / self.since.elapsed().as_secs_f32();
        for hand in std::mem::take(&mut self.hands) {
            hand.await??;
        }
        ensure!(rate >= ENOUGH_A_SECOND, "only {rate:.1} changes a second were made meanwhile");
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn name(number: u32) -> String {
    format!("noisy-{number}")
}

/// Mostly changed users; now and then one that comes and goes, since a deletion empties the caches.
async fn write(
    world: Arc<World>,
    realm: String,
    ids: Vec<String>,
    hand: u32,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU32>,
) -> Outcome {
    let mut ticks = interval(EVERY * HANDS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let users = format!("/realms/{realm}/users");
    for turn in 0_u32.. {
        ticks.tick().await;
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        if turn % 12 == 0 {
            let passing = user(&world.unique(&format!("passing-{hand}")));
            let id = world.change(Method::POST, &users, &passing).await?;
            world.change(Method::DELETE, &format!("{users}/{id}"), &json!(null)).await?;
            done.fetch_add(2, Ordering::Relaxed);
        } else {
            let id = &ids[turn as usize * HANDS as usize % ids.len()];
            let change = json!({ "firstName": format!("Turn {turn}"), "lastName": format!("of hand {hand}"),
                "email": format!("{id}@example.org") });
            world.change(Method::PUT, &format!("{users}/{id}"), &change).await?;
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}
