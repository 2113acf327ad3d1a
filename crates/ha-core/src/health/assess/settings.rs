//! Settings of which somebody else than `ha.toml` has the last word: it lies in `postgresql.auto.conf`, which PostgreSQL reads after all
//! else, or was given to a role or a database. Of those that decide how durable a write is, [`super::replication`] tells.

use super::seen::Seen;
use crate::advice::Advice;
use crate::health::{Code, Finding};
use crate::layout;
use crate::observe::{PostgresRole, SettingInForce};
use crate::topology::Topology;

pub(super) fn findings(topology: &Topology, node: &Seen<'_>, findings: &mut Vec<Finding>) {
    let Some(postgres) = node.postgres() else { return };
    if postgres.overridden.is_empty() {
        return;
    }
    let name = &node.node.name;
    let configured = layout::configured(topology, node.node);
    for setting in &postgres.overridden {
        if setting.is_unread() && !(setting.is_in_the_data() && postgres.role == PostgresRole::Standby) {
            findings.push(unread(node, setting));
            continue;
        }
        let standby = postgres.role == PostgresRole::Standby;
        if let Some(why) = setting.breaks_keycloak().filter(|_| !standby) {
            let SettingInForce { name: what, value, source } = setting;
            let source = source.as_deref().unwrap_or_default();
            let message = format!("{what} is \"{value}\" for Keycloak's sessions, by {source}: {why}");
            findings.push(Finding::new(Code::SettingNotInForce, Some(name), message, take_back(node, setting)));
            continue;
        }
        let told_elsewhere = postgres.durable.iter().any(|other| other.name == setting.name);
        // The primary's finding says it.
        let said = setting.is_in_the_data() && postgres.role == PostgresRole::Standby;
        let Some(wanted) = configured.get(&setting.name).filter(|wanted| **wanted != setting.value) else { continue };
        let (Some(source), false) = (&setting.source, told_elsewhere || said) else { continue };
        let by_file = topology.postgres.settings.keys().any(|given| given.eq_ignore_ascii_case(&setting.name));
        let whose = if by_file { "as [postgres.settings] of ha.toml says" } else { "as ha-cli has written it" };
        let SettingInForce { name: what, value, .. } = setting;
        let message = format!("{what} is \"{value}\", by {source}, and not \"{wanted}\", {whose}");
        findings.push(Finding::new(Code::SettingNotInForce, Some(name), message, take_back(node, setting)));
    }
}

/// Nobody gives that much in good faith: what is in force for Keycloak's sessions may be anything.
fn unread(node: &Seen<'_>, setting: &SettingInForce) -> Finding {
    let source = setting.source.as_deref().unwrap_or_default();
    let message =
        format!("{source} has given {}: what is in force for Keycloak's sessions is not known", setting.value);
    Finding::new(Code::SettingNotInForce, Some(&node.node.name), message, take_back(node, setting))
}

/// How a setting that somebody gave is taken back; nothing where nobody did.
pub(super) fn take_back(node: &Seen<'_>, setting: &SettingInForce) -> Advice {
    let Some(statements) = setting.taken_back_by() else { return Advice::default() };
    format!(
        "on {}, as postgres in the database postgres: {statements}; sessions that are open keep what a role or a database gave \
         them: restart Keycloak then",
        node.node.name
    )
    .into()
}
