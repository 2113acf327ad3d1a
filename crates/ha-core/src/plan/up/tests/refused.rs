//! Where data could be lost, nothing is done, or only what is certain to be right.

use super::super::decide_up;
use super::facts::{
    ASKED, BOOTSTRAP, at, empty, lose, no_containers, no_images, plans, plans_of, postgres, refuses, refuses_of,
    running, stop, stop_postgres, wipe,
};
use crate::observe::fixtures::{SYSTEM, demo, engine, name, pair, primary, secrets, standby, three};
use crate::plan::RefusalKind::{Mismatch, Unreachable, Unsafe};
use crate::plan::{Action, DataState};
use crate::topology::Topology;
use crate::values::SystemIdentifier;

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
fn nothing_is_made_from_an_image_that_cannot_ask_for_proof() {
    for mut facts in [empty(&pair()), running(&pair())] {
        at(&mut facts, "vm2").postgres_image.as_mut().unwrap().environment = vec!["PG_MAJOR=15".to_owned()];
        refuses(&facts, Mismatch, &["vm2", "PostgreSQL 15", "16 is the oldest", "postgres:17"]);
        // What is not brought up is none of its business.
        decide_up(&pair(), &secrets(), &[name("vm1")], &facts, ASKED).unwrap();
    }
}

#[test]
fn an_image_that_would_have_the_last_word_is_refused_before_anything_is_made() {
    let line = |text: &str| vec![text.to_owned()];
    let mut facts = empty(&pair());
    at(&mut facts, "vm2").keycloak_base.as_mut().unwrap().environment = line("JAVA_OPTS_APPEND=-Dkc.db-url=x");
    refuses(&facts, Mismatch, &["vm2", "keycloak/keycloak:26.7.3", "JAVA_OPTS_APPEND"]);
    let mut facts = empty(&pair());
    at(&mut facts, "vm1").postgres_image.as_mut().unwrap().environment = line("PGOPTIONS=-c x=y");
    refuses(&facts, Mismatch, &["vm1", "postgres:17", "PGOPTIONS"]);
}

#[test]
fn an_image_in_which_the_scripts_would_not_run_is_refused_before_anything_is_made() {
    for mut facts in [empty(&pair()), running(&pair())] {
        at(&mut facts, "vm2").lacks.postgres = vec!["flock".to_owned(), "timeout".to_owned()];
        refuses(&facts, Mismatch, &["vm2", "postgres:17 lacks flock, timeout"]);
    }
    let mut facts = empty(&pair());
    at(&mut facts, "vm1").lacks.keycloak = vec!["sed".to_owned()];
    refuses(&facts, Mismatch, &["vm1", "keycloak/keycloak:26.7.3 lacks sed"]);
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

/// A failover has to see what everybody has: a stopped server is started as what it may be, whoever is to be the primary.
#[test]
fn what_is_stopped_is_started_also_where_nobody_is_the_primary() {
    let topology = pair();
    let complete = |standby| DataState::Complete { system: SYSTEM, standby };
    let mut facts = running(&topology);
    *postgres(&mut facts, "vm1") = standby(&topology, &name("vm1"), &topology.nodes()[1]);
    at(&mut facts, "vm1").data = complete(true);
    stop_postgres(at(&mut facts, "vm2"));
    let note = "note: every node's database is a standby's; if nobody accepts writes then, `ha-cli failover` promotes the one \
                that has most";
    plans(&facts, &["0 vm2: start PostgreSQL <>", note]);
    // One that lost its disk copies nobody, and keeps nobody back.
    wipe(at(&mut facts, "vm1"));
    at(&mut facts, "vm1").data = DataState::Lost { system: SYSTEM };
    let left_out = "note: vm1 is left out: it has no database, and there is no primary that it could copy";
    plans(&facts, &["0 vm2: start PostgreSQL <>", left_out, note]);
    // Each of two would be a primary: without the permission to be one, their guards ask each other.
    let mut facts = running(&topology);
    for node in ["vm1", "vm2"] {
        stop_postgres(at(&mut facts, node));
        at(&mut facts, node).data = complete(false);
    }
    let note = "note: vm1 and vm2 would each be a primary: the guard of each asks the others, and starts it as a standby where it \
                cannot be sure; if nobody accepts writes then, `ha-cli failover` promotes the one that has most";
    plans(&facts, &["0 vm1: start PostgreSQL <>", "1 vm2: start PostgreSQL <>", note]);
    let plan = decide_up(&topology, &secrets(), &[name("vm1"), name("vm2")], &facts, ASKED).unwrap();
    assert!(plan.steps.iter().all(|step| matches!(step.action, Action::StartPostgres { permit: false, .. })));
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
