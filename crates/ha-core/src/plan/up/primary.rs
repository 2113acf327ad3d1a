//! Whom the others follow.

use super::model::{UpOptions, has_database, known};
use crate::advice::{Remedy, advice};
use crate::observe::PostgresRole;
use crate::plan::Facts;
use crate::plan::{DataState, NodeFacts, Refusal, RefusalKind};
use crate::topology::{Node, Topology};
use crate::values::{NodeName, SystemIdentifier};

/// Which node is the primary: the one that says so, else the only one whose data would start as one, else, when there
/// is no database anywhere, the one that the topology begins with.
///
/// `None` where nobody is, or where several data directories at rest would each start as one: what is stopped is brought up all the
/// same, by guards that ask each other, since a failover has to see what everybody has.
pub(super) fn the_primary<'t>(
    topology: &'t Topology,
    facts: &Facts,
    system: Option<SystemIdentifier>,
    options: UpOptions,
) -> Result<Option<&'t Node>, Refusal> {
    let role = |node: &Node| facts.get(&node.name)?.as_ref().ok()?.observation.postgres.as_ref().ok().map(|it| it.role);
    let running: Vec<_> = topology.nodes().iter().filter(|node| role(node) == Some(PostgresRole::Primary)).collect();
    let asleep: Vec<_> = topology
        .nodes()
        .iter()
        .filter(|node| role(node).is_none())
        .filter(|node| {
            matches!(known(facts, &node.name), Some(NodeFacts { data: DataState::Complete { standby: false, .. }, .. }))
        })
        .collect();
    let unknown: Vec<_> = topology
        .nodes()
        .iter()
        .filter(|node| why_unknown(facts, &node.name).is_some())
        .map(|node| &node.name)
        .collect();
    match (&running[..], &asleep[..], system) {
        ([one], [], _) | ([], [one], _) => Ok(Some(one)),
        // The primary is among those that cannot be seen; the others are brought up to follow it.
        ([], [], Some(_)) => Ok(unknown.first().and_then(|name| topology.node(name))),
        ([], [], None) => {
            may_be_created(facts, &unknown, options)?;
            Ok(Some(topology.initial_primary()))
        }
        ([], [_, _, ..], _) => Ok(None),
        _ => {
            let names: Vec<_> = running.iter().chain(&asleep).map(|node| node.name.to_string()).collect();
            Err(Refusal::new(
                RefusalKind::Unsafe,
                None,
                format!("{} would each be a primary", names.join(" and ")),
                advice!(
                    "find out which holds the data that counts; {} shows what only that one holds, and makes it a standby",
                    // One that runs is the one to be followed.
                    Remedy::rejoin(&asleep.iter().chain(&running).next().expect("there are two").name),
                ),
            ))
        }
    }
}

/// Why it is not known whether a node has a database; `None` when it is.
fn why_unknown(facts: &Facts, node: &NodeName) -> Option<String> {
    match facts.get(node) {
        None => Some(format!("{node} was not asked")),
        Some(Err(unobserved)) => Some(unobserved.message.clone()),
        Some(Ok(known)) if known.data == DataState::Unexamined && known.observation.postgres.is_err() => {
            Some(format!("the data volume of {node} cannot be looked at before the PostgreSQL image is there"))
        }
        Some(Ok(_)) => None,
    }
}

/// A refusal for a cluster that exists and of which every node was asked: no database of it would accept writes.
pub(super) fn none_left(topology: &Topology, facts: &Facts, system: SystemIdentifier) -> Refusal {
    let has_one = |node: &&Node| known(facts, &node.name).is_some_and(has_database);
    let names = |nodes: &mut dyn Iterator<Item = &Node>| {
        nodes.map(|node| node.name.to_string()).collect::<Vec<_>>().join(" and ")
    };
    let standbys = names(&mut topology.nodes().iter().filter(has_one));
    let without = names(&mut topology.nodes().iter().filter(|node| !has_one(node)));
    let (message, help) = if standbys.is_empty() {
        (
            format!(
                "the cluster with system identifier {system} exists, and its databases are gone: the disks of {without} \
                 were lost or replaced"
            ),
            "bring the disks back; to begin anew without the data: `ha-cli down --volumes`, then bring it up".into(),
        )
    } else if without.is_empty() {
        (
            "every node's database is a standby's: none would accept writes".to_owned(),
            advice!("{} promotes the one that has most", Remedy::FAILOVER),
        )
    } else {
        (
            format!("{without} has no database, its disk was lost; what is left is a standby's, on {standbys}"),
            advice!(
                "a new database would be a second cluster: {} promotes the standby that has most",
                Remedy::FAILOVER
            ),
        )
    };
    Refusal::new(RefusalKind::Unsafe, None, message, help)
}

/// What is said where servers are started and none of them is known to be the primary.
pub(super) fn note_of_nobody(topology: &Topology, facts: &Facts) -> String {
    let as_primary = |node: &&Node| {
        matches!(known(facts, &node.name), Some(NodeFacts { data: DataState::Complete { standby: false, .. }, .. }))
    };
    let names: Vec<_> = topology.nodes().iter().filter(as_primary).map(|node| node.name.to_string()).collect();
    let why = match &names[..] {
        [] => "every node's database is a standby's".to_owned(),
        names => format!(
            "{} would each be a primary: the guard of each asks the others, and starts it as a standby where it cannot be sure",
            names.join(" and ")
        ),
    };
    format!("{why}; if nobody accepts writes then, {} promotes the one that has most", Remedy::FAILOVER)
}

/// Whether a first database may be made: where it is certain, or a person says, that there is none.
fn may_be_created(facts: &Facts, unknown: &[&NodeName], options: UpOptions) -> Result<(), Refusal> {
    for (name, node) in facts {
        if let Ok(NodeFacts { data: DataState::Foreign { found }, .. }) = node {
            return Err(Refusal::new(
                RefusalKind::Unsafe,
                Some(name),
                format!("a new cluster is made on empty nodes only, and its data volume is not empty: {found}"),
                "nothing was touched: save what is in it and remove the volume, or name the cluster otherwise",
            ));
        }
        if let Ok(NodeFacts { data: DataState::Unpinned { system, .. }, .. }) = node {
            return Err(Refusal::new(
                RefusalKind::Unsafe,
                Some(name),
                format!("a new cluster is made on empty nodes only, and its data volume holds the database {system}"),
                advice!("nothing was touched: {} says what can be done", Remedy::up(name)),
            ));
        }
    }
    if unknown.is_empty() || options.bootstrap {
        return Ok(());
    }
    let names: Vec<_> = unknown.iter().map(ToString::to_string).collect();
    let why: Vec<_> = unknown.iter().filter_map(|name| why_unknown(facts, name)).collect();
    Err(Refusal::new(
        RefusalKind::Unsafe,
        None,
        format!("{} cannot be asked whether there is a database already: {}", names.join(", "), why.join("; ")),
        "make every node's engine reachable from here (for example docker = \"ssh://…\"), or, when you know that \
         no node has a database of this cluster, say so with --bootstrap",
    ))
}
