//! Changes of clients.

use std::sync::Arc;

use reqwest::Method;
use serde_json::json;

use super::ensure_follows;
use crate::check::{ensure, ensure_eq};
use crate::outcome::Outcome;
use crate::realm::{BACKEND, BACKEND_SECRET, Realm};
use crate::world::World;

pub(crate) async fn changed_secret(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "secret").await?;
    let path = format!("/clients/{}", realm.client_uuid(BACKEND).await?);
    realm.client_credentials(&world.standby, BACKEND_SECRET).await?.expect(200)?;
    let change = async {
        realm.change(Method::PUT, &path, json!({ "clientId": BACKEND, "secret": "quite another" })).await.map(drop)
    };
    ensure_follows(&world, "client secret", change, async || {
        let answer = realm.client_credentials(&world.standby, "quite another").await?;
        ensure!(matches!(answer.status, 200 | 401), "neither yes nor no: {}", answer.shown());
        Ok(answer.status == 200)
    })
    .await?;
    ensure_eq!(realm.client_credentials(&world.standby, BACKEND_SECRET).await?.status, 401, "the old secret");
    Ok(())
}
