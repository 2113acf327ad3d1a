//! What is wrong with a Keycloak.

use super::postgres::{exited, not_started, off_network};
use super::seen::Seen;
use crate::advice::{Advice, Remedy, advice};
use crate::health::{Code, Finding};
use crate::layout::{Component, SERVICE_CLIENT};
use crate::observe::{KeycloakMode, KeycloakState, NodeObservation, PostgresRole};
use crate::ports::ContainerStatus;
use crate::topology::Topology;

/// With so much of the heap in use after a collection, a JVM does little but collect, and is near its end.
const HEAP_PERCENT: u8 = 90;

/// How far it is: its own answer counts before what its container does.
pub(super) fn state(observation: &NodeObservation) -> KeycloakState {
    let own = observation.keycloak.state;
    if matches!(own, KeycloakState::Ready | KeycloakState::Starting) {
        return own;
    }
    match observation.keycloak_container.as_ref().map(|container| container.as_ref().map(|it| it.status)) {
        Ok(None | Some(ContainerStatus::Created | ContainerStatus::Exited { .. } | ContainerStatus::Dead)) => {
            KeycloakState::Stopped
        }
        // It runs and does not listen yet: a JVM takes seconds to get there.
        Ok(Some(ContainerStatus::Running | ContainerStatus::Restarting)) if own == KeycloakState::Stopped => {
            KeycloakState::Starting
        }
        Ok(Some(ContainerStatus::Running | ContainerStatus::Restarting | ContainerStatus::Paused)) | Err(_) => own,
    }
}

pub(super) fn findings(topology: &Topology, seen: &Seen<'_>, findings: &mut Vec<Finding>) {
    let name = &seen.node.name;
    let logs = seen.log_shows(topology, Component::Keycloak, "what it does");
    let mut add = |code, message: String, help: Advice| findings.push(Finding::new(code, Some(name), message, help));
    let keycloak = &seen.observation.keycloak;
    let detail = keycloak.detail.clone().unwrap_or_else(|| "no details".to_owned());
    if let Ok(Some(container)) = &seen.observation.keycloak_container
        && container.oom_killed
    {
        add(
            Code::OutOfMemory,
            "the kernel killed Keycloak for want of memory".to_owned(),
            "give the machine more memory; `ha-cli doctor` compares it with what runs".into(),
        );
    }
    if let Some(percent) = seen.postgres().and_then(|it| it.keycloak_heap_percent).filter(|&it| it >= HEAP_PERCENT) {
        add(
            Code::HeapLow,
            format!("{percent} % of its Keycloak's heap are left in use after a collection of garbage"),
            advice!("give the machine more memory: the heap's limit follows from it at the next {}", Remedy::up(name)),
        );
    }
    if seen.postgres().is_some_and(|it| it.keycloak_wal_unread && it.role == PostgresRole::Standby) {
        add(
            Code::WalUnreadable,
            "its Keycloak may not read what has changed from the WAL (pg_walinspect), and forgets all that it has cached at every \
             change"
                .to_owned(),
            advice!(
                "{} on the primary gives it the right again, where its PostgreSQL has the extension and the schema ha of Keycloak's \
                 database is the superuser's",
                Remedy::UP_ALL,
            ),
        );
    }
    if keycloak.state == KeycloakState::Ready {
        let expected = match seen.postgres().map(|postgres| postgres.role) {
            Some(PostgresRole::Primary) => KeycloakMode::ReadWrite,
            Some(PostgresRole::Standby) => KeycloakMode::ReadOnly,
            None => return,
        };
        if keycloak.mode == KeycloakMode::Unknown {
            add(
                Code::KeycloakWrongMode,
                format!("its Keycloak does not tell whether it is read-write or read-only: {detail}"),
                advice!("it runs without the standby extension: {} replaces it", Remedy::up(name)),
            );
        } else if keycloak.mode == KeycloakMode::ReadWrite
            && expected == KeycloakMode::ReadWrite
            && let Some(trouble) = keycloak.service_trouble()
        {
            add(
                Code::ServiceClientUnusable,
                format!(
                    "ha-cli's own client in the realm \"master\" (\"{SERVICE_CLIENT}\") is of no use: {trouble}; nothing can be proven \
                     after a change of roles, nor by `ha-cli verify`"
                ),
                match keycloak.service_by_hand() {
                    Some(what) => what.into(),
                    None => advice!("{} makes it whole, without a login and without a restart", Remedy::up(name)),
                },
            );
        } else if keycloak.mode != expected {
            add(
                Code::KeycloakWrongMode,
                format!("its Keycloak is {} on a PostgreSQL that is a {}", mode(keycloak.mode), role(expected)),
                "it follows within a second; if this stays, it talks to another database: `ha-cli config check`".into(),
            );
        }
        return;
    }
    if off_network(&seen.observation.keycloak_container) {
        let message = "its Keycloak container was taken off the cluster's network: it reaches no database".to_owned();
        let help = advice!("{} makes the container anew, and the network where it was removed", Remedy::up(name));
        return add(Code::NetworkLost, message, help);
    }
    if let Ok(Some(container)) = &seen.observation.keycloak_container
        && matches!(container.status, ContainerStatus::Created | ContainerStatus::Exited { .. })
        && let Some((why, help)) = not_started(&seen.observation.keycloak_container, seen.node)
    {
        return add(Code::KeycloakStopped, format!("its Keycloak container does not run; {why}"), help);
    }
    if let Ok(container) = &seen.observation.keycloak_container {
        let up = advice!("{} starts it; {logs}", Remedy::up(name));
        match container.as_ref().map(|container| (container.status, container.restarts)) {
            None => {
                let up = advice!("{} makes it", Remedy::up(name));
                return add(Code::KeycloakMissing, "there is no Keycloak container on it".to_owned(), up);
            }
            Some((ContainerStatus::Created | ContainerStatus::Dead, _)) => {
                return add(Code::KeycloakStopped, "its Keycloak container was never started".to_owned(), up);
            }
            Some((ContainerStatus::Exited { code }, _)) => {
                return add(Code::KeycloakStopped, exited(Component::Keycloak, code), up);
            }
            Some((ContainerStatus::Paused, _)) => {
                let message = "its Keycloak container is paused".to_owned();
                return add(Code::KeycloakStopped, message, format!("`docker unpause` it on {name}").into());
            }
            Some((ContainerStatus::Restarting, _)) => {
                let message = "its Keycloak ends and is started again and again".to_owned();
                return add(Code::KeycloakRestarting, message, logs.into());
            }
            // Docker's own proxy accepts for one that does not listen. Without its database it has a reason to end.
            Some((ContainerStatus::Running, 3..))
                if keycloak.state == KeycloakState::Starting && seen.postgres().is_some() =>
            {
                let message = format!("its Keycloak ends and is started again and again: {detail}");
                return add(Code::KeycloakRestarting, message, logs.into());
            }
            Some((ContainerStatus::Running, restarts)) if keycloak.state == KeycloakState::Stopped => {
                let code = if restarts > 2 { Code::KeycloakRestarting } else { Code::KeycloakStarting };
                return add(code, "its Keycloak runs and does not listen yet".to_owned(), logs.into());
            }
            Some((ContainerStatus::Running, _)) => {}
        }
    }
    match keycloak.state {
        KeycloakState::Ready => {}
        KeycloakState::Starting if seen.postgres().is_none() => {
            let message = format!("its Keycloak is not ready, and its PostgreSQL does not answer: {detail}");
            add(Code::KeycloakFailing, message, "mend its PostgreSQL first; Keycloak follows by itself".into());
        }
        KeycloakState::Starting => {
            add(Code::KeycloakStarting, format!("its Keycloak is not ready: {detail}"), logs.into())
        }
        KeycloakState::Stopped => {
            add(Code::KeycloakStopped, format!("its Keycloak does not run: {detail}"), logs.into())
        }
        KeycloakState::Unreachable => add(
            Code::KeycloakUnreachable,
            format!("its Keycloak does not answer: {detail}"),
            "a host that is down or frozen, a cut link or a firewall: `ha-cli doctor` looks closer".into(),
        ),
    }
}

const fn mode(mode: KeycloakMode) -> &'static str {
    match mode {
        KeycloakMode::ReadWrite => "read-write",
        KeycloakMode::ReadOnly => "read-only",
        KeycloakMode::Unknown => "of unknown mode",
    }
}

const fn role(expected: KeycloakMode) -> &'static str {
    match expected {
        KeycloakMode::ReadWrite => "primary",
        KeycloakMode::ReadOnly | KeycloakMode::Unknown => "standby",
    }
}
