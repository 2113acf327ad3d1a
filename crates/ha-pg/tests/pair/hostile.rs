//! An owner of Keycloak's database who does everything that an owner may, so that somebody with more rights runs what is his.

use std::process::Command;
use std::sync::Arc;

use ha_core::ports::{Database, DatabaseLogin, PostgresControl as _, Provision, ReplicationProbe, Role, Row};
use ha_core::topology::Topology;
use ha_core::values::Secret;
use ha_pg::{EngineControl, EngineProbe, NetworkProbe};

use crate::engine::{docker, refusal, sql};
use crate::pair::{LIMIT, PROBE_PASSWORD, Pair, engines, provision, valid, vm1, vm2, with_pair_alone};

/// His role and his database.
const MALLORY: &str = "mallory";
const PASSWORD: &str = "mallory's";

/// What runs with the rights of whoever touches it: it says who that is, and takes what it can get.
const BAD: &str = "CREATE TABLE seen (who text);
CREATE FUNCTION bad() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        INSERT INTO public.seen VALUES (session_user || ' ' || current_user);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    BEGIN
        EXECUTE 'RESET SESSION AUTHORIZATION';
        EXECUTE 'RESET ROLE';
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    BEGIN
        EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch /tmp/owned''';
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    BEGIN
        EXECUTE 'ALTER ROLE mallory SUPERUSER';
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    RETURN true;
END $$;";

/// The tables that are looked into, as they may become.
const TABLES: &str = "CREATE TABLE realm0 (name text); INSERT INTO realm0 VALUES ('shop');
CREATE VIEW realm AS SELECT name FROM realm0 WHERE public.bad();
CREATE DOMAIN bad_text AS text CHECK (public.bad());
CREATE TABLE offline_user_session (user_session_id bad_text);
CREATE FUNCTION bad_index(text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT public.bad()';
CREATE INDEX ON offline_user_session (bad_index(user_session_id));
INSERT INTO offline_user_session VALUES ('one');
ALTER TABLE offline_user_session ENABLE ROW LEVEL SECURITY;
ALTER TABLE offline_user_session FORCE ROW LEVEL SECURITY;
CREATE POLICY bad ON offline_user_session USING (public.bad());";

/// What a name without a schema, an operator or a cast may be found to be.
const NAMES: &str = "CREATE FUNCTION bad_equal(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT public.bad()';
CREATE OPERATOR = (LEFTARG = text, RIGHTARG = text, FUNCTION = bad_equal);
CREATE FUNCTION bad_equal(name, text) RETURNS boolean LANGUAGE sql AS 'SELECT public.bad()';
CREATE OPERATOR = (LEFTARG = name, RIGHTARG = text, FUNCTION = bad_equal);
CREATE FUNCTION format(text, text, text) RETURNS text LANGUAGE sql AS 'SELECT public.bad()::text';
CREATE FUNCTION current_setting(text) RETURNS text LANGUAGE sql AS 'SELECT public.bad()::text';
CREATE FUNCTION pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT public.bad()';
CREATE VIEW pg_extension AS SELECT * FROM pg_catalog.pg_extension WHERE public.bad();
CREATE VIEW pg_namespace AS SELECT * FROM pg_catalog.pg_namespace WHERE public.bad();
CREATE TYPE bad_type AS (line text);
CREATE FUNCTION bad_cast(bad_type) RETURNS text LANGUAGE sql AS 'SELECT public.bad()::text';
CREATE CAST (bad_type AS text) WITH FUNCTION bad_cast(bad_type) AS IMPLICIT;
CREATE FUNCTION pg_get_wal_block_info(pg_lsn, pg_lsn, boolean) RETURNS boolean LANGUAGE sql AS 'SELECT public.bad()';
CREATE FUNCTION pg_get_wal_records_info(pg_lsn, pg_lsn) RETURNS boolean LANGUAGE sql AS 'SELECT public.bad()';
CREATE SCHEMA ha;
CREATE VIEW ha.host AS SELECT 'MemTotal: 1 kB' AS line WHERE public.bad();";

/// Settings that he gives to all sessions of his database and his role; with any of them a session does not come about, ends at once or
/// understands something else.
const SETTINGS: &[(&str, &str)] = &[
    ("search_path", "public, pg_catalog"),
    ("role", "mallory"),
    ("local_preload_libraries", "there_is_none"),
    ("statement_timeout", "1ms"),
    ("lock_timeout", "1ms"),
    ("transaction_timeout", "1ms"),
    ("idle_in_transaction_session_timeout", "1ms"),
    ("idle_session_timeout", "1ms"),
    ("default_transaction_isolation", "serializable"),
    ("default_transaction_read_only", "on"),
    ("default_transaction_deferrable", "on"),
    ("standard_conforming_strings", "off"),
    ("row_security", "off"),
    ("DateStyle", "SQL, DMY"),
    ("client_min_messages", "error"),
    ("default_table_access_method", "there_is_none"),
    ("default_tablespace", "there_is_none"),
    ("transform_null_equals", "on"),
    ("quote_all_identifiers", "on"),
];

/// Runs statements, each by itself, in one session that he has logged in to.
fn as_mallory(pair: &Pair, statements: &[String]) {
    let mut command = Command::new("timeout");
    command.args(["60", "docker", "exec", "-e", &format!("PGPASSWORD={PASSWORD}"), &pair.primary(), "psql", "-XAtqw"]);
    command.args(["-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", MALLORY, "-d", MALLORY]);
    for statement in statements {
        command.args(["-c", statement]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn wanted() -> Provision {
    let role = Role {
        name: MALLORY.to_owned(),
        password: Secret::new(PASSWORD),
        replication: false,
        member_of: Vec::new(),
        connection_limit: Some(10),
    };
    let mut roles = provision().roles;
    roles[0] = role;
    Provision { roles, database: Database { name: MALLORY.to_owned(), owner: MALLORY.to_owned() }, ..provision() }
}

fn topology(pair: &Pair) -> Arc<Topology> {
    let mut spec = pair.spec();
    spec.postgres.database = MALLORY.to_owned();
    spec.postgres.user = MALLORY.to_owned();
    valid(&spec)
}

fn remove(pair: &Pair) {
    for statement in [
        "ALTER DATABASE mallory IS_TEMPLATE false ALLOW_CONNECTIONS true",
        "DROP DATABASE mallory WITH (FORCE)",
        "DROP ROLE mallory",
    ] {
        sql(&pair.primary(), "postgres", statement);
    }
}

async fn arrives(pair: &Pair) {
    let written = pair.probe().observe(&vm1(), LIMIT).await.unwrap().write_lsn.unwrap();
    pair.control().wait_replayed(&vm2(), written, LIMIT).await.unwrap();
}

/// The schemas of pg_walinspect and of the foreign table in his database, with the owner of the schema ha.
fn made(pair: &Pair) -> String {
    let ask = "SET search_path = pg_catalog; SELECT concat_ws(' ', \
               (SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'pg_walinspect'), \
               (SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 'ha'), \
               (SELECT count(*) FROM pg_extension WHERE extname = 'file_fdw'), \
               (SELECT count(*) FROM pg_proc WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'ha') \
                AND has_function_privilege('mallory', oid, 'execute')))";
    sql(&pair.primary(), MALLORY, ask)
}

#[test]
fn an_owner_of_bad_will_gets_nobody_elses_rights_and_blinds_nobody() {
    with_pair_alone(async |pair| {
        let topology = topology(pair);
        let control = EngineControl::new(Arc::clone(&topology), engines());
        // His from the beginning, so that nothing of ours is there before.
        let run = |statement: &str| sql(&pair.primary(), "postgres", statement);
        run("CREATE ROLE mallory LOGIN PASSWORD 'mallory''s'");
        run("CREATE DATABASE mallory OWNER mallory TEMPLATE template0 ENCODING 'UTF8'");
        let mut bad = vec![BAD.to_owned()];
        bad.extend([TABLES, NAMES].map(str::to_owned));
        for whose in ["DATABASE mallory", "ROLE mallory", "ROLE mallory IN DATABASE mallory"] {
            bad.extend(SETTINGS.iter().map(|(name, value)| {
                let value: Vec<_> = value.split(", ").map(|word| format!("'{word}'")).collect();
                let value =
                    if *name == "search_path" { value.join(", ") } else { value.join(", ").replace("', '", ", ") };
                format!("ALTER {whose} SET {name} = {value}")
            }));
        }
        bad.push("ALTER DATABASE mallory CONNECTION LIMIT 0".to_owned());
        bad.push("ALTER DATABASE mallory IS_TEMPLATE true".to_owned());
        as_mallory(pair, &bad);
        run("ALTER DATABASE mallory ALLOW_CONNECTIONS false");
        let none = refusal(
            &pair.primary(),
            "postgres",
            "SET ROLE mallory; CREATE EVENT TRIGGER bad ON ddl_command_start EXECUTE FUNCTION bad()",
        );
        assert!(none.contains("Must be superuser to create an event trigger"), "{none}");

        // Every call that is made of a server which such an owner uses.
        control.provision(&vm1(), &wanted()).await.unwrap();
        arrives(pair).await;
        let login =
            DatabaseLogin { database: MALLORY.to_owned(), role: MALLORY.to_owned(), password: Secret::new(PASSWORD) };
        let rows = [("realm", "name", "shop"), ("offline_user_session", "user_session_id", "one")];
        for node in [vm1(), vm2()] {
            for (table, column, value) in rows {
                let row = Row { table, column, value: value.to_owned() };
                assert!(control.has_row(&node, &login, &row).await.unwrap(), "{table} of {node}");
            }
            let over_network = NetworkProbe::new(Arc::clone(&topology), Secret::new(PROBE_PASSWORD));
            let through_engine = EngineProbe::new(Arc::clone(&topology), engines());
            for way in [&over_network as &dyn ReplicationProbe, &through_engine] {
                way.observe(&node, LIMIT).await.unwrap();
            }
            assert!(
                over_network.observe(&node, LIMIT).await.unwrap().host.memory.is_some_and(|it| it.total_bytes > 1024)
            );
            control.wait_ready(&node, LIMIT).await.unwrap();
            control.checkpoint(&node, LIMIT).await.unwrap();
            assert_eq!(control.password_fits(&node, MALLORY, &Secret::new(PASSWORD)).await.unwrap(), Some(true));
        }
        control.ensure_slots(&vm1(), &wanted().slots).await.unwrap();
        control.drop_unused_slots(&vm1(), &[]).await.unwrap();
        control.promote(&vm1(), LIMIT).await.unwrap();

        for container in [pair.primary(), pair.standby()] {
            assert_eq!(docker(&["exec", &container, "find", "/tmp", "-maxdepth", "1", "-name", "owned"]), "");
        }
        assert_eq!(run("SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'"), "f");
        for statement in [
            "ALTER DATABASE mallory RESET ALL",
            "ALTER ROLE mallory RESET ALL",
            "ALTER ROLE mallory IN DATABASE mallory RESET ALL",
        ] {
            run(statement);
        }
        let who = sql(&pair.primary(), MALLORY, "SELECT string_agg(DISTINCT who COLLATE \"C\", ',') FROM public.seen");
        assert_eq!(who, "mallory mallory", "his functions ran, and for nobody else");
        // What he holds of the place where ours would be is left to him, and keeps nobody from the rest.
        assert_eq!(made(pair), "mallory 0 0");
        as_mallory(pair, &["DROP SCHEMA ha CASCADE".to_owned()]);
        control.provision(&vm1(), &wanted()).await.unwrap();
        assert_eq!(made(pair), "ha postgres 0 2");
        remove(pair);
    });
}

/// Packed, a gigabyte of settings takes little room; unpacked it takes longer than anybody waits.
#[test]
fn an_owner_who_gives_more_settings_than_can_be_read_blinds_nobody() {
    with_pair_alone(async |pair| {
        let topology = topology(pair);
        let control = EngineControl::new(Arc::clone(&topology), engines());
        control.provision(&vm1(), &wanted()).await.unwrap();
        let give = |whose: &str, name: &str, value: &str| {
            format!("DO $$ BEGIN EXECUTE format('ALTER {whose} SET {name} = %L', {value}); END $$")
        };
        as_mallory(
            pair,
            &[
                give("ROLE mallory IN DATABASE mallory", "search_path", "repeat('abcdefgh', 8000000)"),
                give("DATABASE mallory", "synchronous_commit", "'off'"),
                "CREATE UNLOGGED TABLE \"a\n\\! touch /tmp/owned\" (n int)".to_owned(),
            ],
        );
        arrives(pair).await;
        for node in [vm1(), vm2()] {
            let over_network = NetworkProbe::new(Arc::clone(&topology), Secret::new(PROBE_PASSWORD));
            let through_engine = EngineProbe::new(Arc::clone(&topology), engines());
            for way in [&over_network as &dyn ReplicationProbe, &through_engine] {
                let seen = way.observe(&node, LIMIT).await.unwrap();
                let unread: Vec<_> = seen.overridden.iter().filter(|it| it.is_unread()).collect();
                let [unread] = unread[..] else { panic!("{:?}", seen.overridden) };
                assert_eq!(unread.source.as_deref(), Some("ALTER ROLE mallory IN DATABASE mallory"));
                let durable = seen.durable.iter().find(|it| it.name == "synchronous_commit").unwrap();
                assert_eq!(durable.value, "off", "{durable:?}");
                let answer = serde_json::to_string(&seen).unwrap().len();
                assert!(answer < 200_000, "{answer} bytes of what somebody else has chosen");
            }
        }
        let login =
            DatabaseLogin { database: MALLORY.to_owned(), role: MALLORY.to_owned(), password: Secret::new(PASSWORD) };
        let unlogged = control.unlogged_tables(&vm1(), &login).await.unwrap();
        assert_eq!(unlogged, ["public.\"a\n\\! touch /tmp/owned\""]);
        remove(pair);
    });
}

/// An earlier version made more in Keycloak's database, and in the schema that is Keycloak's.
#[test]
fn what_an_earlier_version_made_in_keycloaks_database_goes_where_it_belongs() {
    with_pair_alone(async |pair| {
        let control = EngineControl::new(topology(pair), engines());
        control.provision(&vm1(), &wanted()).await.unwrap();
        let inside = |statement: &str| sql(&pair.primary(), MALLORY, statement);
        for statement in [
            "DROP SCHEMA ha CASCADE",
            "CREATE EXTENSION pg_walinspect SCHEMA public",
            "CREATE SCHEMA ha",
            "CREATE EXTENSION file_fdw SCHEMA ha",
            "CREATE SERVER ha_host FOREIGN DATA WRAPPER file_fdw",
            "CREATE FOREIGN TABLE ha.host (line text) SERVER ha_host OPTIONS (program 'df')",
            "GRANT USAGE ON SCHEMA ha TO ha_probe",
            "GRANT SELECT ON ha.host TO ha_probe",
            "GRANT CONNECT ON DATABASE mallory TO ha_probe",
        ] {
            inside(statement);
        }
        for _ in 0..2 {
            control.provision(&vm1(), &wanted()).await.unwrap();
            assert_eq!(made(pair), "ha postgres 0 2");
            assert_eq!(inside("SELECT has_database_privilege('ha_probe', 'mallory', 'CONNECT')"), "f");
        }
        // A grant that somebody has taken away is given again.
        inside("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ha FROM mallory");
        inside("REVOKE ALL ON SCHEMA ha FROM mallory");
        control.provision(&vm1(), &wanted()).await.unwrap();
        assert_eq!(made(pair), "ha postgres 0 2");
        remove(pair);
    });
}
