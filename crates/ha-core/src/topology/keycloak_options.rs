//! What becomes of each of Keycloak's options in `[keycloak.options]`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// How an option of Keycloak's reaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeycloakOption {
    /// By `keycloak.conf`, at each start.
    RunTime,
    /// By `kc.sh build`: a start that says otherwise ends at once.
    BuildTime,
    /// Not at all, and why; reads after the option's name.
    Refused(&'static str),
}

const LIST: &str = include_str!("assets/keycloak-options.txt");

/// By their names. Every plan that is made asks for them, so they are read once.
static KNOWN: LazyLock<BTreeMap<&str, KeycloakOption>> = LazyLock::new(|| list().collect());

/// `HOW NAME` or `refused NAME REASON` of each line.
fn list() -> impl Iterator<Item = (&'static str, KeycloakOption)> {
    LIST.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (how, rest) = line.split_once(' ')?;
        match how {
            "run" => Some((rest, KeycloakOption::RunTime)),
            "build" => Some((rest, KeycloakOption::BuildTime)),
            _ => rest.split_once(' ').map(|(name, reason)| (name, KeycloakOption::Refused(reason))),
        }
    })
}

impl KeycloakOption {
    /// What becomes of the option of that name; `None` when neither Keycloak 26.4 to 26.7 has it nor a provider can.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        if let Some(provider) = name.strip_prefix("spi-") {
            return Self::of_provider(provider);
        }
        // `db-url-full-<datasource>` before `db-url-<…>`, were there one: the longest that fits.
        let fitting = || KNOWN.iter().filter(|(known, _)| fits(known, name)).max_by_key(|(known, _)| known.len());
        KNOWN.get(name).or_else(|| fitting().map(|(_, how)| how)).copied()
    }

    /// `SPI--PROVIDER--PROPERTY`, or with single dashes, as before Keycloak 26.3. Which provider, and whether one is there at all, is
    /// settled by the build, whatever the SPI (`PropertyMappers.isSpiBuildTimeProperty`).
    fn of_provider(name: &str) -> Option<Self> {
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
            return None;
        }
        if name.starts_with("events-listener-") && name.contains("-ha-standby-") {
            return Some(Self::Refused("is set by ha-cli itself, as all of its extension's"));
        }
        let built = ["-enabled", "-provider", "-provider-default"].iter().any(|end| name.ends_with(end));
        Some(if built { Self::BuildTime } else { Self::RunTime })
    }

    /// Every name in the list, `<…>` standing for a part of the operator's choice.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KNOWN.keys().copied()
    }
}

/// Whether a name is one of `…<…>`.
fn fits(known: &str, name: &str) -> bool {
    known.split_once('<').is_some_and(|(before, _)| {
        name.strip_prefix(before).is_some_and(|rest| {
            !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::KeycloakOption::{BuildTime, Refused, RunTime};
    use super::*;

    #[test]
    fn an_option_is_of_run_time_of_build_time_or_refused() {
        for name in
            ["log-level", "log-level-org.hibernate", "hostname-admin", "spi-theme--static-max-age", "db-url-full-users"]
        {
            assert_eq!(KeycloakOption::of(name), Some(RunTime), "{name}");
        }
        for name in [
            "features",
            "features-disabled",
            "feature-token-exchange",
            "db-kind-users",
            "transaction-xa-enabled-users",
            "spi-password-hashing--provider-default",
            "spi-password-hashing-provider-default",
            "spi-theme--welcome--enabled",
            "spi-email-template--provider",
        ] {
            assert_eq!(KeycloakOption::of(name), Some(BuildTime), "{name}");
        }
        for name in ["db", "http-relative-path", "spi-events-listener--ha-standby--poll-interval-ms"] {
            assert!(matches!(KeycloakOption::of(name), Some(Refused(_))), "{name}");
        }
        for name in
            ["", "feature", "log-level-", "DB-URL", "kc.db-url", "quarkus.http.port", "log-level-a=b", "spi-a b"]
        {
            assert_eq!(KeycloakOption::of(name), None, "{name}");
        }
    }

    #[test]
    fn every_line_of_the_list_is_read_and_none_stands_there_twice() {
        let lines = LIST.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(list().count(), lines);
        assert_eq!(KeycloakOption::names().count(), lines);
        for (name, how) in list() {
            if let Refused(reason) = how {
                assert!(reason.len() > 10, "{name} is refused without a reason");
            }
        }
    }
}
