//! What `strict` keeps, and by which word it goes on alone.

use super::*;

#[test]
fn strict_loses_nothing_and_runs_alone_only_by_word() {
    let topology = strict_pair();
    let mut facts = facts(&topology);
    ended(&mut facts, "vm1", ControlState::Other);
    assert_eq!(refused(&topology, &facts, &dead(), "all of them would wait"), RefusalKind::Unsafe);
    let alone = FailoverOptions { run_alone: true, ..FailoverOptions::default() };
    let planned = decide_failover(&topology, &facts, &alone).unwrap();
    let Loss::None { why } = &planned.loss else { panic!("{:?}", planned.loss) };
    assert!(why.ends_with(
        "what nobody acknowledged may be gone, also where it could be read after a crash or restart in place"
    ));
    assert!(lines(&planned.plan)[0].contains("runs alone"), "{:?}", planned.plan);
    // One that ran alone has acknowledged what nobody else has.
    let ran_alone = crate::values::PromotionRecord { run_alone: true, ..promotion(1, "vm1") };
    facts.get_mut(&name("vm1")).unwrap().stopped.as_mut().unwrap().as_mut().unwrap().promotion = Some(ran_alone);
    assert!(matches!(decide_failover(&topology, &facts, &alone).unwrap().loss, Loss::Since { .. }));
    // Whatever was written down since, and did not come about.
    server(&mut facts, "vm2").promotion = Some(promotion(2, "vm2"));
    assert!(matches!(decide_failover(&topology, &facts, &alone).unwrap().loss, Loss::Since { .. }));
    // What is past is past: the data has been through a promotion since.
    let mut own = lineage(2, "vm2", 2);
    own.promotion.ancestors = promotion(1, "vm1").ancestors_of_next();
    server(&mut facts, "vm2").lineage = Some(own);
    assert!(matches!(decide_failover(&topology, &facts, &alone).unwrap().loss, Loss::None { .. }));
}

/// The old primary died right after it had been followed: nobody is left to confirm, and the primary answers.
#[test]
fn a_primary_that_waits_for_confirmation_goes_on_alone_by_word() {
    let topology = strict_pair();
    let mut facts = facts(&topology);
    let alone = FailoverOptions { run_alone: true, ..FailoverOptions::default() };
    assert!(decide_failover(&topology, &facts, &alone).unwrap().plan.is_empty(), "a standby confirms its writes");
    dark(&mut facts, "vm2");
    server(&mut facts, "vm1").senders.clear();
    let planned = decide_failover(&topology, &facts, &dead()).unwrap();
    assert!(planned.plan.is_empty() && planned.hints[1].contains("--run-alone"), "{planned:?}");
    let planned = decide_failover(&topology, &facts, &alone).unwrap();
    assert_eq!(
        lines(&planned.plan),
        [
            "0 vm1: write down that vm1 is the primary of generation 1 and runs alone <>",
            "1 vm1: log in and write through Keycloak <0>",
            "2 vm1: make the replication slots for the other nodes <0>",
        ]
    );
    assert!(planned.risks[0].contains("on its disk alone"), "{:?}", planned.risks);
    server(&mut facts, "vm1").promotion.as_mut().unwrap().run_alone = true;
    assert!(decide_failover(&topology, &facts, &alone).unwrap().plan.is_empty(), "once is enough");
    assert!(decide_failover(&pair(), &facts, &alone).unwrap().plan.is_empty(), "only strict waits");
}

#[test]
fn strict_with_two_standbys_needs_to_see_both() {
    let topology = strict_three();
    let mut facts = facts(&topology);
    ended(&mut facts, "vm1", ControlState::Other);
    let planned = decide_failover(&topology, &facts, &FailoverOptions::default()).unwrap();
    assert!(!lines(&planned.plan)[0].contains("alone"), "vm3 confirms: {:?}", planned.plan);
    dark(&mut facts, "vm3");
    let alone = FailoverOptions { run_alone: true, ..dead() };
    assert_eq!(refused(&topology, &facts, &alone, "may have confirmed"), RefusalKind::Unsafe);
    // Its disk is gone with the primary: a person may say that, and what was confirmed there is not called safe.
    let given_up = FailoverOptions { give_up: vec![name("vm3")], ..alone };
    let planned = decide_failover(&topology, &facts, &given_up).unwrap();
    assert!(matches!(planned.loss, Loss::Since { .. }), "{:?}", planned.loss);
    assert!(!planned.hints.iter().any(|hint| hint.contains("changes nothing")), "{:?}", planned.hints);
}

/// An old copy of the file, with fewer nodes than there are: of those that may have confirmed a write one would not be looked at.
#[test]
fn a_node_that_the_file_does_not_have_and_the_servers_do_is_not_passed_over() {
    let three = strict_three();
    let alone = FailoverOptions { run_alone: true, ..dead() };
    let mut facts = facts(&three);
    facts.remove(&name("vm3"));
    ended(&mut facts, "vm1", ControlState::Other);
    assert_eq!(refused(&strict_pair(), &facts, &alone, "no node vm3, and vm2 has one"), RefusalKind::Unsafe);
    // Without the profile its stream tells, by the slot of a node; anybody else's does not.
    let mut facts = super::facts(&super::three());
    facts.remove(&name("vm3"));
    let refusals = crate::plan::decide_switchover(&pair(), &facts, &crate::plan::SwitchoverOptions::default());
    assert!(refusals.unwrap_err()[0].message.contains("no node vm3, and vm1 has one"));
    server(&mut facts, "vm1").slots.retain(|slot| slot.name != "ha_vm3");
    crate::plan::decide_switchover(&pair(), &facts, &crate::plan::SwitchoverOptions::default()).unwrap();
}
