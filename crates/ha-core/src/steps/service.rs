//! Proving that Keycloak serves: a login, and a write that its database has acknowledged.

use std::time::Duration;

use super::StepError;
use super::run::At;
use crate::layout::SERVICE_CLIENT;
use crate::ports::{KeycloakError, TokenGrant};
use crate::values::Secret;

/// From a promotion until Keycloak takes writes.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two tries. Each is a request, so this is no busy waiting.
const TRY_AGAIN: Duration = Duration::from_millis(20);
const MASTER: &str = "master";

/// Logs in as the service client and makes a realm, again and again until both succeed; then removes the realm.
///
/// The name of the realm is that of the promotion: a run that is interrupted leaves one that the next one removes.
pub(super) async fn prove(at: &At<'_>) -> Result<(), StepError> {
    let keycloak = &at.cluster.ports.keycloak;
    let node = &at.node.name;
    let generation = super::promotion::of(at, node).await.map_or(0, |record| record.generation);
    let realm = format!("ha-failover-{generation}");
    let clock = &at.cluster.ports.clock;
    let begun = clock.now();
    let token = loop {
        match write(at, &realm).await {
            Ok(token) => break token,
            Err(error @ KeycloakError::Denied { .. }) => return Err(error.into()),
            Err(error) if clock.now().saturating_sub(begun) > LIMIT => return Err(error.into()),
            Err(_) => {}
        }
        clock.sleep(TRY_AGAIN).await;
    };
    keycloak.delete_realm(node, &token, &realm).await?;
    Ok(())
}

async fn write(at: &At<'_>, realm: &str) -> Result<Secret, KeycloakError> {
    let keycloak = &at.cluster.ports.keycloak;
    let grant = TokenGrant::ClientCredentials {
        client_id: SERVICE_CLIENT.to_owned(),
        client_secret: at.cluster.secrets().keycloak_client_secret.clone(),
    };
    let token = keycloak.token(&at.node.name, MASTER, &grant).await?;
    match keycloak.create_realm(&at.node.name, &token, realm).await {
        Ok(()) => Ok(token),
        Err(KeycloakError::Exists { .. }) => Ok(token),
        Err(error) => Err(error),
    }
}
