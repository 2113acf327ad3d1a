//! From observations to a report. Pure: the same observations give the same report.

mod alive;
mod hands;
mod keycloak;
mod postgres;
mod replication;
mod seen;
mod settings;

#[cfg(test)]
mod tests;

use self::alive::SignOfLife;
use self::seen::Seen;
use super::{
    ClusterState, Code, Finding, KeycloakReport, NodeReport, PostgresReport, ReplicationState, Report, ReportedRole,
    host,
};
use crate::advice::{Advice, Remedy, advice};
use crate::layout;
use crate::observe::{KeycloakMode, KeycloakState, NodeObservation, PostgresRole};
use crate::plan::{Of, RoleFact, RoleFacts, WayOut, one_of, own_way, way_out};
use crate::topology::Topology;
use crate::values::{NodeName, PromotionId, PromotionRecord};

/// Tells what the observations mean. A node of the topology that was not observed is left out, and the cluster is then
/// not called healthy: observe all of them, since whether a standby is right depends on its primary.
#[must_use]
pub fn assess(topology: &Topology, observations: &[NodeObservation]) -> Report {
    let fact = |seen: &NodeObservation| RoleFact { observation: seen.clone(), stopped: None, heard_by: None };
    assess_roles(topology, &observations.iter().map(|seen| (seen.node.clone(), fact(seen))).collect())
}

/// The primary that a server which has ended does not know of.
fn replaced_by<'f>(facts: &'f RoleFacts, node: &NodeName) -> Option<&'f NodeName> {
    let ended = facts.get(node)?.stopped.as_ref()?.as_ref().ok()?;
    facts.values().map(|fact| &fact.observation).filter(|seen| seen.node != *node).find_map(|seen| {
        let primary = seen.postgres.as_ref().ok().filter(|server| server.role == PostgresRole::Primary)?;
        let promoted = primary.promotion.as_ref()?;
        let knows = ended.promotion.as_ref().is_some_and(|known| known.is_same_promotion(promoted));
        (!ended.standby || !knows).then_some(&seen.node)
    })
}

/// The same, of one who also knows how servers that do not run have ended: what ends a time without a primary depends on it.
#[must_use]
pub fn assess_roles(topology: &Topology, facts: &RoleFacts) -> Report {
    let observations: Vec<_> = facts.values().map(|fact| fact.observation.clone()).collect();
    let seen: Vec<Seen<'_>> = topology
        .nodes()
        .iter()
        .filter_map(|node| {
            let observation = observations.iter().find(|observation| observation.node == node.name)?;
            Some(Seen { node, observation, replaced_by: replaced_by(facts, &node.name) })
        })
        .collect();
    let mut findings = Vec::new();
    let primary = the_primary(topology, facts, &seen, &mut findings);
    if let Some(primary) = primary {
        second_writer(primary, &seen, &mut findings);
    }
    identity(&seen, topology, &mut findings);
    for node in &seen {
        postgres::findings(topology, node, &mut findings);
        settings::findings(topology, node, &mut findings);
        keycloak::findings(topology, node, &mut findings);
        hands::findings(topology, node, &mut findings);
        replication::unused_slots_of_standby(topology, node, &mut findings);
        let wal_bytes = node.postgres().and_then(|postgres| postgres.wal_bytes);
        host::findings(&node.node.name, &node.observation.host, wal_bytes, &mut findings);
    }
    hands::clocks(&seen, &mut findings);
    if let Some(primary) = primary {
        replication::of_primary(topology, primary, &seen, &mut findings);
    }
    let nodes: Vec<_> = seen.iter().map(|node| report(topology, node, primary, &mut findings)).collect();
    Finding::sort(&mut findings);
    Report {
        schema: 1,
        cluster: topology.cluster.name.clone(),
        state: state(topology, &nodes, &findings),
        durability: topology.replication.durability,
        nodes,
        findings,
        outlook: crate::plan::explain(topology, &observations),
    }
}

fn report<'a>(
    topology: &Topology,
    node: &Seen<'a>,
    primary: Option<&Seen<'a>>,
    findings: &mut Vec<Finding>,
) -> NodeReport {
    let postgres = node.postgres();
    NodeReport {
        name: node.node.name.clone(),
        role: node.role(),
        postgres: PostgresReport {
            state: postgres::state(node.observation),
            lsn: postgres.and_then(|postgres| postgres.write_lsn.or(postgres.replay_lsn)),
            timeline: postgres.map(|postgres| postgres.timeline),
            system_identifier: postgres.map(|postgres| postgres.system_identifier),
            version: postgres.map(|postgres| postgres.version.to_string()),
            wal_bytes: postgres.and_then(|postgres| postgres.wal_bytes),
        },
        keycloak: KeycloakReport {
            state: keycloak::state(node.observation),
            mode: node.observation.keycloak.mode,
            url: format!("{}{}", node.node.keycloak_url(), layout::keycloak_base_path(topology).trim_end_matches('/')),
            heap_percent: node.postgres().and_then(|postgres| postgres.keycloak_heap_percent),
        },
        host: node.observation.host.into(),
        replication: postgres
            .filter(|postgres| postgres.role == PostgresRole::Standby)
            .map(|postgres| replication::of_standby(topology, node, postgres, primary, findings)),
    }
}

/// Two standbys, each of which holds what the other lacks.
fn parted(seen: &[Seen<'_>]) -> Option<String> {
    let way = |of: &Seen<'_>, other: &Seen<'_>| {
        let (server, other) = (of.postgres()?, other.postgres()?);
        own_way(Of { node: &of.node.name, server }, other).map(drop)
    };
    let mut pairs = seen.iter().enumerate().flat_map(|(at, one)| seen[at + 1..].iter().map(move |other| (one, other)));
    let (one, other) = pairs.find(|(one, other)| way(one, other).is_some() && way(other, one).is_some())?;
    Some(format!("{} and {}", one.node.name, other.node.name))
}

/// The one primary, if there is exactly one.
fn the_primary<'s, 'a>(
    topology: &Topology,
    facts: &RoleFacts,
    seen: &'s [Seen<'a>],
    findings: &mut Vec<Finding>,
) -> Option<&'s Seen<'a>> {
    let primaries: Vec<_> = seen.iter().filter(|node| node.role() == ReportedRole::Primary).collect();
    match primaries[..] {
        [one] => return Some(one),
        [] => {
            findings.push(nobody(topology, facts, seen));
        }
        _ => {
            let names: Vec<_> = primaries
                .iter()
                .map(|node| {
                    let lsn = node.postgres().and_then(|postgres| postgres.write_lsn);
                    let lsn = lsn.map_or_else(String::new, |lsn| format!(" at {lsn}"));
                    format!("{}{lsn}", node.node.name)
                })
                .collect();
            findings.push(Finding::new(
                Code::TwoPrimaries,
                None,
                format!("more than one node accepts writes: {}", names.join(" and ")),
                wrong_one(&primaries),
            ));
        }
    }
    None
}

/// Nobody is the primary, as far as was seen.
fn nobody(topology: &Topology, facts: &RoleFacts, seen: &[Seen<'_>]) -> Finding {
    let alive = |node: &Seen<'_>| SignOfLife::of(node).map(|sign| (node.node.name.clone(), sign));
    let serves = seen.iter().filter_map(alive).find(|(_, sign)| *sign == SignOfLife::KeycloakWrites);
    if let Some((name, sign)) = serves {
        // A failover would stop it.
        return Finding::new(
            Code::PrimaryUnknown,
            None,
            format!("the PostgreSQL of {name} could not be asked, and {}", sign.in_words()),
            advice!(
                "look again, and replace nobody: a host that is busy answers late; where it stays so, {} looks closer at the way there",
                Remedy::doctor(&name),
            ),
        );
    }
    let unknown: Vec<_> = seen
        .iter()
        .filter(|node| node.role() == ReportedRole::Unknown)
        .map(|node| node.node.name.to_string())
        .collect();
    if let Some(parted) = parted(seen) {
        return Finding::new(
            Code::NoPrimary,
            None,
            format!(
                "nobody accepts writes, and {parted} were promoted apart from each other: each holds what the other lacks"
            ),
            advice!("a person has to choose: look at both while they serve reads; {} says how", Remedy::FAILOVER),
        );
    }
    let WayOut { unfinished, remedies } = way_out(topology, facts);
    let ends = one_of(&remedies);
    let advice = |text: String| Advice { text, remedies: remedies.clone() };
    if let Some(record) = unfinished {
        return Finding::new(
            Code::ChangeInterrupted,
            None,
            format!(
                "a change of roles, by which {} becomes the primary in generation {}, was begun and not brought to its end: nobody \
                 accepts writes",
                record.primary, record.generation
            ),
            advice(format!("{ends} brings a primary back")),
        );
    }
    if unknown.is_empty() {
        let message = "every PostgreSQL answers as a standby: nobody accepts writes";
        return Finding::new(Code::NoPrimary, None, message, advice(format!("{ends} promotes the one that has most")));
    }
    if let Some((name, sign)) = seen.iter().filter_map(alive).next() {
        let look = Remedy::doctor(&name);
        let text = format!(
            "look again, since a host that is busy answers late; {look} looks closer; only where it stays so, {ends} brings a primary \
             back, and says before what may be lost"
        );
        return Finding::new(
            Code::PrimaryUnknown,
            None,
            format!(
                "no primary was found; {} could not be asked, and of {name} {}",
                unknown.join(", "),
                sign.in_words()
            ),
            Advice { text, remedies: std::iter::once(look).chain(remedies).collect() },
        );
    }
    Finding::new(
        Code::PrimaryUnknown,
        None,
        format!("no primary was found; {} could not be asked", unknown.join(", ")),
        advice(format!(
            "see the findings of that node; {ends} brings a primary back, and says before what may be lost"
        )),
    )
}

/// Of several primaries the one of the oldest promotion has to go, unless a person knows better.
fn wrong_one(primaries: &[&Seen<'_>]) -> Advice {
    fn order<'a>(node: &Seen<'a>) -> Option<(u64, &'a PromotionId)> {
        let postgres = node.postgres()?;
        let data = postgres.lineage.as_ref().map(|lineage| &lineage.promotion);
        data.into_iter().chain(&postgres.promotion).map(PromotionRecord::order).max()
    }
    let Some(oldest) = primaries.iter().rev().min_by_key(|node| order(node)) else { return Advice::default() };
    let name = &oldest.node.name;
    advice!(
        "writes are diverging: stop the wrong one now, by its promotion {name}: {} (its data is kept), then {}",
        Remedy::down(name),
        Remedy::rejoin(name),
    )
}

/// A Keycloak that takes writes where PostgreSQL could not be asked: its word is the only one there is.
fn second_writer(primary: &Seen<'_>, seen: &[Seen<'_>], findings: &mut Vec<Finding>) {
    for node in seen.iter().filter(|node| node.role() == ReportedRole::Unknown) {
        let keycloak = &node.observation.keycloak;
        if keycloak.state == KeycloakState::Ready && keycloak.mode == KeycloakMode::ReadWrite {
            findings.push(Finding::new(
                Code::TwoPrimaries,
                None,
                format!("{} accepts writes, and so does the Keycloak of {}", primary.node.name, node.node.name),
                "writes are diverging: find out which one is right, and stop the other, whose data is kept (`down`), then `rejoin` it",
            ));
        }
    }
}

/// Whether all nodes are what they say: one database, one version, one engine each.
fn identity(seen: &[Seen<'_>], topology: &Topology, findings: &mut Vec<Finding>) {
    for (index, node) in seen.iter().enumerate() {
        for other in &seen[index + 1..] {
            if let (Ok(a), Ok(b)) = (&node.observation.engine, &other.observation.engine)
                && a.id == b.id
                && !topology.cluster.demo
            {
                findings.push(Finding::new(
                    Code::SharedEngine,
                    None,
                    format!("{} and {} stand on one Docker engine ({})", node.node.name, other.node.name, a.host),
                    "two nodes on one host are lost together: correct `docker` of one of them, or set demo = true for a trial",
                ));
            }
            let (Some(a), Some(b)) = (node.postgres(), other.postgres()) else { continue };
            let pair = format!("{} and {}", node.node.name, other.node.name);
            if a.system_identifier != b.system_identifier {
                findings.push(Finding::new(
                    Code::SystemIdentifierMismatch,
                    None,
                    format!(
                        "{pair} hold different databases: system identifiers {} and {}",
                        a.system_identifier, b.system_identifier
                    ),
                    "one of them belongs to another cluster: check `address` and `docker` in ha.toml",
                ));
            }
            if a.version != b.version {
                findings.push(Finding::new(
                    Code::VersionMismatch,
                    None,
                    format!("{pair} run PostgreSQL {} and {}", a.version, b.version),
                    "use one image for both: `ha-cli config check` shows which each runs",
                ));
            }
        }
    }
}

fn state(topology: &Topology, nodes: &[NodeReport], findings: &[Finding]) -> ClusterState {
    let found = |code: Code| findings.iter().any(|finding| finding.code == code);
    let serving = nodes
        .iter()
        .filter(|node| node.keycloak.state == KeycloakState::Ready && node.keycloak.mode == KeycloakMode::ReadWrite)
        .count();
    if serving != 1 || found(Code::TwoPrimaries) || found(Code::WritesWait) {
        return ClusterState::Down;
    }
    let all_looked_at = nodes.len() == topology.nodes().len();
    let whole = all_looked_at
        && nodes.iter().all(|node| {
            let follows = match (&node.replication, node.role) {
                (Some(replication), _) => {
                    matches!(replication.state, ReplicationState::Streaming)
                }
                (None, ReportedRole::Primary) => true,
                (None, ReportedRole::Standby | ReportedRole::Unknown) => false,
            };
            follows && node.keycloak.state == KeycloakState::Ready
        });
    let errors = findings.iter().any(|finding| finding.severity == super::Severity::Error);
    if whole && !errors { ClusterState::Healthy } else { ClusterState::Degraded }
}
