//! Keycloak's features that no pair can have.

/// What becomes of a value of `features`, `features-disabled` or `feature-<name>`: why it cannot be, if it cannot. Reads after the name of
/// the option.
///
/// From `org.keycloak.common.Profile` of Keycloak 26.4 to 26.7. A version belongs to a name after a colon; `preview` stands for every
/// feature in preview.
pub(super) fn unfit(option: &str, value: &str) -> Option<String> {
    let turns_on = match option.strip_prefix("feature-") {
        // `enabled`, or a version.
        Some(name) => return of(name, value.trim() != "disabled").map(|why| format!("is {value}: {why}")),
        None if option == "features" => true,
        None if option == "features-disabled" => false,
        None => return None,
    };
    value.split(',').find_map(|word| {
        let name = word.trim().split(':').next().unwrap_or_default();
        of(name, turns_on).map(|why| format!("has {name}: {why}"))
    })
}

fn of(feature: &str, turned_on: bool) -> Option<&'static str> {
    match (feature, turned_on) {
        ("stateless", true) => {
            Some("logins in progress and counted failures would be rows, which a read-only Keycloak cannot write")
        }
        ("clusterless" | "multi-site", true) => Some("sessions would be kept in an Infinispan beside the pair"),
        ("preview", true) => {
            Some("from 26.7 on that turns on `stateless`, with which a read-only Keycloak cannot work")
        }
        ("persistent-user-sessions", false) => {
            Some("sessions would be in the memory of one node, and gone with it or a change of roles")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::unfit;

    #[test]
    fn what_a_standby_cannot_work_with_is_known_however_it_is_turned_on() {
        for (option, value) in [
            ("features", "token-exchange:v1,preview"),
            ("features", " stateless "),
            ("features", "scripts,multi-site:v1"),
            ("features-disabled", "persistent-user-sessions"),
            ("feature-stateless", "enabled"),
            ("feature-stateless", "v1"),
            ("feature-clusterless", "enabled"),
            ("feature-persistent-user-sessions", "disabled"),
        ] {
            assert!(unfit(option, value).is_some(), "{option}={value}");
        }
        for (option, value) in [
            ("features", "token-exchange:v1,scripts"),
            ("features", "previewed"),
            ("features-disabled", "stateless,multi-site"),
            ("feature-stateless", "disabled"),
            ("feature-persistent-user-sessions", "enabled"),
            ("log-level", "preview"),
        ] {
            assert_eq!(unfit(option, value), None, "{option}={value}");
        }
    }
}
