//! What must be settled by a person before anything is brought up: one engine for two nodes, data of others, passwords that
//! do not fit.

use std::collections::BTreeMap;

use super::model::known;
use crate::advice::{Remedy, advice};
use crate::layout::{self, Component, ImageFault};
use crate::plan::Facts;
use crate::plan::{DataState, NodeFacts, Refusal, RefusalKind, renamed_containers};
use crate::topology::Topology;
use crate::values::{NodeName, SystemIdentifier};

pub(super) fn one_engine_each(topology: &Topology, facts: &Facts, refusals: &mut Vec<Refusal>) {
    if topology.cluster.demo {
        return;
    }
    let mut seen: BTreeMap<&str, &NodeName> = BTreeMap::new();
    for (name, node) in facts {
        let Ok(NodeFacts { observation, .. }) = node else { continue };
        let Ok(engine) = &observation.engine else { continue };
        if let Some(first) = seen.insert(&engine.id, name) {
            refusals.push(Refusal::new(
                RefusalKind::Mismatch,
                Some(name),
                format!("its Docker endpoint leads to the same engine as that of {first} ({})", engine.host),
                "two nodes on one host are lost together: correct `docker` of one of them, or set demo = true for a trial",
            ));
        }
    }
}

/// A container that somebody renamed: another one beside it would be a second server on the same database.
pub(super) fn renamed(topology: &Topology, selected: &[NodeName], facts: &Facts, refusals: &mut Vec<Refusal>) {
    for name in selected {
        let Some(NodeFacts { observation, .. }) = known(facts, name) else { continue };
        refusals.extend(renamed_containers(topology, observation));
    }
}

pub(super) fn foreign_data(topology: &Topology, selected: &[NodeName], facts: &Facts, refusals: &mut Vec<Refusal>) {
    for name in selected {
        if let Some(NodeFacts { data: DataState::Unpinned { system, .. }, .. }) = known(facts, name) {
            let (volume, image) = (layout::volume_name(topology, name, "state"), &topology.images.postgres);
            refusals.push(Refusal::new(
                RefusalKind::Unsafe,
                Some(name),
                format!(
                    "its data volume holds the database with system identifier {system}, which this node was not given, and nothing \
                     tells that it is this cluster's"
                ),
                advice!(
                    "nothing was touched: where you know that it is (the state volume was removed), give it to the node, on its host: \
                     `docker run --rm --entrypoint sh -v {volume}:/ha {image} -c 'echo {system} >/ha/adopt'`, then {}; where it is \
                     another's, name the cluster otherwise",
                    Remedy::up(name),
                ),
            ));
        }
        if let Some(NodeFacts { data: DataState::Foreign { found }, .. }) = known(facts, name) {
            refusals.push(Refusal::new(
                RefusalKind::Unsafe,
                Some(name),
                format!("its data volume holds something that is no database of ha-cli's: {found}"),
                "nothing was touched: save what is in it and remove the volume, or name the cluster otherwise",
            ));
        }
    }
}

/// Images from which no server is made, as far as they are there and say what they bring.
pub(super) fn old_images(topology: &Topology, selected: &[NodeName], facts: &Facts, refusals: &mut Vec<Refusal>) {
    for name in selected {
        let image = known(facts, name).and_then(|node| node.postgres_image.as_ref());
        if let Some(why) = image.and_then(layout::too_old) {
            let message = format!("the image {} will not do: {why}", topology.images.postgres);
            let help = "name a newer one as `postgres` in [images], for example \"postgres:17\"; nothing was changed";
            refusals.push(Refusal::new(RefusalKind::Mismatch, Some(name), message, help));
        }
    }
}

/// Images whose environment would have the last word.
pub(super) fn images(topology: &Topology, selected: &[NodeName], facts: &Facts, refusals: &mut Vec<Refusal>) {
    for name in selected {
        let Some(node) = known(facts, name) else { continue };
        let found = [
            (&topology.images.postgres, node.postgres_image.as_ref().and_then(layout::postgres_image_fault)),
            (&topology.images.keycloak, node.keycloak_base.as_ref().and_then(layout::keycloak_image_fault)),
        ];
        for (reference, fault) in found {
            if let Some(fault) = fault {
                let message = format!("the image {reference} {}", fault.found);
                refusals.push(Refusal::new(RefusalKind::Mismatch, Some(name), message, fault.help));
            }
        }
    }
}

/// Images in which ha-cli's scripts would not run.
pub(super) fn lacking(topology: &Topology, selected: &[NodeName], facts: &Facts, refusals: &mut Vec<Refusal>) {
    for name in selected {
        let Some(NodeFacts { lacks, .. }) = known(facts, name) else { continue };
        let both = [
            (&topology.images.postgres, Component::Postgres, &lacks.postgres),
            (&topology.images.keycloak, Component::Keycloak, &lacks.keycloak),
        ];
        for (reference, component, lacks) in both {
            if let Some(ImageFault { found, help }) = layout::programs_fault(component, lacks) {
                let message = format!("the image {reference} {found}");
                refusals.push(Refusal::new(RefusalKind::Mismatch, Some(name), message, help));
            }
        }
    }
}

/// A new database beside that of nodes which the file calls otherwise would be a second cluster of one name.
pub(super) fn unnamed(facts: &Facts, refusals: &mut Vec<Refusal>) {
    for (name, node) in facts {
        let Ok(NodeFacts { unnamed, .. }) = node else { continue };
        if !unnamed.is_empty() {
            refusals.push(Refusal::new(
                RefusalKind::Unsafe,
                Some(name),
                format!(
                    "no node of the file has a database, and its engine has this cluster's under another name: {}",
                    unnamed.join(", ")
                ),
                "name the nodes in the file as they were made; or, with a file that does, remove them first: `ha-cli down --volumes`",
            ));
        }
    }
}

pub(super) fn passwords(topology: &Topology, facts: &Facts, refusals: &mut Vec<Refusal>) {
    for (name, node) in facts {
        let Ok(node) = node else { continue };
        if node.passwords_fit == Some(false) {
            refusals.push(Refusal::new(
                RefusalKind::Mismatch,
                Some(name),
                format!(
                    "the database knows other passwords for {}, {} or {} than the secrets file",
                    topology.postgres.user,
                    layout::REPLICATION_ROLE,
                    layout::PROBE_ROLE
                ),
                "put the secrets file back that the cluster was made with; nothing was changed",
            ));
        }
    }
}

pub(super) fn one_system(facts: &Facts, refusals: &mut Vec<Refusal>) -> Option<SystemIdentifier> {
    let mut found: Option<(&NodeName, SystemIdentifier)> = None;
    for (name, node) in facts {
        let Some(system) = node.as_ref().ok().and_then(NodeFacts::system) else { continue };
        match found {
            Some((first, other)) if other != system => refusals.push(Refusal::new(
                RefusalKind::Unsafe,
                Some(name),
                format!("it holds the database with system identifier {system}, {first} the one with {other}"),
                "they are two clusters: check `address` and `docker` in ha.toml; nothing was touched",
            )),
            Some(_) => {}
            None => found = Some((name, system)),
        }
    }
    found.map(|(_, system)| system)
}
