//! The environment that an image of the operator's brings along. For Keycloak a variable has precedence over `keycloak.conf`, and
//! system properties over both.

use std::collections::BTreeSet;

use super::{DATA_PATH, HISTORY_PATH, STATE_PATH};
use crate::ports::Image;
use crate::topology::{KeycloakOption, Topology};

/// Variables beside those of options that would make another Keycloak of it: another file of options, another first
/// administrator, Quarkus' own names of what Keycloak's options set.
const OTHERS: &[&str] = &["KC_CONFIG_FILE", "KC_PROFILE", "KEYCLOAK_ADMIN", "KEYCLOAK_ADMIN_PASSWORD"];
const OTHERS_BEGIN: &[&str] =
    &["QUARKUS_DATASOURCE", "QUARKUS_HIBERNATE", "QUARKUS_HTTP_", "QUARKUS_PROFILE", "QUARKUS_TRANSACTION"];

/// `name=value`, the value empty where there is none.
fn variables(image: &Image) -> impl Iterator<Item = (&str, &str)> {
    image.environment.iter().map(|line| line.split_once('=').unwrap_or((line, "")))
}

/// The variable of an option (`db-url`: `DB_URL`), without Keycloak's prefix.
fn variable_of(option: &str) -> String {
    option.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// The variables of the environment of Keycloak's image, prepared or not, that are kept from it: what they say is said by
/// ha-cli or in `[keycloak.options]`.
#[must_use]
pub fn left_out_variables(topology: &Topology, image: &Image) -> Vec<String> {
    let refused =
        KeycloakOption::names().filter(|name| matches!(KeycloakOption::of(name), Some(KeycloakOption::Refused(_))));
    let given = topology.keycloak.options.keys().map(String::as_str);
    let computed = COMPUTED.iter().copied();
    let ours: BTreeSet<_> = refused.chain(computed).map(variable_of).chain(given.map(variable_of)).collect();
    let left_out = |name: &str, value: &str| {
        // A value of KCKEY_X is the name of the option that KC_X gives, one of KCRAW_X is taken without looking for ${…}.
        let option = match (name.strip_prefix("KC_").or(name.strip_prefix("KCRAW_")), name.starts_with("KCKEY_")) {
            (Some(option), _) => option.to_owned(),
            (None, true) => variable_of(value),
            (None, false) => String::new(),
        };
        ours.contains(&option) || OTHERS.contains(&name) || OTHERS_BEGIN.iter().any(|begin| name.starts_with(begin))
    };
    variables(image).filter(|(name, value)| left_out(name, value)).map(|(name, _)| name.to_owned()).collect()
}

/// The beginning of a command line that runs the rest of it without these variables.
pub(super) fn without_variables(names: &[String]) -> Vec<String> {
    if names.is_empty() {
        return Vec::new();
    }
    let unset = names.iter().flat_map(|name| ["-u", name]);
    std::iter::once("/usr/bin/env").chain(unset).map(str::to_owned).collect()
}

/// What is wrong with the environment of an image, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFault {
    /// What; reads after the image's name.
    pub found: String,
    /// What to do.
    pub help: &'static str,
}

/// Options of Keycloak's as system properties: they have precedence over all that ha-cli can say, and stand in variables that
/// are of use otherwise.
#[must_use]
pub fn keycloak_image_fault(image: &Image) -> Option<ImageFault> {
    let java = |name: &str| name.starts_with("JAVA_") || name == "JDK_JAVA_OPTIONS";
    let sets =
        |value: &str| value.split_whitespace().any(|word| word.starts_with("-Dkc.") || word.starts_with("-Dquarkus."));
    let (name, _) = variables(image).find(|(name, value)| java(name) && sets(value))?;
    Some(ImageFault {
        found: format!(
            "sets options of Keycloak's as system properties, in its variable {name}: they would have the last word"
        ),
        help: "take -Dkc.… and -Dquarkus.… out of that variable, and write the options under [keycloak.options] of ha.toml",
    })
}

/// Variables that libpq reads: every program of PostgreSQL's would follow them, in the jobs, in the guard, and where ha-cli runs
/// one in the container. And volumes without a name that would lie over a part of ours, and go with each container.
#[must_use]
pub fn postgres_image_fault(image: &Image) -> Option<ImageFault> {
    let swallows = |path: &str| {
        let inside = |ours: &str| {
            path.strip_prefix(ours).is_some_and(|rest| !rest.trim_matches('/').is_empty() && rest.starts_with('/'))
        };
        [DATA_PATH, STATE_PATH, HISTORY_PATH].into_iter().any(inside)
    };
    if let Some(path) = image.volumes.iter().find(|path| swallows(path)) {
        return Some(ImageFault {
            found: format!(
                "declares a VOLUME {path}: what is written there would be in a volume without a name, and be gone with its container"
            ),
            help: "build it without; a path above ha-cli's own, as the official images have, does no harm",
        });
    }
    // PG_MAJOR, PG_VERSION and the like are the official image's own.
    let read = |name: &str| name.starts_with("PG") && !name.starts_with("PG_") && name != "PGDATA";
    let names: Vec<_> = variables(image).map(|(name, _)| name).filter(|name| read(name)).collect();
    (!names.is_empty()).then(|| ImageFault {
        found: format!(
            "sets {}, which every program of PostgreSQL's reads: ha-cli's own would connect otherwise than they should",
            names.join(", ")
        ),
        help: "build it without; settings of the server belong under [postgres.settings] of ha.toml",
    })
}

/// What [`keycloak_conf`] sets.
pub(super) const COMPUTED: &[&str] = &[
    "db-url",
    "db-username",
    "db-pool-initial-size",
    "db-pool-min-size",
    "db-pool-max-size",
    "hostname",
    "hostname-backchannel-dynamic",
    "http-enabled",
    "http-port",
    "cache",
    "spi-events-listener--ha-standby--poll-interval-ms",
    "proxy-headers",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::fixtures::{image, pair_spec};

    fn with(environment: &[&str]) -> Image {
        Image { environment: environment.iter().map(|&line| line.to_owned()).collect(), ..image("sha256:own") }
    }

    #[test]
    fn what_is_ours_to_say_is_kept_from_keycloak_and_nothing_else() {
        let mut spec = pair_spec();
        spec.keycloak.options.insert("log-level".to_owned(), "info".to_owned());
        spec.keycloak.options.insert("features".to_owned(), "scripts".to_owned());
        spec.keycloak.options.insert("log-level-org.hibernate".to_owned(), "info".to_owned());
        let topology = spec.validate().unwrap();
        let left_out = [
            "KC_DB=mysql",
            "KC_DB_URL=jdbc:x",
            "KC_DB_URL_HOST=elsewhere",
            "KC_DB_PASSWORD=x",
            "KCRAW_DB_PASSWORD=x",
            "KCKEY_X=db-url",
            "KC_HOSTNAME=elsewhere",
            "KC_HTTP_RELATIVE_PATH=/auth",
            "KC_CACHE=ispn",
            "KC_CACHE_STACK=kubernetes",
            "KC_PROXY_HEADERS=forwarded",
            "KC_BOOTSTRAP_ADMIN_PASSWORD=x",
            "KC_SPI_EVENTS_LISTENER__HA_STANDBY__POLL_INTERVAL_MS=1",
            "KC_LOG_LEVEL=trace",
            "KC_LOG_LEVEL_ORG_HIBERNATE=trace",
            "KC_FEATURES=preview",
            "KC_CONFIG_FILE=/x",
            "KEYCLOAK_ADMIN_PASSWORD=x",
            "QUARKUS_DATASOURCE_JDBC_URL=x",
        ];
        let kept = [
            "PATH=/bin",
            "KC_RUN_IN_CONTAINER=true",
            "KC_FEATURES_DISABLED=docker",
            "KC_LOG_CONSOLE_FORMAT=x",
            "KC_SPI_THEME__STATIC_MAX_AGE=1",
            "JAVA_OPTS_APPEND=-Xss1m",
            "KCKEY_Y=log-console-format",
        ];
        let all: Vec<_> = left_out.iter().chain(&kept).copied().collect();
        let names: Vec<_> = left_out.iter().map(|line| line.split_once('=').unwrap().0).collect();
        assert_eq!(left_out_variables(&topology, &with(&all)), names);
        assert_eq!(without_variables(&["A".to_owned(), "B".to_owned()]), ["/usr/bin/env", "-u", "A", "-u", "B"]);
        assert!(without_variables(&[]).is_empty());
    }

    #[test]
    fn system_properties_of_keycloak_are_a_fault() {
        for line in [
            "JAVA_OPTS_APPEND=-Xss1m -Dkc.db.url=x",
            "JAVA_TOOL_OPTIONS=-Dquarkus.http.port=1",
            "JDK_JAVA_OPTIONS=-Dkc.x=y",
        ] {
            assert!(keycloak_image_fault(&with(&[line])).is_some(), "{line}");
        }
        assert_eq!(keycloak_image_fault(&with(&["JAVA_OPTS=-Dfile.encoding=UTF-8 -Xmx1g", "NOTE=-Dkc.x=y"])), None);
    }

    #[test]
    fn what_libpq_reads_is_a_fault() {
        let found = postgres_image_fault(&with(&["PGDATA=/x", "PGOPTIONS=-c x=y", "PG_MAJOR=17", "PGSSLMODE=require"]))
            .unwrap();
        assert!(found.found.contains("PGOPTIONS, PGSSLMODE,"), "{}", found.found);
        assert_eq!(postgres_image_fault(&with(&["PGDATA=/x", "PG_VERSION=17.6", "LANG=C", "POSTGRES_DB=x"])), None);
    }

    #[test]
    fn no_volume_without_a_name_swallows_what_is_ours() {
        let fault = |volume: &str| {
            let image = Image { volumes: vec![volume.to_owned()], ..with(&["PGDATA=/var/lib/postgresql/18/docker"]) };
            postgres_image_fault(&image)
        };
        for harmless in [
            "/var/lib/postgresql/data",
            "/var/lib/postgresql/data/",
            "/var/lib/postgresql",
            "/ha-cli",
            "/var/lib/postgresql/datas",
        ] {
            assert_eq!(fault(harmless), None, "{harmless}");
        }
        for harm in [
            "/var/lib/postgresql/data/pgdata",
            "/var/lib/postgresql/data/pgdata/pg_wal",
            "/ha/config",
            "/ha-history/x/",
        ] {
            let fault = fault(harm).unwrap_or_else(|| panic!("{harm}"));
            assert!(fault.found.contains(harm), "{fault:?}");
        }
    }
}
