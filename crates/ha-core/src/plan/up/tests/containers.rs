//! Containers that stopped, or are not what the topology says.

use super::super::Facts;
use super::super::decide_up;
use super::facts::{
    ASKED, all, at, container, no_containers, plans, plans_of, postgres, refuses_of, running, stop, stop_keycloak,
    stop_postgres, wipe,
};
use crate::layout::{self, Component, LABEL_SPEC};
use crate::observe::fixtures::{image, name, pair, pair_spec, postgres_image, primary, secrets, standby, unobserved};
use crate::observe::{KeycloakState, UnobservedWhy};
use crate::plan::RefusalKind::Mismatch;
use crate::plan::{Action, DataState};
use crate::ports::ContainerStatus;
use crate::topology::NodeSpec;

#[test]
fn stopped_containers_are_started() {
    let mut facts = running(&pair());
    stop(at(&mut facts, "vm1"));
    stop(at(&mut facts, "vm2"));
    plans(
        &facts,
        &[
            "0 vm1: start PostgreSQL <>",
            "1 vm1: set up roles, Keycloak's database and replication slots <0>",
            "2 vm2: start PostgreSQL <>",
            "3 vm1: start Keycloak <1>",
            "4 vm1: set up Keycloak's administrator and the service client <3>",
            "5 vm2: start Keycloak <2,3>",
        ],
    );
}

#[test]
fn every_state_of_a_container_but_running_is_mended() {
    use ContainerStatus::{Created, Dead, Exited, Paused, Restarting};
    for (status, what) in
        [(Created, "start"), (Paused, "start"), (Restarting, "start"), (Exited { code: 1 }, "start"), (Dead, "replace")]
    {
        let mut facts = running(&pair());
        stop_keycloak(at(&mut facts, "vm2"));
        container(&mut facts, "vm2", Component::Keycloak).status = status;
        let plan = decide_up(&pair(), &secrets(), &all(&pair()), &facts, ASKED).unwrap();
        assert_eq!(plan.steps.len(), 1, "{status:?}");
        assert!(plan.steps[0].action.to_string().starts_with(what), "{status:?}: {}", plan.steps[0]);
    }
}

#[test]
fn a_container_off_its_network_is_replaced() {
    let mut facts = running(&pair());
    container(&mut facts, "vm2", Component::Postgres).off_network = true;
    container(&mut facts, "vm1", Component::Keycloak).off_network = true;
    plans(
        &facts,
        &[
            "0 vm2: replace PostgreSQL (it was taken off the cluster's network) <>",
            "1 vm2: wait until it streams from vm1 <0>",
            "2 vm1: replace Keycloak (it was taken off the cluster's network) <>",
        ],
    );
}

#[test]
fn what_was_left_to_start_is_waited_for() {
    for why in [UnobservedWhy::NotReady, UnobservedWhy::Refused] {
        let mut facts = running(&pair());
        at(&mut facts, "vm2").observation.postgres = Err(unobserved(why, "starting up"));
        plans(&facts, &["0 vm2: start PostgreSQL <>"]);
    }
    // A probe that is not let in or hears nothing says nothing about the server.
    for why in [UnobservedWhy::Denied, UnobservedWhy::Silent, UnobservedWhy::NoWay, UnobservedWhy::Failed] {
        let mut facts = running(&pair());
        at(&mut facts, "vm2").observation.postgres = Err(unobserved(why, "firewall"));
        plans(&facts, &[]);
    }
    let mut facts = running(&pair());
    let node = at(&mut facts, "vm1");
    (node.observation.keycloak.state, node.keycloak_set_up) = (KeycloakState::Starting, None);
    plans(&facts, &["0 vm1: start Keycloak <>", "1 vm1: set up Keycloak's administrator and the service client <0>"]);
}

#[test]
fn a_changed_configuration_replaces_only_the_container_it_belongs_to() {
    let mut spec = pair_spec();
    spec.keycloak.options.insert("log-level".into(), "debug".into());
    plans_of(
        &spec.validate().unwrap(),
        &[],
        &running(&pair()),
        ASKED,
        &[
            "0 vm2: replace Keycloak (its configuration changed) <>",
            "1 vm1: replace Keycloak (its configuration changed) <0>",
        ],
    );
    let mut spec = pair_spec();
    spec.postgres.settings.insert("work_mem".into(), "8MB".into());
    plans_of(
        &spec.validate().unwrap(),
        &[],
        &running(&pair()),
        ASKED,
        &[
            "0 vm1: try PostgreSQL's new settings <>",
            "1 vm2: try PostgreSQL's new settings <>",
            "2 vm2: replace PostgreSQL (its configuration changed) <0,1>",
            "3 vm2: wait until it streams from vm1 <2>",
            "4 vm1: replace PostgreSQL (its configuration changed) <0,1,2,3>",
            "5 vm1: set up roles, Keycloak's database and replication slots <4>",
        ],
    );
}

/// What a Keycloak does not start with is seen on one that takes no writes; the primary's, which serves, is stopped once it is known
/// to do.
#[test]
fn changed_options_are_taken_by_a_standbys_keycloak_first_where_it_can_show_something() {
    let mut spec = pair_spec();
    spec.keycloak.options.insert("log-level".into(), "debug".into());
    let with = |change: fn(&mut Facts)| {
        let mut facts = running(&pair());
        change(&mut facts);
        let plan = decide_up(&spec.validate().unwrap(), &secrets(), &all(&pair()), &facts, ASKED).unwrap();
        let keycloaks = plan.steps.iter().filter(|step| matches!(step.action, Action::StartKeycloak { .. }));
        keycloaks.map(|step| (step.node.to_string(), step.after.len())).collect::<Vec<_>>()
    };
    let order = |first: &str, second: &str| vec![(first.to_owned(), 0), (second.to_owned(), 1)];
    assert_eq!(with(|_| ()), order("vm2", "vm1"));
    // The standby's does not serve: it shows nothing.
    assert_eq!(with(|facts| stop_keycloak(at(facts, "vm2"))), order("vm1", "vm2"));
    // The primary's does not: there is nothing to protect, and it may have the schema to make.
    assert_eq!(with(|facts| stop_keycloak(at(facts, "vm1"))), order("vm1", "vm2"));
    // Another image may be another release, whose schema the primary's makes.
    let another = |facts: &mut Facts| {
        for node in ["vm1", "vm2"] {
            at(facts, node).keycloak_image = Some(image("sha256:newer"));
        }
    };
    assert_eq!(with(another), order("vm1", "vm2"));

    let mut spec = pair_spec().node(NodeSpec::standby("vm3", "192.0.2.13"));
    let three = spec.validate().unwrap();
    spec.keycloak.options.insert("log-level".into(), "debug".into());
    plans_of(
        &spec.validate().unwrap(),
        &[],
        &running(&three),
        ASKED,
        &[
            "0 vm2: replace Keycloak (its configuration changed) <>",
            "1 vm3: replace Keycloak (its configuration changed) <0>",
            "2 vm1: replace Keycloak (its configuration changed) <0,1>",
        ],
    );
}

/// What each server has of what a standby must not have less of.
fn have(facts: &mut Facts, limits: &[(&str, u32)]) {
    for name in ["vm1", "vm2"] {
        postgres(facts, name).standby_limits =
            limits.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    }
}

#[test]
fn what_a_standby_must_not_have_less_of_is_raised_there_first_and_lowered_there_last() {
    let mut spec = pair_spec();
    spec.postgres.max_connections = 200;
    let topology = spec.validate().unwrap();
    let mut facts = running(&pair());
    have(&mut facts, &[("max_connections", 128)]);
    let raised = &[
        "0 vm1: try PostgreSQL's new settings <>",
        "1 vm2: try PostgreSQL's new settings <>",
        "2 vm2: replace PostgreSQL (its configuration changed) <0,1>",
        "3 vm2: wait until it streams from vm1 <2>",
        "4 vm1: replace PostgreSQL (its configuration changed) <0,1,2,3>",
        "5 vm1: set up roles, Keycloak's database and replication slots <4>",
    ];
    plans_of(&topology, &[], &facts, ASKED, raised);
    // The primary alone would leave its standby behind; the standby alone goes before.
    refuses_of(&topology, &["vm1"], &facts, ASKED, Mismatch, &["vm2", "stop replaying", "max_connections"]);
    let alone = decide_up(&topology, &secrets(), &[name("vm2")], &facts, ASKED).unwrap();
    assert_eq!(alone.steps.len(), 3, "{alone:?}");

    // So it is where another node is to copy the primary afterwards: growing raises `max_wal_senders` by itself.
    let grown = pair_spec().node(NodeSpec::standby("vm3", "192.0.2.13")).validate().unwrap();
    let mut with_third = running(&pair());
    have(&mut with_third, &[("max_wal_senders", 8)]);
    let mut third = at(&mut running(&grown), "vm3").clone();
    wipe(&mut third);
    with_third.insert(name("vm3"), Ok(third));
    let plan = decide_up(&grown, &secrets(), &all(&grown), &with_third, ASKED).unwrap();
    let at = |text: &str| plan.steps.iter().position(|step| step.to_string().contains(text)).expect(text);
    let order = ["vm2: replace PostgreSQL", "vm2: wait until", "vm1: replace PostgreSQL", "vm3: copy the database"];
    assert!(order.map(at).is_sorted(), "{plan:?}");
    let (streams, replaced) = (plan.steps[at(order[1])].id, &plan.steps[at(order[2])]);
    assert!(replaced.after.contains(&streams), "{replaced:?}");

    have(&mut facts, &[("max_connections", 300)]);
    let lowered = &[
        "0 vm1: try PostgreSQL's new settings <>",
        "1 vm2: try PostgreSQL's new settings <>",
        "2 vm1: replace PostgreSQL (its configuration changed) <0,1>",
        "3 vm1: set up roles, Keycloak's database and replication slots <2>",
        "4 vm2: replace PostgreSQL (its configuration changed) <0,1,2>",
        "5 vm2: wait until it streams from vm1 <4>",
    ];
    plans_of(&topology, &[], &facts, ASKED, lowered);
    refuses_of(&topology, &["vm2"], &facts, ASKED, Mismatch, &["vm2", "would not start", "max_connections"]);

    have(&mut facts, &[("max_connections", 128), ("max_worker_processes", 32)]);
    refuses_of(&topology, &[], &facts, ASKED, Mismatch, &["max_connections", "max_worker_processes", "at once"]);
}

#[test]
fn a_container_with_no_label_is_not_taken_for_right() {
    let mut facts = running(&pair());
    drop(container(&mut facts, "vm2", Component::Keycloak).labels.remove(LABEL_SPEC));
    plans(&facts, &["0 vm2: replace Keycloak (another tool has made it: it lacks ha-cli's labels) <>"]);
}

#[test]
fn a_changed_image_replaces_the_container() {
    let mut facts = running(&pair());
    at(&mut facts, "vm2").postgres_image = Some(image("sha256:newer"));
    plans(
        &facts,
        &[
            "0 vm2: try PostgreSQL's new settings <>",
            "1 vm2: replace PostgreSQL (it runs another image) <0>",
            "2 vm2: wait until it streams from vm1 <1>",
        ],
    );
    let mut facts = running(&pair());
    at(&mut facts, "vm2").keycloak_image = None;
    plans(
        &facts,
        &[
            "0 vm2: add the standby extension to Keycloak's image <>",
            "1 vm2: replace Keycloak (its image is to be made anew) <0>",
        ],
    );
}

/// `docker rmi -f` takes its name away, and all runs on: where the same one comes back, nothing is stopped for it.
#[test]
fn an_image_whose_name_somebody_removed_is_fetched_and_then_looked_at_again() {
    let mut facts = running(&pair());
    at(&mut facts, "vm1").postgres_image = None;
    let base = at(&mut facts, "vm2");
    (base.keycloak_base, base.keycloak_image) = (None, None);
    plans(&facts, &["0 vm1: pull postgres:17 <>", "1 vm2: pull keycloak/keycloak:26.7.3 <>", "look again"]);
    plans_of(&pair(), &["vm2"], &facts, ASKED, &["0 vm2: pull keycloak/keycloak:26.7.3 <>", "look again"]);
    // Nothing runs of it yet: the ordinary plan pulls it.
    no_containers(at(&mut facts, "vm2"));
    at(&mut facts, "vm1").postgres_image = Some(postgres_image());
    assert!(!decide_up(&pair(), &secrets(), &all(&pair()), &facts, ASKED).unwrap().look_again);
}

#[test]
fn a_container_that_somebody_made_without_a_label_is_made_anew() {
    for label in [layout::LABEL_CLUSTER, layout::LABEL_NODE, layout::LABEL_COMPONENT, layout::LABEL_SYSTEM] {
        let mut facts = running(&pair());
        container(&mut facts, "vm2", Component::Postgres).labels.remove(label);
        let reason = format!("1 vm2: replace PostgreSQL (somebody has made it without the label {label}) <0>");
        plans(
            &facts,
            &["0 vm2: try PostgreSQL's new settings <>", &reason, "2 vm2: wait until it streams from vm1 <1>"],
        );
    }
}

#[test]
fn a_standby_that_follows_another_server_is_pointed_at_the_primary() {
    let mut facts = running(&pair());
    postgres(&mut facts, "vm2").upstream = Some("192.0.2.99:5432".to_owned());
    plans(&facts, &["0 vm2: follow vm1 <>"]);
}

/// Of Keycloak's options PostgreSQL's container knows nothing, and still keeps what the file says.
#[test]
fn what_a_node_was_brought_up_with_is_written_down_last() {
    let mut facts = running(&pair());
    at(&mut facts, "vm2").topology_noted = Some(false);
    plans(&facts, &["0 vm2: write down what it was brought up with <>"]);
    at(&mut facts, "vm2").observation.keycloak_container = Ok(None);
    stop_keycloak(at(&mut facts, "vm2"));
    plans(&facts, &["0 vm2: create and start Keycloak <>", "1 vm2: write down what it was brought up with <0>"]);
    // With the server's own files.
    at(&mut facts, "vm2").observation.postgres_container = Ok(None);
    stop_postgres(at(&mut facts, "vm2"));
    plans(&facts, &["0 vm2: create and start PostgreSQL <>", "1 vm2: create and start Keycloak <0>"]);
}

#[test]
fn after_a_promotion_the_standby_is_the_one_that_was_primary() {
    let topology = pair();
    let mut facts = running(&topology);
    *postgres(&mut facts, "vm1") = standby(&topology, &name("vm1"), &topology.nodes()[1]);
    *postgres(&mut facts, "vm2") = primary(&topology, &name("vm2"));
    let old = at(&mut facts, "vm1");
    old.data = DataState::Empty;
    no_containers(old);
    at(&mut facts, "vm2").keycloak_set_up = Some(true);
    plans(
        &facts,
        &[
            "0 vm1: copy the database from vm2 (pg_basebackup) <>",
            "1 vm1: create and start PostgreSQL <0>",
            "2 vm1: create and start Keycloak <1>",
        ],
    );
}
