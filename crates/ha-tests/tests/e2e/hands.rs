//! What somebody does to the database by hand, on real servers: what is found, and that what is advised mends it.

use std::time::{Duration, Instant};

use ha_core::health::{Code, Finding, Report};
use ha_core::layout::{Component, MAINTENANCE_DATABASE, PROBE_ROLE, REPLICATION_ROLE, secrets_fingerprint};
use ha_core::plan::{Action, FailoverOptions, OldData, RejoinMethod, RejoinStart, SwitchoverOptions};
use ha_core::topology::Node;
use ha_tests::{Pair, PairOptions, engine_is_wanted, of_the_pair};

use crate::host::{docker, on_volumes};
use crate::up;

/// Looks until exactly that is found.
pub(crate) async fn until(pair: &Pair, wanted: &[Code]) -> Report {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let report = pair.cluster().report().await;
        if of_the_pair(&report) == wanted {
            return report;
        }
        assert!(Instant::now() < deadline, "{wanted:?} was not found: {:?}", report.findings);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn finding(report: &Report, code: Code) -> &Finding {
    report.findings.iter().find(|finding| finding.code == code).unwrap()
}

/// In the superuser's own database.
async fn by_hand(pair: &Pair, statement: &str) {
    let script = format!("\\connect {MAINTENANCE_DATABASE}\n{statement}");
    pair.superuser(pair.primary(), &script).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
}

/// What a statement has changed is told of the primary, and `up` mends it by the set-up alone.
async fn is_set_up_again(pair: &Pair, statement: &str, code: Code, words: &str) {
    let report = until(pair, &[code]).await;
    let found = finding(&report, code);
    assert_eq!(found.node.as_ref(), Some(&pair.primary().name));
    assert!(found.message.contains(words) && found.help.contains("`ha-cli up vm1`"), "{statement}: {found:?}");
    let plan = up::plan(pair.cluster()).await.unwrap();
    let actions: Vec<_> = plan.steps.iter().map(|step| &step.action).collect();
    assert_eq!(actions, [&Action::ProvisionDatabase], "{statement}: nothing else is touched");
    up::run(pair.cluster(), &plan).await.unwrap();
    until(pair, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_somebody_changed_is_found_and_up_puts_it_back() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let system = until(&pair, &[]).await.nodes[0].postgres.system_identifier.unwrap();
    let keycloak = format!("\"{}\"", pair.topology().postgres.user);
    for (statement, words) in [
        (format!("ALTER ROLE {keycloak} PASSWORD 'other'"), "has another password"),
        (format!("ALTER ROLE {keycloak} NOLOGIN"), "NOLOGIN"),
        (format!("ALTER ROLE {keycloak} VALID UNTIL '2020-01-01' CONNECTION LIMIT 2"), "VALID UNTIL"),
        // Nobody is let in as the probe, and the servers are asked through their engines.
        (format!("ALTER ROLE {PROBE_ROLE} PASSWORD NULL"), "has another password"),
        (format!("REVOKE pg_monitor FROM {PROBE_ROLE}"), "pg_monitor"),
        (format!("DROP OWNED BY {PROBE_ROLE};\nDROP ROLE {PROBE_ROLE}"), "was dropped"),
        // A standby that has to connect anew is refused.
        (
            format!(
                "ALTER ROLE {REPLICATION_ROLE} NOREPLICATION PASSWORD 'x';\n\
                 SELECT pg_terminate_backend(pid) FROM pg_stat_replication"
            ),
            "has another password, may not replicate",
        ),
    ] {
        by_hand(&pair, &statement).await;
        is_set_up_again(&pair, &statement, Code::RoleChanged, words).await;
        assert!(up::plan(pair.cluster()).await.unwrap().is_empty(), "{statement}");
        pair.connect(pair.primary()).await.expect("with the password of the secrets file");
        // So far no set-up of a Keycloak has come to its end, after which the data says once more whose secrets are the right ones.
        let right_file = secrets_fingerprint(pair.cluster().secrets(), system);
        pair.cluster().ports().control.note_set_up(&pair.primary().name, &right_file).await.unwrap();
    }
    up::replicates(&pair, "kept").await;

    // What the probe sees more by, in the superuser's own database.
    for (statement, words) in [
        ("DROP SCHEMA ha CASCADE".to_owned(), "the schema ha is gone"),
        (
            "DROP FUNCTION ha.look();\nDROP FOREIGN TABLE ha.host".to_owned(),
            "ha.look() is gone, the foreign table ha.host is gone",
        ),
        (
            "DROP FUNCTION ha.look();\nCREATE FUNCTION ha.look() RETURNS int LANGUAGE sql AS 'SELECT 1'".to_owned(),
            "ha.look() is another one",
        ),
        (
            format!(
                "REVOKE EXECUTE ON FUNCTION ha.look() FROM {PROBE_ROLE};\nREVOKE SELECT ON ha.host FROM {PROBE_ROLE};\n\
                 REVOKE USAGE ON SCHEMA ha FROM {PROBE_ROLE}"
            ),
            "may not use the schema ha, the role ha_probe may not call ha.look(), the role ha_probe may not read ha.host",
        ),
        // Then it is asked through its engine.
        (format!("REVOKE CONNECT ON DATABASE postgres FROM {PROBE_ROLE}"), "may not connect"),
    ] {
        by_hand(&pair, &statement).await;
        is_set_up_again(&pair, &statement, Code::ProbeBlind, words).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unlogged_tables_and_prepared_transactions_are_named_before_a_change_of_roles() {
    if !engine_is_wanted() {
        return;
    }
    let settings = [("max_prepared_transactions".to_owned(), "5".to_owned())];
    let options = PairOptions { postgres_settings: settings.into(), ..PairOptions::postgres_only() };
    let pair = Pair::start(options).await.unwrap();
    let keycloak = pair.connect(pair.primary()).await.unwrap();
    let make = "CREATE UNLOGGED TABLE \"odd 'one\" (n int PRIMARY KEY); INSERT INTO \"odd 'one\" VALUES (42)";
    keycloak.batch_execute(make).await.unwrap();
    let report = until(&pair, &[Code::UnloggedTables]).await;
    let found = finding(&report, Code::UnloggedTables);
    assert!(found.message.contains("public.\"odd 'one\""), "{found:?}");
    pair.wait_replayed().await.unwrap();
    let planned = pair.cluster().plan_switchover(&SwitchoverOptions::default()).await.unwrap();
    let notes = planned.plan.notes.join("; ");
    assert!(notes.contains("empty on vm2") && notes.contains("public.\"odd 'one\""), "{notes}");
    // As it says, word for word.
    let statement = found.help.split('`').nth(1).unwrap();
    assert!(statement.starts_with("ALTER TABLE"), "{found:?}");
    keycloak.batch_execute(statement).await.unwrap();
    until(&pair, &[]).await;
    pair.wait_replayed().await.unwrap();
    let arrived = pair.superuser(pair.standby(), "SELECT n FROM \"odd 'one\"").await.unwrap();
    assert_eq!(arrived, "42");

    // One that waits for its manager: a switchover is refused, and what it says ends it.
    let prepare =
        |gid: &str, n: i32| format!("BEGIN; INSERT INTO \"odd 'one\" VALUES ({n}); PREPARE TRANSACTION '{gid}'");
    keycloak.batch_execute(&prepare("it''s", 43)).await.unwrap();
    let refusals = pair.cluster().plan_switchover(&SwitchoverOptions::default()).await.unwrap_err();
    assert!(refusals[0].message.contains("'it''s' of the role"), "{refusals:?}");
    assert!(refusals[0].help.contains("COMMIT PREPARED"), "{refusals:?}");
    keycloak.batch_execute("COMMIT PREPARED 'it''s'").await.unwrap();
    pair.cluster().plan_switchover(&SwitchoverOptions::default()).await.unwrap();
    // One that is open when its primary is lost comes along, with its locks, and is told at once.
    keycloak.batch_execute(&prepare("left", 44)).await.unwrap();
    pair.wait_replayed().await.unwrap();
    docker(&["kill", &pair.container(pair.primary(), Component::Postgres)]);
    let planned = pair.cluster().plan_failover(&FailoverOptions::default()).await.unwrap();
    up::run(pair.cluster(), &planned.plan).await.unwrap();
    let report = pair.cluster().report().await;
    let found = finding(&report, Code::PreparedTransaction);
    assert_eq!(found.node.as_ref(), Some(&pair.standby().name));
    assert!(found.message.contains("on the primary of before"), "{found:?}");
    let statement = found.help.split('`').nth(1).unwrap();
    assert_eq!(statement, "COMMIT PREPARED 'left'");
    pair.connect(pair.standby()).await.unwrap().batch_execute(statement).await.unwrap();
    let report = pair.cluster().report().await;
    assert!(report.findings.iter().all(|it| it.code != Code::PreparedTransaction), "{report:?}");
    assert_eq!(pair.superuser(pair.standby(), "SELECT sum(n) FROM \"odd 'one\"").await.unwrap(), "129");
}

/// What a standby must not have less of, raised beside `ha.toml` and in force after a boot: replay stops, and a promotion would end it.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_somebody_raised_on_the_primary_alone_costs_no_standby() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let (primary, standby) = (pair.primary(), pair.standby());
    let server = pair.container(primary, Component::Postgres);
    pair.superuser(primary, "ALTER SYSTEM SET max_connections = 200").await.unwrap();
    docker(&["restart", &server]);
    let deadline = Instant::now() + Duration::from_secs(90);
    let report = loop {
        let report = pair.cluster().report().await;
        // Which setting it is, only the primary tells, which may be starting still.
        if report.findings.iter().any(|it| it.code == Code::ReplayPaused && it.message.contains("more of")) {
            break report;
        }
        assert!(Instant::now() < deadline, "it was not found: {:?}", report.findings);
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let found = finding(&report, Code::ReplayPaused);
    assert_eq!(found.node.as_ref(), Some(&standby.name));
    let short = format!("max_connections ({}, needed 200)", pair.topology().postgres.max_connections);
    assert!(found.message.contains(&format!("more of {short}")), "{found:?}");
    assert!(
        found.help.contains("max_connections = 200 in [postgres]") && found.help.contains("`ha-cli up`"),
        "{found:?}"
    );
    let refusals = pair.cluster().plan_switchover(&SwitchoverOptions::default()).await.unwrap_err();
    assert!(refusals.iter().any(|it| it.message.contains("stopped replaying")), "{refusals:?}");

    docker(&["kill", &server]);
    let planned = pair.cluster().plan_failover(&FailoverOptions::default()).await.unwrap();
    let failed = up::run(pair.cluster(), &planned.plan).await.unwrap_err();
    let said = failed.failures[0].error.to_string();
    assert!(said.contains("it would end") && said.contains(&short), "{said}");
    // It still runs, and what is advised makes the failover possible.
    assert_eq!(pair.superuser(standby, "SELECT pg_is_in_recovery()").await.unwrap(), "t");
    let mut topology = pair.topology().clone();
    topology.postgres.max_connections = 200;
    let cluster = up::variant(&pair, topology, pair.cluster().secrets().clone());
    let plan = up::plan_for(&cluster, std::slice::from_ref(&standby.name)).await.unwrap();
    up::run(&cluster, &plan).await.unwrap();
    let planned = cluster.plan_failover(&FailoverOptions::default()).await.unwrap();
    up::run(&cluster, &planned.plan).await.unwrap();
    assert_eq!(pair.superuser(standby, "SHOW max_connections").await.unwrap(), "200");
    assert_eq!(pair.superuser(standby, "SELECT pg_is_in_recovery()").await.unwrap(), "f");
}

/// Does something to the data of a server that was stopped in order, and starts it again.
fn at_rest(pair: &Pair, node: &Node, script: &str) {
    let container = pair.container(node, Component::Postgres);
    docker(&["stop", &container]);
    on_volumes(pair.topology().cluster.name.as_str(), node.name.as_str(), script);
    docker(&["start", &container]);
}

/// Follows the advice to rejoin the standby.
async fn rejoin(pair: &Pair) -> RejoinMethod {
    let (cluster, node) = (pair.cluster(), &pair.standby().name);
    let RejoinStart::Inspect { primary, stop, .. } = cluster.begin_rejoin(node).await.unwrap() else {
        panic!("it does not stream")
    };
    up::run(cluster, &stop).await.unwrap();
    let found = cluster.inspect(node, &primary).await;
    let (method, plan) = cluster.plan_rejoin(node, &primary, &found, OldData::Keep).await;
    up::run(cluster, &plan).await.unwrap();
    method
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "three new copies take minutes: with --long"]
async fn wal_that_was_reset_or_set_back_is_told_of_the_standby_and_of_the_primary() {
    const RESET: &str = "gosu postgres pg_resetwal -f /data/pgdata >/dev/null";
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    up::replicates(&pair, "kept").await;
    // A standby does not start from there.
    at_rest(&pair, pair.standby(), RESET);
    let report = until(&pair, &[Code::PostgresRestarting]).await;
    let found = finding(&report, Code::PostgresRestarting);
    assert!(found.help.contains("pg_resetwal") && found.help.contains("`rebuild` of vm2"), "{found:?}");
    let plan = pair.cluster().plan_rebuild(&pair.standby().name, OldData::Keep).await.unwrap();
    up::run(pair.cluster(), &plan).await.unwrap();
    until(&pair, &[]).await;

    let snapshot = "cp -a /data/pgdata /data/snapshot";
    let set_back = "rm -r /data/pgdata && mv /data/snapshot /data/pgdata";
    // Into the next segment of WAL, where the primary refuses what its standby asks for, and within one, where it streams.
    let beyond = "SELECT pg_switch_wal(); CREATE TABLE beyond (n int)";
    let within = "CREATE TABLE within AS SELECT generate_series(1, 1000)";
    let rounds = [
        (None, RESET, Code::WalMissing),
        (Some(beyond), set_back, Code::AheadOfPrimary),
        (Some(within), set_back, Code::AheadOfPrimary),
    ];
    for (lost, script, code) in rounds {
        if let Some(lost) = lost {
            pair.superuser(pair.primary(), "SELECT pg_switch_wal()").await.unwrap();
            at_rest(&pair, pair.primary(), snapshot);
            until(&pair, &[]).await;
            pair.superuser(pair.primary(), lost).await.unwrap();
            pair.wait_replayed().await.unwrap();
        }
        at_rest(&pair, pair.primary(), script);
        let report = until(&pair, &[code]).await;
        let found = finding(&report, code);
        assert!(found.message.contains("pg_resetwal"), "{found:?}");
        assert!(found.help.contains("`ha-cli rejoin vm2`") && found.help.contains("--backup"), "{found:?}");
        let method = rejoin(&pair).await;
        let asks_by_name = matches!(method, RejoinMethod::BaseBackup { not_compared: true, .. });
        assert!(asks_by_name, "what may be the only copy is given up by the cluster's name alone: {method:?}");
        until(&pair, &[]).await;
        assert_eq!(pair.superuser(pair.standby(), "SELECT n FROM kept").await.unwrap(), "42");
    }
}
