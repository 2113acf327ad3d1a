//! Which of the operator's programs is run when something happens, and what it is told. Pure: whoever embeds the crate
//! runs them.

use std::fmt;
use std::time::Duration;

use crate::health::{Change, ClusterState, Finding, Report};
use crate::topology::{HookCommand, Topology};
use crate::values::NodeName;

/// Every variable that a hook may get. One that is not known is not set: whoever runs the hook removes it from the
/// environment that it hands on, or a hook that runs `ha-cli` itself would pass on what is over.
pub const VARIABLES: &[&str] = &[
    "HA_EVENT",
    "HA_CLUSTER",
    "HA_NODE",
    "HA_OLD_PRIMARY",
    "HA_NEW_PRIMARY",
    "HA_NEW_PRIMARY_ADDRESS",
    "HA_NEW_PRIMARY_POSTGRES_PORT",
    "HA_NEW_PRIMARY_KEYCLOAK_PORT",
    "HA_GENERATION",
    "HA_STATE",
    "HA_STATE_BEFORE",
    "HA_FINDINGS",
];

/// The most bytes of findings that are handed on: Linux takes 128 KiB for one variable, and refuses to start a program
/// with a longer one.
const FINDINGS_BYTES: usize = 64 * 1024;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookEvent {
    /// A standby was promoted.
    Promote,
    /// A primary became a standby.
    Demote,
    /// A standby was promoted because the primary was lost.
    Failover,
    /// The health of the cluster changed.
    Health,
}

impl HookEvent {
    /// The value of `HA_EVENT`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::Demote => "demote",
            Self::Failover => "failover",
            Self::Health => "health",
        }
    }

    fn command(self, topology: &Topology) -> Option<&HookCommand> {
        let hooks = &topology.hooks;
        match self {
            Self::Promote => hooks.on_promote.as_ref(),
            Self::Demote => hooks.on_demote.as_ref(),
            Self::Failover => hooks.on_failover.as_ref(),
            Self::Health => hooks.on_health.as_ref(),
        }
    }
}

impl fmt::Display for HookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "on_{}", self.as_str())
    }
}

/// A change of roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleChange {
    /// The old primary, where it is known.
    pub old_primary: Option<NodeName>,
    /// The new one.
    pub new_primary: NodeName,
    /// The number of the change, where there is one.
    pub generation: Option<u64>,
}

/// A change of the cluster's health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthChange {
    /// The state before it; `None` at the first look.
    pub before: Option<ClusterState>,
    /// The state now.
    pub state: ClusterState,
    /// What is wrong now, gravest first.
    pub findings: Vec<Finding>,
}

impl HealthChange {
    /// What somebody is to be told of after a look; `None` where nothing is new. `changes` are those since `before`.
    ///
    /// The state changed, or a finding appeared or vanished: a second fault changes no state, and a disk that fills is a
    /// warning in a healthy cluster. A first look is told of where the cluster is not healthy, since whoever begins to
    /// watch in the middle of an outage must not stay silent about it.
    #[must_use]
    pub fn of_look(before: Option<ClusterState>, now: &Report, changes: &[Change]) -> Option<Self> {
        let concerns_health =
            |change: &Change| matches!(change, Change::State(..) | Change::Appeared(_) | Change::Vanished(_));
        let new = match before {
            None => now.state != ClusterState::Healthy,
            Some(_) => changes.iter().any(concerns_health),
        };
        new.then(|| Self { before, state: now.state, findings: now.findings.clone() })
    }

    /// Both in one, for a program that was still busy with an earlier one.
    #[must_use]
    pub fn and_then(self, later: Self) -> Self {
        Self { before: self.before, ..later }
    }
}

/// One program that is to be run once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookCall {
    /// Why.
    pub event: HookEvent,
    /// The node that it is about; `None` for the cluster as a whole.
    pub node: Option<NodeName>,
    /// What is run.
    pub command: HookCommand,
    /// What it is told, beside the environment of whoever runs it.
    pub environment: Vec<(&'static str, String)>,
    /// Most time that it may take.
    pub limit: Duration,
}

/// The calls for a change of roles, for those of the events that the topology has a program for.
///
/// ```
/// use ha_core::hooks::{HookEvent, RoleChange, role_calls};
/// use ha_core::topology::{NodeSpec, TopologySpec};
///
/// let mut spec = TopologySpec::new("sso", "https://sso.example.org")
///     .node(NodeSpec::primary("vm1", "192.0.2.11"))
///     .node(NodeSpec::standby("vm2", "192.0.2.12"));
/// spec.hooks.on_promote = Some(vec!["/usr/local/bin/move-address".to_owned()]);
/// let topology = spec.validate().expect("nothing is wrong with it");
/// let names: Vec<_> = topology.nodes().iter().map(|node| node.name.clone()).collect();
///
/// let change = RoleChange { old_primary: Some(names[0].clone()), new_primary: names[1].clone(), generation: None };
/// let calls = role_calls(&topology, &[HookEvent::Promote, HookEvent::Demote], &change);
/// assert_eq!(calls.len(), 1, "there is no program for the other");
/// assert!(calls[0].environment.contains(&("HA_NEW_PRIMARY_ADDRESS", "192.0.2.12".to_owned())));
/// ```
#[must_use]
pub fn role_calls(topology: &Topology, events: &[HookEvent], change: &RoleChange) -> Vec<HookCall> {
    let call = |&event: &HookEvent| {
        let node = match event {
            HookEvent::Demote => change.old_primary.clone()?,
            HookEvent::Promote | HookEvent::Failover | HookEvent::Health => change.new_primary.clone(),
        };
        let mut call = call(topology, event, event.command(topology)?);
        let mut tell = |name, value: Option<String>| call.environment.extend(value.map(|value| (name, value)));
        tell("HA_NODE", Some(node.to_string()));
        tell("HA_OLD_PRIMARY", change.old_primary.as_ref().map(ToString::to_string));
        tell("HA_NEW_PRIMARY", Some(change.new_primary.to_string()));
        let new = topology.node(&change.new_primary);
        tell("HA_NEW_PRIMARY_ADDRESS", new.map(|new| new.address.to_string()));
        tell("HA_NEW_PRIMARY_POSTGRES_PORT", new.map(|new| new.postgres_port.to_string()));
        tell("HA_NEW_PRIMARY_KEYCLOAK_PORT", new.map(|new| new.keycloak_port.to_string()));
        tell("HA_GENERATION", change.generation.map(|generation| generation.to_string()));
        Some(HookCall { node: Some(node), ..call })
    };
    events.iter().filter_map(call).collect()
}

/// The call of a program that is told of the cluster's health.
#[must_use]
pub fn health_call(topology: &Topology, command: &HookCommand, change: &HealthChange) -> HookCall {
    let HealthChange { before, state, findings } = change;
    let mut call = call(topology, HookEvent::Health, command);
    call.environment.push(("HA_STATE", state.to_string()));
    call.environment.extend(before.map(|before| ("HA_STATE_BEFORE", before.to_string())));
    call.environment.push(("HA_FINDINGS", findings_that_fit(findings)));
    call
}

fn call(topology: &Topology, event: HookEvent, command: &HookCommand) -> HookCall {
    let environment = vec![("HA_EVENT", event.as_str().to_owned()), ("HA_CLUSTER", topology.cluster.name.to_string())];
    HookCall { event, node: None, command: command.clone(), environment, limit: topology.hooks.timeout }
}

/// The findings as JSON, gravest first, as many as may be handed on.
fn findings_that_fit(findings: &[Finding]) -> String {
    let mut list = String::from("[");
    for finding in findings {
        let Ok(json) = serde_json::to_string(finding) else { continue };
        if list.len() + json.len() + 2 > FINDINGS_BYTES {
            break;
        }
        if list.len() > 1 {
            list.push(',');
        }
        list.push_str(&json);
    }
    list.push(']');
    list
}

#[cfg(test)]
mod tests;
