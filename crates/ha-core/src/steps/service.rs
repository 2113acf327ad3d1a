//! Proving that Keycloak serves: a login, and its session in the database of the primary.

use std::time::Duration;

use super::StepError;
use super::at::At;
use crate::layout::SERVICE_CLIENT;
use crate::ports::{KeycloakError, PostgresError, Row, TokenGrant};
use crate::values::Secret;

/// From a promotion until Keycloak takes writes.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two tries. Each is a request, so this is no busy waiting.
const TRY_AGAIN: Duration = Duration::from_millis(20);
const MASTER: &str = "master";
/// Where Keycloak 26 keeps sessions, those that are no offline ones as well.
fn session(id: String) -> Row {
    Row { table: "offline_user_session", column: "user_session_id", value: id }
}

/// Logs in as the service client, again and again until it succeeds and the session that it made is in the database. A
/// read-only node would let it in as well, and write nothing.
pub(super) async fn prove(at: &At<'_>) -> Result<(), StepError> {
    let clock = &at.cluster.ports.clock;
    let grant = TokenGrant::ClientCredentials {
        client_id: SERVICE_CLIENT.to_owned(),
        client_secret: at.cluster.secrets().keycloak_client_secret.clone(),
    };
    let database = at.cluster.keycloak_login();
    let begun = clock.now();
    let mut last = None;
    while clock.now().saturating_sub(begun) < LIMIT {
        match at.cluster.ports.keycloak.login(&at.node.name, MASTER, &grant).await {
            Ok(login) => match login.session {
                // Its own sessions may have taken all that its role may have: the next try may find one.
                Some(id) => match at.cluster.ports.control.has_row(&at.node.name, &database, &session(id)).await {
                    Ok(true) => return Ok(()),
                    Ok(false) => last = Some("the session that a login made is not in the database".to_owned()),
                    Err(error @ PostgresError::Runtime(_)) => return Err(error.into()),
                    Err(error) => last = Some(error.to_string()),
                },
                None => match make_realm(at, &login.token).await {
                    Ok(()) => return Ok(()),
                    Err(error) => last = Some(error.to_string()),
                },
            },
            Err(error @ KeycloakError::Denied { .. }) => return Err(error.into()),
            Err(error) => last = Some(error.to_string()),
        }
        clock.sleep(TRY_AGAIN).await;
    }
    Err(StepError::Changed(format!(
        "no login was written within {} s; {}",
        LIMIT.as_secs(),
        last.unwrap_or_else(|| "nothing was seen".to_owned())
    )))
}

/// The write of a client whose logins make no session, such as one that somebody has changed.
async fn make_realm(at: &At<'_>, token: &Secret) -> Result<(), KeycloakError> {
    let keycloak = &at.cluster.ports.keycloak;
    let generation = super::promotion::of(at, &at.node.name).await.map_or(0, |record| record.generation);
    // One that an interrupted run left is removed by the next.
    let realm = format!("ha-failover-{generation}");
    match keycloak.create_realm(&at.node.name, token, &realm).await {
        Ok(()) | Err(KeycloakError::Exists { .. }) => {
            keycloak.delete_realm(&at.node.name, token, &realm).await.map(drop)
        }
        Err(error) => Err(error),
    }
}
