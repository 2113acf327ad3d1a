//! What `status` and `health` make of servers that are not as they should be. Of PostgreSQL alone: without a Keycloak
//! the cluster is never better than down, so it is the findings that count here; the story has the exit codes.

use std::time::{Duration, Instant};

use ha_core::Limits;
use ha_core::advice::Remedy;
use ha_core::health::{Code, HostReport, PostgresState, ReplicationState, Report, ReportedRole};
use ha_core::layout::{Component, MAINTENANCE_DATABASE};
use ha_core::plan::{OldData, RejoinStart};
use ha_core::ports::ContainerRuntime as _;
use ha_tests::{Pair, PairOptions, engine_is_wanted, of_the_pair};

use crate::host::docker;

/// Beside the Keycloaks that this pair does not have, and the room that this machine may lack.
fn patient() -> Limits {
    Limits { observe: Duration::from_secs(6), ..Limits::default() }
}

/// One look. Longer than the program's own, since other tests take the processors away; what hangs takes longer still.
async fn look(pair: &Pair) -> Report {
    let cluster = pair.cluster().clone().with_limits(patient());
    tokio::time::timeout(Duration::from_secs(30), cluster.report()).await.expect("a look is bounded")
}

/// Looks until exactly that is found: what a server notices takes it a moment.
async fn until(pair: &Pair, wanted: &[Code]) -> Report {
    until_so(pair, &format!("{wanted:?}"), |found| found == wanted).await
}

async fn until_so(pair: &Pair, wanted: &str, so: impl Fn(&[Code]) -> bool) -> Report {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let report = look(pair).await;
        if so(&of_the_pair(&report)) {
            return report;
        }
        assert!(Instant::now() < deadline, "{wanted} was not found: {:?}", report.findings);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn said(report: &Report, code: Code) -> (Option<String>, String) {
    let finding = report.findings.iter().find(|finding| finding.code == code).unwrap();
    (finding.node.as_ref().map(ToString::to_string), finding.message.clone() + " | " + &finding.help)
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_frozen_and_paused() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let well = until(&pair, &[]).await;
    assert_eq!(well.nodes[0].role, ReportedRole::Primary);
    let following = well.nodes[1].replication.as_ref().unwrap();
    assert_eq!((following.state, following.lag_seconds), (ReplicationState::Streaming, Some(0.0)));
    assert!(well.nodes[0].replication.is_none());

    // The servers tell of their hosts; where they cannot, their containers do.
    let engine = pair.runtime().engine().await.unwrap();
    let name_it = async |from: &str, to: &str| {
        let rename = format!("\\connect {MAINTENANCE_DATABASE}\nALTER FOREIGN TABLE ha.{from} RENAME TO {to}");
        pair.superuser(pair.primary(), &rename).await.unwrap();
    };
    for hidden in [false, true] {
        if hidden {
            name_it("host", "hidden").await;
            let seen = pair.cluster().clone().with_limits(patient()).observe().await;
            assert!(seen[0].host.is_empty() && seen[0].postgres.is_ok(), "{:?}", seen[0].host);
        }
        for node in &look(&pair).await.nodes {
            let (disk, memory) = (node.host.disk.unwrap(), node.host.memory.unwrap());
            assert!(0 < disk.free_bytes && disk.free_bytes <= disk.total_bytes, "{disk:?}");
            assert_eq!(memory.total_bytes, engine.memory_bytes, "it is the host's memory that is seen");
            assert!(0 < memory.free_bytes && memory.free_bytes < memory.total_bytes, "{memory:?}");
        }
    }
    name_it("hidden", "host").await;

    // As a Keycloak's extension tells it, by the name of a session.
    for (percent, codes) in [("41", &[][..]), ("97", &[Code::HeapLow]), ("nonsense", &[])] {
        let session = pair.connect(pair.standby()).await.unwrap();
        session.batch_execute(&format!("SET application_name = 'keycloak-ha-standby heap={percent}%'")).await.unwrap();
        let report = until(&pair, codes).await;
        assert_eq!(report.nodes[1].keycloak.heap_percent, percent.parse().ok(), "{percent}");
    }
    assert_eq!(until(&pair, &[]).await.nodes[0].keycloak.heap_percent, None);
    for told in ["wal=unread", "wal=unread heap=7%"] {
        let session = pair.connect(pair.standby()).await.unwrap();
        session.batch_execute(&format!("SET application_name = 'keycloak-ha-standby {told}'")).await.unwrap();
        until(&pair, &[Code::WalUnreadable]).await;
    }

    a_slot_of_a_standby(&pair).await;

    // Replay paused: what arrives is not applied, and the lag is more than none.
    pair.superuser(pair.standby(), "SELECT pg_wal_replay_pause()").await.unwrap();
    pair.superuser(pair.primary(), "CREATE TABLE unseen (n int)").await.unwrap();
    let report = until(&pair, &[Code::ReplayPaused]).await;
    assert!(said(&report, Code::ReplayPaused).1.contains("pg_wal_replay_resume"));
    assert!(report.nodes[1].replication.as_ref().unwrap().lag_bytes > Some(0), "{:?}", report.nodes[1]);
    pair.superuser(pair.standby(), "SELECT pg_wal_replay_resume()").await.unwrap();
    until(&pair, &[]).await;

    // Frozen: it listens, and never answers.
    let standby = pair.container(pair.standby(), Component::Postgres);
    docker(&["pause", &standby]);
    let report = until(&pair, &[Code::PostgresPaused]).await;
    assert_eq!(said(&report, Code::PostgresPaused).0.as_deref(), Some("vm2"));
    let frozen = serde_json::to_value(&report.nodes[1]).unwrap();
    assert_eq!(frozen["role"], "unknown");
    for field in ["lsn", "timeline", "system_identifier", "version"] {
        assert!(frozen["postgres"][field].is_null(), "what is not known is null: {frozen}");
    }
    assert!(frozen["replication"].is_null(), "{frozen}");
    assert_eq!(report.nodes[1].host, HostReport::default(), "a frozen container tells nothing");
    docker(&["unpause", &standby]);
    until(&pair, &[]).await;

    docker(&["stop", &standby]);
    let report = until(&pair, &[Code::PostgresStopped]).await;
    assert_eq!(report.nodes[1].postgres.state, PostgresState::Stopped);
    assert!(said(&report, Code::PostgresStopped).1.contains("ha-cli up vm2"));
    assert_eq!(report.nodes[0].postgres.state, PostgresState::Running, "the other one is seen all the same");
    docker(&["start", &standby]);
    until(&pair, &[]).await;

    // The primary frozen: whether there is another is not known, and nobody says that there is none.
    let primary = pair.container(pair.primary(), Component::Postgres);
    docker(&["pause", &primary]);
    let report = until(&pair, &[Code::PrimaryUnknown, Code::PostgresPaused]).await;
    assert!(said(&report, Code::PrimaryUnknown).1.contains("vm1 could not be asked"));
    assert_eq!(report.nodes[1].replication.as_ref().unwrap().lag_bytes, None, "behind whom, nobody can tell");
    docker(&["unpause", &primary]);
    until(&pair, &[]).await;

    // Its server answers nobody who comes now, as on a host that is too busy, and its container does.
    docker(&["kill", "--signal", "STOP", &primary]);
    let newcomer = crate::up::variant(&pair, pair.topology().clone(), pair.cluster().secrets().clone());
    let report = newcomer.with_limits(patient()).report().await;
    docker(&["kill", "--signal", "CONT", &primary]);
    let first = &report.findings[0];
    assert_eq!(first.code, Code::PrimaryUnknown, "{:?}", report.findings);
    assert_eq!(first.help.remedies, [Remedy::doctor(&pair.primary().name), Remedy::FAILOVER], "{first:?}");
    assert!(
        first.help.starts_with("look again") && first.message.contains("its container runs and answers"),
        "{first:?}"
    );
    until(&pair, &[]).await;
}

async fn set(pair: &Pair, settings: &[&str]) {
    for setting in settings {
        pair.superuser(pair.primary(), &format!("ALTER SYSTEM SET {setting}")).await.unwrap();
    }
    pair.superuser(pair.primary(), "SELECT pg_reload_conf()").await.unwrap();
}

async fn fill_segments(pair: &Pair, count: usize) {
    for _ in 0..count {
        pair.superuser(pair.primary(), "SELECT pg_switch_wal() FROM txid_current()").await.unwrap();
        pair.superuser(pair.primary(), "CHECKPOINT").await.unwrap();
    }
}

/// On a standby a slot keeps WAL for nobody: one that a change of roles has left, and one that was made by hand.
async fn a_slot_of_a_standby(pair: &Pair) {
    let standby = pair.standby();
    for slot in ["ha_vm1", "by_hand"] {
        let made = format!("SELECT pg_create_physical_replication_slot('{slot}', true)");
        pair.superuser(standby, &made).await.unwrap();
    }
    fill_segments(pair, 4).await;
    let report = until(pair, &[Code::SlotUnused, Code::SlotUnused]).await;
    let told: Vec<_> = report.findings.iter().filter(|finding| finding.code == Code::SlotUnused).collect();
    let [by_hand, left] = told[..] else { panic!("{:?}", report.findings) };
    assert_eq!(left.help.remedies, [Remedy::rejoin(&standby.name)], "{left:?}");
    let started = pair.cluster().begin_rejoin(&standby.name).await;
    let Ok(RejoinStart::Streams { plan, .. }) = started else { panic!("it streams: {started:?}") };
    crate::up::run(pair.cluster(), &plan).await.unwrap();
    until(pair, &[Code::SlotUnused]).await;
    let (_, statement) = by_hand.help.split_once(": ").unwrap();
    pair.superuser(standby, statement).await.unwrap();
    until(pair, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_slot() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    // ALTER SYSTEM comes after every file of the state volume, and so may set what the topology keeps to itself.
    set(&pair, &["max_slot_wal_keep_size = '128MB'", "wal_keep_size = '0'", "max_wal_size = '64MB'"]).await;
    let standby = pair.container(pair.standby(), Component::Postgres);
    docker(&["stop", &standby]);
    fill_segments(&pair, 4).await;
    let besides_settings = |found: &[Code], wanted: &[Code]| {
        found.iter().filter(|code| **code != Code::SettingNotInForce).eq(wanted)
            && found.contains(&Code::SettingNotInForce)
    };
    until_so(&pair, "a stopped server", |found| besides_settings(found, &[Code::PostgresStopped])).await;
    // A switch may find nothing to switch: seven or eight of the nine segments that it may keep.
    fill_segments(&pair, 4).await;
    let report = until_so(&pair, "a slot that fills", |found| found.contains(&Code::SlotFilling)).await;
    assert_eq!(said(&report, Code::SlotFilling).0.as_deref(), Some("vm2"));
    assert!(report.nodes[0].postgres.wal_bytes >= Some(112 << 20), "{:?}", report.nodes[0].postgres);

    set(&pair, &["max_slot_wal_keep_size = '16MB'"]).await;
    fill_segments(&pair, 2).await;
    docker(&["start", &standby]);
    // Its receiver tries again and again, and is seen between two tries or in one.
    let standby = &pair.standby().name;
    pair.cluster().ports().control.wait_ready(standby, Duration::from_secs(60)).await.unwrap();
    let report = until_so(&pair, "a lost slot", |found| found.contains(&Code::SlotLost)).await;
    let (node, text) = said(&report, Code::SlotLost);
    assert_eq!(node.as_deref(), Some("vm2"));
    assert!(text.contains("`ha-cli rebuild vm2`"), "{text}");
    // The primary's word is enough for the finding; the standby itself may not have answered in that look.
    let mut slot = None;
    for _ in 0..120 {
        slot = pair.cluster().report().await.nodes.remove(1).replication.and_then(|replication| replication.slot);
        if slot.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(slot.unwrap().wal_status.as_deref(), Some("lost"));
    // As it says.
    let plan = pair.cluster().plan_rebuild(standby, OldData::Keep).await.unwrap();
    crate::up::run(pair.cluster(), &plan).await.unwrap();
    until_so(&pair, "nothing else", |found| besides_settings(found, &[])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_primary_and_two() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let primary = pair.container(pair.primary(), Component::Postgres);
    let signal = format!("{}/standby.signal", ha_core::layout::PGDATA);
    docker(&["exec", "-u", "postgres", &primary, "touch", &signal]);
    docker(&["restart", &primary]);
    let no_primary = |found: &[Code]| found.first() == Some(&Code::NoPrimary);
    let report = until_so(&pair, "no primary", no_primary).await;
    assert!(report.nodes.iter().all(|node| node.role == ReportedRole::Standby));
    assert!(said(&report, Code::NoPrimary).1.contains("nobody accepts writes"));

    for node in [pair.primary(), pair.standby()] {
        assert_eq!(pair.superuser(node, "SELECT pg_promote(true, 60)").await.unwrap(), "t");
    }
    let two = |found: &[Code]| found.first() == Some(&Code::TwoPrimaries);
    let report = until_so(&pair, "two primaries", two).await;
    let (node, text) = said(&report, Code::TwoPrimaries);
    assert_eq!(node, None);
    assert!(text.contains("vm1 at ") && text.contains("vm2 at ") && text.contains("ha-cli down"), "{text}");
    // And `up` makes nothing worse.
    let refusal = crate::up::refusal(pair.cluster()).await;
    assert_eq!(refusal.kind, ha_core::plan::RefusalKind::Unsafe);
    assert!(refusal.message.contains("would each be a primary"), "{}", refusal.message);
}
