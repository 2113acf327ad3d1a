//! Waiting for a Keycloak, and what its log says where that was in vain.

use futures_util::future::{Either, select};
use futures_util::{StreamExt, pin_mut};

use super::StepError;
use super::at::At;
use crate::ports::LogOptions;

/// Waits until it is ready, and no longer than it lives: the restart policy would start it again for ever.
pub(super) async fn wait_ready(at: &At<'_>, name: &str) -> Result<(), StepError> {
    let limit = at.cluster.limits.keycloak_ready;
    let ready = at.cluster.ports.keycloak.wait_ready(&at.node.name, limit);
    let exited = at.runtime.wait_container(name, limit);
    pin_mut!(ready, exited);
    let detail = match select(ready, exited).await {
        Either::Left((Ok(()), _)) => return Ok(()),
        Either::Left((Err(error), _)) => error.to_string(),
        Either::Right((Ok(code), _)) => format!("its container exited with code {code}"),
        // The engine stopped answering, or the wait ran into its own limit: Keycloak's word counts.
        Either::Right((Err(_), ready)) => match ready.await {
            Ok(()) => return Ok(()),
            Err(error) => error.to_string(),
        },
    };
    let log = last_lines(at, name).await;
    Err(StepError::NotReady { detail, log })
}

pub(super) async fn last_lines(at: &At<'_>, name: &str) -> String {
    let options = LogOptions { tail: Some(15), ..LogOptions::default() };
    let Ok(lines) = at.runtime.logs(name, &options).await else { return String::new() };
    let lines: Vec<_> = lines.filter_map(|line| async { line.ok().map(|line| line.text) }).take(15).collect().await;
    lines.join("\n")
}
