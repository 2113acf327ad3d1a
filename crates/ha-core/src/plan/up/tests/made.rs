//! What is not there yet is made, in the right order, and what is there is left alone.

use super::super::{Facts, UpOptions, decide_up};
use super::facts::{
    ASKED, all, at, empty, lines, no_containers, no_images, plans, plans_of, postgres, refuses, refuses_of, running,
    stop_postgres, wipe,
};
use crate::observe::fixtures::{SYSTEM, demo, name, pair, secrets, strict_pair, three, unobserved};
use crate::observe::{ServiceClient, UnobservedWhy};
use crate::plan::RefusalKind::{Mismatch, Unreachable, Unsafe};
use crate::plan::{Action, DataState};

#[test]
fn a_fresh_pair_is_made_from_the_ground() {
    let mut facts = empty(&pair());
    no_images(&mut facts);
    plans(
        &facts,
        &[
            "0 vm1: pull postgres:17 <>",
            "1 vm1: pull keycloak/keycloak:26.7.3 <>",
            "2 vm2: pull postgres:17 <>",
            "3 vm2: pull keycloak/keycloak:26.7.3 <>",
            "4 vm1: create network and volumes <0,1,2,3>",
            "5 vm1: create the database (initdb) <0,1,4>",
            "6 vm1: create and start PostgreSQL <5>",
            "7 vm1: set up roles, Keycloak's database and replication slots <6>",
            "8 vm2: create network and volumes <0,1,2,3>",
            "9 vm2: copy the database from vm1 (pg_basebackup) <2,3,7,8>",
            "10 vm2: create and start PostgreSQL <9>",
            "11 vm1: add the standby extension to Keycloak's image <1>",
            "12 vm1: create and start Keycloak <7,11>",
            "13 vm1: set up Keycloak's administrator and the service client <12>",
            "14 vm2: add the standby extension to Keycloak's image <3>",
            "15 vm2: create and start Keycloak <10,12,14>",
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
            "0 vm1: pull postgres:17 <>",
            "1 vm1: pull keycloak/keycloak:26.7.3 <>",
            "2 vm1: create network and volumes <0,1>",
            "3 vm1: create the database (initdb) <0,1,2>",
            "4 vm1: create and start PostgreSQL <3>",
            "5 vm1: set up roles, Keycloak's database and replication slots <4>",
            "6 vm2: create network and volumes <0,1,2>",
            "7 vm2: copy the database from vm1 (pg_basebackup) <0,1,5,6>",
            "8 vm2: create and start PostgreSQL <7>",
            "9 vm1: add the standby extension to Keycloak's image <1>",
            "10 vm1: create and start Keycloak <5,9>",
            "11 vm1: set up Keycloak's administrator and the service client <10>",
            "12 vm2: create and start Keycloak <8,9,10>",
        ],
    );
}

#[test]
fn what_was_made_for_the_probe_is_made_anew() {
    let mut facts = running(&pair());
    postgres(&mut facts, "vm1").unmade = vec!["the function ha.look() is gone".to_owned()];
    plans(&facts, &["0 vm1: set up roles, Keycloak's database and replication slots <>"]);
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

/// The base backup streams through the slot, which is made with what is set up on the primary.
#[test]
fn a_node_alone_is_not_copied_from_a_primary_that_has_no_slot_for_it() {
    let topology = three();
    let mut facts = running(&topology);
    wipe(at(&mut facts, "vm3"));
    let copies = |facts: &Facts, selected: &[&str]| {
        let selected: Vec<_> = selected.iter().map(|it| name(it)).collect();
        let plan = decide_up(&topology, &secrets(), &selected, facts, ASKED).unwrap();
        plan.steps.iter().any(|it| matches!(it.action, Action::CopyDatabase { .. }))
    };
    assert!(copies(&facts, &["vm3"]), "the slot is there");
    postgres(&mut facts, "vm1").slots.retain(|slot| slot.name != "ha_vm3");
    refuses_of(&topology, &["vm3"], &facts, ASKED, Mismatch, &["vm3", "no database yet", "vm1", "slot"]);
    assert!(copies(&facts, &["vm1", "vm3"]), "the plan makes it first");
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
fn what_an_interrupted_first_run_left_is_made_anew() {
    let mut facts = empty(&pair());
    let node = at(&mut facts, "vm1");
    (node.data, node.prepared) = (DataState::Partial, true);
    let plan = decide_up(&pair(), &secrets(), &[name("vm1")], &facts, ASKED).unwrap();
    assert_eq!(lines(&plan)[0], "0 vm1: create the database (initdb) <>");
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

#[test]
fn the_right_to_read_the_wal_is_given_again_on_the_primary() {
    let mut facts = running(&pair());
    at(&mut facts, "vm2").observation.postgres.as_mut().unwrap().keycloak_wal_unread = true;
    plans(&facts, &["0 vm1: set up roles, Keycloak's database and replication slots <>"]);
}

#[test]
fn a_role_that_somebody_changed_is_put_back_on_the_primary_and_nothing_else_is_touched() {
    let topology = pair();
    let mut facts = running(&topology);
    let plan_of = |facts: &mut Facts, as_set: bool| {
        for node in ["vm1", "vm2"] {
            let postgres = at(facts, node).observation.postgres.as_mut().unwrap();
            postgres.logins = crate::observe::fixtures::roles(&topology);
            postgres.verifiers_as_set = [(topology.postgres.user.clone(), as_set)].into();
        }
    };
    plan_of(&mut facts, true);
    plans(&facts, &[]);
    plan_of(&mut facts, false);
    plans(&facts, &["0 vm1: set up roles, Keycloak's database and replication slots <>"]);
}

#[test]
fn a_service_client_of_no_use_is_mended_on_the_primary_and_nothing_else_is_touched() {
    let mut facts = running(&pair());
    for node in ["vm1", "vm2"] {
        at(&mut facts, node).observation.keycloak.service_client = Some(ServiceClient::Disabled);
    }
    plans(&facts, &["0 vm1: make the service client of ha-cli whole again <>"]);
}

/// As a file whose nodes were renamed describes it.
#[test]
fn no_database_is_made_beside_one_of_this_cluster_whose_node_has_another_name() {
    let mut facts = empty(&pair());
    at(&mut facts, "vm1").unnamed = vec!["n1-a".to_owned()];
    refuses(&facts, Unsafe, &["n1-a", "under another name"]);
    // A node that was taken out of the file, or is not in it yet.
    let mut facts = running(&pair());
    at(&mut facts, "vm2").unnamed = vec!["vm3".to_owned()];
    plans(&facts, &[]);
}

/// An old copy of the file: the third node would be shut out by `pg_hba.conf`, and confirm nothing any more.
#[test]
fn a_node_that_follows_is_not_shut_out_by_a_file_that_lacks_it() {
    let mut facts = running(&three());
    facts.remove(&name("vm3"));
    refuses(&facts, Unsafe, &["no node vm3", "streams from vm1"]);
    // Once it is stopped, the file is what counts.
    postgres(&mut facts, "vm1").senders.retain(|sender| sender.name != "vm3");
    for slot in postgres(&mut facts, "vm1").slots.iter_mut().filter(|slot| slot.name == "ha_vm3") {
        slot.active = false;
    }
    decide_up(&pair(), &secrets(), &all(&pair()), &facts, ASKED).unwrap();
}
