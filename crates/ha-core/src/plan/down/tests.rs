use super::decide_down;
use crate::observe::fixtures::{demo, healthy, name, pair, primary, standby, three, unobserved};
use crate::observe::{NodeObservation, UnobservedWhy};
use crate::ports::ContainerStatus;
use crate::topology::Topology;

#[track_caller]
fn plans(topology: &Topology, selected: &[&str], nodes: &[NodeObservation], volumes: bool, wanted: &[&str]) {
    let selected: Vec<_> = selected.iter().map(|text| name(text)).collect();
    let plan = decide_down(topology, &selected, nodes, volumes).unwrap();
    let mut lines: Vec<_> = plan
        .steps
        .iter()
        .map(|step| {
            let after: Vec<_> = step.after.iter().map(ToString::to_string).collect();
            format!("{} {step} <{}>", step.id, after.join(","))
        })
        .collect();
    lines.extend(plan.notes.iter().map(|note| format!("note: {note}")));
    assert_eq!(lines, wanted);
}

/// Under another name it would run on, and hold its volumes.
#[test]
fn a_renamed_container_is_told_before_anything_is_stopped_or_destroyed() {
    let topology = pair();
    let mut nodes = healthy(&topology);
    nodes[1].keycloak_container.as_mut().unwrap().as_mut().unwrap().name = "kc".to_owned();
    for volumes in [false, true] {
        let refusals = decide_down(&topology, &[name("vm1"), name("vm2")], &nodes, volumes).unwrap_err();
        let [refusal] = &refusals[..] else { panic!("{refusals:?}") };
        assert!(refusal.help.contains("docker rename kc sso-vm2-keycloak"), "{refusal:?}");
        assert!(decide_down(&topology, &[name("vm1")], &nodes, volumes).is_ok(), "what is not selected is left alone");
    }
}

fn exited(container: &mut crate::observe::ComponentObservation) {
    container.as_mut().unwrap().as_mut().unwrap().status = ContainerStatus::Exited { code: 0 };
}

#[test]
fn keycloaks_go_first_and_the_primary_before_its_standbys() {
    let topology = three();
    plans(
        &topology,
        &["vm1", "vm2", "vm3"],
        &healthy(&topology),
        false,
        &[
            "0 vm1: stop Keycloak <>",
            "1 vm2: stop Keycloak <>",
            "2 vm3: stop Keycloak <>",
            "3 vm1: stop PostgreSQL <0,1,2>",
            "4 vm2: stop PostgreSQL <0,1,2,3>",
            "5 vm3: stop PostgreSQL <0,1,2,3>",
        ],
    );
}

#[test]
fn the_primary_is_the_one_that_says_so() {
    let topology = pair();
    let mut nodes = healthy(&topology);
    nodes[0].postgres = Ok(standby(&topology, &name("vm1"), &topology.nodes()[1]));
    nodes[1].postgres = Ok(primary(&topology, &name("vm2")));
    plans(
        &topology,
        &["vm1", "vm2"],
        &nodes,
        false,
        &[
            "0 vm2: stop Keycloak <>",
            "1 vm1: stop Keycloak <>",
            "2 vm2: stop PostgreSQL <0,1>",
            "3 vm1: stop PostgreSQL <0,1,2>",
        ],
    );
}

#[test]
fn what_is_not_asked_for_stays() {
    let topology = pair();
    let lines = ["0 vm2: stop Keycloak <>", "1 vm2: stop PostgreSQL <0>"];
    plans(&topology, &["vm2"], &healthy(&topology), false, &lines);
    plans(&topology, &[], &healthy(&topology), true, &[]);
}

#[test]
fn what_does_not_run_is_not_stopped() {
    let topology = pair();
    let mut nodes = healthy(&topology);
    exited(&mut nodes[0].postgres_container);
    nodes[0].keycloak_container = Ok(None);
    exited(&mut nodes[1].keycloak_container);
    nodes[1].postgres_container = Ok(None);
    plans(&topology, &["vm1", "vm2"], &nodes, false, &[]);
}

#[test]
fn a_frozen_or_restarting_server_is_stopped_too() {
    for status in [ContainerStatus::Paused, ContainerStatus::Restarting] {
        let topology = pair();
        let mut nodes = healthy(&topology);
        nodes[1].postgres_container.as_mut().unwrap().as_mut().unwrap().status = status;
        let lines = ["0 vm2: stop Keycloak <>", "1 vm2: stop PostgreSQL <0>"];
        plans(&topology, &["vm2"], &nodes, false, &lines);
    }
}

#[test]
fn a_node_that_cannot_be_reached_is_said_to_be_left_out() {
    let topology = pair();
    let mut nodes = healthy(&topology);
    nodes[0].engine = Err(unobserved(UnobservedWhy::Silent, "no answer"));
    plans(
        &topology,
        &["vm1", "vm2"],
        &nodes,
        true,
        &[
            "0 vm2: stop Keycloak <>",
            "1 vm2: stop PostgreSQL <0>",
            "2 vm2: remove the containers <1>",
            "3 vm2: destroy the volumes: the database and its configuration <2>",
            "4 vm2: remove the network <3>",
            "note: vm1 is left out: no answer",
        ],
    );
}

#[test]
fn volumes_go_after_everything_that_uses_them() {
    let topology = pair();
    plans(
        &topology,
        &["vm1", "vm2"],
        &healthy(&topology),
        true,
        &[
            "0 vm1: stop Keycloak <>",
            "1 vm2: stop Keycloak <>",
            "2 vm1: stop PostgreSQL <0,1>",
            "3 vm2: stop PostgreSQL <0,1,2>",
            "4 vm1: remove the containers <2>",
            "5 vm1: destroy the volumes: the database and its configuration <4>",
            "6 vm2: remove the containers <3>",
            "7 vm2: destroy the volumes: the database and its configuration <6>",
            "8 vm1: remove the network <5>",
            "9 vm2: remove the network <7>",
        ],
    );
}

#[test]
fn the_network_of_the_demo_goes_with_its_last_node() {
    let topology = demo();
    plans(
        &topology,
        &["vm1", "vm2"],
        &healthy(&topology),
        true,
        &[
            "0 vm1: stop Keycloak <>",
            "1 vm2: stop Keycloak <>",
            "2 vm1: stop PostgreSQL <0,1>",
            "3 vm2: stop PostgreSQL <0,1,2>",
            "4 vm1: remove the containers <2>",
            "5 vm1: destroy the volumes: the database and its configuration <4>",
            "6 vm2: remove the containers <3>",
            "7 vm2: destroy the volumes: the database and its configuration <6>",
            "8 vm1: remove the network <5,7>",
        ],
    );
    plans(
        &topology,
        &["vm2"],
        &healthy(&topology),
        true,
        &[
            "0 vm2: stop Keycloak <>",
            "1 vm2: stop PostgreSQL <0>",
            "2 vm2: remove the containers <1>",
            "3 vm2: destroy the volumes: the database and its configuration <2>",
        ],
    );
}
