//! What somebody else has made of a container, as far as it shows by itself: other tools that keep containers up to date, or
//! recreate them, take some of it over and leave other things out.

use super::keycloak::KC_PATH;
use super::postgres::GUARD_ENTRYPOINT;
use super::{Component, LABEL_CLUSTER, LABEL_COMPONENT, LABEL_IMAGE, LABEL_NODE, LABEL_SPEC, LABEL_SYSTEM};
use crate::ports::{Container, RestartPolicy};

/// What is different from what ha-cli made, which only a new container puts right; `None` where nothing is seen.
#[must_use]
pub fn altered(component: Component, container: &Container) -> Option<String> {
    let guarded = match component {
        Component::Postgres => container.entrypoint.iter().map(String::as_str).eq(GUARD_ENTRYPOINT),
        Component::Keycloak => container.entrypoint.last().is_some_and(|last| last == KC_PATH),
    };
    let made_from = container.labels.get(LABEL_IMAGE);
    // By the first three a container is found again, for example by what removes it.
    let own = [LABEL_CLUSTER, LABEL_NODE, LABEL_COMPONENT, LABEL_SYSTEM];
    let own = &own[..if component == Component::Postgres { 4 } else { 3 }];
    let lacking: Vec<_> = own.iter().filter(|&&label| !container.labels.contains_key(label)).copied().collect();
    if !container.labels.contains_key(LABEL_SPEC) {
        Some("another tool has made it: it lacks ha-cli's labels".to_owned())
    } else if !lacking.is_empty() {
        Some(format!("somebody has made it without the label {}", lacking.join(", ")))
    } else if !guarded {
        Some(match component {
            Component::Postgres => "another tool has made it: the guard does not stand before its server".to_owned(),
            Component::Keycloak => "another tool has made it: it is started by another program".to_owned(),
        })
    } else if made_from.is_some_and(|image| *image != container.image_id) {
        Some("another tool has made it from another image".to_owned())
    } else {
        None
    }
}

/// Whether the engine would not start it again by itself; that is put right without stopping it.
#[must_use]
pub fn stays_down(container: &Container) -> bool {
    container.restart != RestartPolicy::UnlessStopped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::fixtures::{container, pair};

    #[test]
    fn a_server_without_the_label_of_its_database_is_not_the_one_that_was_made() {
        let topology = pair();
        let mut without = container(&topology, topology.initial_primary(), Component::Postgres);
        without.labels.remove(LABEL_SYSTEM);
        assert!(altered(Component::Postgres, &without).is_some_and(|said| said.contains(LABEL_SYSTEM)));
    }

    #[test]
    fn what_another_tool_leaves_out_is_seen() {
        let topology = pair();
        let node = topology.initial_primary();
        for component in [Component::Postgres, Component::Keycloak] {
            let well = container(&topology, node, component);
            assert_eq!((altered(component, &well), stays_down(&well)), (None, false));
            let check = |change: fn(&mut Container), word: &str| {
                let mut container = well.clone();
                change(&mut container);
                let said = altered(component, &container).unwrap_or_default();
                assert!(said.contains(word), "{said:?} does not say {word:?}");
            };
            check(|it| it.labels.clear(), "labels");
            for label in [LABEL_CLUSTER, LABEL_NODE, LABEL_COMPONENT] {
                let mut without = well.clone();
                without.labels.remove(label);
                assert!(altered(component, &without).is_some_and(|said| said.contains(label)), "{label}");
            }
            check(|it| it.image_id = "sha256:newer".to_owned(), "another image");
            check(|it| it.entrypoint = vec!["docker-entrypoint.sh".to_owned()], "another tool");
            check(|it| it.entrypoint.clear(), "another tool");
            let mut others = well.clone();
            others.labels.insert("com.example.watched".to_owned(), "yes".to_owned());
            assert_eq!(altered(component, &others), None, "more labels do no harm");
            for restart in [RestartPolicy::No, RestartPolicy::Always, RestartPolicy::OnFailure] {
                assert!(stays_down(&Container { restart, ..well.clone() }), "{restart:?}");
            }
        }
    }
}
