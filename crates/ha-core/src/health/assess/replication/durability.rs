//! Whether what is acknowledged is where the profile promises it.

use super::super::seen::Seen;
use super::super::settings::take_back;
use crate::advice::{Advice, Remedy, advice};
use crate::health::{Code, Finding};
use crate::layout;
use crate::observe::{PostgresObservation, PostgresRole, SettingInForce};
use crate::topology::{Durability, Topology};
use crate::values::NodeName;

/// What makes an acknowledged write less durable than the profile promises, whoever has set it.
pub(super) fn in_force(topology: &Topology, node: &Seen<'_>, findings: &mut Vec<Finding>) {
    let strict = topology.replication.durability == Durability::Strict;
    let Some(postgres) = node.postgres() else { return };
    let name = &node.node.name;
    for setting in &postgres.durable {
        let Some(why) = setting.weakens(strict) else { continue };
        // The primary's finding says it.
        if setting.is_in_the_data() && postgres.role == PostgresRole::Standby {
            continue;
        }
        let SettingInForce { name: what, value, source } = setting;
        let source = source.as_deref().unwrap_or("its configuration");
        let help = if setting.taken_back_by().is_some() {
            take_back(node, setting)
        } else {
            advice!("take {what} out of [postgres.settings], then {}", Remedy::up(name))
        };
        findings.push(Finding::new(
            Code::DurabilityNotInForce,
            Some(name),
            format!("{what} is \"{value}\" for Keycloak's sessions, by {source}: {why}"),
            help,
        ));
    }
}

pub(super) fn of_primary(
    topology: &Topology,
    primary: &Seen<'_>,
    postgres: &PostgresObservation,
    findings: &mut Vec<Finding>,
) {
    let synchronous = !postgres.synchronous_standby_names.is_empty();
    let name = &primary.node.name;
    let alone = postgres.promotion.as_ref().is_some_and(|record| record.run_alone);
    if let Some(setting) = overridden_names(topology, name, postgres) {
        findings.push(Finding::new(
            Code::DurabilityNotInForce,
            Some(name),
            format!(
                "durability is \"{}\", and synchronous_standby_names is \"{}\", by ALTER SYSTEM: no file of ha-cli's counts beside that",
                topology.replication.durability, setting.value
            ),
            take_back(primary, setting),
        ));
        return confirmations(name, postgres, findings);
    }
    match topology.replication.durability {
        Durability::Strict if alone => {
            let away: Vec<_> = topology.peers_of(name).map(|peer| &peer.name).collect();
            findings.push(Finding::new(
                Code::RunsAlone,
                Some(name),
                "it runs alone (--run-alone): it acknowledges writes without any standby's confirmation, and what no standby has is lost with \
                 this host",
                bring_back(&away),
            ));
        }
        Durability::Strict if !synchronous => findings.push(Finding::new(
            Code::DurabilityNotInForce,
            Some(name),
            "durability is \"strict\", and synchronous_standby_names is empty: a failover may lose what was acknowledged",
            advice!("{} brings the configuration in force", Remedy::up(name)),
        )),
        Durability::Async if synchronous => findings.push(Finding::new(
            Code::DurabilityNotInForce,
            Some(name),
            "durability is \"async\", and synchronous_standby_names is set: writes wait for a standby",
            advice!("{} brings the configuration in force", Remedy::up(name)),
        )),
        Durability::Strict | Durability::Async => {}
    }
    confirmations(name, postgres, findings);
}

/// `synchronous_standby_names`, where somebody has set it to something else than the profile by `ALTER SYSTEM`.
fn overridden_names<'p>(
    topology: &Topology,
    node: &NodeName,
    postgres: &'p PostgresObservation,
) -> Option<&'p SettingInForce> {
    let setting = postgres.overridden.iter().find(|setting| setting.name == "synchronous_standby_names")?;
    (setting.value != layout::synchronous_standby_names(topology, node)).then_some(setting)
}

fn confirmations(name: &NodeName, postgres: &PostgresObservation, findings: &mut Vec<Finding>) {
    let confirms = postgres
        .senders
        .iter()
        .any(|sender| sender.state == "streaming" && matches!(sender.sync_state.as_str(), "sync" | "quorum"));
    if !postgres.synchronous_standby_names.is_empty() && !confirms {
        findings.push(Finding::new(
            Code::WritesWait,
            Some(name),
            "no standby confirms: every write waits until one streams",
            advice!(
                "bring the standby back: see its findings; where that takes long, {} lets writes go on until it is back, on one disk",
                Remedy::FAILOVER_ALONE,
            ),
        ));
    }
}

fn bring_back(away: &[&NodeName]) -> Advice {
    let remedies: Vec<_> = away.iter().map(|node| Remedy::rejoin(node)).collect();
    let words: Vec<_> = remedies.iter().map(ToString::to_string).collect();
    Advice { text: format!("bring a standby back: {} ends it", words.join(" or ")), remedies }
}
