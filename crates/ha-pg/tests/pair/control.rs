//! Making roles, database and slots, and what becomes known of it.

use ha_core::ports::{DatabaseLogin, PostgresControl as _, PostgresError, ReplicationProbe as _, Row};
use ha_core::values::{Lineage, PromotionRecord, Secret, SlotName};

use crate::engine::{docker, sql};
use crate::pair::{
    KEYCLOAK_PASSWORD, LIMIT, PROBE_PASSWORD, Pair, REPLICATION_PASSWORD, login, provision, until, vm1, vm2, with_pair,
    with_pair_alone,
};

fn run(pair: &Pair, statement: &str) -> String {
    sql(&pair.primary(), "keycloak", statement)
}

#[test]
fn roles_database_and_extension_are_what_they_should_be() {
    with_pair(async |pair| {
        let roles = "SELECT string_agg(concat_ws(' ', rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, \
                     rolbypassrls, rolcanlogin), '; ' ORDER BY rolname) FROM pg_roles \
                     WHERE rolname IN ('keycloak', 'ha_replication', 'ha_probe')";
        assert_eq!(run(pair, roles), "ha_probe f f f f f t; ha_replication f f f t f t; keycloak f f f f f t");
        assert_eq!(run(pair, "SELECT pg_has_role('ha_probe', 'pg_monitor', 'member')"), "t");
        let owner = "SELECT datdba::regrole || ' ' || pg_encoding_to_char(encoding) FROM pg_database \
                     WHERE datname = 'keycloak'";
        assert_eq!(run(pair, owner), "keycloak UTF8");
        // Nobody who may do more than Keycloak has a session in its database, nor Keycloak one in the superuser's.
        for (role, inside, outside) in [("keycloak", "t", "f"), ("ha_probe", "f", "t"), ("ha_replication", "f", "t")] {
            for (database, may) in [("keycloak", inside), ("postgres", outside)] {
                let connect = format!("SELECT has_database_privilege('{role}', '{database}', 'CONNECT')");
                assert_eq!(run(pair, &connect), may, "{role} in {database}");
            }
        }
        // As Keycloak's own role finds them, by the catalog.
        let from = run(pair, "SELECT pg_current_wal_lsn()");
        assert_eq!(run(pair, "SET ROLE keycloak; CREATE TABLE t(); DROP TABLE t; SELECT 1"), "1");
        let read = format!(
            "SET ROLE keycloak; SELECT count(*) > 0 FROM ha.pg_get_wal_block_info('{from}', pg_current_wal_lsn(), false)"
        );
        assert_eq!(run(pair, &read), "t");
    });
}

#[test]
fn a_second_time_changes_nothing_and_another_password_is_taken_over() {
    with_pair_alone(async |pair| {
        let control = pair.control();
        let state = "SELECT (SELECT string_agg(rolname || rolpassword, ',' ORDER BY rolname) FROM pg_authid) \
                     || (SELECT string_agg(slot_name, ',' ORDER BY slot_name) FROM pg_replication_slots) \
                     || (SELECT datacl::text FROM pg_database WHERE datname = 'keycloak')";
        let before = run(pair, state);
        control.provision(&vm1(), &provision()).await.unwrap();
        assert_eq!(run(pair, state), before);
        assert_eq!(
            control.password_fits(&vm1(), "keycloak", &Secret::new(KEYCLOAK_PASSWORD)).await.unwrap(),
            Some(true)
        );

        let mut changed = provision();
        changed.roles[0].password = Secret::new("another one");
        changed.slots.push(SlotName::of_standby(&"vm3".parse().unwrap()));
        control.provision(&vm1(), &changed).await.unwrap();
        assert_eq!(control.password_fits(&vm1(), "keycloak", &Secret::new("another one")).await.unwrap(), Some(true));
        assert_eq!(
            control.password_fits(&vm1(), "keycloak", &Secret::new(KEYCLOAK_PASSWORD)).await.unwrap(),
            Some(false)
        );
        assert_eq!(control.password_fits(&vm1(), "no such role", &Secret::new("x")).await.unwrap(), None);
        let seen = pair.probe().observe(&vm1(), LIMIT).await.unwrap();
        let slot = seen.slots.iter().find(|slot| slot.name == "ha_vm3").expect("the new slot");
        assert!(slot.retained_bytes.is_some(), "WAL is kept from the moment of its making");

        run(pair, "SELECT pg_drop_replication_slot('ha_vm3')");
        control.provision(&vm1(), &provision()).await.unwrap();
    });
}

#[test]
fn a_row_is_found_on_either_server_and_its_names_and_value_are_no_sql() {
    with_pair_alone(async |pair| {
        run(
            pair,
            "SET ROLE keycloak; CREATE TABLE \"re'al\\m\"(name text); INSERT INTO \"re'al\\m\" VALUES (E'o''ne\\n;--')",
        );
        let target = pair.probe().observe(&vm1(), LIMIT).await.unwrap().write_lsn.unwrap();
        pair.control().wait_replayed(&vm2(), target, LIMIT).await.unwrap();
        for node in [vm1(), vm2()] {
            let has = async |value: &str| {
                let row = Row { table: "re'al\\m", column: "name", value: value.to_owned() };
                pair.control().has_row(&node, &login(), &row).await.unwrap()
            };
            assert!(has("o'ne\n;--").await);
            assert!(!has("o'ne").await);
        }
        let row = Row { table: "nothing", column: "name", value: "x".to_owned() };
        let missing = pair.control().has_row(&vm1(), &login(), &row).await;
        assert!(matches!(missing, Err(PostgresError::Refused { .. })), "{missing:?}");
        let wrong = DatabaseLogin { password: Secret::new("wr'o\"ng \\ password"), ..login() };
        match pair.control().has_row(&vm1(), &wrong, &row).await {
            Err(PostgresError::Refused { message, .. }) => {
                assert!(message.contains("password authentication failed"), "{message}");
                assert!(!message.contains("wr'o"), "{message}");
            }
            other => panic!("{other:?}"),
        }
        run(pair, "DROP TABLE \"re'al\\m\"");
    });
}

#[test]
fn a_standby_is_not_provisioned() {
    with_pair(async |pair| {
        let result = pair.control().provision(&vm2(), &provision()).await;
        assert!(matches!(result, Err(PostgresError::InRecovery)), "{result:?}");
        // The verifier has arrived there by replication.
        let fits = pair.control().password_fits(&vm2(), "ha_probe", &Secret::new(PROBE_PASSWORD)).await;
        assert_eq!(fits.unwrap(), Some(true));
    });
}

#[test]
fn a_standby_that_synchronous_commits_wait_for_need_not_be_there() {
    with_pair_alone(async |pair| {
        let admin = |statement: &str| sql(&pair.primary(), "postgres", statement);
        admin("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
        admin("SELECT pg_reload_conf()");
        until("the setting is in force", async || {
            pair.probe().observe(&vm1(), LIMIT).await.unwrap().synchronous_standby_names == "nobody"
        })
        .await;
        let mut changed = provision();
        changed.roles[0].password = Secret::new("while alone");
        let result = tokio::time::timeout(LIMIT, pair.control().provision(&vm1(), &changed)).await;
        admin("ALTER SYSTEM RESET synchronous_standby_names");
        admin("SELECT pg_reload_conf()");
        result.expect("it waits for a standby").unwrap();
        pair.control().provision(&vm1(), &provision()).await.unwrap();
    });
}

#[test]
fn neither_a_password_nor_a_verifier_reaches_the_log() {
    with_pair_alone(async |pair| {
        let mut refused = provision();
        refused.roles[0].password = Secret::new("a new one, for a verifier to be sent");
        refused.roles[1].name = "postgres".to_owned();
        match pair.control().provision(&vm1(), &refused).await {
            Err(PostgresError::Refused { message, .. }) => assert!(message.contains("SUPERUSER"), "{message}"),
            other => panic!("{other:?}"),
        }
        pair.control().provision(&vm1(), &provision()).await.unwrap();
        // The server does log statements: those of others.
        sql(&pair.primary(), "postgres", "SELECT 'this is logged'");
        let log = |container: &str| {
            let output = std::process::Command::new("docker").args(["logs", container]).output().unwrap();
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
        };
        let primary = log(&pair.primary());
        assert!(primary.contains("this is logged"));
        for text in [primary, log(&pair.standby())] {
            for secret in [PROBE_PASSWORD, REPLICATION_PASSWORD, KEYCLOAK_PASSWORD, "a new one", "SCRAM-SHA-256$"] {
                assert!(!text.contains(secret), "{secret} is in a log");
            }
        }
        let processes = docker(&["top", &pair.primary()]);
        assert!(!processes.contains("SCRAM"));
    });
}

/// Whoever is given the data, and was told nothing, has it too. With a session that stood ready, and without.
#[test]
fn a_promotion_is_written_into_the_data() {
    with_pair_alone(async |pair| {
        let (control, probe) = (pair.control(), pair.probe());
        let observe = async |node| probe.observe(&node, LIMIT).await.unwrap();
        let tell = async |generation: u64| {
            let id = format!("6f9619ff-8b86-d011-b42d-{generation:012}");
            for (name, value) in [("generation", generation.to_string()), ("promotion", id.clone())] {
                run(pair, &format!("ALTER SYSTEM SET \"ha.{name}\" = '{value}'"));
            }
            run(pair, "ALTER SYSTEM SET \"ha.primary\" = 'vm1'");
            run(pair, "SELECT pg_reload_conf()");
            let record = PromotionRecord {
                generation,
                id: id.parse().unwrap(),
                primary: vm1(),
                run_alone: false,
                ancestors: Vec::new(),
            };
            until("it knows of the promotion", async || observe(vm1()).await.promotion.as_ref() == Some(&record)).await;
            record
        };
        let arrives = async |record: PromotionRecord| {
            let wanted = Some(Lineage { promotion: record, timeline: observe(vm1()).await.timeline });
            assert_eq!(observe(vm1()).await.lineage, wanted);
            until("it arrives", async || observe(vm2()).await.lineage == wanted).await;
            assert_eq!(observe(vm2()).await.promotion, None, "it was told nothing");
        };
        // A primary is not promoted again, and writes all the same what an interrupted run may not have written.
        let second = tell(2).await;
        assert_eq!(observe(vm1()).await.lineage, None);
        control.promote(&vm1(), LIMIT).await.unwrap();
        arrives(second).await;
        control.prepare_promotion(&vm1(), LIMIT).await.unwrap();
        let third = tell(3).await;
        control.promote(&vm1(), LIMIT).await.unwrap();
        arrives(third).await;
        // What somebody else wrote there blinds nobody.
        let id = "6f9619ff-8b86-d011-b42d-000000000003";
        for nonsense in [
            " ",
            "x",
            &format!("3 {id} vm1"),
            &format!("-1 {id} vm1 1"),
            &format!("3 {id} VM1 1"),
            "3 id vm1 1",
            &format!("3 {id} vm1 1 x"),
            &format!("3 {id} vm1 1 {id} "),
        ] {
            run(pair, &format!("ALTER DATABASE postgres SET \"ha.lineage\" = '{nonsense}'"));
            assert_eq!(observe(vm1()).await.lineage, None, "{nonsense:?}");
        }
        for name in ["generation", "promotion", "primary"] {
            run(pair, &format!("ALTER SYSTEM RESET \"ha.{name}\""));
        }
        run(pair, "SELECT pg_reload_conf()");
        run(pair, "ALTER DATABASE postgres RESET \"ha.lineage\"");
    });
}
