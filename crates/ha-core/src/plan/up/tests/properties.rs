//! What holds for every plan, whatever was found.

use proptest::prelude::*;
use proptest::sample::select;

use super::super::UpOptions;
use super::facts::{all, empty, no_containers, running, stop, stop_keycloak, stop_postgres};
use crate::layout::LABEL_SPEC;
use crate::observe::fixtures::{SYSTEM, pair_spec, primary, secrets, standby, unobserved};
use crate::observe::{KeycloakState, UnobservedWhy};
use crate::plan::order::kept_back;
use crate::plan::{Action, DataState, Facts, NodeFacts, Plan, StepId, decide_up};
use crate::topology::{NodeSpec, Topology};
use crate::values::{NodeName, SystemIdentifier};

fn topology() -> impl Strategy<Value = Topology> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(demo, strict, third)| {
        let mut spec = pair_spec();
        spec.cluster.demo = demo;
        spec.replication.durability = if strict { "strict" } else { "async" }.to_owned();
        if third {
            spec = spec.node(NodeSpec::standby("vm3", "192.0.2.13"));
        }
        spec.validate().unwrap()
    })
}

fn data() -> impl Strategy<Value = DataState> {
    let complete = |system, standby| DataState::Complete { system, standby };
    select(vec![
        DataState::NoVolume,
        DataState::NoVolume,
        DataState::Empty,
        DataState::Partial,
        DataState::Unexamined,
        DataState::Lost { system: SYSTEM },
        DataState::Foreign { found: "x".to_owned() },
        complete(SYSTEM, true),
        complete(SYSTEM, false),
        complete(SystemIdentifier(1), false),
    ])
}

/// One node, from what is well, each part changed by itself.
fn node(
    topology: &Topology,
    index: usize,
) -> impl Strategy<Value = Result<NodeFacts, crate::observe::Unobserved>> + use<> {
    let name = topology.nodes()[index].name.clone();
    let well = running(topology).remove(&name).unwrap().unwrap();
    let fresh = empty(topology).remove(&name).unwrap().unwrap();
    let as_primary = primary(topology, &name);
    let as_standby = standby(topology, &name, topology.initial_primary());
    let changes = (0..7_u8, data(), 0..5_u8, any::<[bool; 4]>(), select(vec![None, Some(true), Some(false)]));
    let drawn = (select(vec![well, fresh]), changes).prop_map(move |(mut node, (servers, data, role, images, fit))| {
        match servers {
            0 => stop(&mut node),
            1 => stop_postgres(&mut node),
            2 => stop_keycloak(&mut node),
            3 => no_containers(&mut node),
            _ => {}
        }
        if node.observation.postgres.is_ok() {
            match role {
                0 => node.observation.postgres = Ok(as_primary.clone()),
                1 => node.observation.postgres = Ok(as_standby.clone()),
                2 => node.observation.postgres = Err(unobserved(UnobservedWhy::Denied, "denied")),
                _ => {}
            }
        } else if role < 4 {
            node.data = data;
        }
        if images[0] {
            node.postgres_image = None;
        }
        if images[1] {
            (node.keycloak_base, node.keycloak_image) = (None, None);
        }
        if images[2]
            && let Ok(Some(container)) = &mut node.observation.keycloak_container
        {
            drop(container.labels.insert(LABEL_SPEC.to_owned(), "old".to_owned()));
        }
        if images[3]
            && let Ok(Some(container)) = &mut node.observation.postgres_container
        {
            drop(container.labels.insert(LABEL_SPEC.to_owned(), "old".to_owned()));
        }
        node.keycloak_set_up = fit;
        node
    });
    prop_oneof![6 => drawn.prop_map(Ok), 1 => Just(Err(unobserved(UnobservedWhy::Silent, "silent")))]
}

fn world() -> impl Strategy<Value = (Topology, Vec<NodeName>, Facts, UpOptions)> {
    topology().prop_flat_map(|topology| {
        let nodes: Vec<_> = (0..topology.nodes().len()).map(|index| node(&topology, index).boxed()).collect();
        let names = all(&topology);
        let selected = proptest::sample::subsequence(names.clone(), 1..=names.len());
        let options = (any::<bool>(), prop_oneof![4 => Just(false), 1 => Just(true)])
            .prop_map(|(bootstrap, without_keycloak)| UpOptions { bootstrap, without_keycloak });
        (Just(topology), selected, nodes, options).prop_map(move |(topology, selected, nodes, options)| {
            (topology, selected, names.iter().cloned().zip(nodes).collect(), options)
        })
    })
}

fn position(plan: &Plan, node: &NodeName, wanted: impl Fn(&Action) -> bool) -> Option<StepId> {
    plan.steps.iter().find(|step| step.node == *node && wanted(&step.action)).map(|step| step.id)
}

/// Whether `later` waits for `earlier`, perhaps through others.
fn waits(plan: &Plan, later: StepId, earlier: StepId) -> bool {
    later == earlier || plan.steps[later].after.iter().any(|&before| waits(plan, before, earlier))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_plan_loses_data_or_makes_a_second_primary((topology, selected, facts, options) in world()) {
        let Ok(plan) = decide_up(&topology, &secrets(), &selected, &facts, options) else { return Ok(()) };

        prop_assert_eq!(kept_back(&plan), None, "{:?}", plan);
        for step in &plan.steps {
            prop_assert!(selected.contains(&step.node), "{} was not asked for", step);
            prop_assert!(facts[&step.node].is_ok(), "{} cannot be reached", step.node);
            prop_assert!(step.after.iter().all(|&before| before < step.id), "{step:?} waits for a later one");
            match step.action {
                Action::RemoveContainers | Action::RemoveVolumes | Action::RemoveNetwork | Action::Stop { .. }
                | Action::Checkpoint | Action::EnsureSlots { .. } | Action::ProveReceived { .. }
                | Action::Demote { .. } | Action::Promote | Action::DropSlots { .. } | Action::Fence
                | Action::ProveService | Action::RestorePromotion { .. } | Action::WatchShutdown
                | Action::TurnBalancers { .. } | Action::TurnBalancersBack { .. }
                | Action::AwaitKeycloak | Action::PreparePromotion | Action::ProveDown { .. } | Action::RewindDatabase { .. } | Action::ReplaceDatabase { .. }
                | Action::ForgetOldData | Action::MakePostgres => {
                    prop_assert!(false, "{} is no part of up", step);
                }
                Action::PullImage { .. } | Action::BuildKeycloakImage { .. } | Action::PrepareVolumes
                | Action::InitDatabase | Action::CopyDatabase { .. } | Action::StartPostgres { .. }
                | Action::FollowPrimary { .. } | Action::ProvisionDatabase | Action::StartKeycloak { .. }
                | Action::ProvisionKeycloak | Action::MendServiceClient | Action::RecordPromotion { .. }
                | Action::ReloadSettings | Action::NoteTopology | Action::TrySettings | Action::WaitStreaming { .. } | Action::AdoptDatabase { .. }
                | Action::KeepRunning { .. } | Action::RecallPromotion => {}
            }
        }

        let made: Vec<_> = plan.steps.iter().filter(|step| step.action == Action::InitDatabase).collect();
        prop_assert!(made.len() <= 1);
        if let Some(step) = made.first() {
            prop_assert_eq!(&step.node, &topology.initial_primary().name);
            for (name, node) in &facts {
                match node {
                    Ok(node) => {
                        prop_assert_eq!(node.system(), None, "{} has, or had, a database", name);
                        prop_assert!(!matches!(node.data, DataState::Foreign { .. }), "{} is not empty", name);
                        prop_assert!(options.bootstrap || node.data != DataState::Unexamined, "{} may have one", name);
                    }
                    Err(_) => prop_assert!(options.bootstrap, "{} was not asked", name),
                }
            }
        }

        for step in &plan.steps {
            let Action::CopyDatabase { from } = &step.action else { continue };
            prop_assert_ne!(&step.node, from);
            prop_assert!(made.iter().all(|it| it.node != step.node));
            let node = facts[&step.node].as_ref().unwrap();
            prop_assert!(!matches!(node.data, DataState::Complete { .. }), "{} has one already", step.node);
            // It is copied from a server that runs, or that the plan has made ready before.
            // One whose guard asks the others first is started and not set up: it may become a standby.
            let ready = position(&plan, from, |action| *action == Action::ProvisionDatabase)
                .or_else(|| position(&plan, from, |action| matches!(action, Action::StartPostgres { permit: false, .. })));
            let runs = facts[from].as_ref().is_ok_and(|from| from.observation.postgres.is_ok());
            prop_assert!(runs || ready.is_some());
            prop_assert!(ready.is_none_or(|ready| waits(&plan, step.id, ready)));
        }

        for node in topology.nodes() {
            let start = |action: &Action| matches!(action, Action::StartPostgres { .. });
            let keycloak = position(&plan, &node.name, |action| matches!(action, Action::StartKeycloak { .. }));
            let Some(keycloak) = keycloak else { continue };
            if let Some(server) = position(&plan, &node.name, start) {
                prop_assert!(waits(&plan, keycloak, server), "a Keycloak starts before its PostgreSQL");
            }
            // The schema is made by the primary's; a standby's only reads it. Where both serve, it is there.
            let serves = |node: &NodeName| {
                facts[node].as_ref().is_ok_and(|node| node.observation.keycloak.state == KeycloakState::Ready)
            };
            if let Some(provisioned) = plan.steps.iter().find(|step| step.action == Action::ProvisionDatabase)
                && let Some(first) = position(&plan, &provisioned.node, |it| matches!(it, Action::StartKeycloak { .. }))
            {
                let shows = serves(&node.name) && serves(&provisioned.node) && waits(&plan, first, keycloak);
                prop_assert!(waits(&plan, keycloak, first) || shows);
            }
        }
    }

    #[test]
    fn the_same_facts_give_the_same_answer((topology, selected, facts, options) in world()) {
        let decide = || decide_up(&topology, &secrets(), &selected, &facts, options);
        prop_assert_eq!(decide(), decide());
        // A person's word allows more, never something else.
        if let Ok(plan) = decide() {
            let allowed = UpOptions { bootstrap: true, ..options };
            prop_assert_eq!(decide_up(&topology, &secrets(), &selected, &facts, allowed), Ok(plan));
        }
    }
}
