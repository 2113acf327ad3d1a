//! How the standbys follow.

use super::Seen;
use super::settings::take_back;
use crate::advice::{Advice, Remedy, advice};
use crate::health::{Code, Finding, ReplicationReport, ReplicationState, SlotReport};
use crate::layout::{self, MachineShare, REPLICATION_ROLE};
use crate::observe::{PostgresObservation, PostgresRole, SettingInForce, Shortage, SlotObservation};
use crate::plan::logins::changed_roles;
use crate::plan::{Of, drop_tablespaces, own_way};
use crate::topology::{Durability, Topology};
use crate::values::{Lsn, NodeName, SlotName};

/// Further behind than this is worth a word, in bytes.
const LAG_WARNING_BYTES: u64 = 64 * 1024 * 1024;
/// Likewise, in seconds.
const LAG_WARNING_SECONDS: f64 = 30.0;
/// A slot that keeps this share of what it may is worth a word: there is still time to bring its standby back.
const FILLING_SLOT: (u64, u64) = (3, 4);
/// A slot that nobody of the topology uses and that keeps more than this is worth a word.
const UNUSED_SLOT_BYTES: u64 = 32 * MIB;
const MIB: u64 = 1024 * 1024;

/// Slots of a standby: nobody streams from it, so each only keeps WAL there. A change of roles that was given up may have left one.
pub(super) fn unused_slots_of_standby(topology: &Topology, seen: &Seen<'_>, findings: &mut Vec<Finding>) {
    let Some(postgres) = seen.postgres().filter(|postgres| postgres.role == PostgresRole::Standby) else { return };
    let name = &seen.node.name;
    let of_peer = |slot: &SlotObservation| {
        topology.peers_of(name).any(|peer| SlotName::of_standby(&peer.name).as_str() == slot.name)
    };
    for slot in postgres.slots.iter().filter(|slot| !slot.active) {
        let kept = slot.retained_bytes.unwrap_or(0);
        if kept <= UNUSED_SLOT_BYTES {
            continue;
        }
        let help = if of_peer(slot) && postgres.streams() {
            advice!("{} drops it, and leaves the data of a standby that streams as it is", Remedy::rejoin(name))
        } else {
            format!("when nobody needs it, on {name}: SELECT pg_drop_replication_slot('{}')", slot.name).into()
        };
        findings.push(Finding::new(
            Code::SlotUnused,
            Some(name),
            format!("nobody uses slot {} of this standby, and it keeps {} MiB of WAL", slot.name, kept / MIB),
            help,
        ));
    }
}

/// What the primary says of its standbys.
pub(super) fn of_primary(topology: &Topology, primary: &Seen<'_>, seen: &[Seen<'_>], findings: &mut Vec<Finding>) {
    let Some(postgres) = primary.postgres() else { return };
    let name = &primary.node.name;
    let known = |application: &str| topology.peers_of(name).any(|peer| peer.name.as_str() == application);
    for sender in postgres.senders.iter().filter(|sender| !known(&sender.name)) {
        findings.push(Finding::new(
            Code::UnknownStandby,
            Some(name),
            format!("\"{}\" streams from it and is no node of this topology", sender.name),
            "add it to ha.toml, or find out who reads your data",
        ));
    }
    for slot in &postgres.slots {
        let used = topology.peers_of(name).any(|peer| SlotName::of_standby(&peer.name).as_str() == slot.name);
        if !used && slot.retained_bytes.unwrap_or(0) > UNUSED_SLOT_BYTES {
            let kept = slot.retained_bytes.unwrap_or(0) / (1024 * 1024);
            findings.push(Finding::new(
                Code::SlotUnused,
                Some(name),
                format!("slot {} belongs to no standby and keeps {kept} MiB of WAL", slot.name),
                format!("when nobody needs it: SELECT pg_drop_replication_slot('{}')", slot.name),
            ));
        }
    }
    tablespaces(topology, name, postgres, findings);
    durability(topology, primary, postgres, findings);
    for node in seen {
        in_force(topology, node, findings);
    }
    for standby in seen.iter().filter(|standby| standby.node.name != *name) {
        slot(standby, name, postgres, findings);
    }
}

/// Directories inside the primary's container, of which nobody else has anything.
fn tablespaces(topology: &Topology, primary: &NodeName, postgres: &PostgresObservation, findings: &mut Vec<Finding>) {
    let names = &postgres.tablespaces;
    if !names.is_empty() {
        findings.push(Finding::new(
            Code::Tablespace,
            Some(primary),
            format!(
                "it has tablespaces beside the data directory ({}): no copy takes them along, they go with the container, and a standby \
                 that lacks their directories ends at them",
                names.join(", ")
            ),
            format!(
                "{}; a standby that has ended at it is then copied anew (`rebuild`)",
                drop_tablespaces(topology, primary, names)
            ),
        ));
    }
}

/// What makes an acknowledged write less durable than the profile promises, whoever has set it.
fn in_force(topology: &Topology, node: &Seen<'_>, findings: &mut Vec<Finding>) {
    let strict = topology.replication.durability == Durability::Strict;
    let Some(postgres) = node.postgres() else { return };
    let name = &node.node.name;
    for setting in &postgres.durable {
        let Some(why) = setting.weakens(strict) else { continue };
        // The primary's finding says it.
        if setting.is_in_the_data() && postgres.role == PostgresRole::Standby {
            continue;
        }
        let SettingInForce { name: what, value, source } = setting;
        let source = source.as_deref().unwrap_or("its configuration");
        let help = if setting.taken_back_by().is_some() {
            take_back(node, setting)
        } else {
            advice!("take {what} out of [postgres.settings], then {}", Remedy::up(name))
        };
        findings.push(Finding::new(
            Code::DurabilityNotInForce,
            Some(name),
            format!("{what} is \"{value}\" for Keycloak's sessions, by {source}: {why}"),
            help,
        ));
    }
}

fn durability(topology: &Topology, primary: &Seen<'_>, postgres: &PostgresObservation, findings: &mut Vec<Finding>) {
    let synchronous = !postgres.synchronous_standby_names.is_empty();
    let name = &primary.node.name;
    let alone = postgres.promotion.as_ref().is_some_and(|record| record.run_alone);
    if let Some(setting) = overridden_names(topology, name, postgres) {
        findings.push(Finding::new(
            Code::DurabilityNotInForce,
            Some(name),
            format!(
                "durability is \"{}\", and synchronous_standby_names is \"{}\", by ALTER SYSTEM: no file of ha-cli's counts beside that",
                topology.replication.durability, setting.value
            ),
            take_back(primary, setting),
        ));
        return confirmations(name, postgres, findings);
    }
    match topology.replication.durability {
        Durability::Strict if alone => {
            let away: Vec<_> = topology.peers_of(name).map(|peer| &peer.name).collect();
            findings.push(Finding::new(
                Code::RunsAlone,
                Some(name),
                "it runs alone (--run-alone): what it acknowledges is on no other disk, and lost if this host is lost",
                bring_back(&away),
            ));
        }
        Durability::Strict if !synchronous => findings.push(Finding::new(
            Code::DurabilityNotInForce,
            Some(name),
            "durability is \"strict\", and synchronous_standby_names is empty: a failover may lose what was acknowledged",
            advice!("{} brings the configuration in force", Remedy::up(name)),
        )),
        Durability::Async if synchronous => findings.push(Finding::new(
            Code::DurabilityNotInForce,
            Some(name),
            "durability is \"async\", and synchronous_standby_names is set: writes wait for a standby",
            advice!("{} brings the configuration in force", Remedy::up(name)),
        )),
        Durability::Strict | Durability::Async => {}
    }
    confirmations(name, postgres, findings);
}

/// `synchronous_standby_names`, where somebody has set it to something else than the profile by `ALTER SYSTEM`.
fn overridden_names<'p>(
    topology: &Topology,
    node: &NodeName,
    postgres: &'p PostgresObservation,
) -> Option<&'p SettingInForce> {
    let setting = postgres.overridden.iter().find(|setting| setting.name == "synchronous_standby_names")?;
    (setting.value != layout::synchronous_standby_names(topology, node)).then_some(setting)
}

fn confirmations(name: &NodeName, postgres: &PostgresObservation, findings: &mut Vec<Finding>) {
    let confirms = postgres
        .senders
        .iter()
        .any(|sender| sender.state == "streaming" && matches!(sender.sync_state.as_str(), "sync" | "quorum"));
    if !postgres.synchronous_standby_names.is_empty() && !confirms {
        findings.push(Finding::new(
            Code::WritesWait,
            Some(name),
            "no standby confirms: every write waits until one streams",
            advice!(
                "bring the standby back: see its findings; where that takes long, {} lets writes go on until it is back, on one disk",
                Remedy::FAILOVER_ALONE,
            ),
        ));
    }
}

fn bring_back(away: &[&NodeName]) -> Advice {
    let remedies: Vec<_> = away.iter().map(|node| Remedy::rejoin(node)).collect();
    let words: Vec<_> = remedies.iter().map(ToString::to_string).collect();
    Advice { text: format!("bring a standby back: {} ends it", words.join(" or ")), remedies }
}

/// The slot of one standby, as the primary sees it.
fn slot(standby: &Seen<'_>, primary: &NodeName, postgres: &PostgresObservation, findings: &mut Vec<Finding>) {
    let wanted = SlotName::of_standby(&standby.node.name);
    let name = &standby.node.name;
    let Some(slot) = postgres.slots.iter().find(|slot| slot.name == wanted.as_str()) else {
        findings.push(Finding::new(
            Code::SlotMissing,
            Some(name),
            format!("{primary} has no slot {wanted} for it: WAL that it needs may be removed while it is away"),
            advice!("{} makes it", Remedy::up(primary)),
        ));
        return;
    };
    match slot.wal_status.as_deref() {
        Some("lost") => findings.push(Finding::new(
            Code::SlotLost,
            Some(name),
            format!("the WAL that {name} still needs is gone from {primary}: it was away too long (slot_keep_mib)"),
            advice!("its data must be copied anew: {}", Remedy::rebuild(name)),
        )),
        Some("unreserved") => findings.push(Finding::new(
            Code::SlotAtRisk,
            Some(name),
            format!("slot {wanted} keeps more WAL than slot_keep_mib: it is lost at the next checkpoint"),
            "bring the standby back now, or raise slot_keep_mib",
        )),
        _ => filling(name, &wanted, slot, findings),
    }
}

/// A slot on its way to its limit, which is what it keeps and what it may still keep: the server's own figures, since
/// `slot_keep_mib` may not be in force yet.
fn filling(standby: &NodeName, wanted: &SlotName, slot: &SlotObservation, findings: &mut Vec<Finding>) {
    let (Some(kept), Some(left)) = (slot.retained_bytes, slot.safe_wal_bytes) else { return };
    let limit = kept.saturating_add(left);
    let (numerator, denominator) = FILLING_SLOT;
    if limit > 0 && kept / numerator >= limit / denominator {
        findings.push(Finding::new(
            Code::SlotFilling,
            Some(standby),
            format!("slot {wanted} keeps {} of the {} MiB of WAL that it may", kept / MIB, limit / MIB),
            "bring the standby back before it has to be copied anew, or raise slot_keep_mib",
        ));
    }
}

/// A standby that has stopped replaying since it has less of something than its primary.
fn stopped_by(topology: &Topology, seen: &Seen<'_>, short: &[Shortage]) -> (String, Advice) {
    let message = format!(
        "it has stopped replaying, since its primary has more of {}; it ends where it is promoted, or its replay is resumed",
        Shortage::list(short)
    );
    let wanted = layout::standby_limits(topology, seen.node, MachineShare::of_memory(0, 1));
    let enough = |shortage: &&Shortage| wanted.get(&shortage.name).is_some_and(|wanted| *wanted >= shortage.needed);
    let missing: Vec<_> = short.iter().filter(|shortage| !enough(shortage)).collect();
    if missing.is_empty() {
        return (message, advice!("{} starts it again with as much", Remedy::up(&seen.node.name)));
    }
    let lines = missing.iter().map(|Shortage { name, needed, .. }| {
        let section = if name == "max_connections" { "postgres" } else { "postgres.settings" };
        format!("{name} = {needed} in [{section}]")
    });
    let lines = lines.collect::<Vec<_>>().join(", ");
    (message, advice!("somebody has raised it beside ha.toml: write {lines}, then {} gives it to all", Remedy::UP_ALL))
}

/// What a standby says, beside what its primary says of it.
pub(super) fn of_standby(
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
            let help = "SELECT pg_wal_replay_resume() on it, if whoever paused it agrees".into();
            ("replay is paused: what arrives is not applied".to_owned(), help)
        } else {
            stopped_by(topology, seen, &short)
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
            add(
                Code::ReplicationStopped,
                format!("it receives nothing from {}", primary.node.name),
                advice!(
                    "`ha-cli logs {name} --component postgres` shows why, `ha-cli doctor {name}` tries the way there; {} \
                     looks whether its data went its own way",
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
    let (host, port) = crate::layout::peer_endpoint(topology, primary.node);
    let right = format!("{host}:{port}");
    let is_primary = primary.postgres().is_some_and(|postgres| postgres.role == PostgresRole::Primary);
    (is_primary && *named != right)
        .then(|| format!("it follows {named}, and the primary {} is at {right}", primary.node.name))
}
