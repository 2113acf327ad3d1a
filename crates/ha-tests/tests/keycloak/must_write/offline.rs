//! Offline sessions.

use std::sync::Arc;

use crate::check::{Reader, ensure, ensure_eq, ensure_refused};
use crate::outcome::Outcome;
use crate::realm::{ALICE, Realm, password_of, tokens};
use crate::world::World;

const SCOPE: (&str, &str) = ("scope", "openid offline_access");

pub(crate) async fn asked_for_here(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "offline").await?;
    let answer = realm.grant_with(&world.standby, ALICE, &password_of(ALICE), &[SCOPE]).await?;
    ensure_refused(&answer, 503, Reader::Program)?;
    let user = realm.user_id(ALICE).await?;
    let stored = world.count("SELECT count(*) FROM offline_user_session WHERE user_id = $1", &user).await?;
    ensure_eq!(stored, 0, "sessions that are stored");
    realm.login(&world.standby, ALICE).await?;
    world.ensure_refusals_logged(&realm.path("/protocol/openid-connect/token"), 1).await
}

pub(crate) async fn made_on_the_primary(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "offline-there").await?;
    let made = tokens(&realm.grant_with(&world.primary, ALICE, &password_of(ALICE), &[SCOPE]).await?)?;
    world.caught_up().await?;
    ensure!(realm.refreshes(&world.standby, &made).await?, "it does not refresh here");
    ensure!(realm.refreshes(&world.primary, &made).await?, "it does not refresh there any more");
    Ok(())
}
