//! What this node's requests mean for its database's replay.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::check::{ensure, ensure_eq};
use crate::outcome::Outcome;
use crate::realm::{ALICE, Realm};
use crate::world::{World, told};

/// A transaction between two of its statements keeps its locks, and where replay needs one of these (`VACUUM` gives
/// pages back) the server ends the session after `max_standby_streaming_delay`: a slow request would fail.
pub(crate) async fn nothing_waits_for_a_request(world: Arc<World>) -> Outcome {
    const WATCH: &str = "DO $$ DECLARE held text; BEGIN \
        FOR look IN 1..1500 LOOP \
          PERFORM pg_stat_clear_snapshot(), pg_sleep(0.001); \
          SELECT query INTO held FROM pg_stat_activity \
            WHERE usename = 'keycloak' AND state LIKE 'idle in transaction%' LIMIT 1; \
          IF FOUND THEN RAISE EXCEPTION 'a transaction is held after: %', held; END IF; \
        END LOOP; END $$";
    let realm = Realm::plain(&world, "replay").await?;
    let watched = AtomicBool::new(false);
    let use_it = async || -> Result<usize, libtest_mimic::Failed> {
        let mut rounds = 0;
        while !watched.load(Ordering::Relaxed) {
            let made = realm.login(&world.standby, ALICE).await?;
            ensure!(realm.refreshes(&world.standby, &made).await?, "a session made here does not refresh");
            world.read(&world.standby, &realm.admin("/users?search=a")).await?;
            ensure_eq!(realm.logout(&world.standby, &made).await?.status, 204, "the logout");
            rounds += 1;
        }
        Ok(rounds)
    };
    let watch = async {
        let seen = world.pair.superuser(world.pair.standby(), WATCH).await;
        watched.store(true, Ordering::Relaxed);
        seen.map_err(told)
    };
    let (seen, one, other) = tokio::join!(watch, use_it(), use_it());
    seen?;
    let rounds = (one?, other?);
    ensure!(rounds.0 > 2 && rounds.1 > 2, "too little was done meanwhile to prove anything: {rounds:?}");
    Ok(())
}
