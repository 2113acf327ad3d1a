use super::{Facts, UpOptions, decide_up};
use crate::layout::{Component, LABEL_SPEC};
use crate::observe::fixtures::{
    SYSTEM, demo, engine, healthy, image, keycloak_base, keycloak_image, name, pair, pair_spec, postgres_image,
    primary, secrets, standby, strict_pair, three, unobserved,
};
use crate::observe::{
    KeycloakMode, KeycloakObservation, KeycloakState, NodeObservation, PostgresObservation, PostgresRole, UnobservedWhy,
};
use crate::plan::{DataState, NodeFacts, Plan, Refusal, RefusalKind};
use crate::ports::{Container, ContainerStatus};
use crate::topology::Topology;
use crate::values::{NodeName, SystemIdentifier};

mod properties;

const ASKED: UpOptions = UpOptions { bootstrap: false, without_keycloak: false };
const BOOTSTRAP: UpOptions = UpOptions { bootstrap: true, without_keycloak: false };

/// Facts of a cluster in which all is well.
fn running(topology: &Topology) -> Facts {
    let facts = |observation: NodeObservation| {
        let role = observation.postgres.as_ref().unwrap().role;
        let is_primary = role == PostgresRole::Primary;
        NodeFacts {
            observation,
            postgres_image: Some(postgres_image()),
            keycloak_base: Some(keycloak_base()),
            keycloak_image: Some(keycloak_image()),
            prepared: true,
            data: DataState::Complete { system: SYSTEM, standby: !is_primary },
            passwords_fit: is_primary.then_some(true),
            keycloak_set_up: is_primary.then_some(true),
        }
    };
    healthy(topology).into_iter().map(|it| (it.node.clone(), Ok(facts(it)))).collect()
}

/// Facts of engines on which nothing of the cluster stands, the images apart.
fn empty(topology: &Topology) -> Facts {
    let mut facts = running(topology);
    for node in topology.nodes() {
        wipe(at(&mut facts, node.name.as_str()));
    }
    facts
}

fn wipe(node: &mut NodeFacts) {
    no_containers(node);
    node.prepared = false;
    node.data = DataState::NoVolume;
}

fn no_containers(node: &mut NodeFacts) {
    stop(node);
    node.observation.postgres_container = Ok(None);
    node.observation.keycloak_container = Ok(None);
}

/// Both servers have stopped; their containers and data are there.
fn stop(node: &mut NodeFacts) {
    stop_postgres(node);
    stop_keycloak(node);
}

fn stop_postgres(node: &mut NodeFacts) {
    node.observation.postgres = Err(unobserved(UnobservedWhy::Refused, "nothing listens"));
    if let Ok(Some(container)) = &mut node.observation.postgres_container {
        container.status = ContainerStatus::Exited { code: 0 };
    }
    (node.passwords_fit, node.keycloak_set_up) = (None, None);
}

fn stop_keycloak(node: &mut NodeFacts) {
    node.observation.keycloak =
        KeycloakObservation { state: KeycloakState::Stopped, mode: KeycloakMode::Unknown, detail: None };
    if let Ok(Some(container)) = &mut node.observation.keycloak_container {
        container.status = ContainerStatus::Exited { code: 143 };
    }
    node.keycloak_set_up = None;
}

fn no_images(facts: &mut Facts) {
    for node in facts.values_mut().flatten() {
        (node.postgres_image, node.keycloak_base, node.keycloak_image) = (None, None, None);
    }
}

#[track_caller]
fn at<'f>(facts: &'f mut Facts, node: &str) -> &'f mut NodeFacts {
    facts.get_mut(&name(node)).unwrap().as_mut().unwrap()
}

#[track_caller]
fn postgres<'f>(facts: &'f mut Facts, node: &str) -> &'f mut PostgresObservation {
    at(facts, node).observation.postgres.as_mut().unwrap()
}

#[track_caller]
fn container<'f>(facts: &'f mut Facts, node: &str, component: Component) -> &'f mut Container {
    let observation = &mut at(facts, node).observation;
    let container = match component {
        Component::Postgres => &mut observation.postgres_container,
        Component::Keycloak => &mut observation.keycloak_container,
    };
    container.as_mut().unwrap().as_mut().unwrap()
}

fn lose(facts: &mut Facts, node: &str) {
    facts.insert(name(node), Err(unobserved(UnobservedWhy::Silent, "the engine did not answer within 5 s")));
}

/// A plan as lines: each step with the steps it waits for, then the notes.
fn lines(plan: &Plan) -> Vec<String> {
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

fn all(topology: &Topology) -> Vec<NodeName> {
    topology.nodes().iter().map(|node| node.name.clone()).collect()
}

#[track_caller]
fn plans_of(topology: &Topology, selected: &[&str], facts: &Facts, options: UpOptions, wanted: &[&str]) {
    let selected: Vec<_> = selected.iter().map(|text| name(text)).collect();
    let selected = if selected.is_empty() { all(topology) } else { selected };
    let plan = decide_up(topology, &secrets(), &selected, facts, options).unwrap();
    assert_eq!(lines(&plan), wanted);
}

/// Expects this plan for all nodes of a pair.
#[track_caller]
fn plans(facts: &Facts, wanted: &[&str]) {
    plans_of(&pair(), &[], facts, ASKED, wanted);
}

/// Expects exactly one refusal, of that kind, with those words, and some advice.
#[track_caller]
fn refuses_of(
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
fn refuses(facts: &Facts, kind: RefusalKind, words: &[&str]) {
    refuses_of(&pair(), &[], facts, ASKED, kind, words);
}

use RefusalKind::{Mismatch, Unreachable, Unsafe};

#[test]
fn a_fresh_pair_is_made_from_the_ground() {
    let mut facts = empty(&pair());
    no_images(&mut facts);
    plans(
        &facts,
        &[
            "0 vm1: create network and volumes <>",
            "1 vm1: pull postgres:17 <>",
            "2 vm1: create the database (initdb) <0,1>",
            "3 vm1: create and start PostgreSQL <2>",
            "4 vm1: set up roles, Keycloak's database and replication slots <3>",
            "5 vm2: create network and volumes <>",
            "6 vm2: pull postgres:17 <>",
            "7 vm2: copy the database from vm1 (pg_basebackup) <4,5,6>",
            "8 vm2: create and start PostgreSQL <7>",
            "9 vm1: pull keycloak/keycloak:26.7.3 <>",
            "10 vm1: add the standby extension to Keycloak's image <9>",
            "11 vm1: create and start Keycloak <4,10>",
            "12 vm1: set up Keycloak's administrator and the service client <11>",
            "13 vm2: pull keycloak/keycloak:26.7.3 <>",
            "14 vm2: add the standby extension to Keycloak's image <13>",
            "15 vm2: create and start Keycloak <8,11,14>",
        ],
    );
}

#[test]
fn on_one_shared_engine_images_are_pulled_and_built_once() {
    let mut facts = empty(&demo());
    no_images(&mut facts);
    plans_of(
        &demo(),
        &[],
        &facts,
        ASKED,
        &[
            "0 vm1: create network and volumes <>",
            "1 vm1: pull postgres:17 <>",
            "2 vm1: create the database (initdb) <0,1>",
            "3 vm1: create and start PostgreSQL <2>",
            "4 vm1: set up roles, Keycloak's database and replication slots <3>",
            "5 vm2: create network and volumes <0>",
            "6 vm2: copy the database from vm1 (pg_basebackup) <1,4,5>",
            "7 vm2: create and start PostgreSQL <6>",
            "8 vm1: pull keycloak/keycloak:26.7.3 <>",
            "9 vm1: add the standby extension to Keycloak's image <8>",
            "10 vm1: create and start Keycloak <4,9>",
            "11 vm1: set up Keycloak's administrator and the service client <10>",
            "12 vm2: create and start Keycloak <7,9,10>",
        ],
    );
}

#[test]
fn where_all_is_well_there_is_nothing_to_do() {
    for topology in [pair(), strict_pair(), three(), demo()] {
        plans_of(&topology, &[], &running(&topology), ASKED, &[]);
    }
}

#[test]
fn in_strict_the_keycloak_that_writes_waits_for_a_standby_that_confirms() {
    let topology = strict_pair();
    plans_of(
        &topology,
        &[],
        &empty(&topology),
        ASKED,
        &[
            "0 vm1: create network and volumes <>",
            "1 vm1: create the database (initdb) <0>",
            "2 vm1: create and start PostgreSQL <1>",
            "3 vm1: set up roles, Keycloak's database and replication slots <2>",
            "4 vm2: create network and volumes <>",
            "5 vm2: copy the database from vm1 (pg_basebackup) <3,4>",
            "6 vm2: create and start PostgreSQL <5>",
            "7 vm1: create and start Keycloak <3,6>",
            "8 vm1: set up Keycloak's administrator and the service client <7>",
            "9 vm2: create and start Keycloak <6,7>",
        ],
    );
}

#[test]
fn every_standby_of_three_nodes_copies_the_primary_at_the_same_time() {
    let topology = three();
    plans_of(
        &topology,
        &[],
        &empty(&topology),
        ASKED,
        &[
            "0 vm1: create network and volumes <>",
            "1 vm1: create the database (initdb) <0>",
            "2 vm1: create and start PostgreSQL <1>",
            "3 vm1: set up roles, Keycloak's database and replication slots <2>",
            "4 vm2: create network and volumes <>",
            "5 vm2: copy the database from vm1 (pg_basebackup) <3,4>",
            "6 vm2: create and start PostgreSQL <5>",
            "7 vm3: create network and volumes <>",
            "8 vm3: copy the database from vm1 (pg_basebackup) <3,7>",
            "9 vm3: create and start PostgreSQL <8>",
            "10 vm1: create and start Keycloak <3>",
            "11 vm1: set up Keycloak's administrator and the service client <10>",
            "12 vm2: create and start Keycloak <6,10>",
            "13 vm3: create and start Keycloak <9,10>",
        ],
    );
}

#[test]
fn one_node_alone_is_brought_up_when_the_other_is_known_to_be_empty() {
    let facts = empty(&pair());
    plans_of(
        &pair(),
        &["vm1"],
        &facts,
        ASKED,
        &[
            "0 vm1: create network and volumes <>",
            "1 vm1: create the database (initdb) <0>",
            "2 vm1: create and start PostgreSQL <1>",
            "3 vm1: set up roles, Keycloak's database and replication slots <2>",
            "4 vm1: create and start Keycloak <3>",
            "5 vm1: set up Keycloak's administrator and the service client <4>",
        ],
    );
    refuses_of(&pair(), &["vm2"], &facts, ASKED, Unreachable, &["vm2", "no database yet", "vm1", "does not run"]);
}

#[test]
fn a_standby_with_an_empty_disk_is_copied_anew() {
    let copy = [
        "0 vm2: copy the database from vm1 (pg_basebackup) <>",
        "1 vm2: create and start PostgreSQL <0>",
        "2 vm2: create and start Keycloak <1>",
    ];
    for data in [DataState::Empty, DataState::Partial, DataState::Lost { system: SYSTEM }] {
        let mut facts = running(&pair());
        no_containers(at(&mut facts, "vm2"));
        at(&mut facts, "vm2").data = data;
        plans(&facts, &copy);
        plans_of(&pair(), &["vm2"], &facts, ASKED, &copy);
    }
}

#[test]
fn a_standby_whose_container_outlived_its_disk_is_copied_before_it_starts() {
    let mut facts = running(&pair());
    stop_postgres(at(&mut facts, "vm2"));
    at(&mut facts, "vm2").data = DataState::Lost { system: SYSTEM };
    plans(&facts, &["0 vm2: copy the database from vm1 (pg_basebackup) <>", "1 vm2: start PostgreSQL <0>"]);
}

#[test]
fn a_primary_that_lost_its_disk_is_never_made_anew_while_a_standby_holds_the_data() {
    for data in [DataState::NoVolume, DataState::Empty, DataState::Partial, DataState::Lost { system: SYSTEM }] {
        let mut facts = running(&pair());
        wipe(at(&mut facts, "vm1"));
        at(&mut facts, "vm1").data = data;
        for options in [ASKED, BOOTSTRAP] {
            refuses_of(&pair(), &[], &facts, options, Unsafe, &["vm1 has no database", "standby's, on vm2"]);
        }
    }
}

#[test]
fn disks_that_were_lost_on_every_node_are_no_fresh_cluster() {
    let mut facts = empty(&pair());
    at(&mut facts, "vm1").data = DataState::Lost { system: SYSTEM };
    for options in [ASKED, BOOTSTRAP] {
        refuses_of(&pair(), &[], &facts, options, Unsafe, &["exists", "gone", &SYSTEM.to_string()]);
    }
}

#[test]
fn what_an_interrupted_first_run_left_is_made_anew() {
    let mut facts = empty(&pair());
    let node = at(&mut facts, "vm1");
    (node.data, node.prepared) = (DataState::Partial, true);
    let plan = decide_up(&pair(), &secrets(), &[name("vm1")], &facts, ASKED).unwrap();
    assert_eq!(lines(&plan)[0], "0 vm1: create the database (initdb) <>");
}

#[test]
fn foreign_data_is_not_touched() {
    let mut facts = empty(&pair());
    at(&mut facts, "vm2").data = DataState::Foreign { found: "photos".to_owned() };
    refuses(&facts, Unsafe, &["vm2", "photos"]);
    // Nor is a new cluster made beside it, on nodes that do not know each other yet.
    refuses_of(&pair(), &["vm1"], &facts, ASKED, Unsafe, &["vm2", "photos", "empty nodes only"]);
    // A node that runs is none of its business.
    let mut facts = running(&pair());
    at(&mut facts, "vm2").data = DataState::Foreign { found: "photos".to_owned() };
    no_containers(at(&mut facts, "vm2"));
    plans_of(&pair(), &["vm1"], &facts, ASKED, &[]);
}

#[test]
fn two_databases_are_two_clusters() {
    let mut facts = running(&pair());
    postgres(&mut facts, "vm2").system_identifier = SystemIdentifier(1);
    refuses(&facts, Unsafe, &["vm2", "system identifier 1,", &SYSTEM.to_string()]);
    let mut facts = running(&pair());
    stop(at(&mut facts, "vm2"));
    at(&mut facts, "vm2").data = DataState::Complete { system: SystemIdentifier(1), standby: true };
    refuses_of(&pair(), &["vm1"], &facts, ASKED, Unsafe, &["vm2", &SYSTEM.to_string()]);
}

#[test]
fn two_primaries_are_left_alone() {
    let topology = pair();
    let mut facts = running(&topology);
    *postgres(&mut facts, "vm2") = primary(&topology, &name("vm2"));
    refuses(&facts, Unsafe, &["vm1 and vm2", "would each be a primary"]);
    // An old primary that is down is one, too, as soon as it starts.
    let mut facts = running(&topology);
    *postgres(&mut facts, "vm2") = primary(&topology, &name("vm2"));
    stop(at(&mut facts, "vm1"));
    refuses(&facts, Unsafe, &["vm2 and vm1", "would each be a primary"]);
}

#[test]
fn nodes_that_are_all_standbys_are_left_alone() {
    let topology = pair();
    let mut facts = running(&topology);
    *postgres(&mut facts, "vm1") = standby(&topology, &name("vm1"), &topology.nodes()[1]);
    at(&mut facts, "vm1").data = DataState::Complete { system: SYSTEM, standby: true };
    refuses(&facts, Unsafe, &["every node's database is a standby's"]);
}

#[test]
fn a_first_database_is_made_only_when_every_node_was_asked_or_a_person_says_so() {
    let mut facts = empty(&pair());
    lose(&mut facts, "vm2");
    refuses(&facts, Unsafe, &["vm2 cannot be asked", "did not answer within 5 s"]);
    refuses_of(&pair(), &["vm1"], &facts, ASKED, Unsafe, &["vm2 cannot be asked"]);
    plans_of(
        &pair(),
        &[],
        &facts,
        BOOTSTRAP,
        &[
            "0 vm1: create network and volumes <>",
            "1 vm1: create the database (initdb) <0>",
            "2 vm1: create and start PostgreSQL <1>",
            "3 vm1: set up roles, Keycloak's database and replication slots <2>",
            "4 vm1: create and start Keycloak <3>",
            "5 vm1: set up Keycloak's administrator and the service client <4>",
            "note: vm2 is left out: the engine did not answer within 5 s",
        ],
    );
    facts.remove(&name("vm2"));
    refuses(&facts, Unsafe, &["vm2 was not asked"]);
}

#[test]
fn a_volume_that_cannot_be_looked_at_may_hold_a_database() {
    let mut facts = empty(&pair());
    at(&mut facts, "vm2").data = DataState::Unexamined;
    refuses_of(&pair(), &["vm1"], &facts, ASKED, Unsafe, &["vm2 cannot be asked", "cannot be looked at"]);
}

#[test]
fn data_that_was_not_looked_at_is_looked_at_before_anything_is_decided() {
    let unexamined = |topology: &Topology| {
        let mut facts = empty(topology);
        no_images(&mut facts);
        for node in ["vm1", "vm2"] {
            at(&mut facts, node).data = DataState::Unexamined;
        }
        facts
    };
    plans(&unexamined(&pair()), &["0 vm1: pull postgres:17 <>", "1 vm2: pull postgres:17 <>", "look again"]);
    plans_of(&demo(), &[], &unexamined(&demo()), ASKED, &["0 vm1: pull postgres:17 <>", "look again"]);
    plans_of(&pair(), &["vm2"], &unexamined(&pair()), ASKED, &["0 vm2: pull postgres:17 <>", "look again"]);
}

#[test]
fn a_node_that_cannot_be_reached_is_left_out_of_a_cluster_that_exists() {
    let mut facts = running(&pair());
    lose(&mut facts, "vm2");
    let note = "note: vm2 is left out: the engine did not answer within 5 s";
    plans(&facts, &[note]);
    plans_of(&pair(), &["vm1"], &facts, ASKED, &[]);
    // The primary's host is away: the standby is brought up all the same, and follows when it is back.
    let mut facts = running(&pair());
    lose(&mut facts, "vm1");
    stop(at(&mut facts, "vm2"));
    let note = "note: vm1 is left out: the engine did not answer within 5 s";
    plans(&facts, &["0 vm2: start PostgreSQL <>", "1 vm2: start Keycloak <0>", note]);
    at(&mut facts, "vm2").data = DataState::Lost { system: SYSTEM };
    refuses(&facts, Unreachable, &["vm2", "no database yet"]);
}

#[test]
fn a_standby_is_not_turned_round_to_a_primary_that_is_only_guessed() {
    let topology = three();
    let mut facts = running(&topology);
    // vm3 was promoted once; vm2 follows it. Now vm2 alone can be seen.
    postgres(&mut facts, "vm2").upstream = Some("192.0.2.13:5433".to_owned());
    lose(&mut facts, "vm1");
    lose(&mut facts, "vm3");
    plans_of(&topology, &["vm2"], &facts, ASKED, &[]);
}

#[test]
fn two_nodes_on_one_engine_are_refused_outside_the_demo() {
    let mut facts = running(&pair());
    at(&mut facts, "vm2").observation.engine = Ok(engine("engine-vm1"));
    refuses(&facts, Mismatch, &["vm2", "same engine", "vm1"]);
}

#[test]
fn other_passwords_than_the_databases_are_refused() {
    let mut facts = running(&pair());
    at(&mut facts, "vm1").passwords_fit = Some(false);
    refuses(&facts, Mismatch, &["vm1", "other passwords", "keycloak", "ha_replication"]);
    at(&mut facts, "vm1").passwords_fit = None;
    plans(&facts, &[]);
}

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
            "0 vm1: replace Keycloak (its configuration changed) <>",
            "1 vm2: replace Keycloak (its configuration changed) <0>",
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
            "0 vm1: replace PostgreSQL (its configuration changed) <>",
            "1 vm1: set up roles, Keycloak's database and replication slots <0>",
            "2 vm2: replace PostgreSQL (its configuration changed) <>",
        ],
    );
}

#[test]
fn a_container_with_no_label_is_not_taken_for_right() {
    let mut facts = running(&pair());
    drop(container(&mut facts, "vm2", Component::Keycloak).labels.remove(LABEL_SPEC));
    plans(&facts, &["0 vm2: replace Keycloak (its configuration changed) <>"]);
}

#[test]
fn a_changed_image_replaces_the_container() {
    let mut facts = running(&pair());
    at(&mut facts, "vm2").postgres_image = Some(image("sha256:newer"));
    plans(&facts, &["0 vm2: replace PostgreSQL (it runs another image) <>"]);
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

#[test]
fn a_standby_that_follows_another_server_is_pointed_at_the_primary() {
    let mut facts = running(&pair());
    postgres(&mut facts, "vm2").upstream = Some("192.0.2.99:5432".to_owned());
    plans(&facts, &["0 vm2: follow vm1 <>"]);
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

#[test]
fn a_slot_that_is_missing_is_made() {
    let mut facts = running(&pair());
    postgres(&mut facts, "vm1").slots.clear();
    plans(&facts, &["0 vm1: set up roles, Keycloak's database and replication slots <>"]);
}

#[test]
fn a_set_up_that_was_interrupted_goes_on() {
    // PostgreSQL runs without roles: the probe is not let in.
    let mut facts = running(&pair());
    let node = at(&mut facts, "vm1");
    node.observation.postgres = Err(unobserved(UnobservedWhy::Denied, "password authentication failed"));
    node.passwords_fit = None;
    plans(&facts, &["0 vm1: set up roles, Keycloak's database and replication slots <>"]);
    // Keycloak runs without the service client, or all was set up by a version that set up less.
    let mut facts = running(&pair());
    at(&mut facts, "vm1").keycloak_set_up = Some(false);
    plans(
        &facts,
        &[
            "0 vm1: set up roles, Keycloak's database and replication slots <>",
            "1 vm1: set up Keycloak's administrator and the service client <0>",
        ],
    );
}

#[test]
fn without_keycloak_only_the_servers_are_made() {
    let options = UpOptions { without_keycloak: true, ..ASKED };
    plans_of(
        &pair(),
        &[],
        &empty(&pair()),
        options,
        &[
            "0 vm1: create network and volumes <>",
            "1 vm1: create the database (initdb) <0>",
            "2 vm1: create and start PostgreSQL <1>",
            "3 vm1: set up roles, Keycloak's database and replication slots <2>",
            "4 vm2: create network and volumes <>",
            "5 vm2: copy the database from vm1 (pg_basebackup) <3,4>",
            "6 vm2: create and start PostgreSQL <5>",
        ],
    );
}
