//! What somebody's hand has left in the database: roles, unlogged tables, transactions; and clocks that differ.

use super::seen::Seen;
use crate::advice::{Advice, Remedy, advice, is_harmless, shown};
use crate::health::{Code, Finding};
use crate::observe::{OpenTransaction, PostgresRole, PreparedTransaction, ahead};
use crate::plan::logins::{ChangedRole, changed_roles};
use crate::topology::{Node, Topology};

/// Migrations of Keycloak's schema take minutes; what is older has been forgotten.
const LONG_SECONDS: f64 = 900.0;
/// Whoever prepares a transaction ends it right then.
const PREPARED_SECONDS: f64 = 300.0;

pub(super) fn findings(topology: &Topology, seen: &Seen<'_>, findings: &mut Vec<Finding>) {
    let Some(postgres) = seen.postgres() else { return };
    let node = seen.node;
    // Roles, tables and prepared transactions come to the standbys with the data.
    if postgres.role == PostgresRole::Primary {
        let changed = changed_roles(topology, postgres);
        findings.extend(changed.iter().map(|role| of_role(node, role)));
        findings.extend(own_role(node, postgres.logins.iter().any(|it| it.name == "postgres" && !it.login)));
        if postgres.unlogged_relations > 0 {
            findings.push(unlogged(topology, node, postgres.unlogged_relations, &postgres.unlogged_tables));
        }
        findings.extend(unmade(node, &postgres.unmade));
        let forgotten = postgres.prepared.iter().filter(|it| it.inherited || it.seconds >= PREPARED_SECONDS);
        findings.extend(forgotten.map(|it| prepared(node, it)));
    }
    // The findings above say it where somebody has changed that role or its rights.
    let known = !postgres.unmade.is_empty()
        || changed_roles(topology, postgres).iter().any(|role| role.name == crate::layout::PROBE_ROLE);
    if let Some(refused) = postgres.probe_refused.as_ref().filter(|_| !known) {
        findings.push(Finding::new(
            Code::ProbeDenied,
            Some(&node.name),
            format!("{refused}; it was asked through its engine instead"),
            "check probe_password in the secrets file; where it is the right one, give the role ha_probe its rights again",
        ));
    }
    let long = postgres.transactions.iter().filter(|it| it.seconds >= LONG_SECONDS);
    findings.extend(long.map(|it| open(node, postgres.role, it)));
}

fn of_role(node: &Node, role: &ChangedRole) -> Finding {
    let ChangedRole { name, what } = role;
    Finding::new(
        Code::RoleChanged,
        Some(&node.name),
        format!(
            "somebody has changed the role {name}: it {}; sessions that are open go on, new ones fail or have other rights",
            what.join(", ")
        ),
        advice!(
            "{} makes it what it was, with the password of the secrets file, without a restart",
            Remedy::up(&node.name)
        ),
    )
}

/// The superuser comes through the engine, without a password.
fn own_role(node: &Node, locked_out: bool) -> Option<Finding> {
    let name = &node.name;
    locked_out.then(|| {
        Finding::new(
            Code::RoleChanged,
            Some(name),
            "somebody has changed the role postgres: it may not log in (NOLOGIN), so that nothing can be administered",
            format!(
                "as another superuser `ALTER ROLE postgres LOGIN`; where there is none, stop its PostgreSQL and run that statement in \
                 single-user mode (`postgres --single`) on the data volume of {name}"
            ),
        )
    })
}

/// What the probe sees by it is not known then, which is no reason to call it well.
fn unmade(node: &Node, unmade: &[String]) -> Option<Finding> {
    (!unmade.is_empty()).then(|| {
        Finding::new(
            Code::ProbeBlind,
            Some(&node.name),
            format!(
                "what ha-cli has made for its probe in the database postgres is not there any more, or is another version's: {}; role                  passwords that somebody changes, unlogged tables and a disk that fills may go unseen",
                unmade.join(", ")
            ),
            advice!("{} makes it anew, without a restart", Remedy::up(&node.name)),
        )
    })
}

/// Their names are what Keycloak's own role has told.
fn unlogged(topology: &Topology, node: &Node, relations: u64, tables: &[String]) -> Finding {
    let (database, role) = (&topology.postgres.database, &topology.postgres.user);
    let (what, statement) = match tables {
        [] => (
            format!("{relations} relations of the database {database} are unlogged"),
            "`SELECT format('ALTER TABLE %s SET LOGGED', oid::regclass) FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r'` \
             shows the statements that mend it"
                .to_owned(),
        ),
        tables => {
            let (plain, odd): (Vec<&String>, Vec<&String>) = tables.iter().partition(|table| is_harmless(table));
            let mut statements: Vec<_> =
                plain.iter().map(|table| format!("`ALTER TABLE {table} SET LOGGED`")).collect();
            if !odd.is_empty() {
                let which = "`SELECT oid, relname FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r'`";
                statements.push(format!(
                    "likewise {} more, whose names may have been made to do harm where they are pasted (shown by {which})",
                    odd.len()
                ));
            }
            (
                format!("unlogged tables in the database {database}: {}", shown(tables)),
                format!("{} (those that others refer to first)", statements.join(", ")),
            )
        }
    };
    Finding::new(
        Code::UnloggedTables,
        Some(&node.name),
        format!("{what}: their rows are on no standby, and gone after a crash, a switchover or a failover"),
        format!("as the role {role} in the database {database} on {}: {statement}", node.name),
    )
}

fn open(node: &Node, server: PostgresRole, it: &OpenTransaction) -> Finding {
    let OpenTransaction { pid, state, role, database, application, seconds } = it;
    let or_unknown = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
    let client =
        application.as_ref().filter(|it| !it.is_empty()).map(|it| format!(", client \"{it}\"")).unwrap_or_default();
    let follows = match server {
        PostgresRole::Primary => "its locks are held, and what it may still see is not cleaned up",
        PostgresRole::Standby => "what it may still see is not cleaned up on the primary either (hot_standby_feedback)",
    };
    Finding::new(
        Code::LongTransaction,
        Some(&node.name),
        format!(
            "session {pid} ({}, role {}, database {}{client}) has had a transaction open for {:.0} min: {follows}",
            or_unknown(state),
            or_unknown(role),
            or_unknown(database),
            seconds / 60.0
        ),
        format!(
            "find out whose it is and end it there; or, as postgres in the database postgres on {}: `SELECT pg_terminate_backend({pid})`",
            node.name
        ),
    )
}

fn prepared(node: &Node, it: &PreparedTransaction) -> Finding {
    let PreparedTransaction { gid, role, database, seconds, inherited } = it;
    let end = if is_harmless(gid) {
        let gid = gid.replace('\'', "\'\'");
        format!("`COMMIT PREPARED '{gid}'` or `ROLLBACK PREPARED '{gid}'`")
    } else {
        "COMMIT PREPARED or ROLLBACK PREPARED of what `SELECT gid FROM pg_prepared_xacts` shows; its name may have been made to do \
         harm where it is pasted"
            .to_owned()
    };
    let gid = shown(std::slice::from_ref(gid));
    let came = if *inherited { ", on the primary of before, by whom nobody ends it here" } else { "" };
    Finding::new(
        Code::PreparedTransaction,
        Some(&node.name),
        format!(
            "the transaction '{gid}' was prepared {:.0} min ago by the role {role} in the database {database}{came}, and not ended: it \
             holds its locks over restarts and changes of roles, and a switchover is refused",
            seconds / 60.0
        ),
        format!(
            "find out what prepared it; then, as the role {role} in the database {database} on {}: {end}",
            node.name
        ),
    )
}

/// One finding for each node whose clock differs from that of one before it.
pub(super) fn clocks(seen: &[Seen<'_>], findings: &mut Vec<Finding>) {
    let clock = |node: &Seen<'_>| node.postgres().and_then(|postgres| postgres.clock);
    for (at, node) in seen.iter().enumerate() {
        let Some(own) = clock(node) else { continue };
        let apart = seen[..at].iter().find_map(|other| Some((other, own.apart_from(clock(other)?)?)));
        if let Some((other, difference)) = apart {
            let help: Advice = "synchronise the clocks of all hosts (chrony, systemd-timesyncd): a node refuses tokens from its future, \
                                and after a failover the time since when writes may be lost would be wrong"
                .into();
            let message = format!("its clock is {} {}'s", ahead(difference), other.node.name);
            findings.push(Finding::new(Code::ClockSkew, Some(&node.node.name), message, help));
        }
    }
}
