//! A Keycloak image of the operator's, built with options of its own, and with an environment that is not ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use ha_core::layout::{self, Component, KeycloakExtension};
use ha_core::plan::UpOptions;
use ha_core::ports::{ContainerRuntime as _, HostFile, ImageBuild, RuntimeError};
use ha_tests::{Pair, PairOptions, engine_is_wanted, fresh_name};

use crate::host::{docker, label, try_docker};
use crate::up::{self, names};

/// As `docker build` of an operator's leaves one: built as root with features, and for another database; with what the guides put
/// into the environment; with an entrypoint and a signal of its own.
const OF_ITS_OWN: &str = r#"
USER root
RUN /opt/keycloak/bin/kc.sh build --db=mysql --features=token-exchange:v1,scripts --http-relative-path=/wrong \
    --spi-password-hashing--provider-default=argon2
ENV KC_DB=mysql KC_DB_URL=jdbc:postgresql://192.0.2.1/none KC_CACHE=ispn KC_HOSTNAME=https://wrong.example.org
ENV KC_HTTP_RELATIVE_PATH=/wrong KC_FEATURES_DISABLED=impersonation KC_LOG_CONSOLE_FORMAT=own:%s%n
ENTRYPOINT ["/bin/false"]
STOPSIGNAL SIGKILL
"#;

/// What of its environment does not reach Keycloak.
const LEFT_OUT: &[&str] =
    &["KC_DB", "KC_DB_URL", "KC_CACHE", "KC_HOSTNAME", "KC_HTTP_RELATIVE_PATH", "KC_FEATURES_DISABLED"];

/// Images that go with the test.
struct Images(Vec<String>);

impl Drop for Images {
    fn drop(&mut self) {
        for image in &self.0 {
            let _ = try_docker(&["image", "rm", "-f", image]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_what_it_was_built_with_and_takes_its_database_from_ha_cli() {
    if !engine_is_wanted() {
        return;
    }
    let tag = format!("{}-own-keycloak:1", fresh_name());
    let mut images = Images(vec![tag.clone()]);
    let option = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let keycloak_options =
        [option("features-disabled", "docker"), option("log-level", "info,org.hibernate:warn")].into();
    let options = PairOptions { keycloak_options, keycloak_image: tag.clone(), ..PairOptions::default() };
    let pair = Pair::prepare(options).await.unwrap();
    let runtime = pair.runtime();
    let cluster_label = label(pair.topology().cluster.name.as_str());
    let (key, value) = cluster_label.split_once('=').unwrap();
    let dockerfile = format!("FROM {}{OF_ITS_OWN}", PairOptions::default().keycloak_image);
    let build = ImageBuild {
        tag,
        context: vec![HostFile::new("Dockerfile", dockerfile, 0o644)],
        labels: [(key.to_owned(), value.to_owned())].into(),
    };
    let base = runtime.build_image(&build).await.unwrap();
    let extension =
        KeycloakExtension { jar: ha_keycloak::extension::JAR, driver_class: ha_keycloak::extension::DRIVER_CLASS };
    images.0.insert(0, layout::keycloak_image_tag(pair.topology(), &base, extension));

    // What Keycloak does not take ends the build, in Keycloak's words, and nothing runs by it.
    let mut wrong = pair.topology().clone();
    wrong.keycloak.options.insert("features".to_owned(), "nonsense".to_owned());
    let refused = runtime.build_image(&layout::keycloak_image(&wrong, &base, extension)).await.unwrap_err();
    assert!(matches!(refused, RuntimeError::BuildFailed { .. }), "{refused:?}");
    assert!(refused.to_string().contains("nonsense"), "{refused}");

    // The primary alone: what counts is the same on the other.
    let plan = pair.cluster().plan_up(&names(pair.cluster())[..1], UpOptions::default()).await.unwrap();
    let told = plan.steps.iter().map(ToString::to_string).find(|step| step.contains("standby extension")).unwrap();
    for name in
        ["KC_DB,", "KC_DB_URL,", "KC_CACHE,", "KC_HOSTNAME,", "KC_HTTP_RELATIVE_PATH,", "KC_FEATURES_DISABLED do"]
    {
        assert!(told.contains(name), "{name} in: {told}");
    }
    assert!(!told.contains("KC_LOG_CONSOLE_FORMAT"), "{told}");
    // Longer than a step waits for Keycloak, so that its own words are told where it does not come up.
    let run = pair.cluster().run(&plan, Arc::new(up::Unwatched));
    tokio::time::timeout(up::PATIENCE * 2, run).await.expect("running the plan ends").unwrap();
    running(&pair);
}

/// It came up, on the right database and at the right place, or `up` would have failed. What else it was made of:
fn running(pair: &Pair) {
    let container = pair.container(pair.primary(), Component::Keycloak);
    // A program that is run beside Keycloak gets the image's environment; Keycloak itself does not.
    let mut show = vec!["exec", &container, "/usr/bin/env"];
    show.extend(LEFT_OUT.iter().flat_map(|name| ["-u", name]));
    show.extend(["/opt/keycloak/bin/kc.sh", "show-config"]);
    let shown = docker(&show);
    let built: BTreeMap<_, _> =
        shown.lines().filter_map(|line| line.trim().strip_suffix(" (Persisted)")?.split_once(" =  ")).collect();
    for (name, value) in [
        ("kc.features", "token-exchange:v1,scripts"),
        ("kc.features-disabled", "docker"),
        ("kc.spi-password-hashing--provider-default", "argon2"),
        ("kc.metrics-enabled", "true"),
    ] {
        assert_eq!(built.get(name), Some(&value), "{name} in\n{shown}");
    }
    let environment = docker(&["exec", &container, "cat", "/proc/1/environ"]);
    let names: Vec<_> = environment.split('\0').filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    for name in LEFT_OUT {
        assert!(!names.contains(name), "{name} reached Keycloak: {names:?}");
    }
    assert!(names.contains(&"KC_LOG_CONSOLE_FORMAT"), "{names:?}");
    assert!(docker(&["logs", "--tail", "5", &container]).contains("own:"), "its own format of the log is kept");
    let ids = docker(&["inspect", "--format", "{{.Config.User}} {{.Config.StopSignal}}", &container]);
    assert_eq!(ids, "1000:0 SIGTERM");
}
