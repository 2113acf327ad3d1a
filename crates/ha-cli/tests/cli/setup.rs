//! `setup` without a terminal.

use crate::Place;

const PAIR: &[&str] =
    &["setup", "--public-url", "https://sso.example.org", "--primary", "vm1=192.0.2.11", "--standby", "vm2=192.0.2.12"];

fn settings(place: &Place) -> serde_json::Value {
    place.run(&["config", "show", "--output", "json"]).ends_with(0).json()
}

#[track_caller]
fn value(json: &serde_json::Value, path: &str) -> String {
    let settings = json["settings"].as_array().unwrap();
    let found = settings.iter().find(|setting| setting["path"] == path).unwrap_or_else(|| panic!("no {path}"));
    found["value"].as_str().unwrap().to_owned()
}

#[test]
fn what_it_writes_passes_its_own_check() {
    let place = Place::new();
    let ran = place.run(PAIR).ends_with(0);
    assert_eq!(place.files(), ["ha.secrets.toml", "ha.toml"]);
    assert_eq!((place.mode("ha.secrets.toml"), place.mode("ha.toml")), (0o600, 0o644));
    let text = place.read("ha.toml");
    let id = text.lines().find_map(|line| line.strip_prefix("id = \"")?.strip_suffix('"')).unwrap();
    insta::assert_snapshot!("written_file", text.replace(id, "ID"));
    insta::assert_snapshot!("written_report", ran.out);
    let checked = place.run(&["config", "check", "--offline"]).ends_with(0);
    assert_eq!(checked.err, "");
    // Written anew for the same cluster, it stays the same cluster; elsewhere, it is another one.
    place.run(&[PAIR, &["--force"]].concat()).ends_with(0);
    assert!(place.read("ha.toml").contains(id), "the id is gone");
    let another = Place::new();
    another.run(PAIR).ends_with(0);
    assert!(!another.read("ha.toml").contains(id), "two clusters have one id");
}

#[test]
fn secrets_are_strong_all_different_and_not_shown() {
    let place = Place::new();
    let ran = place.run(&[PAIR, &["--output", "json", "-vv"]].concat()).ends_with(0);
    let text = place.read("ha.secrets.toml");
    let mut secrets: Vec<&str> =
        text.lines().filter_map(|line| line.split_once(" = ")).map(|(_, v)| v.trim_matches('"')).collect();
    assert_eq!(secrets.len(), 6);
    for secret in &secrets {
        assert!(secret.len() == 32 && !ran.out.contains(secret) && !ran.err.contains(secret));
    }
    secrets.sort_unstable();
    secrets.dedup();
    assert_eq!(secrets.len(), 6);
    assert_eq!(ran.json()["file"], "ha.toml");
}

#[test]
fn missing_answers_are_named_together() {
    let place = Place::new();
    let ran = place.run(&["setup"]).ends_with(2);
    insta::assert_snapshot!(ran.err);
    assert!(place.files().is_empty());
}

#[test]
fn wrong_answers_are_named_together() {
    let place = Place::new();
    let ran = place
        .run(&[
            "setup",
            "--non-interactive",
            "--cluster-name",
            "My SSO",
            "--public-url",
            "sso.example.org",
            "--primary",
            "vm1=here",
            "--standby",
            "vm1=192.0.2.12",
            "--database-user",
            "postgres",
            "--postgres-image",
            "postgres",
        ])
        .ends_with(2);
    insta::assert_snapshot!(ran.err);
    assert!(place.files().is_empty());
    let ran = place.run(&[PAIR, &["--docker", "vm3=local", "--postgres-port", "vm1=many"]].concat()).ends_with(2);
    assert!(
        ran.err.contains("vm3=local: there is no such node") && ran.err.contains("vm1=many: a port"),
        "{}",
        ran.err
    );
    assert!(place.files().is_empty());
}

#[test]
fn every_answer_can_be_an_option() {
    let place = Place::new();
    place.write("db", "the database one\n").write("repl", "the replication one\n");
    let options = [
        "--cluster-name",
        "prod",
        "--standby",
        "vm3=192.0.2.13",
        "--database",
        "kc",
        "--database-user",
        "kcuser",
        "--admin",
        "boss",
        "--proxy-headers",
        "xforwarded",
        "--durability",
        "strict",
        "--postgres-image",
        "registry.example.org/postgres:17.6",
        "--keycloak-image",
        "registry.example.org/keycloak:26.7",
        "--docker",
        "primary=ssh://root@192.0.2.11",
        "--docker",
        "vm2=tcp://192.0.2.12:2376",
        "--docker-certificates",
        "vm2=certs",
        "--postgres-port",
        "primary=6000",
        "--keycloak-port",
        "vm3=7000",
        "--admit",
        "vm2=198.51.100.0/24",
        "--database-password-file",
        "db",
        "--replication-password-file",
        "repl",
        "--admin-password-file",
        "-",
    ];
    place.run_with_input(&[PAIR, &options].concat(), "the admin one\n").ends_with(0);
    place.run(&["config", "check", "--offline"]).ends_with(0);
    let json = settings(&place);
    for (path, expected) in [
        ("cluster.name", "prod"),
        ("cluster.public_url", "https://sso.example.org"),
        ("images.postgres", "registry.example.org/postgres:17.6"),
        ("images.keycloak", "registry.example.org/keycloak:26.7"),
        ("postgres.database", "kc"),
        ("postgres.user", "kcuser"),
        ("keycloak.admin", "boss"),
        ("keycloak.proxy_headers", "xforwarded"),
        ("replication.durability", "strict"),
        ("nodes[0].docker", "ssh://root@192.0.2.11"),
        ("nodes[0].postgres_port", "6000"),
        ("nodes[1].docker", "tcp://192.0.2.12:2376"),
        ("nodes[1].docker_certificates", "certs"),
        ("nodes[1].admit", "198.51.100.0/24"),
        ("nodes[2].name", "vm3"),
        ("nodes[2].keycloak_port", "7000"),
    ] {
        assert_eq!(value(&json, path), expected, "{path}");
    }
    let secrets = place.read("ha.secrets.toml");
    for line in [
        "keycloak_db_password = \"the database one\"",
        "replication_password = \"the replication one\"",
        "keycloak_admin_password = \"the admin one\"",
    ] {
        assert!(secrets.contains(line), "{line}");
    }
}

#[test]
fn passwords_come_from_the_environment_and_awkward_ones_survive() {
    let place = Place::new();
    let awkward = r#"a"b\c'd#e = é$`"#;
    place.run_with(PAIR, &[("HA_DATABASE_PASSWORD", awkward)]).ends_with(0);
    place.run(&["config", "check", "--offline"]).ends_with(0);
    let text = place.read("ha.secrets.toml");
    let table: toml::Table = text.parse().unwrap();
    assert_eq!(table["keycloak_db_password"].as_str(), Some(awkward));
    let place = Place::new();
    let ran = place.run_with(PAIR, &[("HA_ADMIN_PASSWORD", "canary")]).ends_with(2);
    assert!(ran.err.contains("HA_ADMIN_PASSWORD is shorter") && !ran.err.contains("canary"), "{}", ran.err);
    assert!(place.files().is_empty());
}

#[test]
fn the_demo_needs_no_answer() {
    let place = Place::new();
    let ran = place.run(&["setup", "--demo"]).ends_with(0);
    assert!(ran.out.ends_with("Next: ha-cli up\n"), "{}", ran.out);
    place.run(&["config", "check", "--offline"]).ends_with(0);
    let json = settings(&place);
    for (path, expected) in [
        ("cluster.demo", "true"),
        ("cluster.public_url", "http://localhost:3123"),
        ("nodes[0].address", "127.0.0.1"),
        ("nodes[0].postgres_port", "5432"),
        ("nodes[0].keycloak_port", "3123"),
        ("nodes[1].address", "127.0.0.1"),
        ("nodes[1].postgres_port", "5433"),
        ("nodes[1].keycloak_port", "3124"),
    ] {
        assert_eq!(value(&json, path), expected, "{path}");
    }
    let other = Place::new();
    other.run(&["setup", "--demo", "--keycloak-port", "vm1=8080"]).ends_with(0);
    assert_eq!(value(&settings(&other), "cluster.public_url"), "http://localhost:8080");
}

#[test]
fn what_exists_stays_unless_forced_and_then_its_secrets_stay() {
    let place = Place::new();
    place.run(PAIR).ends_with(0);
    let (file, secrets) = (place.read("ha.toml"), place.read("ha.secrets.toml"));
    let ran = place.run(PAIR).ends_with(2);
    insta::assert_snapshot!(ran.err);
    assert_eq!((place.read("ha.toml"), place.read("ha.secrets.toml")), (file.clone(), secrets.clone()));
    place.run(&[PAIR, &["--force", "--admin", "boss"]].concat()).ends_with(0);
    assert_ne!(place.read("ha.toml"), file);
    assert_eq!(place.read("ha.secrets.toml"), secrets);
    // Secrets alone are worth as much: they may be those of a running cluster.
    std::fs::remove_file(place.path("ha.toml")).unwrap();
    place.run(PAIR).ends_with(2);
    assert_eq!(place.files(), ["ha.secrets.toml", "ha.toml.old"]);
}

#[test]
fn another_place_is_named_in_the_next_command() {
    let place = Place::new();
    let ran = place.run(&["setup", "--demo", "--config", "etc/two.toml"]).ends_with(0);
    assert!(ran.out.ends_with("Next: ha-cli up --config etc/two.toml\n"), "{}", ran.out);
    assert_eq!(place.mode("etc/two.secrets.toml"), 0o600);
    place.run(&["config", "check", "--offline", "--config", "etc/two.toml"]).ends_with(0);
}

#[test]
fn a_folder_that_cannot_be_written_leaves_nothing() {
    let place = Place::new();
    place.write("file", "");
    let ran = place.run(&["setup", "--demo", "--config", "file/ha.toml"]).ends_with(1);
    assert!(ran.err.contains("could not be written"), "{}", ran.err);
    assert_eq!(place.files(), ["file"]);
}

#[test]
fn forced_it_keeps_what_no_option_gives() {
    let place = Place::new();
    place
        .run(&[PAIR, &["--docker", "vm2=tcp://192.0.2.12:2376", "--docker-certificates", "vm2=certs"]].concat())
        .ends_with(0);
    let more = "\n# mine\n[postgres.settings]\nwork_mem = \"9MB\"\n\n[keycloak.options]\nlog-level = \"debug\"\n\n[hooks]\non_promote = [\"tell\"]\n";
    let old = place.read("ha.toml") + more;
    place.write("ha.toml", &old);
    let ran = place
        .run(&[
            "setup",
            "--non-interactive",
            "--force",
            "--admin",
            "boss",
            "--standby",
            "vm2=192.0.2.99",
            "--primary",
            "vm1=192.0.2.11",
        ])
        .ends_with(0);
    let json = settings(&place);
    for (path, expected) in [
        ("keycloak.admin", "boss"),
        ("cluster.public_url", "https://sso.example.org"),
        ("nodes[1].address", "192.0.2.99"),
        ("nodes[1].docker", "tcp://192.0.2.12:2376"),
    ] {
        assert_eq!(value(&json, path), expected, "{path}");
    }
    let new = place.read("ha.toml");
    for kept in ["9MB", "debug", "tell", "\"certs\""] {
        assert!(new.contains(kept), "{kept}: {new}");
    }
    assert!(ran.out.contains("ha.toml.old") && place.read("ha.toml.old") == old, "{}", ran.out);
    // Nothing changes the file again.
    place.run(&["setup", "--non-interactive", "--force"]).ends_with(0);
    assert_eq!(place.read("ha.toml"), new);
    assert_eq!(place.read("ha.toml.old"), old);
    // What others could have changed is not taken over.
    place.chmod("ha.toml", 0o666);
    let ran = place.run(&["setup", "--non-interactive", "--force", "--admin", "chief"]).ends_with(2);
    assert!(ran.err.contains("can be changed by others (mode 0666)"), "{}", ran.err);
    assert_eq!((place.read("ha.toml"), place.mode("ha.toml")), (new, 0o666));
    place.chmod("ha.toml", 0o644);
    // What cannot be read cannot be kept.
    place.write("ha.toml", "schema = 1\n[nonsense");
    let ran = place.run(&[PAIR, &["--force"]].concat()).ends_with(2);
    assert!(ran.err.contains("mend it, or remove it"), "{}", ran.err);
    assert_eq!(place.read("ha.toml"), "schema = 1\n[nonsense");
}

#[test]
fn a_trial_takes_nodes_that_are_named() {
    let place = Place::new();
    let nodes = ["--primary", "alice=127.0.0.1", "--standby", "bob=127.0.0.1", "--standby", "carol=127.0.0.1"];
    place.run(&[&["setup", "--demo"][..], &nodes].concat()).ends_with(0);
    place.run(&["config", "check", "--offline"]).ends_with(0);
    let json = settings(&place);
    assert_eq!(
        (value(&json, "nodes[0].name"), value(&json, "nodes[2].name")),
        ("alice".to_owned(), "carol".to_owned())
    );
    assert!(place.read("ha.toml").contains("3125"), "a port of its own for the third");
    place.run(&["setup", "--demo", "--force", "--admin", "boss"]).ends_with(0);
    let json = settings(&place);
    assert_eq!((value(&json, "nodes[1].name"), value(&json, "keycloak.admin")), ("bob".to_owned(), "boss".to_owned()));
    let place = Place::new();
    place.run(&["setup", "--demo", "--standby", "vm1=127.0.0.1"]).ends_with(0);
    place.run(&["config", "check", "--offline"]).ends_with(0);
}

#[test]
fn one_address_twice_is_warned_of_at_once() {
    let place = Place::new();
    let twice = [
        "setup",
        "--non-interactive",
        "--public-url",
        "https://sso.example.org",
        "--primary",
        "vm1=192.0.2.11",
        "--standby",
        "vm2=192.0.2.11",
    ];
    let ran = place.run(&twice).ends_with(0);
    assert!(ran.err.contains("vm1 and vm2 have one address, 192.0.2.11"), "{}", ran.err);
    let ran = place.run(&["config", "check", "--offline"]).ends_with(0);
    assert!((ran.out + &ran.err).contains("lost together"), "and by every check");
}

#[test]
fn the_next_command_is_one_that_works() {
    let place = Place::new();
    let options = ["setup", "--non-interactive", "--public-url", "https://sso.example.org"];
    // This machine is the primary's host, and sees no other: nobody else can say that there is no database yet. (Loopback
    // is no address of a node, so one of this machine's own is looked for.)
    let own =
        if_addrs::get_if_addrs().unwrap().into_iter().map(|it| it.ip()).find(|ip| ip.is_ipv4() && !ip.is_loopback());
    let Some(own) = own else { return };
    let (primary, standby) = (format!("vm1={own}"), format!("vm2={own}"));
    let ran = place.run(&[&options[..], &["--primary", &primary, "--standby", "vm2=192.0.2.12"]].concat()).ends_with(0);
    assert!(ran.out.contains("Next, here: ha-cli up vm1 --bootstrap\n"), "{}", ran.out);
    let place = Place::new();
    let ran = place.run(&[&options[..], &["--primary", "vm1=192.0.2.11", "--standby", &standby]].concat()).ends_with(0);
    assert!(ran.out.contains("Once the primary is up, here: ha-cli up vm2\n"), "{}", ran.out);
}
