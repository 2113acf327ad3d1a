//! Two that were promoted apart from each other, and what a person gives up.

use super::*;

/// Each was promoted apart from the other, and both have started in recovery since.
fn parted(topology: &Topology) -> RoleFacts {
    let mut facts = facts(topology);
    for (node, generation, flushed) in [("vm1", 23, 0x300_0200), ("vm2", 22, 0x300_0400)] {
        let server = server(&mut facts, node);
        let mut own = lineage(generation, node, 2);
        own.promotion.ancestors = promotion(1, "vm1").ancestors_of_next();
        (server.role, server.timeline) = (PostgresRole::Standby, TimelineId(2));
        (server.flush_lsn, server.replay_age_seconds) = (Some(Lsn::new(flushed)), Some(35.0));
        (server.promotion, server.lineage) = (Some(own.promotion.clone()), Some(own));
    }
    facts
}

#[test]
fn between_two_histories_a_person_chooses() {
    let topology = pair();
    let facts = parted(&topology);
    let choose = |to: &str, given_up: &str| FailoverOptions {
        to: Some(name(to)),
        give_up: vec![name(given_up)],
        ..FailoverOptions::default()
    };
    assert_eq!(refused(&topology, &facts, &dead(), "would be lost"), RefusalKind::Unsafe);
    for to in ["vm1", "vm2"] {
        let refusals =
            decide_failover(&topology, &facts, &FailoverOptions { to: Some(name(to)), ..dead() }).unwrap_err();
        assert!(refusals[0].help.contains("`ha-cli failover --to vm1 --give-up vm2`"), "{refusals:?}");
        assert!(refusals[0].help.contains("`ha-cli failover --to vm2 --give-up vm1`"), "{refusals:?}");
    }
    // However far either has come.
    for (to, other, generation) in [("vm1", "vm2", 33), ("vm2", "vm1", 34)] {
        let planned = decide_failover(&topology, &facts, &choose(to, other)).unwrap();
        let Loss::GivenUp { nodes } = &planned.loss else { panic!("{:?}", planned.loss) };
        assert_eq!((nodes.len(), nodes[0].node.as_str()), (1, other));
        assert_eq!((nodes[0].last_transaction_seconds, nodes[0].lsn.is_some()), (Some(35.0), true));
        assert!(planned.plan.steps.iter().all(|step| step.node == name(to)), "{:?}", planned.plan);
        let Action::RecordPromotion { generation: given, ancestors, .. } = &planned.plan.steps[0].action else {
            panic!()
        };
        let own = promotion(if to == "vm1" { 23 } else { 22 }, to).id;
        assert_eq!((*given, &ancestors[..]), (generation, &[own, promotion(1, "vm1").id][..]));
    }
    // Without --to, the one that is not given up.
    let options = FailoverOptions { give_up: vec![name("vm2")], ..FailoverOptions::default() };
    assert_eq!(decide_failover(&topology, &facts, &options).unwrap().to, name("vm1"));
    for (options, words) in [
        (choose("vm1", "vm1"), "to be given up"),
        (choose("vm1", "vm9"), "no node of this cluster"),
        (FailoverOptions { give_up: vec![name("vm1"), name("vm2")], ..dead() }, "no standby"),
    ] {
        refused(&topology, &facts, &options, words);
    }
}

#[test]
fn nothing_is_given_up_that_one_history_holds() {
    let topology = pair();
    let mut facts = facts(&topology);
    ended(&mut facts, "vm1", ControlState::Other);
    let options = FailoverOptions { give_up: vec![name("vm1")], ..FailoverOptions::default() };
    let planned = decide_failover(&topology, &facts, &options).unwrap();
    assert!(matches!(planned.loss, Loss::Since { .. }), "{:?}", planned.loss);
    assert!(planned.hints.iter().any(|hint| hint.contains("--give-up vm1 changes nothing")), "{:?}", planned.hints);
    // What is ahead in the same history is not given up by a word, in `strict` least of all.
    let topology = three();
    let mut facts = self::facts(&topology);
    ended(&mut facts, "vm1", ControlState::Other);
    server(&mut facts, "vm3").flush_lsn = Some("0/4000000".parse().unwrap());
    let options = FailoverOptions { to: Some(name("vm2")), give_up: vec![name("vm3")], ..dead() };
    assert_eq!(refused(&topology, &facts, &options, "vm3 has received more"), RefusalKind::Unsafe);
}

#[test]
fn with_strict_nobody_confirms_whose_data_went_its_own_way() {
    let topology = strict_pair();
    let facts = parted(&topology);
    let choice = FailoverOptions { to: Some(name("vm1")), give_up: vec![name("vm2")], ..FailoverOptions::default() };
    assert_eq!(refused(&topology, &facts, &choice, "all of them would wait"), RefusalKind::Unsafe);
    let alone = FailoverOptions { run_alone: true, ..choice };
    assert!(matches!(decide_failover(&topology, &facts, &alone).unwrap().loss, Loss::GivenUp { .. }));
}
