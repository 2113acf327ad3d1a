use super::*;
use crate::config::{SecretsRules, Source, check_secret, read_secrets, reader};
use ha_core::values::Secret;
use proptest::prelude::*;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

/// Reads a file's text back; whether the description makes sense is another matter.
#[track_caller]
fn read_back(text: &str) -> TopologySpec {
    let reading = reader::read(&Arc::new(Source::quotable(Path::new("ha.toml"), text)), text);
    assert!(reading.problems.is_empty(), "{:#?}\n{text}", reading.problems);
    reading.spec
}

fn pair() -> TopologySpec {
    TopologySpec::new("sso", "https://sso.example.org")
        .node(NodeSpec::primary("vm1", "192.0.2.11"))
        .node(NodeSpec::standby("vm2", "192.0.2.12"))
}

#[test]
fn what_is_commented_out_is_the_default_that_reading_fills_in() {
    assert_eq!(read_back(&render(&pair())), pair());
}

/// Every line that is commented out is put in force: what the file shows as an option must be one, with its default.
#[test]
fn every_option_shown_as_a_comment_is_one() {
    let is_option = |line: &str| {
        line.split_once(" = ").is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b"_-".contains(&b)))
    };
    let text: String = render(&pair())
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(option) if is_option(option) || option.starts_with('[') => format!("{option}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let mut expected = pair();
    expected.postgres.settings.insert("work_mem".to_owned(), "8MB".to_owned());
    expected.keycloak.options.insert("log-level".to_owned(), "info".to_owned());
    let hook = || Some(vec!["/usr/local/bin/ha-hook".to_owned()]);
    expected.hooks = HooksSpec {
        on_promote: hook(),
        on_demote: hook(),
        on_failover: hook(),
        on_health: hook(),
        timeout_seconds: 10,
    };
    expected.nodes[0].docker_certificates = Some("certificates".into());
    assert_eq!(read_back(&text), expected);
}

/// Everything that the file can say, so that a new option cannot be forgotten here.
#[test]
fn everything_that_is_not_a_default_is_written() {
    let text = render(&full("x", 1));
    assert_eq!(read_back(&text), full("x", 1));
    assert!(text.parse::<toml::Table>().is_ok());
}

#[test]
fn texts_of_every_kind_stay_on_one_line_and_are_read_back() {
    for text in ["'\\", "\"", "a\nb\u{0}c\u{7f}\u{85}", "'''", "\"\"\"", "ünï", ""] {
        assert!(!quoted(text).contains('\n'));
        assert_eq!(read_back(&render(&full(text, 7))), full(text, 7));
    }
}

fn full(text: &str, number: u16) -> TopologySpec {
    let t = |name: &str| format!("{text}{name}");
    let n = u32::from(number);
    let entries = || BTreeMap::from([(t("key"), t("value")), (t("other.key"), String::new())]);
    let node = |name: &str| NodeSpec {
        name: t(name),
        address: t("address"),
        role: t("role"),
        docker: t("docker"),
        docker_certificates: Some(t("folder").into()),
        postgres_port: number,
        keycloak_port: number,
        admit: vec![t("one"), t("two")],
    };
    TopologySpec {
        cluster: ha_core::topology::ClusterSpec {
            name: t("name"),
            public_url: t("url"),
            id: Some(t("id")),
            demo: true,
        },
        images: ImagesSpec { postgres: t("postgres"), keycloak: t("keycloak") },
        postgres: PostgresSpec { database: t("db"), user: t("user"), max_connections: n + 1, settings: entries() },
        keycloak: KeycloakSpec {
            admin: t("admin"),
            proxy_headers: t("headers"),
            pool_size: n + 2,
            poll_interval_ms: n + 3,
            options: entries(),
        },
        replication: ReplicationSpec { durability: t("durability"), slot_keep_mib: n + 4, wal_keep_mib: n + 5 },
        hooks: HooksSpec {
            on_promote: Some(vec![t("program"), t("argument")]),
            on_demote: Some(vec![]),
            on_failover: Some(vec![t("program")]),
            on_health: Some(vec![t("program"), String::new()]),
            timeout_seconds: n + 6,
        },
        nodes: vec![node("a"), node("b"), node("c")],
    }
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_back(text in any::<String>(), number: u16) {
        let spec = full(&text, number);
        prop_assert_eq!(read_back(&render(&spec)), spec);
    }

    #[test]
    fn no_text_panics_the_reader(text in "(\\PC|\n|\"|=|\\[|\\]){0,200}") {
        let source = Arc::new(Source::quotable(Path::new("ha.toml"), &text));
        let reading = reader::read(&source, &text);
        for problem in reading.problems {
            drop((problem.to_json(), problem.to_string()));
            let mut page = crate::output::Page::new(false);
            page.diagnostics(&[problem]);
            prop_assert!(!page.into_text().is_empty());
        }
    }

    #[test]
    fn secrets_are_read_back(text in "\\PC{8,40}") {
        let text = text.trim();
        prop_assume!(check_secret(text).is_ok());
        let secret = |name: &str| Secret::new(format!("{text}{name}"));
        let secrets = Secrets {
            keycloak_db_password: secret("a"),
            replication_password: secret("b"),
            probe_password: secret("c"),
            keycloak_admin_password: secret("d"),
            keycloak_client_secret: secret("e"),
            keycloak_bootstrap_secret: secret("f"),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        std::fs::write(&path, render_secrets(&secrets)).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        prop_assert_eq!(read_secrets(&path, SecretsRules::Private).unwrap(), secrets);
    }
}
