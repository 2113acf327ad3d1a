//! What somebody did by hand, or another tool.

use super::super::{Facts, decide_up};
use super::facts::{ASKED, all, at, container, no_containers, plans, postgres, refuses, running};
use crate::layout::{self, Component};
use crate::observe::fixtures::{SYSTEM, image, pair, secrets};
use crate::plan::RefusalKind::{Mismatch, Unsafe};
use crate::plan::{Action, DataState, NodeFacts};
use crate::ports::RestartPolicy;

/// The container was removed, and the state volume with it.
fn lose_state(facts: &mut Facts, node: &str, set_up: &[&str]) {
    let node: &mut NodeFacts = at(facts, node);
    let standby = matches!(node.data, DataState::Complete { standby: true, .. });
    no_containers(node);
    node.prepared = false;
    let set_up = set_up.iter().map(|&text| text.to_owned()).collect();
    node.data = DataState::Unpinned { system: SYSTEM, standby, set_up, vouched: false };
}

#[test]
fn a_database_whose_state_volume_was_removed_is_adopted() {
    let mut facts = running(&pair());
    lose_state(&mut facts, "vm1", &[]);
    plans(
        &facts,
        &[
            "0 vm1: create network and volumes <>",
            "1 vm1: adopt the database in its data volume, which is this cluster's <0>",
            "2 vm1: create and start PostgreSQL <1>",
            "3 vm1: write down anew by which promotion it is the primary <2>",
            "4 vm1: set up roles, Keycloak's database and replication slots <3>",
            "5 vm1: create and start Keycloak <4>",
            "6 vm1: set up Keycloak's administrator and the service client <5>",
        ],
    );
    let mut facts = running(&pair());
    lose_state(&mut facts, "vm2", &[]);
    plans(
        &facts,
        &[
            "0 vm2: create network and volumes <>",
            "1 vm2: adopt the database in its data volume, which is this cluster's <0>",
            "2 vm2: create and start PostgreSQL <1>",
            "3 vm2: follow vm1 <2>",
            "4 vm2: create and start Keycloak <3>",
        ],
    );
}

#[test]
fn the_last_copies_are_adopted_where_they_tell_themselves_whose_they_are() {
    let own = layout::secrets_fingerprint(&secrets(), SYSTEM);
    let mut facts = running(&pair());
    lose_state(&mut facts, "vm1", &["0000", &own]);
    lose_state(&mut facts, "vm2", &[&own]);
    let plan = decide_up(&pair(), &secrets(), &all(&pair()), &facts, ASKED).unwrap();
    let steps: Vec<_> = plan.steps.iter().map(ToString::to_string).collect();
    let place = |text: &str| steps.iter().position(|step| step == text).unwrap_or_else(|| panic!("{text}: {steps:?}"));
    assert!(
        place("vm1: write down anew by which promotion it is the primary") < place("vm2: create and start PostgreSQL")
    );
    assert!(place("vm2: create and start PostgreSQL") < place("vm2: follow vm1"));

    // With other secrets, or before it was set up, nobody knows: it is left alone, and no advice destroys it.
    for set_up in [&["0000"][..], &[]] {
        let mut facts = running(&pair());
        lose_state(&mut facts, "vm1", set_up);
        lose_state(&mut facts, "vm2", set_up);
        let refusals = decide_up(&pair(), &secrets(), &all(&pair()), &facts, ASKED).unwrap_err();
        assert_eq!(refusals.len(), 2, "{refusals:?}");
        for refusal in refusals {
            assert!(refusal.kind == Unsafe && refusal.message.contains("was not given"), "{refusal:?}");
            assert!(refusal.help.contains(">/ha/adopt") && !refusal.help.contains("remove the"), "{refusal:?}");
        }
        // A person's word for one of them is enough for both.
        let DataState::Unpinned { vouched, .. } = &mut at(&mut facts, "vm2").data else { panic!() };
        *vouched = true;
        let plan = decide_up(&pair(), &secrets(), &all(&pair()), &facts, ASKED).unwrap();
        let adopts = plan.steps.iter().filter(|step| matches!(step.action, Action::AdoptDatabase { .. }));
        assert_eq!(adopts.count(), 2, "{plan:?}");
    }
}

#[test]
fn beside_a_renamed_container_no_second_one_is_made() {
    let mut facts = running(&pair());
    container(&mut facts, "vm1", Component::Postgres).name = "sso-vm1-postgres-old".to_owned();
    refuses(&facts, Mismatch, &["vm1", "PostgreSQL was renamed to sso-vm1-postgres-old"]);
    let mut facts = running(&pair());
    container(&mut facts, "vm2", Component::Keycloak).name = "kc".to_owned();
    refuses(&facts, Mismatch, &["vm2", "Keycloak was renamed to kc"]);
}

#[test]
fn what_another_tool_made_of_a_container_is_put_right() {
    let mut facts = running(&pair());
    container(&mut facts, "vm1", Component::Postgres).restart = RestartPolicy::No;
    container(&mut facts, "vm2", Component::Keycloak).restart = RestartPolicy::OnFailure;
    plans(
        &facts,
        &[
            "0 vm1: have the engine start PostgreSQL again by itself (restart policy) <>",
            "1 vm2: have the engine start Keycloak again by itself (restart policy) <>",
        ],
    );
    // A newer image with the labels of the one before, which the reference means by now.
    let mut facts = running(&pair());
    container(&mut facts, "vm2", Component::Keycloak).image_id = "sha256:newer".to_owned();
    at(&mut facts, "vm2").keycloak_image = Some(image("sha256:newer"));
    plans(&facts, &["0 vm2: replace Keycloak (another tool has made it from another image) <>"]);
    // Without the guard; one that is replaced is started again by the engine anyway.
    let mut facts = running(&pair());
    let server = container(&mut facts, "vm2", Component::Postgres);
    (server.entrypoint, server.restart) = (vec!["docker-entrypoint.sh".to_owned()], RestartPolicy::No);
    let plan = decide_up(&pair(), &secrets(), &all(&pair()), &facts, ASKED).unwrap();
    let steps: Vec<_> = plan.steps.iter().map(ToString::to_string).collect();
    let replaced =
        "vm2: replace PostgreSQL (another tool has made it: the guard does not stand before its server)".to_owned();
    assert!(steps.contains(&replaced) && !steps.iter().any(|step| step.contains("restart policy")), "{steps:?}");
}

#[test]
fn a_primary_with_tablespaces_is_not_copied() {
    let mut facts = running(&pair());
    postgres(&mut facts, "vm1").tablespaces = vec!["fast".to_owned()];
    plans(&facts, &[]);
    let node = at(&mut facts, "vm2");
    no_containers(node);
    node.data = DataState::Empty;
    refuses(&facts, Mismatch, &["vm2", "vm1 has tablespaces", "fast"]);
}
