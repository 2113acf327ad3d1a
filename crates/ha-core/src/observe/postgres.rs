//! What was seen of a PostgreSQL.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ClockReading, DatabaseRole, HostObservation, OpenTransaction, PreparedTransaction};
use crate::values::{Lineage, Lsn, PromotionRecord, ServerVersion, SystemIdentifier, TimelineId};

/// One observation of a running PostgreSQL, taken by one statement, so that its parts belong together.
///
/// It is deserialised from the JSON object that the probe's statement builds; the field names are that object's keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PostgresObservation {
    /// `pg_control_system().system_identifier`.
    pub system_identifier: SystemIdentifier,
    /// The timeline it is on: that it writes on a primary, of what was received last on a standby.
    pub timeline: TimelineId,
    /// `server_version_num`.
    pub version: ServerVersion,
    /// `pg_is_in_recovery()`.
    pub role: PostgresRole,
    /// `pg_current_wal_lsn()`; on a primary only.
    pub write_lsn: Option<Lsn>,
    /// `pg_last_wal_receive_lsn()`; on a standby only, and only after it streamed.
    pub receive_lsn: Option<Lsn>,
    /// `pg_stat_wal_receiver.flushed_lsn`; on a standby only, while a WAL receiver runs.
    pub flush_lsn: Option<Lsn>,
    /// `pg_last_wal_replay_lsn()`; on a standby only.
    pub replay_lsn: Option<Lsn>,
    /// `pg_is_wal_replay_paused()`; on a standby only.
    pub replay_paused: Option<bool>,
    /// Seconds since the commit time of the last replayed transaction, by the standby's clock.
    pub replay_age_seconds: Option<f64>,
    /// What sends WAL to this standby.
    pub receiver: Option<WalReceiver>,
    /// `primary_conninfo`'s host and port, without the rest; on a standby only.
    pub upstream: Option<String>,
    /// Whom this server sends WAL to (`pg_stat_replication`), base backups left out.
    pub senders: Vec<Sender>,
    /// Its physical replication slots.
    pub slots: Vec<SlotObservation>,
    /// `synchronous_standby_names`.
    pub synchronous_standby_names: String,
    /// Whether pages carry checksums.
    pub data_checksums: bool,
    /// `wal_log_hints`.
    pub wal_log_hints: bool,
    /// Where the oldest WAL begins that is in its `pg_wal`; on a primary only.
    #[serde(default)]
    pub oldest_wal_lsn: Option<Lsn>,
    /// Transactions that were prepared and neither committed nor rolled back (`pg_prepared_xacts`).
    #[serde(default)]
    pub prepared_transactions: u64,
    /// The oldest few of them.
    #[serde(default)]
    pub prepared: Vec<PreparedTransaction>,
    /// The sessions with the oldest transactions, a few of them.
    #[serde(default)]
    pub transactions: Vec<OpenTransaction>,
    /// The roles that are not PostgreSQL's own.
    #[serde(default)]
    pub logins: Vec<DatabaseRole>,
    /// The databases that are not PostgreSQL's own.
    #[serde(default)]
    pub databases: Vec<DatabaseObservation>,
    /// Of roles that may log in, whether the password is still the one that ha-cli has set; without those of which it is not known.
    #[serde(default)]
    pub verifiers_as_set: BTreeMap<String, bool>,
    /// What is wrong with what ha-cli has made for the probe's role in the superuser's own database, each a sentence: it sees less then.
    #[serde(default)]
    pub unmade: Vec<String>,
    /// How many of the relations of Keycloak's database, tables, their indexes and what belongs to them, are unlogged: on no
    /// standby, and empty after a crash or a promotion.
    #[serde(default)]
    pub unlogged_relations: u64,
    /// The tables among them by their names, as far as somebody could ask.
    #[serde(default)]
    pub unlogged_tables: Vec<String>,
    /// Its clock, in milliseconds since 1970.
    #[serde(default)]
    pub clock_unix_ms: Option<i64>,
    /// The same against the clock of the machine that asked.
    #[serde(default)]
    pub clock: Option<ClockReading>,
    /// Why the probe's role was not let in over the network, or might not look, where the engine was asked instead.
    #[serde(default)]
    pub probe_refused: Option<String>,
    /// Tablespaces beside PostgreSQL's own two, which lie outside the data directory.
    #[serde(default)]
    pub tablespaces: Vec<String>,
    /// What the files in `pg_wal` take, in bytes (`pg_ls_waldir()`).
    #[serde(default)]
    pub wal_bytes: Option<u64>,
    /// What decides how durable an acknowledged write of Keycloak's is, as it is in force for its sessions.
    #[serde(default)]
    pub durable: Vec<SettingInForce>,
    /// What somebody gave beside the files of its configuration (`ALTER SYSTEM`, or to a role or database), as it is in force for
    /// Keycloak's sessions.
    #[serde(default)]
    pub overridden: Vec<SettingInForce>,
    /// What a standby must not have less of than its primary, by the settings' names.
    #[serde(default)]
    pub standby_limits: BTreeMap<String, u32>,
    /// Settings whose new value waits for a restart.
    pub pending_restart: Vec<String>,
    /// Whether the database's collation version differs from the one that the server's libraries give: its text
    /// indexes may be wrong.
    pub collation_mismatch: bool,
    /// The promotion that this server knows of; absent where none was written down.
    #[serde(default)]
    pub promotion: Option<PromotionRecord>,
    /// The promotion that its data comes from, which came with the data: a standby has it that followed the new primary
    /// without being told of the promotion, as its guard lets it do. Absent where nobody has written it.
    #[serde(default)]
    pub lineage: Option<Lineage>,
    /// What was last handed to [`note_set_up`](crate::ports::PostgresControl::note_set_up); it came with the data as well.
    #[serde(default)]
    pub set_up: Option<String>,
    /// The fingerprint of the secrets that its roles were made with ([`Provision::made_with`](crate::ports::Provision::made_with)),
    /// also where the set-up has not come to its end.
    #[serde(default)]
    pub made_with: Option<String>,
    /// What the last collections of garbage have left in the heap of the Keycloak that uses this server, in percent of the
    /// most that it may have. The standby extension tells it; absent before the first collection.
    #[serde(default)]
    pub keycloak_heap_percent: Option<u8>,
    /// The Keycloak that uses this server says that it may not read the WAL, and so forgets all that it has cached at every
    /// change. The standby extension of a read-only Keycloak tells it.
    #[serde(default)]
    pub keycloak_wal_unread: bool,
    /// The room on its host, as far as the server can tell.
    #[serde(default)]
    pub host: HostObservation,
}

impl PostgresObservation {
    /// Whether it is a standby to which WAL is sent.
    #[must_use]
    pub fn streams(&self) -> bool {
        let receives = self.receiver.as_ref().is_some_and(|receiver| receiver.status == "streaming");
        self.role == PostgresRole::Standby && receives
    }

    /// What a standby has less of than this primary has, where it must not: it stops replaying then, and one whose replay goes on, or that is
    /// promoted, ends (PostgreSQL 17, "Hot Standby", administrator's overview).
    #[must_use]
    pub fn short_of(&self, primary: &Self) -> Vec<Shortage> {
        let needed = primary.standby_limits.iter();
        let short = needed.filter_map(|(name, &needed)| {
            let has = *self.standby_limits.get(name)?;
            (has < needed).then(|| Shortage { name: name.clone(), has, needed })
        });
        if self.role == PostgresRole::Standby { short.collect() } else { Vec::new() }
    }

    /// Where its WAL ends: what was received, or, since a start that nothing came after, replayed.
    #[must_use]
    pub fn end_of_wal(&self) -> Option<Lsn> {
        self.write_lsn.or_else(|| self.receive_lsn.max(self.replay_lsn))
    }

    /// Whether WAL is missing in this primary's `pg_wal` that a slot of it keeps. PostgreSQL gives a slot up before it removes
    /// such WAL: somebody else has removed it, as `pg_resetwal` does.
    #[must_use]
    pub fn lacks_wal_of(&self, slot: &SlotObservation) -> bool {
        let kept = slot.restart_lsn.filter(|_| slot.wal_status.as_deref() != Some("lost"));
        kept.zip(self.oldest_wal_lsn).is_some_and(|(from, oldest)| from < oldest)
    }

    /// How far a standby that streams from this primary has replayed, where that is beyond all that the primary has written: one of
    /// them was set back. A standby asks for WAL from the beginning of a segment on, so within one nothing stops it; the primary has
    /// heard its position before it looked at its own, so no standby in order is ahead.
    #[must_use]
    pub fn is_behind(&self, standby: &str) -> Option<Lsn> {
        let replayed = self.senders.iter().find(|sender| sender.name == standby)?.replay_lsn?;
        self.write_lsn.filter(|written| replayed > *written).map(|_| replayed)
    }
}

/// A setting of which a standby has less than its primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// Its name.
    pub name: String,
    /// What the standby has.
    pub has: u32,
    /// What the primary has.
    pub needed: u32,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, has, needed } = self;
        write!(f, "{name} ({has}, needed {needed})")
    }
}

impl Shortage {
    /// Several of them, in a line.
    #[must_use]
    pub fn list(all: &[Self]) -> String {
        all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// A row of `pg_database`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseObservation {
    /// `datname`.
    pub name: String,
    /// Whether anybody may connect (`datallowconn`).
    pub open: bool,
    /// How many sessions there may be at most (`datconnlimit`); below 0: as many as there is room for.
    pub connection_limit: i64,
}

/// A setting as it is in force for the sessions of Keycloak's role in its database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingInForce {
    /// Its name.
    pub name: String,
    /// Its value, as whoever gave it has written it.
    pub value: String,
    /// The statement that gave it without its end (`ALTER ROLE keycloak`, `ALTER SYSTEM`), or `pg_settings.source`.
    pub source: Option<String>,
}

impl SettingInForce {
    /// What it does to what was acknowledged, where it makes that less durable than the profile promises; `strict` is the profile.
    #[must_use]
    pub fn weakens(&self, strict: bool) -> Option<&'static str> {
        let value = self.value.to_ascii_lowercase();
        let off = matches!(value.as_str(), "off" | "false" | "no" | "0");
        match self.name.as_str() {
            "fsync" | "full_page_writes" if off => Some("a crash of its host may break the whole database"),
            "synchronous_commit" if strict && (off || matches!(value.as_str(), "local" | "remote_write")) => {
                Some("what Keycloak was told is written may be lost")
            }
            // That of the server's own file changes together with synchronous_standby_names.
            "ha.durability" if strict && self.source.is_some() && value != "strict" => {
                Some("Keycloak writes sessions without waiting for a standby")
            }
            _ => None,
        }
    }

    /// The statements that take it back, where somebody gave it by one.
    #[must_use]
    pub fn taken_back_by(&self) -> Option<String> {
        let source = self.source.as_deref().filter(|source| source.starts_with("ALTER "))?;
        Some(format!("`{source} RESET {}` and `SELECT pg_reload_conf()`", self.name))
    }

    /// What it keeps Keycloak from, if somebody gave it to its role or its database.
    #[must_use]
    pub fn breaks_keycloak(&self) -> Option<&'static str> {
        let value = self.value.trim().to_ascii_lowercase();
        // Milliseconds where nothing else is said. Less than a second is no limit that anybody means.
        let at_once = value.trim_end_matches("ms").trim().parse::<u64>().is_ok_and(|ms| (1..1000).contains(&ms));
        match self.name.as_str() {
            _ if !self.is_in_the_data() => None,
            "default_transaction_read_only" if matches!(value.as_str(), "on" | "true" | "yes" | "1") => {
                Some("Keycloak can write nothing")
            }
            "transaction_timeout"
            | "statement_timeout"
            | "idle_in_transaction_session_timeout"
            | "idle_session_timeout"
                if at_once =>
            {
                Some("Keycloak's sessions end in the middle of their work")
            }
            "role" if value != "none" => Some("Keycloak's sessions have another role's rights"),
            "local_preload_libraries" if !value.is_empty() => Some("a session that cannot load it does not begin"),
            _ => None,
        }
    }

    /// Whether it stands for all that was given by its source, which is more than is read.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.name == "all"
    }

    /// Whether it is part of the data, and so the same on every node.
    #[must_use]
    pub fn is_in_the_data(&self) -> bool {
        self.source
            .as_ref()
            .is_some_and(|source| source.starts_with("ALTER ROLE") || source.starts_with("ALTER DATABASE"))
    }
}

/// Whether a PostgreSQL is in recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PostgresRole {
    /// It is not: it accepts writes.
    Primary,
    /// It is.
    Standby,
}

/// `pg_stat_wal_receiver`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WalReceiver {
    /// `streaming`, `starting`, `waiting`, …
    pub status: String,
    /// The slot it uses at its upstream.
    pub slot: Option<String>,
    /// The upstream's host as connected.
    pub host: Option<String>,
    /// The upstream's port.
    pub port: Option<u16>,
    /// Seconds since the upstream was heard from (`last_msg_receipt_time`). An idle one may keep silent for half of
    /// `wal_receiver_timeout`.
    #[serde(default)]
    pub silent_seconds: Option<f64>,
}

/// A row of `pg_stat_replication`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sender {
    /// `application_name`: a standby's node name.
    pub name: String,
    /// `streaming`, `catchup`, `startup`, `stopping`.
    pub state: String,
    /// `async`, `potential`, `sync`, `quorum`.
    pub sync_state: String,
    /// `flush_lsn` as the standby reported.
    pub flush_lsn: Option<Lsn>,
    /// `replay_lsn` as the standby reported.
    pub replay_lsn: Option<Lsn>,
    /// `replay_lag`, in seconds: NULL once everything sent was replayed for a while.
    pub replay_lag_seconds: Option<f64>,
}

/// A row of `pg_replication_slots`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotObservation {
    /// `slot_name`.
    pub name: String,
    /// Somebody streams from it.
    pub active: bool,
    /// `reserved`, `extended`, `unreserved`, `lost`; absent when it never kept WAL.
    pub wal_status: Option<String>,
    /// From where on it keeps WAL (`restart_lsn`).
    #[serde(default)]
    pub restart_lsn: Option<Lsn>,
    /// WAL kept for it, in bytes.
    pub retained_bytes: Option<u64>,
    /// WAL that may still be written before it is in danger, in bytes (`safe_wal_size`).
    pub safe_wal_bytes: Option<u64>,
}
