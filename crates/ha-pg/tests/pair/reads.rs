//! What is seen of a healthy pair, and of one that a person has touched.

use std::sync::Arc;

use ha_core::observe::{HostObservation, PostgresObservation, PostgresRole};
use ha_core::ports::{PostgresControl as _, PostgresError, ReplicationProbe};
use ha_pg::EngineProbe;

use crate::engine::{docker, refusal, sql};
use crate::pair::{LIMIT, Pair, REPLICATION_PASSWORD, engines, provision, until, vm1, vm2, with_pair, with_pair_alone};

async fn both(pair: &Pair, way: &dyn ReplicationProbe) -> (PostgresObservation, PostgresObservation) {
    until("the primary has its sender", async || {
        let primary = way.observe(&vm1(), LIMIT).await.unwrap();
        primary.senders.len() == 1 && primary.senders[0].state == "streaming"
    })
    .await;
    let seen = (way.observe(&vm1(), LIMIT).await.unwrap(), way.observe(&vm2(), LIMIT).await.unwrap());
    assert_eq!(pair.topology.nodes().len(), 2);
    seen
}

fn check(pair: &Pair, primary: &PostgresObservation, standby: &PostgresObservation) {
    assert_eq!(primary.role, PostgresRole::Primary);
    assert_eq!(standby.role, PostgresRole::Standby);
    // A segment is 16 MiB; two servers that were just made have few of them.
    for wal in [primary.wal_bytes, standby.wal_bytes] {
        assert!(wal.is_some_and(|wal| (16 << 20..8 << 30).contains(&wal)), "{wal:?}");
    }
    assert_eq!(primary.system_identifier, standby.system_identifier);
    assert_eq!((primary.timeline.0, standby.timeline.0), (1, 1));
    assert!(primary.version.major() >= 15);
    assert!(primary.data_checksums && primary.wal_log_hints);
    assert!(standby.data_checksums && !standby.wal_log_hints, "each server tells its own setting");
    assert!(!primary.collation_mismatch && !standby.collation_mismatch);
    assert!(primary.pending_restart.is_empty());
    assert_eq!(primary.synchronous_standby_names, "");

    for server in [primary, standby] {
        // One machine, one clock.
        let clock = server.clock.expect("a server tells its time");
        assert!(clock.ahead_ms.abs() <= clock.uncertainty_ms + 5, "{clock:?}");
        assert_eq!(server.verifiers_as_set.values().collect::<Vec<_>>(), [&true; 3], "{:?}", server.verifiers_as_set);
        let names: Vec<_> = server.logins.iter().filter(|role| role.login).map(|role| role.name.as_str()).collect();
        assert_eq!(names, ["ha_probe", "ha_replication", "keycloak", "postgres"]);
        let probe = &server.logins[0];
        assert!(probe.monitor && !probe.superuser && !probe.replication && !probe.expired, "{probe:?}");
        assert!(server.prepared.is_empty() && server.unlogged_relations == 0, "{server:?}");
    }
    let oldest = primary.oldest_wal_lsn.expect("a primary has WAL");
    assert!(oldest <= primary.slots[0].restart_lsn.expect("the slot keeps some") && standby.oldest_wal_lsn.is_none());

    let written = primary.write_lsn.expect("a primary knows where it writes");
    assert!(primary.receive_lsn.is_none() && primary.replay_lsn.is_none() && primary.replay_paused.is_none());
    assert!(primary.receiver.is_none() && primary.upstream.is_none());
    assert_eq!(primary.senders[0].name, "vm2");
    assert_eq!(primary.senders[0].sync_state, "async");
    assert!(primary.senders[0].flush_lsn.is_some_and(|flushed| flushed <= written));
    let slot = primary.slots.iter().find(|slot| slot.name == "ha_vm2").expect("the standby's slot");
    assert!(slot.active);
    assert_eq!(slot.wal_status.as_deref(), Some("reserved"));
    assert!(slot.retained_bytes.is_some_and(|bytes| bytes < 48 << 20));
    assert!(slot.safe_wal_bytes.is_some_and(|bytes| bytes > 0));

    assert!(standby.write_lsn.is_none());
    assert!(standby.receive_lsn.is_some() && standby.flush_lsn.is_some() && standby.replay_lsn.is_some());
    assert_eq!(standby.replay_paused, Some(false));
    assert!(standby.replay_age_seconds.is_some_and(|age| age >= 0.0));
    assert!(standby.senders.is_empty() && standby.slots.is_empty());
    let address = pair.topology.nodes()[0].address;
    assert_eq!(standby.upstream, Some(format!("{address}:5432")), "not the host that its password looks like");
    let receiver = standby.receiver.as_ref().expect("a WAL receiver runs");
    assert_eq!((receiver.status.as_str(), receiver.slot.as_deref()), ("streaming", Some("ha_vm2")));
    assert_eq!((receiver.host.clone(), receiver.port), (Some(address.to_string()), Some(5432)));
    assert!(!serde_json::to_string(standby).unwrap().contains(REPLICATION_PASSWORD));
}

#[test]
fn every_field_is_seen_over_the_network() {
    with_pair(async |pair| {
        let (primary, standby) = both(pair, &pair.probe()).await;
        check(pair, &primary, &standby);
    });
}

/// What somebody leaves open is seen on either server, by whom and how.
#[test]
fn a_transaction_that_is_open_is_seen_with_its_session() {
    with_pair_alone(async |pair| {
        for (at, container) in [pair.primary(), pair.standby()].into_iter().enumerate() {
            let node = &pair.topology.nodes()[at];
            let mut config = tokio_postgres::Config::new();
            config.host(node.address.to_string()).port(node.postgres_port).user("keycloak").dbname("keycloak");
            config.password(crate::pair::KEYCLOAK_PASSWORD).application_name("forgotten");
            let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
            let driver = tokio::spawn(connection);
            client.batch_execute("BEGIN; SELECT 1").await.unwrap();
            let seen = pair.probe().observe(&node.name, LIMIT).await.unwrap();
            let open: Vec<_> =
                seen.transactions.iter().filter(|it| it.application.as_deref() == Some("forgotten")).collect();
            let [open] = open[..] else { panic!("{:?}", seen.transactions) };
            assert_eq!(open.state.as_deref(), Some("idle in transaction"));
            assert_eq!((open.role.as_deref(), open.database.as_deref()), (Some("keycloak"), Some("keycloak")));
            assert!((0.0..60.0).contains(&open.seconds), "{open:?}");
            // What is advised ends it.
            assert_eq!(sql(&container, "postgres", &format!("SELECT pg_terminate_backend({})", open.pid)), "t");
            assert!(driver.await.unwrap().is_err(), "the session has ended");
        }
    });
}

#[test]
fn every_field_is_seen_through_the_engine() {
    with_pair(async |pair| {
        let way = EngineProbe::new(Arc::clone(&pair.topology), engines());
        let (primary, standby) = both(pair, &way).await;
        check(pair, &primary, &standby);
    });
}

#[test]
fn both_servers_tell_of_their_host_and_nobody_changes_the_program_that_they_run() {
    with_pair(async |pair| {
        for (node, container) in [(vm1(), &pair.primary()), (vm2(), &pair.standby())] {
            let host = pair.probe().observe(&node, LIMIT).await.unwrap().host;
            let (disk, memory) = (host.disk.expect("the disk"), host.memory.expect("the memory"));
            assert!(0 < disk.free_bytes && disk.free_bytes <= disk.total_bytes, "{disk:?}");
            assert!(0 < memory.free_bytes && memory.free_bytes < memory.total_bytes, "{memory:?}");
            let df = docker(&["exec", container, "df", "-B1", "--output=size", "/var/lib/postgresql/data"]);
            assert_eq!(df.lines().last().unwrap().trim(), disk.total_bytes.to_string(), "the disk of the database");
        }
        for role in ["keycloak", "ha_probe"] {
            for statement in [
                "ALTER FOREIGN TABLE ha.host OPTIONS (SET program 'touch /tmp/owned')",
                "CREATE FOREIGN TABLE mine (line text) SERVER ha_host OPTIONS (program 'touch /tmp/owned')",
                "CREATE FOREIGN TABLE ha.mine (line text) SERVER ha_host OPTIONS (program 'touch /tmp/owned')",
            ] {
                let refused = refusal(&pair.primary(), "postgres", &format!("SET ROLE {role}; {statement}"));
                assert!(refused.contains("must be owner") || refused.contains("permission denied"), "{refused}");
            }
        }
        let refused = refusal(&pair.primary(), "postgres", "SET ROLE keycloak; SELECT * FROM ha.host");
        assert!(refused.contains("permission denied for schema ha"), "{refused}");
    });
}

#[test]
fn a_server_that_cannot_tell_of_its_host_is_seen_all_the_same() {
    with_pair_alone(async |pair| {
        let probe = pair.probe().keep_connections();
        // A table that is not there, and a program that hangs: it must not be waited for, nor come in between afterwards.
        for (breaking, mending) in [
            ("ALTER FOREIGN TABLE ha.host RENAME TO away", "ALTER FOREIGN TABLE ha.away RENAME TO host"),
            ("ALTER FOREIGN TABLE ha.host OPTIONS (SET program 'sleep 5; echo MemTotal: 1 kB')", "SELECT 1"),
        ] {
            sql(&pair.primary(), "postgres", breaking);
            for _ in 0..2 {
                let seen = probe.observe(&vm1(), LIMIT).await.unwrap();
                assert_eq!((seen.role, seen.host), (PostgresRole::Primary, HostObservation::default()), "{breaking}");
            }
            sql(&pair.primary(), "postgres", mending);
        }
        // It is another program's that is found; what is set up next makes it ours.
        pair.control().provision(&vm1(), &provision()).await.unwrap();
        assert!(probe.observe(&vm1(), LIMIT).await.unwrap().host.memory.is_some());
    });
}

#[test]
fn a_kept_connection_is_used_again_and_replaced_when_it_was_cut() {
    with_pair(async |pair| {
        let probe = pair.probe().keep_connections();
        // Both of this test's connections are found by the node that no other test uses in this way at this moment.
        let backend = || {
            sql(
                &pair.standby(),
                "postgres",
                "SELECT string_agg(pid::text, ',' ORDER BY pid) FROM pg_stat_activity \
                 WHERE usename = 'ha_probe' AND state = 'idle' AND now() - backend_start > '1s'",
            )
        };
        probe.observe(&vm2(), LIMIT).await.unwrap();
        until("the connection is a second old", async || !backend().is_empty()).await;
        let first = backend();
        probe.observe(&vm2(), LIMIT).await.unwrap();
        assert_eq!(backend(), first, "a second connection was made");
        for pid in first.split(',') {
            assert_eq!(sql(&pair.standby(), "postgres", &format!("SELECT pg_terminate_backend({pid}, 5000)")), "t");
        }
        probe.observe(&vm2(), LIMIT).await.unwrap();
    });
}

#[test]
fn a_paused_replay_shows_and_is_not_waited_for_in_vain() {
    with_pair_alone(async |pair| {
        sql(&pair.standby(), "postgres", "SELECT pg_wal_replay_pause()");
        sql(&pair.primary(), "postgres", "CREATE TABLE paused(); DROP TABLE paused");
        let target = pair.probe().observe(&vm1(), LIMIT).await.unwrap().write_lsn.unwrap();
        until("the standby has received it", async || {
            let seen = pair.probe().observe(&vm2(), LIMIT).await.unwrap();
            seen.flush_lsn >= Some(target) && seen.replay_paused == Some(true)
        })
        .await;
        let seen = pair.probe().observe(&vm2(), LIMIT).await.unwrap();
        assert!(seen.replay_lsn < Some(target));

        let started = std::time::Instant::now();
        let limit = std::time::Duration::from_secs(2);
        match pair.control().wait_replayed(&vm2(), target, limit).await {
            Err(PostgresError::TimedOut { last, .. }) => assert!(last.contains("paused"), "{last}"),
            other => panic!("{other:?}"),
        }
        assert!(started.elapsed() < 5 * limit);

        sql(&pair.standby(), "postgres", "SELECT pg_wal_replay_resume()");
        pair.control().wait_replayed(&vm2(), target, LIMIT).await.unwrap();
        assert!(pair.probe().observe(&vm2(), LIMIT).await.unwrap().replay_lsn >= Some(target));
    });
}

#[test]
fn a_setting_that_waits_for_a_restart_and_a_lost_slot_show() {
    with_pair_alone(async |pair| {
        let run = |statement: &str| sql(&pair.primary(), "postgres", statement);
        run("SELECT pg_create_physical_replication_slot('forgotten', true)");
        run("ALTER SYSTEM SET max_connections = 77");
        run("SELECT pg_reload_conf()");
        for _ in 0..8 {
            run("SELECT pg_logical_emit_message(false, 'test', 'x'); SELECT pg_switch_wal()");
        }
        run("CHECKPOINT");
        until("the slot is lost and the setting pending", async || {
            let seen = pair.probe().observe(&vm1(), LIMIT).await.unwrap();
            let slot = seen.slots.iter().find(|slot| slot.name == "forgotten").unwrap();
            slot.wal_status.as_deref() == Some("lost") && seen.pending_restart == ["max_connections"]
        })
        .await;
        let seen = pair.probe().observe(&vm1(), LIMIT).await.unwrap();
        let slot = seen.slots.iter().find(|slot| slot.name == "forgotten").unwrap();
        assert!(!slot.active);
        assert_eq!((slot.retained_bytes, slot.safe_wal_bytes), (None, None), "unknown, not 0");
        run("SELECT pg_drop_replication_slot('forgotten')");
        run("ALTER SYSTEM RESET max_connections");
        run("SELECT pg_reload_conf()");
    });
}

/// Whoever set it, and by whichever way it is asked: what counts is what a session of Keycloak's gets.
#[test]
fn what_makes_keycloaks_writes_durable_is_seen_with_its_source() {
    with_pair_alone(async |pair| {
        let run = |statement: &str| sql(&pair.primary(), "postgres", statement);
        let engine = EngineProbe::new(Arc::clone(&pair.topology), engines());
        let network = pair.probe();
        let is = async |name: &str, value: &str, source: &str| {
            for way in [&network as &dyn ReplicationProbe, &engine] {
                until(&format!("{name} is {value} by {source}"), async || {
                    let seen = way.observe(&vm1(), LIMIT).await.unwrap();
                    let setting = seen.durable.iter().find(|setting| setting.name == name).unwrap();
                    setting.value == value && setting.source.as_deref() == Some(source)
                })
                .await;
            }
        };
        is("synchronous_commit", "on", "default").await;
        run("ALTER SYSTEM SET fsync = off");
        run("ALTER SYSTEM SET synchronous_commit = local");
        run("SELECT pg_reload_conf()");
        is("fsync", "off", "ALTER SYSTEM").await;
        is("synchronous_commit", "local", "ALTER SYSTEM").await;
        run("ALTER DATABASE keycloak SET synchronous_commit = on");
        is("synchronous_commit", "on", "ALTER DATABASE keycloak").await;
        run("ALTER ROLE keycloak SET synchronous_commit = 'Off'");
        is("synchronous_commit", "Off", "ALTER ROLE keycloak").await;
        run("ALTER ROLE keycloak IN DATABASE keycloak SET ha.durability = 'async'");
        is("ha.durability", "async", "ALTER ROLE keycloak IN DATABASE keycloak").await;
        // What else somebody has given: the nearest to Keycloak's sessions counts, and no password is told.
        run("ALTER SYSTEM SET work_mem = '6MB'");
        run("ALTER SYSTEM SET max_standby_streaming_delay = '3s'");
        run("ALTER SYSTEM SET primary_conninfo = 'host=192.0.2.1 password=secret'");
        run("ALTER DATABASE keycloak SET work_mem = '7MB'");
        run("SELECT pg_reload_conf()");
        for way in [&network as &dyn ReplicationProbe, &engine] {
            until("all that was given is seen", async || {
                let seen = way.observe(&vm1(), LIMIT).await.unwrap().overridden;
                assert!(seen.iter().all(|it| !it.value.contains("secret")), "{seen:?}");
                let told = |name: &str, value: &str, source: &str| {
                    let setting = seen.iter().find(|setting| setting.name == name);
                    setting.is_some_and(|it| it.value == value && it.source.as_deref() == Some(source))
                };
                told("work_mem", "7MB", "ALTER DATABASE keycloak")
                    && told("max_standby_streaming_delay", "3s", "ALTER SYSTEM")
                    && told("ha.durability", "async", "ALTER ROLE keycloak IN DATABASE keycloak")
            })
            .await;
        }
        for undo in ["ROLE keycloak IN DATABASE keycloak", "ROLE keycloak", "DATABASE keycloak", "SYSTEM"] {
            run(&format!("ALTER {undo} RESET ALL"));
        }
        run("SELECT pg_reload_conf()");
        is("fsync", "on", "default").await;
        is("synchronous_commit", "on", "default").await;
        let seen = network.observe(&vm1(), LIMIT).await.unwrap().overridden;
        assert_eq!(seen, [], "all was taken back");
    });
}
