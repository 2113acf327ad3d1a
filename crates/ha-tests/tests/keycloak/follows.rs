//! What is changed on the primary is soon in force on the read-only node.
//!
//! Measured from the moment at which the standby's PostgreSQL has replayed the change: to the beginning of the last request
//! that is answered by the old state. Not to the first that is answered by the new one, which begins when the one before it
//! has ended: on a busy machine that may take seconds. Before, the node is made to know the old state, so that its caches
//! hold it.

pub(crate) mod client;
pub(crate) mod parts;
pub(crate) mod realm;
pub(crate) mod session;
pub(crate) mod user;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;

use crate::check::{LOOK_AGAIN, ensure};
use crate::outcome::Outcome;
use crate::world::{PATIENCE, World};
use crate::writer::Writer;

/// The promise, after replay.
const BOUND: Duration = Duration::from_secs(1);
/// Looks before the change, so that the old state is cached, and after it, so that it does not come back.
const LOOKS: usize = 3;

/// Changes something on the primary and measures how long it takes until `in_force` says so.
async fn ensure_follows<F, Fut>(
    world: &Arc<World>,
    what: &str,
    change: impl Future<Output = Result<(), Failed>>,
    in_force: F,
) -> Outcome
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<bool, Failed>>,
{
    for _ in 0..LOOKS {
        ensure!(!in_force().await?, "{what}: in force before it was done");
    }
    change.await?;
    let position = world.position().await?;
    let replay = {
        let world = Arc::clone(world);
        tokio::spawn(async move { world.replayed(&position).await })
    };
    let began = Instant::now();
    let mut last_old = began;
    loop {
        let asked = Instant::now();
        if in_force().await? {
            break;
        }
        last_old = asked;
        ensure!(began.elapsed() < PATIENCE, "{what}: not in force {} s after the change", PATIENCE.as_secs());
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let delay = last_old.saturating_duration_since(replay.await??);
    world.was_stale(delay, what);
    ensure!(
        delay <= BOUND,
        "{what}: a request begun {} ms after replay was answered by the old state",
        delay.as_millis()
    );
    for _ in 0..LOOKS {
        ensure!(in_force().await?, "{what}: the old state came back");
    }
    Ok(())
}

/// The same case while the primary is written to all the time.
pub(crate) async fn while_written<Fut: Future<Output = Outcome>>(
    world: Arc<World>,
    case: impl FnOnce(Arc<World>) -> Fut,
) -> Outcome {
    let writer = Writer::start(&world).await?;
    case(world).await?;
    writer.stop().await
}
