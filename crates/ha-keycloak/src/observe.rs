//! Whether a Keycloak is ready, and in which mode.

use std::time::Duration;

use ha_core::causes::chain;
use ha_core::observe::{HandoverObservation, KeycloakMode, KeycloakObservation, KeycloakState};
use ha_core::ports::{KeycloakAdmin, KeycloakError};
use ha_core::values::NodeName;
use reqwest::StatusCode;

use crate::KeycloakHttp;
use crate::model::RoleAnswer;

/// How often a Keycloak that is not ready is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// Longest wait for one of these answers.
const ONE_LOOK: Duration = Duration::from_secs(2);

pub(crate) async fn observe(http: &KeycloakHttp, node: &NodeName, timeout: Duration) -> KeycloakObservation {
    let url = match http.url(node, "/realms/master/ha/role") {
        Ok(url) => url,
        Err(error) => return KeycloakObservation::unreachable(error.to_string()),
    };
    let look = async {
        let response = http.client().get(&url).send().await?;
        Ok::<_, reqwest::Error>((response.status(), response.text().await?))
    };
    match tokio::time::timeout(timeout, look).await {
        Err(_) => KeycloakObservation::unreachable(format!("{url} did not answer within {} s", timeout.as_secs_f32())),
        Ok(Err(error)) if refused(&error) => KeycloakObservation {
            state: KeycloakState::Stopped,
            mode: KeycloakMode::Unknown,
            warm: None,
            service_client: None,
            detail: Some(format!("nothing listens at {url}")),
        },
        // Docker's proxy takes the connection before Keycloak listens, and ends it at once.
        Ok(Err(error)) if cut_short(&error) => starting("it does not listen yet"),
        Ok(Err(error)) => KeycloakObservation::unreachable(chain(&error)),
        Ok(Ok((status, text))) => answer(status, &text),
    }
}

pub(crate) async fn handover(
    http: &KeycloakHttp,
    node: &NodeName,
    timeout: Duration,
) -> Result<HandoverObservation, KeycloakError> {
    let url = http.url(node, "/realms/master/ha/role")?;
    let request = http.client().get(&url).timeout(timeout);
    let answer: RoleAnswer = http.read(&url, request).await?;
    answer.handover.ok_or_else(|| KeycloakError::NotFound { what: format!("word of load balancers at {url}") })
}

pub(crate) async fn wait_ready(http: &KeycloakHttp, node: &NodeName, timeout: Duration) -> Result<(), KeycloakError> {
    let url = http.url(node, "/")?;
    // What was seen last, not the look that the limit cut short.
    let mut last = None;
    let ready = async {
        loop {
            let seen = observe(http, node, ONE_LOOK).await;
            // The role is known before the last of the boot is done; a realm is served only after it.
            if seen.state == KeycloakState::Ready
                && http.realm_is_served(node, "master").await.is_ok_and(|served| served)
            {
                return;
            }
            last = Some(seen.detail.unwrap_or_else(|| "it does not serve the realm master yet".to_owned()));
            tokio::time::sleep(ASK_AGAIN).await;
        }
    };
    match (tokio::time::timeout(timeout, ready).await, last) {
        (Ok(()), _) => Ok(()),
        (Err(_), Some(detail)) => Err(KeycloakError::NotReady { url, after: timeout, detail }),
        (Err(_), None) => Err(KeycloakError::TimedOut { url, after: timeout }),
    }
}

fn starting(detail: &str) -> KeycloakObservation {
    KeycloakObservation {
        state: KeycloakState::Starting,
        mode: KeycloakMode::Unknown,
        warm: None,
        service_client: None,
        detail: Some(detail.to_owned()),
    }
}

fn answer(status: StatusCode, text: &str) -> KeycloakObservation {
    match (status, serde_json::from_str::<RoleAnswer>(text)) {
        (StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE, Ok(RoleAnswer { role, warm, .. })) => match role.as_str() {
            "read-write" => ready(KeycloakMode::ReadWrite, warm),
            "read-only" => ready(KeycloakMode::ReadOnly, warm),
            _ => starting("its database does not answer"),
        },
        (StatusCode::NOT_FOUND, _) => starting("the standby extension is not loaded in it"),
        (StatusCode::SERVICE_UNAVAILABLE, Err(_)) => starting("it is booting"),
        (status, _) => {
            let text: String = text.chars().take(200).collect();
            starting(&format!("it answers {}: {text}", status.as_u16()))
        }
    }
}

const fn ready(mode: KeycloakMode, warm: Option<bool>) -> KeycloakObservation {
    KeycloakObservation { state: KeycloakState::Ready, mode, warm, service_client: None, detail: None }
}

fn sources(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| error.source())
}

fn io_kind(error: &reqwest::Error) -> Option<std::io::ErrorKind> {
    sources(error).find_map(|source| source.downcast_ref::<std::io::Error>()).map(std::io::Error::kind)
}

fn refused(error: &reqwest::Error) -> bool {
    io_kind(error) == Some(std::io::ErrorKind::ConnectionRefused)
}

fn cut_short(error: &reqwest::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    error.is_request()
        && !error.is_connect()
        && io_kind(error).is_none_or(|kind| matches!(kind, BrokenPipe | ConnectionReset | UnexpectedEof))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_extension_and_a_booting_keycloak_answer() {
        let check = |status: u16, text: &str, state, mode| {
            let seen = answer(StatusCode::from_u16(status).unwrap(), text);
            assert_eq!((seen.state, seen.mode), (state, mode), "{status} {text}");
        };
        check(200, r#"{"role":"read-write","replay_lsn":null}"#, KeycloakState::Ready, KeycloakMode::ReadWrite);
        check(200, r#"{"role":"read-only","replay_lsn":"0/1"}"#, KeycloakState::Ready, KeycloakMode::ReadOnly);
        for warm in [true, false] {
            let text = format!(r#"{{"role":"read-only","warm":{warm}}}"#);
            assert_eq!(answer(StatusCode::OK, &text).warm, Some(warm));
        }
        let handover = r#"{"role":"read-only","warm":true,"handover":{"word":"take","id":"7f","balancers":2,"told":1,"in_flight":3,"held":4}}"#;
        let seen: RoleAnswer = serde_json::from_str(handover).unwrap();
        let expected =
            HandoverObservation { word: "take".to_owned(), id: "7f".to_owned(), balancers: 2, told: 1, in_flight: 3 };
        assert_eq!(seen.handover, Some(expected));
        check(200, handover, KeycloakState::Ready, KeycloakMode::ReadOnly);
        check(503, r#"{"role":"unknown"}"#, KeycloakState::Starting, KeycloakMode::Unknown);
        check(503, "Bootstrap in progress", KeycloakState::Starting, KeycloakMode::Unknown);
        check(404, "", KeycloakState::Starting, KeycloakMode::Unknown);
        check(500, "{}", KeycloakState::Starting, KeycloakMode::Unknown);
    }
}
