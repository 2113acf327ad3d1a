//! Facts to decide from, ways to damage them, and what to expect of the decision.

use super::super::{Facts, UpOptions, decide_up};
use crate::layout::Component;
use crate::observe::fixtures::{
    SYSTEM, healthy, keycloak_base, keycloak_image, name, pair, postgres_image, secrets, unobserved,
};
use crate::observe::{
    KeycloakMode, KeycloakObservation, KeycloakState, NodeObservation, PostgresObservation, PostgresRole, UnobservedWhy,
};
use crate::plan::{DataState, Lacking, NodeFacts, Plan, Refusal, RefusalKind};
use crate::ports::{Container, ContainerStatus};
use crate::topology::Topology;
use crate::values::NodeName;

pub(super) const ASKED: UpOptions = UpOptions { bootstrap: false, without_keycloak: false };
pub(super) const BOOTSTRAP: UpOptions = UpOptions { bootstrap: true, without_keycloak: false };

/// Facts of a cluster in which all is well.
pub(super) fn running(topology: &Topology) -> Facts {
    let facts = |observation: NodeObservation| {
        let role = observation.postgres.as_ref().unwrap().role;
        let is_primary = role == PostgresRole::Primary;
        NodeFacts {
            observation,
            postgres_image: Some(postgres_image()),
            keycloak_base: Some(keycloak_base()),
            keycloak_image: Some(keycloak_image()),
            lacks: Lacking::default(),
            prepared: true,
            data: DataState::Complete { system: SYSTEM, standby: !is_primary },
            passwords_fit: is_primary.then_some(true),
            keycloak_set_up: is_primary.then_some(true),
            topology_noted: Some(true),
            unnamed: Vec::new(),
        }
    };
    healthy(topology).into_iter().map(|it| (it.node.clone(), Ok(facts(it)))).collect()
}

/// Facts of engines on which nothing of the cluster stands, the images apart.
pub(super) fn empty(topology: &Topology) -> Facts {
    let mut facts = running(topology);
    for node in topology.nodes() {
        wipe(at(&mut facts, node.name.as_str()));
    }
    facts
}

pub(super) fn wipe(node: &mut NodeFacts) {
    no_containers(node);
    node.prepared = false;
    node.data = DataState::NoVolume;
}

pub(super) fn no_containers(node: &mut NodeFacts) {
    stop(node);
    node.observation.postgres_container = Ok(None);
    node.observation.keycloak_container = Ok(None);
}

/// Both servers have stopped; their containers and data are there.
pub(super) fn stop(node: &mut NodeFacts) {
    stop_postgres(node);
    stop_keycloak(node);
}

pub(super) fn stop_postgres(node: &mut NodeFacts) {
    node.observation.postgres = Err(unobserved(UnobservedWhy::Refused, "nothing listens"));
    if let Ok(Some(container)) = &mut node.observation.postgres_container {
        container.status = ContainerStatus::Exited { code: 0 };
    }
    (node.passwords_fit, node.keycloak_set_up) = (None, None);
}

pub(super) fn stop_keycloak(node: &mut NodeFacts) {
    node.observation.keycloak = KeycloakObservation {
        state: KeycloakState::Stopped,
        mode: KeycloakMode::Unknown,
        warm: None,
        service_client: None,
        detail: None,
    };
    if let Ok(Some(container)) = &mut node.observation.keycloak_container {
        container.status = ContainerStatus::Exited { code: 143 };
    }
    node.keycloak_set_up = None;
}

pub(super) fn no_images(facts: &mut Facts) {
    for node in facts.values_mut().flatten() {
        (node.postgres_image, node.keycloak_base, node.keycloak_image) = (None, None, None);
    }
}

#[track_caller]
pub(super) fn at<'f>(facts: &'f mut Facts, node: &str) -> &'f mut NodeFacts {
    facts.get_mut(&name(node)).unwrap().as_mut().unwrap()
}

#[track_caller]
pub(super) fn postgres<'f>(facts: &'f mut Facts, node: &str) -> &'f mut PostgresObservation {
    at(facts, node).observation.postgres.as_mut().unwrap()
}

#[track_caller]
pub(super) fn container<'f>(facts: &'f mut Facts, node: &str, component: Component) -> &'f mut Container {
    let observation = &mut at(facts, node).observation;
    let container = match component {
        Component::Postgres => &mut observation.postgres_container,
        Component::Keycloak => &mut observation.keycloak_container,
    };
    container.as_mut().unwrap().as_mut().unwrap()
}

pub(super) fn lose(facts: &mut Facts, node: &str) {
    facts.insert(name(node), Err(unobserved(UnobservedWhy::Silent, "the engine did not answer within 5 s")));
}

/// A plan as lines: each step with the steps it waits for, then the notes.
pub(super) fn lines(plan: &Plan) -> Vec<String> {
    let mut lines: Vec<_> = plan
        .steps
        .iter()
        .map(|step| {
            let after: Vec<_> = step.after.iter().map(ToString::to_string).collect();
            format!("{} {step} <{}>", step.id, after.join(","))
        })
        .collect();
    lines.extend(plan.notes.iter().map(|note| format!("note: {note}")));
    if plan.look_again {
        lines.push("look again".to_owned());
    }
    lines
}

pub(super) fn all(topology: &Topology) -> Vec<NodeName> {
    topology.nodes().iter().map(|node| node.name.clone()).collect()
}

#[track_caller]
pub(super) fn plans_of(topology: &Topology, selected: &[&str], facts: &Facts, options: UpOptions, wanted: &[&str]) {
    let selected: Vec<_> = selected.iter().map(|text| name(text)).collect();
    let selected = if selected.is_empty() { all(topology) } else { selected };
    let plan = decide_up(topology, &secrets(), &selected, facts, options).unwrap();
    assert_eq!(lines(&plan), wanted);
}

/// Expects this plan for all nodes of a pair.
#[track_caller]
pub(super) fn plans(facts: &Facts, wanted: &[&str]) {
    plans_of(&pair(), &[], facts, ASKED, wanted);
}

/// Expects exactly one refusal, of that kind, with those words, and some advice.
#[track_caller]
pub(super) fn refuses_of(
    topology: &Topology,
    selected: &[&str],
    facts: &Facts,
    options: UpOptions,
    kind: RefusalKind,
    words: &[&str],
) {
    let selected: Vec<_> = selected.iter().map(|text| name(text)).collect();
    let selected = if selected.is_empty() { all(topology) } else { selected };
    let refusals: Vec<Refusal> =
        decide_up(topology, &secrets(), &selected, facts, options).expect_err("it was planned");
    assert_eq!(refusals.len(), 1, "{refusals:#?}");
    assert_eq!(refusals[0].kind, kind);
    let text = refusals[0].to_string();
    for word in words {
        assert!(text.contains(word), "{text:?} does not say {word:?}");
    }
    assert!(!refusals[0].help.is_empty());
}

#[track_caller]
pub(super) fn refuses(facts: &Facts, kind: RefusalKind, words: &[&str]) {
    refuses_of(&pair(), &[], facts, ASKED, kind, words);
}
