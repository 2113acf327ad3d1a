//! What a standby says, beside what its primary says of it.

use super::super::seen::Seen;
use super::limits;
use crate::advice::{Advice, Remedy, advice};
use crate::health::{Code, Finding, ReplicationReport, ReplicationState, SlotReport};
use crate::layout::{self, Component, REPLICATION_ROLE};
use crate::observe::{PostgresObservation, PostgresRole};
use crate::plan::logins::changed_roles;
use crate::plan::{Of, own_way};
use crate::topology::Topology;
use crate::values::{Lsn, NodeName, SlotName};

/// Further behind than this is worth a word, in bytes.
const LAG_WARNING_BYTES: u64 = 64 * 1024 * 1024;
/// Likewise, in seconds.
const LAG_WARNING_SECONDS: f64 = 30.0;

/// PostgreSQL tells by which setting a standby is stopped only in its log, and it ends where its replay is then resumed: see
/// `CheckRequiredParameterValues` in its `xlogrecovery.c`.
fn resume(topology: &Topology, seen: &Seen<'_>, compared: bool) -> Advice {
    let resume = "SELECT pg_wal_replay_resume() on it, if whoever paused it agrees";
    if compared {
        return resume.into();
    }
    let log = seen.log_shows(topology, Component::Postgres, "whether \"insufficient parameter settings\" stopped it");
    format!("{log}: then it would end when it is resumed, and needs the values that stand there, first; else {resume}")
        .into()
}

/// What a standby says, beside what its primary says of it.
pub(in super::super) fn of_standby(
    topology: &Topology,
    seen: &Seen<'_>,
    standby: &PostgresObservation,
    primary: Option<&Seen<'_>>,
    findings: &mut Vec<Finding>,
) -> ReplicationReport {
    let name = &seen.node.name;
    let upstream = primary.and_then(Seen::postgres);
    let sender = upstream.and_then(|postgres| postgres.senders.iter().find(|sender| sender.name == name.as_str()));
    let state = match streaming(standby, sender.map(|sender| sender.state.as_str())) {
        ReplicationState::Streaming if upstream.is_some_and(|upstream| !sends_to(upstream, name)) => {
            ReplicationState::Stopped
        }
        state => state,
    };
    let diverged = upstream
        .filter(|_| state == ReplicationState::Stopped)
        .and_then(|upstream| own_way(Of { node: name, server: standby }, upstream));
    // Positions in two histories say nothing of each other.
    let lag_bytes = upstream
        .filter(|_| diverged.is_none())
        .and_then(|postgres| postgres.write_lsn)
        .zip(standby.replay_lsn)
        .map(|(written, replayed)| written.bytes_since(replayed));
    let replayed_age = replay_age(standby, upstream);
    let replayed_all = standby.replay_lsn.is_some() && standby.replay_lsn >= standby.receive_lsn;
    let lag_seconds = match state {
        ReplicationState::Streaming if replayed_all => Some(0.0),
        _ => replayed_age,
    };
    let mut add = |code, message: String, help: Advice| findings.push(Finding::new(code, Some(name), message, help));
    if standby.replay_paused == Some(true) {
        let short = upstream.map(|primary| standby.short_of(primary)).unwrap_or_default();
        let (message, help) = if short.is_empty() {
            ("replay is paused: what arrives is not applied".to_owned(), resume(topology, seen, upstream.is_some()))
        } else {
            limits::stopped_by(topology, seen, &short)
        };
        add(Code::ReplayPaused, message, help);
    }
    if let (Some(primary), Some(promotion)) = (primary, diverged) {
        add(
            Code::HistoryDiverged,
            format!(
                "it holds what its primary {} lacks: {} was promoted in generation {}, and the primary's data does not come from that",
                primary.node.name, promotion.primary, promotion.generation
            ),
            advice!("{} shows what that is, and makes it a standby", Remedy::rejoin(name)),
        );
    } else if let Some(primary) = primary {
        let cut_off = upstream.and_then(|it| match state {
            ReplicationState::Stopped => cut_off(seen, standby, primary, it),
            _ => it
                .is_behind(name.as_str())
                .zip(it.write_lsn)
                .map(|(end, written)| ahead(name, &primary.node.name, end, written)),
        });
        if let Some((code, message, help)) = cut_off {
            add(code, message, help);
        } else if state == ReplicationState::Stopped && !upstream.is_some_and(|it| is_locked_out(topology, it)) {
            let why = seen.log_shows(topology, Component::Postgres, "why");
            add(
                Code::ReplicationStopped,
                format!("it receives nothing from {}", primary.node.name),
                advice!(
                    "{why}, `ha-cli doctor {name}` tries the way there; {} looks whether its data went its own way",
                    Remedy::rejoin(name),
                ),
            );
        }
        if let Some(message) = wrong_upstream(topology, standby, primary) {
            add(Code::WrongUpstream, message, advice!("{} points it there", Remedy::up(name)));
        }
        if let Some(record) = upstream.and_then(|postgres| postgres.promotion.as_ref())
            && standby.promotion.as_ref().is_some_and(|own| !own.is_same_promotion(record))
        {
            let own = standby.promotion.as_ref().map_or(0, |own| own.generation);
            // Who streams has the primary's data, and only has to be told.
            let told = if state == ReplicationState::Streaming {
                advice!("{} sets it right", Remedy::up(name))
            } else {
                advice!("{} looks whether its data went another way", Remedy::rejoin(name))
            };
            add(
                Code::GenerationMismatch,
                format!("it knows of generation {own}, its primary {} of {}", primary.node.name, record.generation),
                told,
            );
        }
        if let Some(postgres) = upstream
            && standby.timeline > postgres.timeline
        {
            let message = format!(
                "it is on timeline {}, its primary {} on {}: their histories differ",
                standby.timeline, primary.node.name, postgres.timeline
            );
            add(
                Code::TimelineMismatch,
                message,
                advice!(
                    "do not promote it; find out which of them holds the newer data; {} makes it a standby again",
                    Remedy::rejoin(name),
                ),
            );
        }
    }
    let late = lag_seconds.is_some_and(|seconds| seconds > LAG_WARNING_SECONDS)
        && lag_bytes.is_none_or(|bytes| bytes > 0)
        && state != ReplicationState::Stopped;
    let not_there_yet = primary.is_some() && matches!(state, ReplicationState::Catchup | ReplicationState::Unknown);
    if lag_bytes.is_some_and(|bytes| bytes > LAG_WARNING_BYTES) || late || not_there_yet {
        let bytes = lag_bytes.map_or_else(|| "?".to_owned(), |bytes| (bytes / (1024 * 1024)).to_string());
        let seconds = lag_seconds.map_or_else(|| "?".to_owned(), |seconds| format!("{seconds:.0}"));
        add(
            Code::ReplicationLag,
            format!("it is {bytes} MiB and {seconds} s behind"),
            "a slow link, a slow disk, or a long query that holds replay up; `ha-cli monitor` shows where it goes"
                .into(),
        );
    }
    let wanted = SlotName::of_standby(name);
    let slot = upstream.and_then(|postgres| postgres.slots.iter().find(|slot| slot.name == wanted.as_str()));
    ReplicationReport {
        state,
        receive_lsn: standby.receive_lsn,
        flush_lsn: standby.flush_lsn,
        replay_lsn: standby.replay_lsn,
        lag_bytes,
        lag_seconds,
        sync_state: sender.map(|sender| sender.sync_state.clone()),
        slot: slot.map(|slot| SlotReport {
            name: slot.name.clone(),
            wal_status: slot.wal_status.clone(),
            retained_bytes: slot.retained_bytes,
        }),
    }
}

/// Whether somebody has changed the role that standbys log in as, which has a finding of its own.
fn is_locked_out(topology: &Topology, upstream: &PostgresObservation) -> bool {
    changed_roles(topology, upstream).iter().any(|role| role.name == REPLICATION_ROLE)
}

/// Why a standby that receives nothing never will, although it is in its primary's history: somebody has reset or removed WAL, or set
/// one of them back. A slot that PostgreSQL has given up has its own finding.
fn cut_off(
    seen: &Seen<'_>,
    standby: &PostgresObservation,
    primary: &Seen<'_>,
    upstream: &PostgresObservation,
) -> Option<(Code, String, Advice)> {
    let (name, from) = (&seen.node.name, &primary.node.name);
    let end = standby.end_of_wal()?;
    let same = standby.timeline == upstream.timeline;
    if let Some(written) = upstream.write_lsn.filter(|written| end > *written && same) {
        return Some(ahead(name, from, end, written));
    }
    let slot = upstream.slots.iter().find(|slot| slot.name == SlotName::of_standby(name).as_str());
    if slot.is_some_and(|slot| slot.wal_status.as_deref() == Some("lost")) {
        return None;
    }
    let oldest = upstream.oldest_wal_lsn.filter(|oldest| end < *oldest)?;
    let gone = format!("the WAL that it needs, from {end} on, is gone from {from}, whose begins at {oldest}");
    let (message, help) = if slot.is_some_and(|slot| upstream.lacks_wal_of(slot)) {
        (
            format!(
                "{gone}, and PostgreSQL has not removed it: somebody did, or ran pg_resetwal, after which {from} lacks what it had not \
                 yet written to its tables, unless it was shut down in order before"
            ),
            advice!(
                "where {from} was in order, {0} replaces the data of {name} by a copy of {from}'s, and with --backup puts it into a file \
                 first; where it was not, or nobody knows, {name} may hold the better data, up to {end}: {1}, then {2}",
                Remedy::rejoin(name),
                Remedy::down(from),
                Remedy::failover(name),
            ),
        )
    } else {
        (gone, advice!("its data has to be copied anew: {}", Remedy::rejoin(name)))
    };
    Some((Code::WalMissing, message, help))
}

fn ahead(name: &NodeName, from: &NodeName, end: Lsn, written: Lsn) -> (Code, String, Advice) {
    let message = format!(
        "its WAL goes on to {end}, and that of {from}, in the same history, ends at {written}: its data was reset (pg_resetwal), or that \
         of {from} was set back and lacks what {name} holds"
    );
    let help = advice!(
        "find out which of them was touched; {} replaces the data of {name} by a copy of {from}'s, and with --backup puts it into a file \
         first",
        Remedy::rejoin(name),
    );
    (Code::AheadOfPrimary, message, help)
}

/// How old the last replayed transaction is: its time is from the primary's clock, its age by the standby's, so what these differ
/// by is taken out where it is known.
fn replay_age(standby: &PostgresObservation, upstream: Option<&PostgresObservation>) -> Option<f64> {
    let clock = |server: &PostgresObservation| server.clock.map(|clock| clock.ahead_ms);
    let apart_ms = clock(standby).zip(upstream.and_then(clock)).map_or(0, |(own, its)| own.saturating_sub(its));
    #[expect(clippy::cast_precision_loss, reason = "days in milliseconds have room in it")]
    let apart = apart_ms as f64 / 1000.0;
    standby.replay_age_seconds.map(|age| (age - apart).max(0.0))
}

/// Whether WAL arrives. Both ends keep saying "streaming" until their own timeouts after a cut, so the standby's word
/// is what counts, and the primary's only refines it.
fn streaming(standby: &PostgresObservation, sender: Option<&str>) -> ReplicationState {
    match (&standby.receiver, sender) {
        (None, _) => ReplicationState::Stopped,
        (Some(receiver), Some("catchup" | "startup")) if receiver.status == "streaming" => ReplicationState::Catchup,
        (Some(receiver), _) => match receiver.status.as_str() {
            "streaming" => ReplicationState::Streaming,
            "starting" | "restarting" => ReplicationState::Catchup,
            "waiting" | "stopped" | "stopping" => ReplicationState::Stopped,
            _ => ReplicationState::Unknown,
        },
    }
}

/// Whether the primary has a WAL sender for the standby. A WAL receiver says "streaming" from its start on, before it is let in: of
/// one that is refused again and again only the primary's word tells. Under another name of its own it still uses its slot.
fn sends_to(primary: &PostgresObservation, standby: &NodeName) -> bool {
    let slot = SlotName::of_standby(standby);
    primary.senders.iter().any(|sender| sender.name == standby.as_str())
        || primary.slots.iter().any(|of| of.active && of.name == slot.as_str())
}

/// Whether the standby is told to follow somebody else than the primary.
fn wrong_upstream(topology: &Topology, standby: &PostgresObservation, primary: &Seen<'_>) -> Option<String> {
    let named = standby.upstream.as_ref()?;
    let (host, port) = layout::peer_endpoint(topology, primary.node);
    let right = format!("{host}:{port}");
    let is_primary = primary.postgres().is_some_and(|postgres| postgres.role == PostgresRole::Primary);
    (is_primary && *named != right)
        .then(|| format!("it follows {named}, and the primary {} is at {right}", primary.node.name))
}
