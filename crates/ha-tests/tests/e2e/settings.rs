//! What a new cluster is laid out with: all that later role changes need, and nobody let in who need not be.

use std::collections::BTreeSet;
use std::time::Duration;

use ha_core::Cluster;
use ha_core::layout::Component;
use ha_core::steps::StepError;
use ha_core::topology::PostgresSetting;
use ha_tests::{Pair, PairOptions, engine_is_wanted};
use serde_json::Value;

use crate::host::{docker, on_volumes};
use crate::site::Site;
use crate::up;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_cluster_is_ready_for_role_changes_and_open_to_nobody_else() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    in_force(&pair).await;
    roles(&pair).await;
    admitted(&pair).await;
    containers(&pair);
    outside_the_data_directory(&pair);
    taken_back(&pair).await;
    changed(&pair).await;
}

async fn in_force(pair: &Pair) {
    for node in pair.topology().nodes() {
        for (setting, wanted) in [
            ("data_checksums", "on"),
            ("wal_log_hints", "on"),
            ("full_page_writes", "on"),
            ("max_slot_wal_keep_size", "4GB"),
            ("wal_keep_size", "512MB"),
            ("wal_retrieve_retry_interval", "200ms"),
            ("password_encryption", "scram-sha-256"),
            ("max_connections", "128"),
            ("reserved_connections", "10"),
            ("superuser_reserved_connections", "5"),
            ("hot_standby", "on"),
            ("recovery_target_timeline", "latest"),
            ("log_statement", "none"),
        ] {
            let found = pair.superuser(node, &format!("SHOW {setting}")).await.unwrap();
            assert_eq!(found, wanted, "{setting} of {}", node.name);
        }
        let wrong =
            pair.superuser(node, "SELECT count(*) FROM pg_file_settings WHERE error IS NOT NULL").await.unwrap();
        assert_eq!(wrong, "0", "lines of the configuration that are not in force on {}", node.name);
    }
    // Each of the server's own is in the list of what may be set, and what it only tells is not set.
    let all = pair
        .superuser(pair.primary(), "SELECT name, context FROM pg_settings WHERE name NOT LIKE '%.%'")
        .await
        .unwrap();
    assert!(all.lines().count() > 300, "{all}");
    for (name, context) in all.lines().filter_map(|line| line.split_once('|')) {
        let how = PostgresSetting::of(name).unwrap_or_else(|| panic!("{name} is in no list"));
        assert!(context != "internal" || how != PostgresSetting::Taken, "{name} cannot be set");
    }
    let slots = "SELECT slot_name, slot_type, active, wal_status, restart_lsn IS NOT NULL FROM pg_replication_slots";
    assert_eq!(pair.superuser(pair.primary(), slots).await.unwrap(), "ha_vm2|physical|t|reserved|t");
    let conninfo = pair.superuser(pair.standby(), "SHOW primary_conninfo").await.unwrap();
    assert!(conninfo.contains("passfile=") && !conninfo.contains("password="), "{conninfo}");
}

async fn roles(pair: &Pair) {
    let roles = "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, \
                 rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolcanlogin ORDER BY rolname";
    let found = pair.superuser(pair.primary(), roles).await.unwrap();
    let expected = "ha_probe|f|f|f|f|f|t\nha_replication|f|f|f|t|f|t\npostgres|t|t|t|t|t|\nselect|f|f|f|f|f|t";
    assert_eq!(found, expected);
    let limits = "SELECT rolname, rolconnlimit FROM pg_roles WHERE rolcanlogin ORDER BY rolname";
    let found = pair.superuser(pair.primary(), limits).await.unwrap();
    assert_eq!(found, "ha_probe|-1\nha_replication|-1\npostgres|-1\nselect|108");
    let owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'order'";
    assert_eq!(pair.superuser(pair.primary(), owner).await.unwrap(), "select");
    let monitor =
        "SELECT pg_has_role('ha_probe', 'pg_monitor', 'member'), pg_has_role('select', 'pg_monitor', 'member')";
    assert_eq!(pair.superuser(pair.primary(), monitor).await.unwrap(), "t|f");
}

/// Who gets in over the network, and who does not.
async fn admitted(pair: &Pair) {
    for node in pair.topology().nodes() {
        let secrets = pair.cluster().secrets();
        let knock = |user: &'static str, database: &'static str, password: String| {
            let mut config = tokio_postgres::Config::new();
            config.host(node.address.to_string()).port(node.postgres_port).user(user).dbname(database);
            config.password(password).connect_timeout(Duration::from_secs(10));
            async move { config.connect(tokio_postgres::NoTls).await.map(drop) }
        };
        knock("select", "order", secrets.keycloak_db_password.expose().to_owned()).await.unwrap();
        knock("ha_probe", "postgres", secrets.probe_password.expose().to_owned()).await.unwrap();
        for (user, database, password) in [
            ("postgres", "order", "anything"),
            ("postgres", "postgres", ""),
            ("select", "postgres", secrets.keycloak_db_password.expose()),
            ("select", "order", "wrong"),
            ("ha_replication", "order", secrets.replication_password.expose()),
            ("ha_probe", "order", secrets.probe_password.expose()),
            ("stranger", "order", "anything"),
        ] {
            let error = knock(user, database, password.to_owned()).await.expect_err(user);
            // 28000: pg_hba.conf has no entry; 28P01: wrong password.
            let state = error.code().map(tokio_postgres::error::SqlState::code);
            let expected = if password == "wrong" { "28P01" } else { "28000" };
            assert_eq!(state, Some(expected), "{user} on {database} of {}: {error}", node.name);
        }
    }
    let methods = "SELECT DISTINCT auth_method FROM pg_hba_file_rules WHERE type <> 'local' AND error IS NULL";
    assert_eq!(pair.superuser(pair.primary(), methods).await.unwrap(), "scram-sha-256");
}

fn containers(pair: &Pair) {
    for node in pair.topology().nodes() {
        let inspected = docker(&["inspect", &pair.container(node, Component::Postgres)]);
        let all: Value = serde_json::from_str(&inspected).unwrap();
        let host = &all[0]["HostConfig"];
        let published: BTreeSet<_> = host["PortBindings"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|bindings| bindings.as_array().unwrap())
            .map(|binding| (binding["HostIp"].as_str().unwrap(), binding["HostPort"].as_str().unwrap().to_owned()))
            .collect();
        assert_eq!(published, BTreeSet::from([("127.0.0.1", node.postgres_port.to_string())]));
        assert_eq!(host["Privileged"], false);
        rights(&pair.container(node, Component::Postgres), Component::Postgres);
        assert_eq!(host["RestartPolicy"]["Name"], "unless-stopped");
        let log = &host["LogConfig"];
        let bounded = log["Type"] == "local" || log["Config"]["max-size"].is_string();
        assert!(bounded, "Docker's own log of it grows without end: {log}");
    }
}

/// What a container may do, as the kernel says: its first process, and the most that any other in it can have.
#[track_caller]
pub(crate) fn rights(container: &str, component: Component) {
    let status = docker(&["exec", container, "cat", "/proc/1/status"]);
    let of = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
    let bound = match component {
        // CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID: bits 0, 1, 3, 5, 6, 7.
        Component::Postgres => "00000000000000eb",
        Component::Keycloak => "0000000000000000",
    };
    assert_eq!(of("CapBnd:"), bound, "{container}: {status}");
    assert_eq!((of("CapEff:"), of("CapPrm:")), ("0".repeat(16), "0".repeat(16)), "{container} runs as its user");
    assert_eq!(of("NoNewPrivs:"), "1", "{container}");
    let probing = docker(&["exec", container, "cat", "/proc/sys/net/ipv4/tcp_mtu_probing"]);
    assert_eq!(probing.trim(), "1", "{container} is lost behind a link with a small MTU");
    let limit = docker(&["inspect", "-f", "{{.HostConfig.PidsLimit}}", container]);
    assert!(limit.trim().parse::<u32>().is_ok_and(|limit| limit > 500), "{container}: {limit}");
}

/// A base backup or a rewind overwrites what is in the data directory.
fn outside_the_data_directory(pair: &Pair) {
    let name = pair.topology().cluster.name.to_string();
    for node in ["vm1", "vm2"] {
        let found = on_volumes(&name, node, "cat /state/identity; ls /state/config");
        let mut lines = found.lines();
        assert!(lines.next().unwrap().parse::<u64>().is_ok(), "{found}");
        let files: BTreeSet<_> = lines.collect();
        for file in ["postgresql.conf", "pg_hba.conf", "passfile"] {
            assert!(files.contains(file), "{node} lacks {file}: {found}");
        }
        assert_eq!(files.contains("upstream.conf"), node == "vm2", "{found}");
        assert_eq!(on_volumes(&name, node, "stat -c %a /state/config/passfile"), "600");
    }
}

/// Whoever has the last word on a setting is named, and what takes it back does.
async fn taken_back(pair: &Pair) {
    let site = Site::of(pair);
    let run = async |statement: &str| pair.superuser(pair.primary(), statement).await.unwrap();
    let set = |profile: &str| site.run(&["replication", "set", profile, "--yes"]);
    for (profile, source, setting, value) in [
        ("strict", "ALTER SYSTEM", "synchronous_commit", "off"),
        ("strict", "ALTER ROLE \"select\" IN DATABASE \"order\"", "synchronous_commit", "local"),
        ("strict", "ALTER SYSTEM", "synchronous_standby_names", "''"),
        ("async", "ALTER SYSTEM", "synchronous_standby_names", "'*'"),
    ] {
        run(&format!("{source} SET {setting} = {value}")).await;
        run("SELECT pg_reload_conf()").await;
        let told = set(profile).ends_with(3);
        assert!(told.out.contains("NOT in force") && told.out.contains(setting), "{told:#?}");
        // As the help says, word by word.
        let help = told.out.lines().find(|line| line.trim_start().starts_with("help:")).unwrap();
        let statements: Vec<_> = help.split('`').skip(1).step_by(2).collect();
        assert_eq!(statements, [format!("{source} RESET {setting}").as_str(), "SELECT pg_reload_conf()"], "{help}");
        for statement in statements {
            run(statement).await;
        }
        set(profile).ends_with(0);
    }
    // What [postgres.settings] says is no promise of the profile's: told, and done all the same.
    site.edit(|file| format!("{file}\n[postgres.settings]\nwork_mem = \"8MB\"\n"));
    run("ALTER SYSTEM SET work_mem = '6MB'").await;
    run("SELECT pg_reload_conf()").await;
    let told = set("async").ends_with(0);
    assert!(told.out.contains("[setting-not-in-force]") && told.out.contains("ALTER SYSTEM RESET"), "{told:#?}");
    run("ALTER SYSTEM RESET work_mem").await;
    run("SELECT pg_reload_conf()").await;
}

/// A change of settings: tried before anything stops, taken in the order that it needs, taken back where it does not do.
async fn changed(pair: &Pair) {
    let with = |name: &str, value: &str| {
        let mut topology = pair.topology().clone();
        if name == "max_connections" {
            topology.postgres.max_connections = value.parse().unwrap();
        } else {
            topology.postgres.settings.insert(name.to_owned(), value.to_owned());
        }
        up::variant(pair, topology, pair.cluster().secrets().clone())
    };
    let servers = || {
        let nodes = pair.topology().nodes().iter();
        nodes.map(|node| docker(&["inspect", "--format", "{{.Id}}", &pair.container(node, Component::Postgres)]))
    };
    let both = async |setting: &str, value: &str| {
        for node in pair.topology().nodes() {
            let found = pair.superuser(node, &format!("SHOW {setting}")).await.unwrap();
            assert_eq!(found, value, "{setting} of {}", node.name);
        }
    };

    let before: Vec<_> = servers().collect();
    let cannot_start = [
        ("work_mem", "4GBB", "4GBB"),
        ("shared_preload_libraries", "no_such_library", "no_such_library"),
        ("session_preload_libraries", "no_such_either", "no_such_either"),
        ("shared_buffers", "4TB", "shared memory"),
        ("huge_pages", "on", "huge pages"),
    ];
    for (name, value, words) in cannot_start {
        let error = failure(&with(name, value)).await;
        assert!(matches!(error, StepError::Settings(_)), "{error:?}");
        let said = error.to_string();
        assert!(said.contains(words), "PostgreSQL's own words: {said}");
        assert_eq!(servers().collect::<Vec<_>>(), before, "something was stopped for {name}");
    }

    // Up the standby goes first, down the primary does: the other way round a standby does not start.
    for connections in ["150", "128"] {
        let cluster = with("max_connections", connections);
        let plan = up::plan(&cluster).await.unwrap();
        up::run(&cluster, &plan).await.unwrap();
        both("max_connections", connections).await;
        up::replicates(pair, &format!("connections_{connections}")).await;
    }

    // An empty server takes it, the primary with its slot does not: it has the old ones again, and `up` is not done.
    let cluster = with("max_replication_slots", "0");
    let error = failure(&cluster).await;
    let StepError::PutBack { log, .. } = &error else { panic!("{error:?}") };
    assert!(log.contains("max_replication_slots"), "{log}");
    assert_ne!(pair.superuser(pair.primary(), "SHOW max_replication_slots").await.unwrap(), "0");
    up::replicates(pair, "put_back").await;
    assert!(!up::plan(&cluster).await.unwrap().is_empty());
}

/// The first failure of an `up` of both servers; the nodes' settings are tried at the same time.
async fn failure(cluster: &Cluster) -> StepError {
    let plan = up::plan(cluster).await.expect("it can be planned");
    up::run(cluster, &plan).await.expect_err("a step must fail").failures.remove(0).error
}
