//! What is wrong with a PostgreSQL by itself.

use super::alive::SignOfLife;
use super::seen::Seen;
use crate::advice::{Advice, Remedy, advice};
use crate::health::{Code, Finding, PostgresState};
use crate::layout::{self, Component};
use crate::observe::{ComponentObservation, NodeObservation, UnobservedWhy};
use crate::plan::renamed_on;
use crate::ports::ContainerStatus;
use crate::topology::{Node, Topology};

/// How far it is: what it says of itself counts before what its container does.
pub(super) fn state(observation: &NodeObservation) -> PostgresState {
    let Err(unobserved) = &observation.postgres else { return PostgresState::Running };
    if let Ok(container) = &observation.postgres_container {
        match container.as_ref().map(|container| container.status) {
            None | Some(ContainerStatus::Created | ContainerStatus::Exited { .. } | ContainerStatus::Dead) => {
                return PostgresState::Stopped;
            }
            Some(ContainerStatus::Running | ContainerStatus::Paused | ContainerStatus::Restarting) => {}
        }
    }
    match unobserved.why {
        UnobservedWhy::Refused => PostgresState::Stopped,
        UnobservedWhy::NotReady => PostgresState::Starting,
        UnobservedWhy::Denied
        | UnobservedWhy::Unproven
        | UnobservedWhy::Silent
        | UnobservedWhy::NoWay
        | UnobservedWhy::Failed => PostgresState::Unreachable,
    }
}

pub(super) fn findings(topology: &Topology, seen: &Seen<'_>, findings: &mut Vec<Finding>) {
    let name = &seen.node.name;
    let mut add = |code, message: String, help: Advice| findings.push(Finding::new(code, Some(name), message, help));
    altered(topology, seen, &mut add);
    match &seen.observation.postgres {
        Ok(postgres) => {
            if !postgres.data_checksums && !postgres.wal_log_hints {
                add(
                    Code::RewindImpossible,
                    "neither data checksums nor wal_log_hints are on: pg_rewind cannot bring it back after a failover"
                        .to_owned(),
                    "set wal_log_hints = on and restart PostgreSQL".into(),
                );
            }
            if !postgres.pending_restart.is_empty() {
                add(
                    Code::PendingRestart,
                    format!("settings wait for a restart of PostgreSQL: {}", postgres.pending_restart.join(", ")),
                    advice!("restart it in a quiet moment: {} and {}", Remedy::down(name), Remedy::up(name)),
                );
            }
            if postgres.collation_mismatch {
                add(
                    Code::CollationMismatch,
                    "the database was made with another collation version than this image's: text indexes may be wrong"
                        .to_owned(),
                    "use the image that the database was made with, or, as Keycloak's role and never as postgres, REINDEX and ALTER DATABASE … \
                     REFRESH COLLATION VERSION"
                        .into(),
                );
            }
        }
        Err(_) if off_network(&seen.observation.postgres_container) => {}
        Err(unobserved) => unseen(topology, seen, unobserved.why, &unobserved.message, &mut add),
    }
    if off_network(&seen.observation.postgres_container) {
        add(
            Code::NetworkLost,
            "its PostgreSQL container was taken off the cluster's network: nobody reaches it".to_owned(),
            advice!(
                "{} makes the container anew, and the network where it was removed; the data stays",
                Remedy::up(name),
            ),
        );
    }
    if let Ok(Some(container)) = &seen.observation.postgres_container
        && container.oom_killed
    {
        add(
            Code::OutOfMemory,
            "the kernel killed PostgreSQL for want of memory".to_owned(),
            "give the machine more memory, or lower shared_buffers in [postgres.settings]".into(),
        );
    }
}

/// Whether a container runs on no network, which is said instead of all that follows from it.
pub(super) fn off_network(container: &ComponentObservation) -> bool {
    matches!(container, Ok(Some(container)) if container.off_network && container.status == ContainerStatus::Running)
}

/// It has ended, and its log tells why.
fn add_end(seen: &Seen<'_>, code: Code, message: &str, words: &str, add: &mut impl FnMut(Code, String, Advice)) {
    let name = &seen.node.name;
    let help = if words.contains("for the tablespace") {
        advice!(
            "its primary has a tablespace there: what is in it is moved back and it is dropped there first (see the primary's finding), \
             then {} copies the data anew",
            Remedy::rebuild(name),
        )
    } else if words.contains("wal_level=minimal") {
        // So it says of WAL that `pg_resetwal` has begun anew, whatever the primary's setting is.
        format!(
            "its WAL was reset (pg_resetwal): where another node is the primary, `rebuild` of {name} copies that one's data, and with \
             --backup puts its own into a file first"
        )
        .into()
    } else {
        starts(seen, "more")
    };
    add(code, format!("{message}: {words}"), help);
}

/// What starts one that has ended.
fn starts(seen: &Seen<'_>, log_shows: &str) -> Advice {
    let name = &seen.node.name;
    let Some(primary) = seen.replaced_by else {
        return advice!(
            "{} starts it, {} where another has become the primary meanwhile; `ha-cli logs {name} --component postgres` shows {log_shows}",
            Remedy::up(name),
            Remedy::rejoin(name),
        );
    };
    advice!(
        "{primary} has become the primary meanwhile: {} shows what only {name} holds, and makes it a standby; \
         `ha-cli logs {name} --component postgres` shows {log_shows}",
        Remedy::rejoin(name),
    )
}

/// Somebody removed its container, and perhaps more.
fn add_missing(seen: &Seen<'_>, add: &mut impl FnMut(Code, String, Advice)) {
    let name = &seen.node.name;
    let gone = &seen.observation.lost_volumes;
    let and = if gone.is_empty() { String::new() } else { format!(", and its volumes lack {}", gone.join(" and ")) };
    add(
        Code::PostgresMissing,
        format!("there is no PostgreSQL container on it{and}"),
        advice!(
            "{} makes it anew on the data that is there, {} where another has become the primary meanwhile",
            Remedy::up(name),
            Remedy::rejoin(name),
        ),
    );
}

/// What somebody did to a container by hand, or with another tool.
fn altered(topology: &Topology, seen: &Seen<'_>, add: &mut impl FnMut(Code, String, Advice)) {
    let name = &seen.node.name;
    for renamed in renamed_on(topology, seen.observation) {
        let what = called(renamed.component);
        let (found, wanted) = (&renamed.found, &renamed.wanted);
        let message = format!("the container of its {what} was renamed to {found}: nobody finds it as {wanted}");
        add(Code::ContainerRenamed, message, renamed.help().into());
    }
    let both = [
        (Component::Postgres, &seen.observation.postgres_container),
        (Component::Keycloak, &seen.observation.keycloak_container),
    ];
    for (component, container) in both {
        let Ok(Some(container)) = container else { continue };
        let what = called(component);
        if let Some(why) = layout::altered(component, container) {
            let message = format!("the container of its {what} is not the one that ha-cli made: {why}");
            add(Code::ContainerAltered, message, advice!("{} makes it anew; the data stays", Remedy::up(name)));
        } else if layout::stays_down(container) {
            let message =
                format!("the engine does not start its {what} again by itself: its restart policy was changed");
            add(
                Code::ContainerAltered,
                message,
                advice!("{} puts it back, and stops nothing for it", Remedy::up(name)),
            );
        }
    }
}

const fn called(component: Component) -> &'static str {
    match component {
        Component::Postgres => "PostgreSQL",
        Component::Keycloak => "Keycloak",
    }
}

/// That it has ended, and what its exit code tells: of itself it ends with another one.
pub(super) fn exited(component: Component, code: i64) -> String {
    let in_order = match component {
        Component::Postgres => 0,
        // 128 and SIGTERM.
        Component::Keycloak => 143,
    };
    let by_whom = if code == in_order {
        ": somebody stopped it, or its engine did, back after it was killed (or with live-restore switched off)"
    } else {
        ""
    };
    format!("its {} container has exited with code {code}{by_whom}", called(component))
}

/// Why the engine could not start a container the last time, and what to do about it; nothing where it could.
pub(super) fn not_started(container: &ComponentObservation, node: &Node) -> Option<(String, Advice)> {
    let error = container.as_ref().ok()?.as_ref()?.start_error.as_deref()?;
    let name = &node.name;
    let help = if error.contains("cannot assign requested address") {
        let address = node.address;
        advice!(
            "where {address} is not there yet when Docker starts, have it start later (`systemctl edit docker`: \
             After=network-online.target, Wants=network-online.target, or the unit that brings the address); {} starts it now",
            Remedy::up(name),
        )
    } else {
        advice!("{} starts it, and makes it anew where its network was removed", Remedy::up(name))
    };
    Some((format!("the engine could not start it: {error}"), help))
}

/// The one cause why a server could not be read, the nearest to the ground.
fn unseen(
    topology: &Topology,
    seen: &Seen<'_>,
    why: UnobservedWhy,
    message: &str,
    add: &mut impl FnMut(Code, String, Advice),
) {
    let name = &seen.node.name;
    match &seen.observation.engine {
        Err(engine) if engine.why == UnobservedWhy::NoWay => add(
            Code::EngineNotFromHere,
            engine.message.clone(),
            format!("run this on {name} itself, or give `docker` of {name} as \"ssh://user@{}\"", seen.node.address)
                .into(),
        ),
        Err(engine) => add(
            Code::EngineUnreachable,
            engine.message.clone(),
            "check that the host is up and its Docker engine runs; `ha-cli doctor` looks closer".into(),
        ),
        Ok(_) => {}
    }
    if let Ok(container) = &seen.observation.postgres_container {
        let stopped = match container.as_ref().map(|container| container.status) {
            None => return add_missing(seen, add),
            Some(ContainerStatus::Created) => {
                Some((Code::PostgresStopped, "its PostgreSQL container was made and never started".to_owned()))
            }
            Some(ContainerStatus::Exited { code }) => Some((Code::PostgresStopped, exited(Component::Postgres, code))),
            Some(ContainerStatus::Dead) => {
                Some((Code::PostgresStopped, "its PostgreSQL container is half removed".to_owned()))
            }
            Some(ContainerStatus::Restarting) => {
                Some((Code::PostgresRestarting, "its PostgreSQL ends and is started again and again".to_owned()))
            }
            Some(ContainerStatus::Paused) => {
                let help = format!("`docker unpause` it on {name}").into();
                return add(Code::PostgresPaused, "its PostgreSQL container is paused".to_owned(), help);
            }
            Some(ContainerStatus::Running) => None,
        };
        if let (Some((code, message)), Some((why, help))) =
            (&stopped, not_started(&seen.observation.postgres_container, seen.node))
        {
            return add(*code, format!("{message}; {why}"), help);
        }
        if let Some((code, message)) = stopped {
            if let Some(words) = &seen.observation.last_words {
                return add_end(seen, code, &message, words, add);
            }
            let help = if code == Code::PostgresRestarting {
                format!(
                    "`ha-cli logs {name} --component postgres` shows why; where its WAL was reset (pg_resetwal) or its data is damaged, and \
                     another node is the primary, `rebuild` of {name} copies that one's data, and with --backup puts its own into a file first"
                )
                .into()
            } else {
                starts(seen, "why it ended")
            };
            return add(code, message, help);
        }
    }
    if let (UnobservedWhy::Refused | UnobservedWhy::NotReady, Some(words)) = (why, &seen.observation.last_words) {
        return add_end(
            seen,
            Code::PostgresRestarting,
            "its PostgreSQL ends and is started again and again",
            words,
            add,
        );
    }
    let logs = seen.log_shows(topology, Component::Postgres, "what it does");
    if let (UnobservedWhy::Silent | UnobservedWhy::Failed | UnobservedWhy::NoWay, Some(sign)) =
        (why, SignOfLife::of(seen))
    {
        return add(
            Code::PostgresUnreachable,
            format!("{message}; {}", sign.in_words()),
            advice!(
                "look again: a host that is busy answers late; where it stays so, the way to its port is cut or the server hangs: {} looks closer",
                Remedy::doctor(name),
            ),
        );
    }
    match why {
        UnobservedWhy::Refused => add(Code::PostgresStopped, message.to_owned(), logs.into()),
        UnobservedWhy::NotReady => add(Code::PostgresNotReady, message.to_owned(), logs.into()),
        UnobservedWhy::Denied => add(
            Code::ProbeDenied,
            message.to_owned(),
            format!(
                "check probe_password in the secrets file, and add this machine's address to `admit` of {name} in ha.toml"
            )
            .into(),
        ),
        UnobservedWhy::Unproven => add(
            Code::PostgresUnproven,
            message.to_owned(),
            {
                let address = seen.node.address;
                advice!(
                    "find out what listens at {address}: another host with that address, or a proxy; where it is {name} itself, \
                     {} writes its pg_hba.conf anew",
                    Remedy::up(name),
                )
            },
        ),
        UnobservedWhy::Silent => add(
            Code::PostgresUnreachable,
            message.to_owned(),
            "a host that is down or frozen, a cut link or a firewall: `ha-cli doctor` looks closer".into(),
        ),
        UnobservedWhy::NoWay | UnobservedWhy::Failed => add(Code::PostgresUnreachable, message.to_owned(), logs.into()),
    }
}
