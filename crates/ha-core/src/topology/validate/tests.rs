use super::*;
use crate::topology::HookCommand;
use proptest::prelude::*;

fn pair() -> TopologySpec {
    TopologySpec::new("sso", "https://sso.example.org")
        .node(NodeSpec::primary("vm1", "192.0.2.11"))
        .node(NodeSpec::standby("vm2", "192.0.2.12"))
}

/// Changes a good description and expects exactly one problem, at `path`, saying `words`.
#[track_caller]
fn check(change: impl FnOnce(&mut TopologySpec), path: &str, words: &str) {
    let mut spec = pair();
    change(&mut spec);
    let problems = spec.validate().expect_err("it was accepted");
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert_eq!(problems[0].path.to_string(), path);
    assert!(problems[0].message.contains(words), "{}", problems[0].message);
    assert!(!problems[0].help.is_empty());
}

#[test]
fn a_pair_with_defaults_is_fine() {
    let topology = pair().validate().unwrap();
    assert_eq!(topology.initial_primary().name.as_str(), "vm1");
    assert_eq!(topology.postgres.max_connections, 128);
    assert_eq!(topology.nodes()[1].keycloak_url(), "http://192.0.2.12:3124");
}

#[test]
fn any_number_of_standbys_is_fine() {
    let spec = pair().node(NodeSpec::standby("vm3", "192.0.2.13")).node(NodeSpec::standby("vm4", "192.0.2.14"));
    assert_eq!(spec.validate().unwrap().nodes().len(), 4);
}

#[test]
fn every_mistake_is_said_at_its_place() {
    check(|s| s.cluster.name = "My SSO".into(), "cluster.name", "lowercase");
    check(|s| s.cluster.public_url = "sso.example.org".into(), "cluster.public_url", "https://");
    check(|s| s.cluster.public_url = "https://user@host".into(), "cluster.public_url", "issuer");
    check(|s| s.images.postgres = "postgres".into(), "images.postgres", "no tag");
    check(|s| s.nodes[1].address = "vm2.example.org".into(), "nodes[1].address", "no IP address");
    check(|s| s.nodes[1].address = "0.0.0.0".into(), "nodes[1].address", "no host's address");
    check(|s| s.nodes[1].address = "127.0.0.1".into(), "nodes[1].address", "no other host");
    for six in ["2001:db8::4", "fd00::1", "::ffff:192.0.2.12", "::"] {
        check(|s| s.nodes[1].address = six.into(), "nodes[1].address", "no IPv6");
    }
    check(|s| s.nodes[1].name = "vm1".into(), "nodes[1].name", "second time");
    check(|s| s.nodes[1].role = "primary".into(), "nodes[1].role", "another");
    check(|s| s.nodes[0].role = "standby".into(), "nodes", "no primary");
    check(|s| s.nodes[0].role = "master".into(), "nodes[0].role", "master");
    check(|s| s.nodes[0].docker = "tcp://192.0.2.11:2375".into(), "nodes[0].docker", "root");
    check(|s| s.nodes[0].keycloak_port = 5432, "nodes[0].keycloak_port", "taken");
    check(|s| s.nodes[1].admit = vec!["192.0.2.0/33".into()], "nodes[1].admit", "network");
    check(|s| s.replication.durability = "sync".into(), "replication.durability", "two hosts");
    check(|s| s.replication.slot_keep_mib = 256, "replication.slot_keep_mib", "wal_keep_mib");
    check(|s| s.postgres.max_connections = 30, "postgres.max_connections", "too few");
    // Enough for one pool of 50, and not for one that starts again beside it.
    check(|s| s.postgres.max_connections = 127, "postgres.max_connections", "needs 108");
    for reserved in ["superuser_reserved_connections", "reserved_connections"] {
        let set = |s: &mut TopologySpec| drop(s.postgres.settings.insert(reserved.to_owned(), "0".to_owned()));
        check(set, &format!("postgres.settings.{reserved}"), "set by ha-cli");
    }
    check(|s| s.postgres.database = "template1".to_owned(), "postgres.database", "reserved");
    check(|s| s.postgres.user = "postgres".into(), "postgres.user", "reserved");
    check(|s| s.postgres.database = "replication".into(), "postgres.database", "reserved");
    check(|s| s.hooks.on_promote = Some(vec![]), "hooks.on_promote", "empty list");
    check(|s| s.hooks.on_demote = Some(vec![" ".into(), "x".into()]), "hooks.on_demote", "no program");
    check(|s| s.hooks.on_failover = Some(vec!["x".into(), "a\0b".into()]), "hooks.on_failover", "NUL");
    check(|s| s.hooks.on_health = Some(vec![String::new()]), "hooks.on_health", "no program");
    check(|s| s.hooks.timeout_seconds = 0, "hooks.timeout_seconds", "is 0");
    check(|s| s.hooks.timeout_seconds = 601, "hooks.timeout_seconds", "is 601");
    check(|s| s.keycloak.proxy_headers = "yes".into(), "keycloak.proxy_headers", "yes");
    for admin in ["me", "the boss", "o'neil", "Ad$min", "a\\b", "root#1", "a/b", "boss`s", "50%", "§§§"] {
        check(|s| s.keycloak.admin = admin.into(), "keycloak.admin", "is ");
    }
    check(|s| s.keycloak.admin = "b".repeat(256), "keycloak.admin", "is ");
    check(
        |s| drop(s.postgres.settings.insert("wal_level".into(), "minimal".into())),
        "postgres.settings.wal_level",
        "itself",
    );
    let option = |name: &'static str, words: &str| {
        check(|s| drop(s.keycloak.options.insert(name.into(), "x".into())), &format!("keycloak.options.{name}"), words);
    };
    option("db-url", "itself");
    option("http-relative-path", "public_url");
    option("cache-stack", "local caches");
    option("proxy-trusted-addresses", "proxy_headers");
    option("DB-URL", "no option");
    option("KC_DB_URL", "no option");
    option("kc.db-url", "no option");
    option("quarkus.datasource.jdbc.url", "no option");
    option("loglevel", "no option");
    let features = |s: &mut TopologySpec| drop(s.keycloak.options.insert("features".into(), "scripts,preview".into()));
    check(features, "keycloak.options.features", "has preview");
    let setting = |name: &'static str, words: &str| {
        check(
            |s| drop(s.postgres.settings.insert(name.into(), "1".into())),
            &format!("postgres.settings.{name}"),
            words,
        );
    };
    setting("WAL_Level", "itself");
    setting("fsync", "acknowledged");
    setting("Synchronous_Commit", "durability");
    setting("ha.durability", "itself");
    setting("work_men", "no setting");
    setting("work_mem\nfsync", "no setting");
    setting("include", "no setting");
    check(|s| s.postgres.user = "public".into(), "postgres.user", "reserved");
    check(|s| s.postgres.database = "template1".into(), "postgres.database", "reserved");
    for path in ["//auth", "/a/../b", "/a b", "/a%20b", "/a;b", "/a{b", "/ä"] {
        check(|s| s.cluster.public_url.push_str(path), "cluster.public_url", "");
    }
    check(|s| s.cluster.public_url = "https://exämple.org".into(), "cluster.public_url", "xn--");
}

#[test]
fn a_setting_that_stands_twice_is_said_at_both_places() {
    let mut spec = pair();
    for name in ["work_mem", "Work_Mem"] {
        spec.postgres.settings.insert(name.to_owned(), "8MB".to_owned());
    }
    let problems = spec.validate().unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert_eq!(problems[0].related, Some(FieldPath::of("postgres", "settings").then("Work_Mem")));
}

#[test]
fn names_that_are_too_long_together_are_refused_at_the_second() {
    // Of 63 characters, "-postgres" and a dash take ten.
    let long = |length: usize| "a".repeat(length);
    check(|s| (s.cluster.name, s.nodes[1].name) = (long(14), long(40)), "nodes[1].name", "longer than 63");
    check(|s| (s.cluster.name, s.nodes[1].name) = (long(40), long(14)), "nodes[1].name", &long(40));
    let mut spec = pair();
    (spec.cluster.name, spec.nodes[1].name) = (long(40), long(13));
    let topology = spec.validate().unwrap();
    let host = crate::layout::peer_endpoint(&topology, &topology.nodes()[1]).0;
    assert_eq!(host, "192.0.2.12");
    let name = crate::layout::container_name(&topology, &topology.nodes()[1].name, crate::layout::Component::Postgres);
    assert_eq!(name.len(), 63);
    // With both too long, each node is told.
    (spec.cluster.name, spec.nodes[0].name, spec.nodes[1].name) = (long(40), long(39), long(40));
    let problems = spec.validate().unwrap_err();
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.to_string()).collect();
    assert_eq!(paths, ["nodes[0].name", "nodes[1].name"]);
    assert!(problems[0].help.contains("26 or more"), "{}", problems[0].help);
}

#[test]
fn a_hook_is_a_program_and_its_arguments() {
    let mut spec = pair();
    spec.hooks.on_promote = Some(vec!["/bin/tell".into(), "".into(), "a b".into()]);
    let hooks = spec.validate().unwrap().hooks;
    let expected = HookCommand { program: "/bin/tell".into(), arguments: vec![String::new(), "a b".into()] };
    assert_eq!(hooks.on_promote, Some(expected));
    assert_eq!((hooks.on_demote, hooks.on_failover, hooks.on_health), (None, None, None));
    assert_eq!(hooks.timeout.as_secs(), 10);
}

#[test]
fn two_nodes_on_one_port_name_both_places() {
    let mut spec = pair();
    spec.nodes[1].address = spec.nodes[0].address.clone();
    spec.nodes[1].postgres_port = 5432;
    let problems = spec.validate().unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].path, FieldPath::node(1, "postgres_port"));
    assert_eq!(problems[0].related, Some(FieldPath::node(0, "postgres_port")));
}

#[test]
fn all_problems_come_at_once() {
    let mut spec = pair();
    spec.cluster.name = String::new();
    spec.nodes[0].address = "x".into();
    spec.replication.durability = "maybe".into();
    assert_eq!(spec.validate().unwrap_err().len(), 3);
}

#[test]
fn loopback_is_for_the_demo() {
    let mut spec = pair();
    spec.cluster.demo = true;
    for node in &mut spec.nodes {
        node.address = "127.0.0.1".into();
    }
    spec.validate().unwrap();
}

proptest! {
    #[test]
    fn no_description_panics_and_a_valid_one_has_one_primary(
        name in "\\PC{0,12}", address in "([0-9.:a-f]{0,15}|\\PC{0,8})", role in "(primary|standby|replica|\\PC{0,6})",
        docker in "(local|unix:///x|tcp://h:1|ssh://h|\\PC{0,10})", port in 0u16.., url in "(https?://)?\\PC{0,12}",
    ) {
        let mut spec = pair();
        spec.cluster.public_url = url;
        let node = NodeSpec { name, address, role, docker, ..NodeSpec::standby("x", "x") }.ports(port, 3125);
        if let Ok(topology) = spec.node(node).validate() {
            let primaries = topology.nodes().iter().filter(|n| n.initial_role == DesiredRole::Primary).count();
            prop_assert_eq!(primaries, 1);
        }
    }
}
