//! One whole pair through the program, from `setup` to `down --volumes`, with what goes wrong on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ha_core::layout::Component;
use ha_tests::engine_is_wanted;
use serde_json::Value;

use crate::host::{docker, label, on_volumes, try_docker};
use crate::settings::rights;
use crate::site::{Site, until};
use crate::{doctor, monitor, told};

// Everything that a file format, a shell or a connection string could take for its own; and each with a word by which
// it is found again however it was escaped.
const DATABASE: &str = r##"Zq7Database p'a"s $a ${b} $${c} \d \$e \${f} #g !h {i} =j :k @l %m & äöü€ \\"##;
const REPLICATION: &str = r##"Zq7Replication :a\b\:c 'd' "e" $f #g äöü"##;
const ADMIN: &str = r##"Zq7Admin &a=b 'c' "d" \e ${f} #g %20 äöü€"##;

#[test]
fn one_pair_from_setup_to_its_end() {
    if !engine_is_wanted() {
        return;
    }
    let passwords =
        [("HA_DATABASE_PASSWORD", DATABASE), ("HA_REPLICATION_PASSWORD", REPLICATION), ("HA_ADMIN_PASSWORD", ADMIN)];
    let site = Site::demo(&passwords);
    let mut said = Vec::new();
    shows_and_does_nothing(&site);
    survives_interruptions(&site, &mut said);
    has_nothing_more_to_do(&site);
    is_healthy(&site);
    works(&site);
    merges_its_logs(&site);
    told::how_full_each_heap_is(&site);
    doctor::finds_nothing_in_the_way(&site);
    monitor::tells_each_look_and_each_change(&site);
    verify_leaves_nothing_when_interrupted(&site);
    hides_its_secrets(&site, &said);
    may_do_no_more_than_it_must(&site);
    is_told_what_is_wrong(&site);
    takes_a_changed_file(&site);
    its_client_is_made_whole(&site);
    told::that_the_wal_may_not_be_read(&site);
    changes_roles(&site);
    loses_its_primary(&site);
    goes_down_and_comes_back(&site);
    refuses_two_primaries(&site);
    leaves_nothing(&site);
}

fn shows_and_does_nothing(site: &Site) {
    let ran = site.run(&["up", "--dry-run", "--output", "json"]).ends_with(0);
    let plan = ran.json();
    let actions: Vec<_> = plan["steps"].as_array().unwrap().iter().map(|it| it["action"].as_str().unwrap()).collect();
    for action in ["prepare-volumes", "init-database", "copy-database", "start-postgres", "start-keycloak"] {
        assert!(actions.contains(&action), "{plan}");
    }
    assert_eq!(of_the_cluster(site), "", "a dry run makes nothing");
    site.run(&["status"]).ends_with(4);
}

/// SIGKILL at each kind of step, ctrl-c during the base backup; each time the next run goes on.
fn survives_interruptions(site: &Site, said: &mut Vec<String>) {
    let mut system = None;
    for (step, signal) in [
        ("create network and volumes …", "KILL"),
        ("initdb) …", "KILL"),
        ("start PostgreSQL …", "KILL"),
        ("set up roles", "KILL"),
        ("pg_basebackup) …", "INT"),
        ("start Keycloak …", "KILL"),
        ("set up Keycloak's administrator", "KILL"),
    ] {
        let mut up = site.start(&["-vv", "up", "--yes"]);
        // The plan is shown first: only what begins ends with dots.
        let begun = up.says(|line| line.contains(step.trim_end_matches(" …")) && line.ends_with('…'));
        assert!(begun, "{step} was never begun: {}", up.so_far());
        up.signal(signal);
        let ran = up.end();
        if signal == "INT" {
            assert_eq!(ran.code, Some(130), "{ran:#?}");
            assert!(ran.err.contains("interrupted") && ran.err.contains("run it again"), "{ran:#?}");
        } else {
            assert_eq!(ran.code, None, "killed at {step}: {ran:#?}");
        }
        said.push(ran.out + &ran.err);
        if step.starts_with("set up roles") {
            system = Some(on_volumes(&site.cluster, "vm1", "cat /state/identity"));
        }
    }
    let ran = site.run(&["-vv", "up", "--yes"]).ends_with(0);
    said.push(ran.out + &ran.err);
    let status = site.run(&["status", "--output", "json"]).ends_with(0).json();
    for node in status["nodes"].as_array().unwrap() {
        let identifier = &node["postgres"]["system_identifier"];
        let identifier = identifier.as_str().map_or_else(|| identifier.to_string(), str::to_owned);
        assert_eq!(Some(identifier), system, "the database of before, on both nodes: {status}");
    }
}

/// Ctrl-c at any moment of it: what it was making then is gone when it ends, and what is left of its kind is nothing.
fn verify_leaves_nothing_when_interrupted(site: &Site) {
    let realms = || {
        let name = format!("{}-vm1-postgres", site.cluster);
        let sql = "SELECT count(*) FROM realm WHERE name LIKE 'ha-verify-%'";
        docker(&["exec", "-u", "postgres", &name, "psql", "-X", "-A", "-t", "-d", "keycloak", "-c", sql])
    };
    assert_eq!(realms(), "0");
    let mut interrupted = 0;
    for moment in [60, 200, 350, 500, 700, 1000] {
        let mut verify = site.start(&["verify"]);
        assert!(verify.says(|line| line.contains("are made on the primary")));
        // Not a wait: the moments are what is tried.
        std::thread::sleep(Duration::from_millis(moment));
        verify.signal("INT");
        let ran = verify.end();
        // Every one of its writes is over, and a later look would find no more.
        assert_eq!(realms(), "0", "interrupted after {moment} ms: {ran:#?}");
        match ran.code {
            Some(130) => assert!(ran.err.contains("nothing was left behind"), "{ran:#?}"),
            code => assert_eq!(code, Some(0), "{ran:#?}"),
        }
        interrupted += i32::from(ran.code == Some(130));
    }
    assert!(interrupted >= 2, "none of the moments was in the middle");
    site.run(&["verify"]).ends_with(0);
}

/// Four logs, of which each ends at its own time.
fn merges_its_logs(site: &Site) {
    let ran = site.run(&["logs", "--since", "1d", "--output", "json"]).ends_with(0);
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let parts: BTreeSet<_> = lines.iter().map(|line| line["from"].as_str().unwrap()).collect();
    let all = ["vm1 keycloak", "vm1 postgres", "vm2 keycloak", "vm2 postgres"];
    assert_eq!(parts, BTreeSet::from(all), "{} lines", lines.len());
    // To the second: what comes by two pipes of one container may be noted down the other way round.
    assert!(lines.is_sorted_by_key(|line| &line["time"].as_str().unwrap()[..19]), "{}", ran.out);
    let ran = site.run(&["logs", "--tail", "1"]).ends_with(0);
    assert_eq!(ran.out.lines().count(), 4, "{ran:#?}");
}

fn has_nothing_more_to_do(site: &Site) {
    let ran = site.run(&["up"]).ends_with(0);
    assert!(ran.out.contains("nothing to do"), "{ran:?}");
    let ran = site.run(&["up", "--output", "json"]).ends_with(0).json();
    assert_eq!(ran["changed"], false, "{ran}");
    let jobs = of_the_cluster(site);
    assert!(!jobs.contains("-job-"), "a job was left behind: {jobs}");
}

fn is_healthy(site: &Site) {
    for arguments in [&["status"][..], &["health"], &["health", "all"], &["health", "primary"], &["health", "replica"]]
    {
        site.run(arguments).ends_with(0);
    }
    site.run(&["health", "vm9"]).ends_with(2);
    for command in ["status", "health"] {
        let report = site.run(&[command, "--output", "json"]).ends_with(0).json();
        let one = |pointer: &str| report.pointer(pointer).unwrap_or_else(|| panic!("{pointer} of {report}")).clone();
        assert_eq!(one("/schema"), 1);
        assert_eq!(one("/cluster"), *site.cluster);
        assert_eq!(one("/state"), "healthy");
        assert_eq!(one("/durability"), "async");
        assert_eq!(one("/findings"), Value::Array(Vec::new()));
        for (index, role, mode) in [(0, "primary", "read-write"), (1, "standby", "read-only")] {
            let at = |field: &str| one(&format!("/nodes/{index}/{field}"));
            assert_eq!(at("role"), role);
            assert_eq!(at("postgres/state"), "running");
            assert!(at("postgres/lsn").as_str().unwrap().contains('/'));
            assert_eq!(at("postgres/timeline"), 1);
            assert!(at("postgres/version").as_str().unwrap().starts_with("17."));
            assert_eq!(at("keycloak/state"), "ready");
            assert_eq!(at("keycloak/mode"), mode);
            assert_eq!(at("keycloak/url"), format!("http://127.0.0.1:{}", site.ports[2 + index]));
        }
        assert_eq!(one("/nodes/0/replication"), Value::Null);
        let replication = one("/nodes/1/replication");
        assert_eq!(replication["state"], "streaming");
        assert_eq!(replication["sync_state"], "async");
        assert_eq!(replication["slot"]["wal_status"], "reserved");
        for number in ["lag_bytes", "lag_seconds"] {
            assert!(replication[number].is_number(), "{replication}");
        }
    }
}

fn works(site: &Site) {
    let verified = site.run(&["verify", "--output", "json"]).ends_with(0).json();
    assert_eq!(verified["schema"], 1, "{verified}");
    let logs = site.run(&["logs", "vm1", "--component", "postgres", "--tail", "2000"]).ends_with(0);
    assert!(logs.out.contains("database system is ready to accept connections"), "{logs:?}");
    let logs = site.run(&["logs", "replica", "--component", "keycloak", "--tail", "2000"]).ends_with(0);
    assert!(logs.out.contains("Keycloak"), "{logs:?}");
    // The administrator's password is what was given, on both nodes.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for port in &site.ports[2..] {
        let url = format!("http://127.0.0.1:{port}/realms/master/protocol/openid-connect/token");
        let login =
            [("grant_type", "password"), ("client_id", "admin-cli"), ("username", "admin"), ("password", ADMIN)];
        let status = runtime.block_on(async {
            let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
            client.post(&url).form(&login).send().await.unwrap().status()
        });
        assert_eq!(status.as_u16(), 200, "{url}");
    }
}

/// Looks for every secret everywhere that somebody without it may look.
fn hides_its_secrets(site: &Site, said: &[String]) {
    let secrets = secrets(site);
    assert_eq!(secrets["keycloak_db_password"], DATABASE);
    assert_eq!(secrets.len(), 6);
    let mut places: Vec<(String, String)> =
        said.iter().enumerate().map(|(run, text)| (format!("output of `-vv up` {run}"), text.clone())).collect();
    let names = of_the_cluster(site);
    assert_eq!(names.lines().count(), 4, "{names}");
    for name in names.lines() {
        places.push((format!("docker inspect {name}"), docker(&["inspect", name])));
        let image = docker(&["inspect", "--format", "{{.Image}}", name]);
        places.push((format!("image of {name}"), docker(&["image", "inspect", &image])));
        places.push((format!("layers of the image of {name}"), docker(&["history", "--no-trunc", &image])));
        let (_, out, err) = try_docker(&["logs", name]);
        places.push((format!("log of {name}"), out + &err));
        let environment = "for p in /proc/[0-9]*; do tr '\\0' '\\n' <$p/environ; tr '\\0' ' ' <$p/cmdline; done 2>&1; \
                           true";
        let processes = docker(&["exec", "-u", "root", name, "/bin/sh", "-c", environment]);
        assert!(processes.contains("PATH=") && processes.len() > 200, "nothing was read there: {processes}");
        places.push((format!("environment and process list of {name}"), processes));
    }
    for node in ["vm1", "vm2"] {
        for kind in ["data", "state"] {
            let volume = format!("{}-{node}-{kind}", site.cluster);
            places.push((format!("volume {volume}"), docker(&["volume", "inspect", &volume])));
        }
        places.push((format!("topology of {node}"), on_volumes(&site.cluster, node, "cat /state/topology.json")));
    }
    for command in [&["config", "show"][..], &["status", "--output", "json"]] {
        places.push((format!("{command:?}"), site.run(command).out));
    }
    for (key, secret) in &secrets {
        // However it is escaped, its first word stays.
        let word = secret.split(' ').next().unwrap();
        assert!(word.len() >= 8, "{key} would be found by chance");
        for (place, text) in &places {
            assert!(!text.is_empty(), "{place} is empty");
            assert!(!text.contains(word), "{key} stands in: {place}");
        }
    }
}

fn may_do_no_more_than_it_must(site: &Site) {
    for node in ["vm1", "vm2"] {
        for component in [Component::Postgres, Component::Keycloak] {
            rights(&format!("{}-{node}-{component}", site.cluster), component);
        }
        let keycloak = format!("{}-{node}-keycloak", site.cluster);
        let conf = docker(&["exec", &keycloak, "cat", "/opt/keycloak/conf/keycloak.conf"]);
        assert!(conf.contains("db-password="), "{node}: {conf}");
        assert!(!conf.contains("bootstrap"), "{node}: the client of the first set-up has served: {conf}");
    }
}

fn secrets(site: &Site) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(site.path("ha.secrets.toml")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
    // A basic string of TOML as it is written here is one of JSON, too.
    lines.map(|(key, value)| (key.to_owned(), serde_json::from_str(value).unwrap())).collect()
}

fn is_told_what_is_wrong(site: &Site) {
    let container = |node: &str, component: &str| format!("{}-{node}-{component}", site.cluster);
    // One broken thing at a time: the exit code, the finding, the node.
    for (action, undo, node, component, code, finding) in [
        ("pause", "unpause", "vm2", "keycloak", 3, "keycloak-stopped"),
        ("pause", "unpause", "vm1", "keycloak", 4, "keycloak-stopped"),
        ("pause", "unpause", "vm2", "postgres", 3, "postgres-paused"),
        ("stop", "start", "vm2", "postgres", 3, "postgres-stopped"),
    ] {
        let name = container(node, component);
        docker(&[action, &name]);
        let (ran, report) = until(site, code);
        let found = report["findings"].as_array().unwrap().iter().any(|it| it["code"] == finding && it["node"] == node);
        assert!(found, "{action} {component} of {node}: {report}");
        assert!(ran.took < Duration::from_secs(60), "{:?}", ran.took);
        docker(&[undo, &name]);
        until(site, 0);
    }
    // Stopped by hand, and `up` brings it back.
    docker(&["stop", &container("vm2", "keycloak")]);
    until(site, 3);
    site.run(&["up"]).ends_with(0);
    until(site, 0);
}

fn takes_a_changed_file(site: &Site) {
    let work_mem = |node: &str| {
        let name = format!("{}-{node}-postgres", site.cluster);
        docker(&["exec", "-u", "postgres", &name, "psql", "-X", "-A", "-t", "-c", "SHOW work_mem"])
    };
    assert_eq!(work_mem("vm1"), "4MB");
    let before = docker(&["inspect", "--format", "{{.Id}}", &format!("{}-vm1-keycloak", site.cluster)]);
    site.edit(|text| text + "\n[postgres.settings]\nwork_mem = \"9MB\"\n");
    // It interrupts what runs: not without a yes.
    let ran = site.run(&["up"]).ends_with(2);
    assert!(ran.err.contains("--yes") && ran.err.contains("its configuration changed"), "{ran:#?}");
    assert_eq!(work_mem("vm1"), "4MB");
    site.run(&["up", "--yes"]).ends_with(0);
    assert_eq!((work_mem("vm1"), work_mem("vm2")), ("9MB".to_owned(), "9MB".to_owned()));
    let after = docker(&["inspect", "--format", "{{.Id}}", &format!("{}-vm1-keycloak", site.cluster)]);
    assert_eq!(before, after, "what the change does not concern is left alone");
    until(site, 0);
}

/// Whatever becomes of the client with which `verify` and the last proof of a change log in: it is known before, a change of roles
/// leaves nothing behind for it, and `up` mends it.
fn its_client_is_made_whole(site: &Site) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let admin = |port: u16, method: reqwest::Method, path: &str, body: Option<Value>| -> Value {
        let base = format!("http://127.0.0.1:{port}");
        runtime.block_on(async {
            let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
            let login =
                [("grant_type", "password"), ("client_id", "admin-cli"), ("username", "admin"), ("password", ADMIN)];
            let url = format!("{base}/realms/master/protocol/openid-connect/token");
            let answer: Value = client.post(&url).form(&login).send().await.unwrap().json().await.unwrap();
            let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}"));
            let request = client.request(method, format!("{base}/admin/realms/master{path}")).bearer_auth(token);
            let request = if let Some(body) = body { request.json(&body) } else { request };
            let answer = request.send().await.unwrap().error_for_status().unwrap();
            serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default()
        })
    };
    let [vm1, vm2] = [site.ports[2], site.ports[3]];
    let id = |port| {
        let found = admin(port, reqwest::Method::GET, "/clients?clientId=ha-cli", None);
        format!("/clients/{}", found[0]["id"].as_str().unwrap_or_else(|| panic!("{found}")))
    };
    let change = |port, body: Value| {
        let path = id(port);
        let mut client = admin(port, reqwest::Method::GET, &path, None);
        client.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        admin(port, reqwest::Method::PUT, &path, Some(client));
    };
    let takes_the_role = |port| {
        let account = admin(port, reqwest::Method::GET, &format!("{}/service-account-user", id(port)), None);
        let role = admin(port, reqwest::Method::GET, "/roles/create-realm", None);
        let path = format!("/users/{}/role-mappings/realm", account["id"].as_str().unwrap());
        admin(port, reqwest::Method::DELETE, &path, Some(Value::Array(vec![role])));
    };
    let demands_https = |port| {
        admin(port, reqwest::Method::PUT, "", Some(serde_json::json!({ "sslRequired": "all" })));
    };
    let is_told = |word: &str| {
        let report = site.run(&["health", "--output", "json"]).ends_with(0).json();
        let first = &report["findings"][0];
        assert_eq!(
            (&first["code"], &first["remedies"][0]["do"]),
            (&"service-client-unusable".into(), &"up".into()),
            "{report}"
        );
        assert!(first["message"].as_str().unwrap().contains(word), "{report}");
        let ran = site.run(&["verify"]).ends_with(1);
        assert!(ran.err.contains("`ha-cli health`"), "{ran:#?}");
    };
    let is_mended = || {
        site.run(&["up"]).ends_with(0);
        site.run(&["health"]).ends_with(0);
        site.run(&["verify"]).ends_with(0);
        has_nothing_more_to_do(site);
    };
    change(vm1, serde_json::json!({ "enabled": false }));
    is_told("disabled");
    is_mended();
    change(vm1, serde_json::json!({ "secret": "another one" }));
    is_told("removed or changed");
    is_mended();
    takes_the_role(vm1);
    is_told("create-realm");
    is_mended();
    demands_https(vm1);
    is_told("HTTPS");
    is_mended();
    change(
        vm1,
        serde_json::json!({ "attributes": { "dpop.bound.access.tokens": "true" }, "notBefore": 2_000_000_000 }),
    );
    is_told("another proof");
    is_mended();
    // Decided of all clients: `up` leaves it, and does not say that it mends it.
    let policies = |enabled: bool| {
        let jwt_only = serde_json::json!({ "allowed-client-authenticators": ["client-jwt"] });
        let executor = serde_json::json!({ "executor": "secure-client-authenticator", "configuration": jwt_only });
        let profiles = serde_json::json!({ "profiles": [{ "name": "strict", "executors": [executor] }] });
        let any =
            serde_json::json!({ "condition": "client-access-type", "configuration": { "type": ["confidential"] } });
        let policy =
            serde_json::json!({ "name": "strict", "enabled": enabled, "profiles": ["strict"], "conditions": [any] });
        admin(vm1, reqwest::Method::PUT, "/client-policies/profiles", Some(profiles));
        let policies = serde_json::json!({ "policies": [policy] });
        admin(vm1, reqwest::Method::PUT, "/client-policies/policies", Some(policies));
    };
    policies(true);
    let report = site.run(&["health", "--output", "json"]).ends_with(0).json();
    let first = &report["findings"][0];
    assert_eq!(
        (&first["code"], &first["remedies"]),
        (&"service-client-unusable".into(), &serde_json::json!([])),
        "{report}"
    );
    assert!(first["help"].as_str().unwrap().contains("Client policies"), "{report}");
    has_nothing_more_to_do(site);
    policies(false);
    site.run(&["health"]).ends_with(0);
    site.run(&["verify"]).ends_with(0);
    admin(vm1, reqwest::Method::DELETE, &id(vm1), None);
    is_told("removed");
    // It is known, told, and keeps nothing back: the old primary follows.
    let ran = site.run(&["switchover", "--to", "vm2", "--yes"]).ends_with(0);
    assert!(ran.err.contains("is not proven by a login"), "{ran:#?}");
    site.run(&["health"]).ends_with(0);
    is_mended();
    assert!(!id(vm2).is_empty(), "it was made on the node that writes");
    site.run(&["switchover", "--to", "vm1", "--yes"]).ends_with(0);
    site.run(&["health"]).ends_with(0);
}

/// There and back, with a real login and a real write through the Keycloaks each time; none of them is restarted.
fn changes_roles(site: &Site) {
    let started =
        || docker(&["inspect", "--format", "{{.State.StartedAt}}", &format!("{}-vm2-keycloak", site.cluster)]);
    let before = started();
    let asked = site.run(&["down", "vm1"]).ends_with(2);
    assert!(asked.err.contains("vm1 is the primary") && asked.err.contains("ha-cli switchover"), "{asked:#?}");
    site.run(&["switchover", "--to", "vm9"]).ends_with(2);
    let asked = site.run(&["switchover"]).ends_with(2);
    assert!(asked.err.contains("vm2 becomes the primary") && asked.err.contains("--yes"), "{asked:#?}");
    let dry = site.run(&["switchover", "--dry-run", "--output", "json"]).ends_with(0).json();
    assert!(dry["steps"].as_array().unwrap().iter().any(|step| step["action"] == "promote"), "{dry}");
    let tells = "echo $HA_EVENT $HA_OLD_PRIMARY $HA_NEW_PRIMARY $HA_NEW_PRIMARY_KEYCLOAK_PORT >> told";
    let fails = "echo no way >&2; exit 7";
    site.edit(|text| {
        format!(
            "{text}\n[hooks]\non_promote = [\"sh\", \"-c\", \"{tells}\"]\non_demote = [\"sh\", \"-c\", \"{fails}\"]\n"
        )
    });
    for (from, to) in [("vm1", "vm2"), ("vm2", "vm1")] {
        let done = site.run(&["switchover", "--to", to, "--yes", "--output", "json"]).ends_with(0).json();
        assert_eq!((&done["from"], &done["to"], &done["changed"]), (&from.into(), &to.into(), &true.into()), "{done}");
        let hooks = &done["hooks"];
        assert_eq!((&hooks[0]["event"], &hooks[0]["node"]), (&"promote".into(), &to.into()), "{done}");
        assert_eq!(hooks[1]["problem"], "ended with exit code 7", "a hook that fails fails nothing: {done}");
        assert_eq!(hooks[1]["output"], "no way", "{done}");
        // Done is what `health` calls healthy, at once.
        let report = site.run(&["health", "--output", "json"]).ends_with(0).json();
        assert_eq!(done["health"]["state"], "healthy", "{done}");
        let role = |node: &str| {
            let nodes = report["nodes"].as_array().unwrap();
            nodes.iter().find(|it| it["name"] == node).unwrap()["role"].clone()
        };
        assert_eq!((role(from), role(to)), ("standby".into(), "primary".into()), "{report}");
        site.run(&["verify"]).ends_with(0);
        if from == "vm1" {
            // Its host is worked on: the other one serves alone, and this one is fetched back.
            site.run(&["down", "vm1", "--yes"]).ends_with(0);
            until(site, 3);
            site.run(&["up", "vm1"]).ends_with(0);
            site.run(&["health"]).ends_with(0);
        }
        let again = site.run(&["switchover", "--to", to]).ends_with(0);
        assert!(again.out.contains("nothing to do"), "{again:#?}");
    }
    let told = std::fs::read_to_string(site.path("told")).unwrap();
    let [vm1, vm2] = [site.ports[2], site.ports[3]];
    assert_eq!(told, format!("promote vm1 vm2 {vm2}\npromote vm2 vm1 {vm1}\n"));
    assert_eq!(started(), before, "the Keycloak on vm2 is the same process");
}

/// vm1's PostgreSQL is killed while the Keycloaks run; vm2 takes over, vm1 comes back, and what one of them had alone is shown.
fn loses_its_primary(site: &Site) {
    let told = site.run(&["explain", "--output", "json"]).ends_with(0).json();
    assert_eq!(
        (&told["outlook"][0]["node"], &told["outlook"][0]["takes_over"]),
        (&"vm1".into(), &"vm2".into()),
        "{told}"
    );
    let refused = site.run(&["failover", "--to", "vm2", "--yes"]).ends_with(5);
    assert!(refused.err.contains("it answers") && refused.err.contains("ha-cli switchover"), "{refused:#?}");
    let refused = site.run(&["rebuild", "vm1", "--yes"]).ends_with(5);
    assert!(refused.err.contains("it is a primary"), "{refused:#?}");

    let old = format!("{}-vm1-postgres", site.cluster);
    docker(&["kill", &old]);
    let asked = site.run(&["failover"]).ends_with(2);
    assert!(asked.err.contains("`ha-cli up vm1` would start it again") && asked.err.contains("--yes"), "{asked:#?}");
    let done = site.run(&["failover", "--yes", "--output", "json"]).ends_with(0).json();
    assert_eq!((&done["from"], &done["to"], &done["changed"]), (&"vm1".into(), &"vm2".into(), &true.into()), "{done}");
    let proof = done["steps"].as_array().unwrap().iter().find(|step| step["action"] == "prove-service").unwrap();
    assert_eq!(proof["done"], true, "{done}");
    assert!(site.run(&["failover"]).ends_with(0).out.contains("nothing to do"));
    // By hand: it comes back as what it is now.
    docker(&["start", &old]);
    site.run(&["rejoin", "vm1", "--yes"]).ends_with(0);
    until(site, 0);
    site.run(&["verify"]).ends_with(0);
    let again = site.run(&["rejoin", "vm1", "--backup", "none.tar"]).ends_with(0);
    assert!(again.out.contains("nothing to do") && again.err.contains("no backup was taken"), "{again:#?}");
    site.run(&["rejoin", "vm2"]).ends_with(5);

    let rebuilt = site.run(&["rebuild", "vm1", "--yes", "--backup", "vm1.tar", "--output", "json"]);
    let rebuilt = rebuilt.ends_with(0).json();
    assert_eq!((&rebuilt["changed"], &rebuilt["backup"]["node"]), (&true.into(), &"vm1".into()), "{rebuilt}");
    let realms = crate::backup::ask(site, "vm1.tar", "keycloak", "SELECT name FROM realm ORDER BY 1");
    assert!(realms.lines().any(|realm| realm == "master"), "{realms}");
    until(site, 0);
    let wrong = site.run(&["replication", "set", "sync"]).ends_with(2);
    assert!(wrong.err.contains("no such place"), "{wrong:#?}");
    for durability in ["strict", "async"] {
        site.run(&["replication", "set", durability, "--yes"]).ends_with(0);
        let shown = site.run(&["replication", "show", "--output", "json"]).ends_with(0).json();
        let names = if durability == "strict" { "ANY 1 (\"vm1\")" } else { "" };
        assert_eq!(
            (&shown["durability"], &shown["synchronous_standby_names"]["vm2"]),
            (&durability.into(), &names.into()),
            "{shown}"
        );
        assert!(site.run(&["up"]).ends_with(0).out.contains("nothing to do"), "the file says the same");
        if durability == "strict" {
            up_says_what_is_not_in_force(site);
        }
        site.run(&["verify"]).ends_with(0);
    }
    site.run(&["switchover", "--to", "vm1", "--yes"]).ends_with(0);
    until(site, 0);
    let history = site.run(&["history", "--output", "json"]).ends_with(0).json();
    let last: Vec<_> = history["operations"].as_array().unwrap().iter().rev().take(5).rev().collect();
    let commands: Vec<_> = last.iter().map(|it| it["command"].as_str().unwrap()).collect();
    assert_eq!(commands, ["rejoin", "rebuild", "replication set", "replication set", "switchover"], "{history}");

    // One run of `up` brings back what a failover has left, and says what is still to come before.
    docker(&["kill", &old]);
    let done = site.run(&["failover", "--yes"]).ends_with(0);
    assert!(done.out.contains("still to come") && done.out.contains("[postgres-stopped]"), "{done:#?}");
    site.run(&["up"]).ends_with(0);
    site.run(&["health", "--wait", "30s"]).ends_with(0);
    has_nothing_more_to_do(site);
    site.run(&["switchover", "--to", "vm1", "--yes"]).ends_with(0);
}

/// What a role was given counts more than any file: `up` does not call that done.
fn up_says_what_is_not_in_force(site: &Site) {
    let container = format!("{}-vm2-postgres", site.cluster);
    let run = |statement: &str| docker(&["exec", "-u", "postgres", &container, "psql", "-Xqc", statement]);
    run("ALTER ROLE keycloak SET synchronous_commit = 'off'");
    let told = site.run(&["up", "--output", "json"]).ends_with(3).json();
    let finding = &told["health"]["findings"][0];
    assert_eq!(finding["code"], "durability-not-in-force", "{told}");
    assert!(finding["help"].as_str().unwrap().contains("`ALTER ROLE keycloak RESET synchronous_commit`"), "{told}");
    let told = site.run(&["up"]).ends_with(3).out;
    assert!(told.contains("by ALTER ROLE keycloak") && told.contains("help: on vm2"), "{told}");
    run("ALTER ROLE keycloak RESET synchronous_commit");
    site.run(&["up"]).ends_with(0);
}

fn goes_down_and_comes_back(site: &Site) {
    site.run(&["down"]).ends_with(2);
    until(site, 0);
    site.run(&["down", "--yes"]).ends_with(0);
    let running = docker(&["ps", "-q", "--filter", &format!("label={}", label(&site.cluster))]);
    assert_eq!(running, "");
    let down = site.run(&["status", "--output", "json"]).ends_with(4).json();
    assert_eq!(down["nodes"][0]["postgres"]["state"], "stopped", "{down}");
    let codes: Vec<_> = down["findings"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["stopped-by-down", "stopped-by-down"], "somebody meant it: {down}");
    let again = site.run(&["down", "--yes"]).ends_with(0);
    assert!(again.out.contains("nothing runs"), "{again:?}");
    site.run(&["up"]).ends_with(0);
    until(site, 0);
    site.run(&["verify"]).ends_with(0);
}

fn refuses_two_primaries(site: &Site) {
    let standby = format!("{}-vm2-postgres", site.cluster);
    docker(&["exec", "-u", "postgres", &standby, "psql", "-X", "-c", "SELECT pg_promote(true, 50)"]);
    let (_, report) = until(site, 4);
    assert_eq!(report["findings"][0]["code"], "two-primaries", "{report}");
    let ran = site.run(&["up"]).ends_with(5);
    assert!(ran.err.contains("would each be a primary"), "{ran:?}");
}

fn leaves_nothing(site: &Site) {
    let ran = site.run(&["down", "--volumes"]).ends_with(2);
    assert!(ran.err.contains("is destroyed"), "it says what: {ran:?}");
    // There are two primaries.
    site.run(&["down", "--volumes", "--yes", "--backup", "all.tar"]).ends_with(5);
    site.run(&["down", "--volumes", "--yes"]).ends_with(0);
    assert_eq!(of_the_cluster(site), "");
    let name = format!("name={}", site.cluster);
    assert_eq!(docker(&["volume", "ls", "-q", "--filter", &name]), "");
    assert_eq!(docker(&["network", "ls", "-q", "--filter", &name]), "");
}

/// The names of its containers, running or not.
fn of_the_cluster(site: &Site) -> String {
    docker(&["ps", "-a", "--format", "{{.Names}}", "--filter", &format!("label={}", label(&site.cluster))])
}
