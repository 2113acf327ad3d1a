//! Somebody who writes to the primary all the time.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

use crate::error::Error;
use crate::realm::{Realm, user};
use crate::world::World;

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changed {
    /// Users.
    Users,
    /// A realm's roles, groups and clients, as automation does that makes tenants.
    Parts,
}

impl Changed {
    /// Changes a second.
    pub(crate) const fn rate(self) -> u32 {
        match self {
            Self::Users => 25,
            Self::Parts => 5,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Users => "of users",
            Self::Parts => "of another realm's roles, groups and clients",
        }
    }
}

/// How many may be under way at a time: one hand alone would wait for the slowest.
const HANDS: u32 = 4;
/// Each so many turns a user is made, and the one that was made before is deleted: a deletion costs the read-only node most.
const COME_AND_GO_EVERY: u32 = 12;

static PASSING: AtomicU32 = AtomicU32::new(0);

/// Runs `work` while `realm` is changed on the primary. Returns its result, and the changes made a second.
pub(crate) async fn meanwhile<T>(
    world: &World,
    realm: &Realm,
    changed: Changed,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<(T, f64), Error> {
    let done = AtomicU32::new(0);
    let begun = Instant::now();
    let hands = try_join_all((0..HANDS).map(|hand| write(world, realm, changed, hand, &done)));
    let result = tokio::select! {
        result = work => result?,
        stopped = hands => return Err(stopped.err().unwrap_or_else(|| "the writer stopped by itself".into())),
    };
    Ok((result, f64::from(done.load(Ordering::Relaxed)) / begun.elapsed().as_secs_f64()))
}

/// Never ends by itself but with an error.
async fn write(world: &World, realm: &Realm, changed: Changed, hand: u32, done: &AtomicU32) -> Result<(), Error> {
    let mut ticks = interval(Duration::from_secs(1) * HANDS / changed.rate());
    // What could not be made in time is made up for: the rate is what counts.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut turn = 0_usize;
    // Nobody lives for the moment only: one that is gone before a look at the WAL has seen it would be a case of its own.
    let mut before = None;
    // Another one each time: what was written before may have ended with its part still there.
    let name = format!("part-{}", PASSING.fetch_add(1, Ordering::Relaxed));
    loop {
        ticks.tick().await;
        turn += 1;
        if changed == Changed::Parts {
            part(world, realm, &name, hand, turn).await?;
        } else if turn.is_multiple_of(COME_AND_GO_EVERY as usize) {
            let name = format!("passing-{}", PASSING.fetch_add(1, Ordering::Relaxed));
            let answer = world.admin(Method::POST, &realm.admin("/users"), Some(&user(&name))).await?;
            let id = answer.header("location").and_then(|at| at.rsplit('/').next()).unwrap_or_default().to_owned();
            if let Some(before) = before.replace(id) {
                done.fetch_add(1, Ordering::Relaxed);
                ticks.tick().await;
                world.admin(Method::DELETE, &realm.admin(&format!("/users/{before}")), None).await?;
            }
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

/// One change: a role, group or client is made, changed, or deleted, one after the other.
async fn part(world: &World, realm: &Realm, name: &str, hand: u32, turn: usize) -> Result<(), Error> {
    let found = async |list: &str| -> Result<String, Error> {
        let list = world.admin(Method::GET, &realm.admin(list), None).await?.json()?;
        Ok(list[0]["id"].as_str().unwrap_or_default().to_owned())
    };
    let (list, one, named) = match hand % 3 {
        0 => ("/roles", format!("/roles/{name}"), json!({ "name": name })),
        1 if turn % 3 == 1 => ("/groups", String::new(), json!({ "name": name })),
        1 => {
            ("/groups", format!("/groups/{}", found(&format!("/groups?search={name}")).await?), json!({ "name": name }))
        }
        _ if turn % 3 == 1 => ("/clients", String::new(), json!({ "clientId": name })),
        _ => (
            "/clients",
            format!("/clients/{}", found(&format!("/clients?clientId={name}")).await?),
            json!({ "clientId": name }),
        ),
    };
    let changed = || -> Value {
        let mut changed = named.clone();
        changed["attributes"] = if list == "/clients" {
            json!({ "turn": turn.to_string() })
        } else {
            json!({ "turn": [turn.to_string()] })
        };
        changed
    };
    match turn % 3 {
        1 => world.admin(Method::POST, &realm.admin(list), Some(&named)).await?,
        2 => world.admin(Method::PUT, &realm.admin(&one), Some(&changed())).await?,
        _ => world.admin(Method::DELETE, &realm.admin(&one), None).await?,
    };
    Ok(())
}
