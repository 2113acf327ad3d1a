//! The roles that everybody logs in as: what somebody's hand has made of them. The password itself is not seen, only whether it was
//! changed since ha-cli has set it.

use crate::layout::{PROBE_ROLE, REPLICATION_ROLE};
use crate::observe::PostgresObservation;
use crate::topology::Topology;

/// A role that is not what `up` makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangedRole {
    /// Which.
    pub(crate) name: String,
    /// What is wrong, one after the other.
    pub(crate) what: Vec<String>,
}

/// The roles that `up` mends; none where the server does not tell of roles.
pub(crate) fn changed_roles(topology: &Topology, server: &PostgresObservation) -> Vec<ChangedRole> {
    if server.logins.is_empty() {
        return Vec::new();
    }
    let keycloak = (topology.postgres.user.as_str(), Some(i64::from(topology.postgres.keycloak_connections())));
    let wanted = [keycloak, (REPLICATION_ROLE, None), (PROBE_ROLE, None)];
    let mut changed: Vec<_> = wanted
        .into_iter()
        .map(|(name, limit)| ChangedRole { name: name.to_owned(), what: what_is_wrong(server, name, limit) })
        .collect();
    changed[0].what.extend(closed(topology, server));
    changed.into_iter().filter(|role| !role.what.is_empty()).collect()
}

/// What keeps Keycloak's role from its own database.
fn closed(topology: &Topology, server: &PostgresObservation) -> Option<String> {
    let database = server.databases.iter().find(|it| it.name == topology.postgres.database)?;
    let limit = database.connection_limit;
    if !database.open {
        Some("may not connect to its database (ALLOW_CONNECTIONS false)".to_owned())
    } else if limit >= 0 && limit < i64::from(topology.postgres.keycloak_connections()) {
        Some(format!("may have {limit} sessions in its database only (CONNECTION LIMIT of the database)"))
    } else {
        None
    }
}

fn what_is_wrong(server: &PostgresObservation, name: &str, limit: Option<i64>) -> Vec<String> {
    let Some(role) = server.logins.iter().find(|role| role.name == name) else {
        return vec!["was dropped".to_owned()];
    };
    let fewer = role.connection_limit >= 0 && limit.is_none_or(|wanted| role.connection_limit < wanted);
    let checks = [
        (server.verifiers_as_set.get(name) == Some(&false), "has another password".to_owned()),
        (!role.login, "may not log in (NOLOGIN)".to_owned()),
        (role.expired, "has a password that is not valid any more (VALID UNTIL)".to_owned()),
        (fewer, format!("may have {} sessions only (CONNECTION LIMIT)", role.connection_limit)),
        (name == REPLICATION_ROLE && !role.replication, "may not replicate (NOREPLICATION)".to_owned()),
        (name == PROBE_ROLE && !role.monitor, "is no member of pg_monitor".to_owned()),
        (role.superuser, "is a superuser".to_owned()),
    ];
    checks.into_iter().filter(|(wrong, _)| *wrong).map(|(_, what)| what).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::fixtures::{pair, primary, roles};
    use crate::observe::{DatabaseObservation, DatabaseRole};

    /// What somebody does to a role or to what is known of its password.
    fn after(change: impl FnOnce(&mut PostgresObservation)) -> Vec<(String, String)> {
        let topology = pair();
        let mut server = primary(&topology, &topology.initial_primary().name);
        server.logins = roles(&topology);
        change(&mut server);
        changed_roles(&topology, &server).into_iter().map(|role| (role.name, role.what.join(", "))).collect()
    }

    fn role<'s>(server: &'s mut PostgresObservation, name: &str) -> &'s mut DatabaseRole {
        server.logins.iter_mut().find(|role| role.name == name).unwrap()
    }

    #[test]
    fn nothing_is_wrong_with_roles_as_they_were_made_and_nothing_is_said_where_none_is_seen() {
        assert_eq!(after(|_| ()), []);
        assert_eq!(after(|server| server.logins.clear()), []);
        let none_changed = |server: &mut PostgresObservation| {
            server.verifiers_as_set = ["keycloak", PROBE_ROLE, REPLICATION_ROLE].map(|it| (it.to_owned(), true)).into();
        };
        assert_eq!(after(none_changed), []);
    }

    #[test]
    fn each_change_is_told_of_its_role() {
        let password = |server: &mut PostgresObservation| {
            server.verifiers_as_set = [("keycloak".to_owned(), false), (PROBE_ROLE.to_owned(), true)].into();
        };
        assert_eq!(after(password), [("keycloak".to_owned(), "has another password".to_owned())]);
        type Hand = fn(&mut DatabaseRole);
        let table: [(&str, Hand, &str); 7] = [
            ("keycloak", |it| it.login = false, "NOLOGIN"),
            ("keycloak", |it| it.superuser = true, "is a superuser"),
            ("keycloak", |it| it.connection_limit = 3, "may have 3 sessions only"),
            (REPLICATION_ROLE, |it| it.replication = false, "NOREPLICATION"),
            (REPLICATION_ROLE, |it| it.connection_limit = 0, "may have 0 sessions only"),
            (PROBE_ROLE, |it| it.expired = true, "VALID UNTIL"),
            (PROBE_ROLE, |it| it.monitor = false, "pg_monitor"),
        ];
        for (name, change, words) in table {
            let found = after(|server| change(role(server, name)));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].0 == name && found[0].1.contains(words), "{found:?}");
        }
        for (open, connection_limit, words) in
            [(false, -1, "ALLOW_CONNECTIONS false"), (true, 3, "may have 3 sessions in its database only")]
        {
            let found = after(|server| {
                let name = "keycloak".to_owned();
                server.databases = vec![DatabaseObservation { name, open, connection_limit }];
            });
            assert!(found.len() == 1 && found[0].0 == "keycloak" && found[0].1.contains(words), "{found:?}");
        }
        let dropped = after(|server| server.logins.retain(|role| role.name != REPLICATION_ROLE));
        assert_eq!(dropped, [(REPLICATION_ROLE.to_owned(), "was dropped".to_owned())]);
    }
}
