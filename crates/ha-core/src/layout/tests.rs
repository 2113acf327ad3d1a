use super::*;
use crate::observe::fixtures::{
    EXTENSION, SYSTEM, demo, keycloak_base, keycloak_image as prepared, pair, pair_spec, postgres_image, secrets,
    strict_pair, three,
};
use crate::ports::{ContainerSpec, HostFile};
use crate::topology::{NodeSpec, Topology, TopologySpec};

const SHARE: MachineShare = MachineShare::of_memory(8 << 30, 1);

fn text(file: &HostFile) -> String {
    String::from_utf8(file.content.clone()).unwrap()
}

fn postgres_of(topology: &Topology, index: usize) -> ContainerSpec {
    let node = &topology.nodes()[index];
    let (hashed, _) = postgres_files(topology, node, SHARE, None, &secrets());
    postgres_container(topology, node, &postgres_image().id, SYSTEM, &hashed)
}

fn keycloak_of(topology: &Topology, index: usize) -> ContainerSpec {
    keycloak_container(topology, &topology.nodes()[index], &prepared(), SHARE)
}

#[test]
fn postgresql_conf_of_a_strict_pair() {
    let topology = strict_pair();
    insta::assert_snapshot!(postgresql_conf(&topology, &topology.nodes()[0], SHARE));
}

#[test]
fn upstream_conf_of_a_standby() {
    let topology = pair();
    insta::assert_snapshot!(upstream_conf(&topology, &topology.nodes()[1].name, topology.initial_primary()));
}

#[test]
fn pg_hba_conf_of_a_pair() {
    let mut spec = pair_spec();
    spec.nodes[1].admit = vec!["198.51.100.0/24".to_owned()];
    spec = spec.node(crate::topology::NodeSpec::standby("vm3", "192.0.2.13"));
    insta::assert_snapshot!(pg_hba_conf(&spec.validate().unwrap()));
}

#[test]
fn keycloak_conf_of_a_node() {
    let mut spec = pair_spec();
    spec.cluster.public_url = "https://example.org/sso".to_owned();
    spec.keycloak.proxy_headers = "xforwarded".to_owned();
    spec.keycloak.options.insert("log-level".to_owned(), "info".to_owned());
    let topology = spec.validate().unwrap();
    insta::assert_snapshot!(keycloak_conf(&topology, &topology.nodes()[0]));
}

/// An option stands where it takes effect, and nowhere else.
#[test]
fn options_of_build_time_are_built_in() {
    let mut spec = pair_spec();
    spec.cluster.public_url = "https://example.org/sso".to_owned();
    for (name, value) in [("features", "token-exchange:v1"), ("metrics-enabled", "false"), ("log-level", "debug")] {
        spec.keycloak.options.insert(name.to_owned(), value.to_owned());
    }
    let topology = spec.validate().unwrap();
    let context = keycloak_image(&topology, &keycloak_base(), EXTENSION).context;
    let built = text(context.iter().find(|file| file.path == "ha-build.conf").unwrap());
    insta::assert_snapshot!(built, @r"
    db=postgres
    db-driver=org.example.Driver
    features=token-exchange:v1
    health-enabled=true
    http-relative-path=/sso
    metrics-enabled=false
    transaction-xa-enabled=false
    ");
    let conf = keycloak_conf(&topology, &topology.nodes()[0]);
    assert!(conf.contains("\nlog-level=debug\n") && !conf.contains("features") && !conf.contains("metrics"), "{conf}");
}

/// What an image of the operator's says in its environment has precedence over files: it does not get there.
#[test]
fn variables_of_the_image_do_not_reach_keycloak() {
    let topology = pair();
    let own = |environment: &[&str]| crate::ports::Image {
        environment: environment.iter().map(|&line| line.to_owned()).collect(),
        ..prepared()
    };
    let entrypoint = |image: &crate::ports::Image| {
        keycloak_container(&topology, &topology.nodes()[0], image, SHARE).entrypoint.unwrap()
    };
    assert_eq!(entrypoint(&own(&["KC_RUN_IN_CONTAINER=true"])), ["/opt/keycloak/bin/kc.sh"]);
    let image = own(&["KC_DB_URL=jdbc:x", "KC_LOG_LEVEL=debug"]);
    assert_eq!(entrypoint(&image), ["/usr/bin/env", "-u", "KC_DB_URL", "/opt/keycloak/bin/kc.sh"]);
    let dockerfile = text(&keycloak_image(&topology, &image, EXTENSION).context[0]);
    assert!(dockerfile.contains("RUN [\"/usr/bin/env\",\"-u\",\"KC_DB_URL\",\"/bin/sh\","), "{dockerfile}");
}

#[test]
fn containers_of_a_node() {
    let topology = pair();
    let job = one_off_container(&topology, &topology.nodes()[1], &postgres_image().id, "examine", &[]);
    let mut specs = [postgres_of(&topology, 0), keycloak_of(&topology, 0), job];
    // It follows from everything else, configuration files included: those have snapshots of their own.
    for label in specs.iter_mut().filter_map(|spec| spec.labels.get_mut(LABEL_SPEC)) {
        assert_eq!(std::mem::replace(label, "a hash".to_owned()).len(), 16);
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&specs).unwrap());
}

#[test]
fn topology_json_of_a_pair() {
    insta::assert_snapshot!(topology_json(&pair()));
}

/// Whatever anybody may read of a container, or what its hash covers, holds no secret, in whatever spelling.
#[test]
fn no_secret_is_where_anybody_sees_it() {
    let secrets = secrets();
    let all = [
        &secrets.keycloak_db_password,
        &secrets.replication_password,
        &secrets.probe_password,
        &secrets.keycloak_admin_password,
        &secrets.keycloak_client_secret,
        &secrets.keycloak_bootstrap_secret,
    ];
    for topology in [pair(), strict_pair(), three(), demo()] {
        let mut seen = vec![topology_json(&topology), pg_hba_conf(&topology)];
        for (index, node) in topology.nodes().iter().enumerate() {
            let upstream = topology.initial_primary();
            let (hashed, _) = postgres_files(&topology, node, SHARE, Some(upstream), &secrets);
            seen.extend(hashed.iter().map(text));
            seen.push(keycloak_conf(&topology, node));
            seen.push(upstream_conf(&topology, &node.name, upstream));
            let job = one_off_container(
                &topology,
                node,
                "sha256:x",
                "copy",
                &[conninfo(&topology, &node.name, upstream), "slot".to_owned()],
            );
            for spec in [postgres_of(&topology, index), keycloak_of(&topology, index), job] {
                seen.push(serde_json::to_string(&spec).unwrap());
            }
        }
        for build in keycloak_image(&topology, &keycloak_base(), EXTENSION).context {
            seen.push(String::from_utf8_lossy(&build.content).into_owned());
        }
        for secret in all {
            let plain = secret.expose();
            let json = serde_json::to_string(plain).unwrap();
            for text in &seen {
                assert!(!text.contains(plain) && !text.contains(json.trim_matches('"')), "a secret stands in\n{text}");
            }
        }
    }
}

#[test]
fn secrets_are_in_files_that_only_their_server_reads() {
    let topology = pair();
    let node = &topology.nodes()[1];
    let (_, others) = postgres_files(&topology, node, SHARE, Some(&topology.nodes()[0]), &secrets());
    let passfile = others.iter().find(|file| file.path == PASSFILE_PATH).unwrap();
    assert_eq!(passfile.mode, 0o600);
    assert_eq!(text(passfile), "*:*:*:ha_replication:ReplPw\\:with\\\\colon\n");
    let files = keycloak_files(&topology, node, &secrets(), true);
    assert_eq!(files.len(), 1);
    assert_eq!((files[0].mode, files[0].uid), (0o600, 1000));
    let conf = text(&files[0]);
    // The reader of properties halves backslashes; of what is left, only one before a dollar sign means something.
    assert!(conf.contains("\ndb-password=DbPw-it's \\\\$a \\\\secret\n"), "{conf}");
    assert!(conf.contains("\nbootstrap-admin-client-secret=Bootstrap\\\\$Secret-1\n"), "{conf}");
    let after = text(&keycloak_files(&topology, node, &secrets(), false)[0]);
    assert!(!after.contains("bootstrap-admin"), "{after}");
}

#[test]
fn values_of_postgresql_conf_are_quoted_as_it_reads_them() {
    let mut spec = pair_spec();
    spec.postgres.settings.insert("x.y".to_owned(), r"it's C:\temp $1".to_owned());
    let topology = spec.validate().unwrap();
    let conf = postgresql_conf(&topology, &topology.nodes()[0], SHARE);
    assert!(conf.contains("\nx.y = 'it''s C:\\\\temp $1'\n"), "{conf}");
}

#[test]
fn a_setting_of_the_file_takes_the_place_of_the_computed_one() {
    let mut spec = pair_spec();
    spec.postgres.settings.insert("shared_buffers".to_owned(), "1GB".to_owned());
    let topology = spec.validate().unwrap();
    let conf = postgresql_conf(&topology, &topology.nodes()[0], SHARE);
    assert_eq!(conf.matches("shared_buffers").count(), 1);
    assert!(conf.contains("shared_buffers = '1GB'"));
}

#[test]
fn what_a_standby_must_not_have_lower_is_the_same_on_every_node() {
    let topology = three();
    let of = |index: usize| {
        let conf = postgresql_conf(&topology, &topology.nodes()[index], SHARE);
        [
            "max_connections",
            "max_worker_processes",
            "max_wal_senders",
            "max_prepared_transactions",
            "max_locks_per_transaction",
        ]
        .map(|name| conf.lines().find(|line| line.starts_with(name)).unwrap().to_owned())
    };
    assert_eq!(of(0), of(1));
    assert_eq!(of(0), of(2));
}

/// What changes a container changes its hash, so that `up` replaces it; what does not leaves it alone.
#[test]
fn the_hash_covers_what_a_container_is_made_from() {
    let hash = |spec: &ContainerSpec| spec.labels[LABEL_SPEC].clone();
    let well = pair();
    let changed = |change: fn(&mut TopologySpec)| {
        let mut spec = pair_spec();
        change(&mut spec);
        let topology = spec.validate().unwrap();
        let same = |a: &ContainerSpec, b: &ContainerSpec| hash(a) == hash(b);
        (
            !same(&postgres_of(&topology, 0), &postgres_of(&well, 0)),
            !same(&keycloak_of(&topology, 0), &keycloak_of(&well, 0)),
        )
    };
    assert_eq!(changed(|_| {}), (false, false));
    assert_eq!(changed(|s| drop(s.postgres.settings.insert("work_mem".into(), "8MB".into()))), (true, false));
    assert_eq!(changed(|s| drop(s.keycloak.options.insert("log-level".into(), "debug".into()))), (false, true));
    assert_eq!(changed(|s| s.nodes[0].keycloak_port = 3333), (false, true));
    assert_eq!(changed(|s| s.nodes[0].postgres_port = 3333), (true, false));
    assert_eq!(changed(|s| s.nodes[1].keycloak_port = 3333), (false, false));
    assert_eq!(changed(|s| s.cluster.public_url = "https://other.example.org".into()), (false, true));
    assert_eq!(changed(|s| s.replication.wal_keep_mib = 1024), (true, false));
}

#[test]
fn ports_are_published_on_the_nodes_own_address_only() {
    let topology = pair();
    for (index, node) in topology.nodes().iter().enumerate() {
        for spec in [postgres_of(&topology, index), keycloak_of(&topology, index)] {
            assert_eq!(spec.ports.len(), 1);
            assert_eq!(spec.ports[0].address, node.address);
        }
    }
}

#[test]
fn the_prepared_image_is_named_by_what_it_is_made_from() {
    let topology = pair();
    let tag = |topology: &Topology, extension| keycloak_image_tag(topology, &keycloak_base(), extension);
    let first = tag(&topology, EXTENSION);
    assert_eq!(first, tag(&pair(), EXTENSION));
    assert_ne!(first, tag(&topology, KeycloakExtension { jar: b"other", ..EXTENSION }));
    assert_ne!(first, keycloak_image_tag(&topology, &prepared(), EXTENSION));
    let mut spec = pair_spec();
    spec.cluster.public_url = "https://example.org/sso".to_owned();
    let below = spec.validate().unwrap();
    assert_ne!(first, tag(&below, EXTENSION), "the path is a build-time option");
    let mut spec = pair_spec();
    spec.keycloak.options.insert("features".to_owned(), "token-exchange:v1".to_owned());
    assert_ne!(first, tag(&spec.validate().unwrap(), EXTENSION), "features are a build-time option");
    let mut spec = pair_spec();
    spec.keycloak.options.insert("log-level".to_owned(), "debug".to_owned());
    assert_eq!(first, tag(&spec.validate().unwrap(), EXTENSION), "a run-time option builds nothing");
    assert_eq!(keycloak_base_path(&below), "/sso");
    assert_eq!(keycloak_base_path(&topology), "/");
}

#[test]
fn a_machine_is_divided_within_bounds() {
    for (gib, nodes, shared, heap) in [(1, 1, 128, 384), (4, 1, 512, 1365), (4, 2, 256, 682), (64, 1, 2048, 2048)] {
        let share = MachineShare::of_memory(gib << 30, nodes);
        assert_eq!((share.shared_buffers_mib(), share.heap_mib()), (shared, heap), "{gib} GiB for {nodes}");
    }
    // A kernel that keeps a little more for itself changes nothing.
    assert_eq!(MachineShare::of_memory((8 << 30) - (70 << 20), 1), MachineShare::of_memory((8 << 30) - (90 << 20), 1));
}

/// The validation counts on it.
#[test]
fn the_longest_names_that_are_taken_give_a_host_name_that_can_be_looked_up() {
    let with = |node: usize| {
        let node = "n".repeat(node);
        TopologySpec::new("c".repeat(40), "https://sso.example.org")
            .node(NodeSpec::primary(&node, "192.0.2.11"))
            .node(NodeSpec::standby("vm2", "192.0.2.12"))
            .validate()
    };
    let longest = with(13).unwrap();
    let name = container_name(&longest, &longest.initial_primary().name, Component::Postgres);
    assert_eq!(name.len(), 63, "{name}");
    assert!(with(14).is_err());
}
