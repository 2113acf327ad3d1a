//! Which nodes a command is about.

use ha_core::health::{Report, ReportedRole};
use ha_core::topology::{DesiredRole, Topology};
use ha_core::values::NodeName;

use crate::error::Failure;

/// The nodes that words name: node names, `primary`, `standby` or `replica`, `all`; every node without a word. Roles
/// are those of the moment where `report` is given, else, and for nodes that could not be asked, those that the
/// topology begins with.
///
/// # Errors
/// A word that names nothing.
pub fn nodes(topology: &Topology, words: &[String], report: Option<&Report>) -> Result<Vec<NodeName>, Failure> {
    let all: Vec<_> = topology.nodes().iter().map(|node| node.name.clone()).collect();
    if words.is_empty() {
        return Ok(all);
    }
    let of_role = |wanted: DesiredRole| {
        all.iter().filter(|name| role(topology, name, report) == Some(wanted)).cloned().collect::<Vec<_>>()
    };
    let mut chosen = Vec::new();
    for word in words {
        let named = match word.as_str() {
            "all" => all.clone(),
            "primary" => of_role(DesiredRole::Primary),
            "standby" | "replica" => of_role(DesiredRole::Standby),
            name => all.iter().filter(|node| node.as_str() == name).cloned().collect(),
        };
        if named.is_empty() {
            let names: Vec<_> = all.iter().map(NodeName::as_str).collect();
            return Err(Failure::usage("unknown-node", format!("\"{word}\" is no node of this cluster"))
                .help(format!("the nodes are {}; \"primary\", \"standby\" and \"all\" work, too", names.join(", "))));
        }
        chosen.extend(named);
    }
    // In the topology's order, each once.
    Ok(all.into_iter().filter(|name| chosen.contains(name)).collect())
}

fn role(topology: &Topology, name: &NodeName, report: Option<&Report>) -> Option<DesiredRole> {
    let seen = report.and_then(|report| report.nodes.iter().find(|node| node.name == *name)).map(|node| node.role);
    match seen {
        Some(ReportedRole::Primary) => Some(DesiredRole::Primary),
        Some(ReportedRole::Standby) => Some(DesiredRole::Standby),
        Some(ReportedRole::Unknown) | None => topology.node(name).map(|node| node.initial_role),
    }
}

/// The one node that a word names, where roles of the moment are of no use, since they are about to change.
///
/// # Errors
/// It is no node of the cluster.
pub fn named(topology: &Topology, word: &str) -> Result<NodeName, Failure> {
    let named = topology.nodes().iter().find(|node| node.name.as_str() == word);
    named.map(|node| node.name.clone()).ok_or_else(|| {
        let names: Vec<_> = topology.nodes().iter().map(|node| node.name.to_string()).collect();
        let role = matches!(word, "primary" | "standby" | "replica" | "all");
        let why = if role { " (roles change in this very command, so a node is named)" } else { "" };
        Failure::usage("unknown-node", format!("\"{word}\" is no node of this cluster"))
            .help(format!("the nodes are {}{why}", names.join(", ")))
    })
}
