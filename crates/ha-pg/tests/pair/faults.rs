//! Servers that do not answer as they should, each with its own error, none later than the limit.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ha_core::observe::HostObservation;
use ha_core::ports::{PostgresControl as _, PostgresError, ProbeError, ReplicationProbe};
use ha_core::values::Secret;
use ha_pg::{EngineControl, EngineProbe, Engines, NetworkProbe, Probe};
use testcontainers::ImageExt as _;
use testcontainers::runners::SyncRunner as _;

use crate::engine::{docker, pause, sql};
use crate::pair::{
    LIMIT, PROBE_PASSWORD, admit, block_on, engines, no_engine, scripted, topology, unique, until, valid, vm1, vm2,
    with_pair, with_pair_alone,
};

/// What an observation may take longer than its limit: scheduling on a busy machine.
const GRACE: Duration = Duration::from_secs(3);

async fn fails(probe: &dyn ReplicationProbe, limit: Duration) -> ProbeError {
    let started = Instant::now();
    let error = probe.observe(&vm2(), limit).await.expect_err("there is nothing to observe");
    assert!(started.elapsed() < limit + GRACE, "{error:?} came after {:?}", started.elapsed());
    error
}

#[test]
fn a_wrong_password_is_told_and_the_engine_is_asked_instead() {
    with_pair(async |pair| {
        let probe = |engines| Probe::new(Arc::clone(&pair.topology), Secret::new("wrong"), engines);
        match fails(&probe(Engines::new()), LIMIT).await {
            ProbeError::WrongPassword { role, .. } => assert_eq!(role, "ha_probe"),
            other => panic!("{other:?}"),
        }
        let seen = probe(engines()).observe(&vm2(), LIMIT).await.unwrap();
        assert!(seen.receiver.is_some() && seen.probe_refused.is_some_and(|it| it.contains("refused the password")));
        // Of one that did get in, nothing of the kind.
        let right = Probe::new(Arc::clone(&pair.topology), Secret::new(PROBE_PASSWORD), engines());
        assert_eq!(right.observe(&vm2(), LIMIT).await.unwrap().probe_refused, None);
    });
}

#[test]
fn where_the_server_does_not_admit_this_machine_the_engine_is_asked() {
    with_pair_alone(async |pair| {
        let over_network = pair.probe();
        let probe = Probe::new(Arc::clone(&pair.topology), Secret::new(PROBE_PASSWORD), engines());
        admit(&pair.standby(), "host all ha_probe all reject");
        until("nobody is let in", async || {
            matches!(over_network.observe(&vm2(), LIMIT).await, Err(ProbeError::NotAdmitted { .. }))
        })
        .await;
        assert!(probe.observe(&vm2(), LIMIT).await.unwrap().receiver.is_some());
        // Nor is there an engine: what the network said stands.
        let alone = Probe::new(Arc::clone(&pair.topology), Secret::new(PROBE_PASSWORD), Engines::new());
        assert!(matches!(fails(&alone, LIMIT).await, ProbeError::NotAdmitted { .. }));
        admit(&pair.standby(), "");
        until("it is let in again", async || over_network.observe(&vm2(), LIMIT).await.is_ok()).await;
    });
}

/// An earlier version let the probe's role in to Keycloak's database, and to no other.
#[test]
fn a_server_that_an_earlier_version_has_set_up_is_seen_all_the_same() {
    with_pair_alone(async |pair| {
        sql(&pair.primary(), "postgres", "GRANT CONNECT ON DATABASE keycloak TO ha_probe");
        admit(&pair.standby(), "host postgres ha_probe all reject");
        until("it looks from there", async || {
            pair.probe().observe(&vm2(), LIMIT).await.is_ok_and(|seen| seen.host == HostObservation::default())
        })
        .await;
        admit(&pair.standby(), "");
        sql(&pair.primary(), "postgres", "REVOKE CONNECT ON DATABASE keycloak FROM ha_probe");
        until("it looks from its own", async || {
            pair.probe().observe(&vm2(), LIMIT).await.is_ok_and(|seen| seen.host.memory.is_some())
        })
        .await;
    });
}

#[test]
fn a_port_where_nobody_listens_is_an_answer() {
    with_pair(async |pair| {
        let mut spec = pair.spec();
        spec.nodes[1].postgres_port = 5999;
        let probe = Probe::new(valid(&spec), Secret::new(PROBE_PASSWORD), engines());
        assert!(matches!(fails(&probe, LIMIT).await, ProbeError::ConnectionRefused { .. }));
    });
}

#[test]
fn where_there_is_no_way_the_engine_is_asked() {
    with_pair(async |pair| {
        let IpAddr::V4(address) = pair.topology.nodes()[0].address else { panic!("Docker's networks are IPv4") };
        let mut octets = address.octets();
        octets[3] = 250;
        let mut spec = pair.spec();
        spec.nodes[1].address = IpAddr::from(octets).to_string();
        let topology = valid(&spec);
        let over_network = NetworkProbe::new(Arc::clone(&topology), Secret::new(PROBE_PASSWORD));
        let error = fails(&over_network, Duration::from_secs(1)).await;
        assert!(matches!(error, ProbeError::TimedOut { .. } | ProbeError::Unreachable { .. }), "{error:?}");

        let probe = Probe::new(topology, Secret::new(PROBE_PASSWORD), engines());
        let started = Instant::now();
        let seen = probe.observe(&vm2(), Duration::from_secs(4)).await.unwrap();
        assert!(seen.receiver.is_some() && started.elapsed() < Duration::from_secs(4) + GRACE);
    });
}

#[test]
fn a_frozen_server_times_out_within_the_limit() {
    with_pair_alone(async |pair| {
        let kept = pair.probe().keep_connections();
        kept.observe(&vm2(), LIMIT).await.unwrap();
        pause(&pair.standby());
        let limit = Duration::from_secs(1);
        let over_network = fails(&pair.probe(), limit).await;
        let over_kept = fails(&kept, limit).await;
        let through_engine = EngineProbe::new(Arc::clone(&pair.topology), engines()).observe(&vm2(), LIMIT).await;
        docker(&["unpause", &pair.standby()]);
        assert!(matches!(over_network, ProbeError::TimedOut { .. }), "{over_network:?}");
        assert!(matches!(over_kept, ProbeError::TimedOut { .. }), "{over_kept:?}");
        match through_engine {
            Err(ProbeError::NotReady { message, .. }) => assert!(message.contains("paused"), "{message}"),
            other => panic!("{other:?}"),
        }
        kept.observe(&vm2(), LIMIT).await.unwrap();
    });
}

#[test]
fn a_server_that_is_not_ready_and_one_that_has_ended() {
    if no_engine() {
        return;
    }
    let cluster = unique("hapg");
    let name = format!("{cluster}-vm2-postgres");
    // In recovery for ever and closed to queries: what every server is for a moment when it starts.
    let script = "initdb -D /tmp/data >/dev/null && touch /tmp/data/standby.signal && \
                  exec postgres -c hot_standby=off -c listen_addresses='*' -c primary_conninfo='host=192.0.2.1'";
    let server = scripted(&name, script).with_network(&cluster).start().unwrap();
    let address = server.get_bridge_ip_address().unwrap();
    let topology = valid(&topology(&cluster, "192.0.2.2".parse().unwrap(), address));
    let over_network = NetworkProbe::new(Arc::clone(&topology), Secret::new(PROBE_PASSWORD));
    let through_engine = EngineProbe::new(Arc::clone(&topology), engines());
    let control = EngineControl::new(topology, engines());
    block_on(async {
        until("it listens", async || {
            !matches!(over_network.observe(&vm2(), LIMIT).await, Err(ProbeError::ConnectionRefused { .. }))
        })
        .await;
        let error = fails(&over_network, LIMIT).await;
        assert!(matches!(error, ProbeError::NotReady { .. }), "{error:?}");
        let error = fails(&through_engine, LIMIT).await;
        assert!(matches!(error, ProbeError::NotReady { .. }), "{error:?}");
        match control.wait_ready(&vm2(), Duration::from_secs(1)).await {
            Err(PostgresError::TimedOut { .. }) => {}
            other => panic!("{other:?}"),
        }

        docker(&["stop", "-t", "5", &name]);
        let error = fails(&through_engine, LIMIT).await;
        assert!(matches!(error, ProbeError::ConnectionRefused { .. }), "{error:?}");
        match control.wait_ready(&vm2(), Duration::from_secs(60)).await {
            Err(PostgresError::Exited { log, .. }) => assert!(log.contains("shut"), "{log}"),
            other => panic!("{other:?}"),
        }
        let error = through_engine.observe(&vm1(), LIMIT).await.expect_err("there is no such container");
        assert!(matches!(error, ProbeError::ConnectionRefused { .. }), "{error:?}");
    });
}
