use std::time::Duration;

use super::*;
use crate::observe::ControlState;
use crate::observe::fixtures::{
    SYSTEM, healthy, lineage, name, pair, promotion, strict_pair, strict_three, three, unobserved,
};
use crate::observe::{ControlFile, PostgresObservation, UnobservedWhy};
use crate::plan::order::kept_back;
use crate::plan::{PlannedStep, RoleFact, StoppedServer};
use crate::ports::Container;
use crate::values::Lsn;
use crate::values::TimelineId;

mod apart;
mod strict;

fn facts(topology: &Topology) -> RoleFacts {
    let nodes = healthy(topology).into_iter();
    nodes
        .map(|observation| (observation.node.clone(), RoleFact { observation, stopped: None, heard_by: None }))
        .collect()
}

fn server<'f>(facts: &'f mut RoleFacts, node: &str) -> &'f mut PostgresObservation {
    facts.get_mut(&name(node)).unwrap().observation.postgres.as_mut().unwrap()
}

fn container<'f>(facts: &'f mut RoleFacts, node: &str) -> &'f mut Container {
    facts.get_mut(&name(node)).unwrap().observation.postgres_container.as_mut().unwrap().as_mut().unwrap()
}

/// The node's server does not answer; its container is in that state.
fn silent(facts: &mut RoleFacts, node: &str, status: ContainerStatus) {
    container(facts, node).status = status;
    let fact = facts.get_mut(&name(node)).unwrap();
    fact.observation.postgres = Err(unobserved(UnobservedWhy::Refused, "nothing listens there"));
}

/// It was killed, or it ended in order.
fn ended(facts: &mut RoleFacts, node: &str, state: ControlState) {
    silent(facts, node, ContainerStatus::Exited { code: 137 });
    let control =
        ControlFile { system: SYSTEM, state, checkpoint: "0/3000100".parse().unwrap(), timeline: TimelineId(1) };
    let stopped = StoppedServer { control, standby: false, promotion: Some(promotion(1, "vm1")) };
    facts.get_mut(&name(node)).unwrap().stopped = Some(Ok(stopped));
}

/// Nothing is known of the node: the host is gone, or the way there.
fn dark(facts: &mut RoleFacts, node: &str) {
    let no_answer = || unobserved(UnobservedWhy::Silent, "no answer");
    let observation = &mut facts.get_mut(&name(node)).unwrap().observation;
    observation.engine = Err(no_answer());
    observation.postgres_container = Err(no_answer());
    observation.keycloak_container = Err(no_answer());
    observation.postgres = Err(no_answer());
}

fn dead() -> FailoverOptions {
    FailoverOptions { primary_is_dead: true, ..FailoverOptions::default() }
}

fn lines(plan: &Plan) -> Vec<String> {
    assert_eq!(kept_back(plan), None);
    let after = |step: &PlannedStep| step.after.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    plan.steps.iter().map(|step| format!("{} {step} <{}>", step.id, after(step))).collect()
}

#[track_caller]
/// Whether one step has ended when another begins.
fn comes_before(plan: &Plan, first: &PlannedStep, then: &PlannedStep) -> bool {
    then.after.iter().any(|id| *id == first.id || comes_before(plan, first, &plan.steps[*id]))
}

fn refused(topology: &Topology, facts: &RoleFacts, options: &FailoverOptions, words: &str) -> RefusalKind {
    let refusals = decide_failover(topology, facts, options).unwrap_err();
    assert!(refusals.iter().any(|it| it.to_string().contains(words)), "{words}: {refusals:?}");
    assert!(refusals.iter().all(|it| !it.help.is_empty()));
    refusals[0].kind
}

#[test]
fn a_server_that_is_proven_dead_is_replaced_at_once_and_kept_from_coming_back() {
    let topology = pair();
    let mut facts = facts(&topology);
    ended(&mut facts, "vm1", ControlState::Other);
    let planned = decide_failover(&topology, &facts, &FailoverOptions::default()).unwrap();
    assert_eq!((planned.from, planned.to), (Some(name("vm1")), name("vm2")));
    assert_eq!(
        lines(&planned.plan),
        [
            "0 vm2: write down that vm2 is the primary of generation 2 <>",
            "1 vm2: open the way for the promotion <>",
            "2 vm2: make sure that vm1 has not come back meanwhile <0>",
            "3 vm2: promote <1,2>",
            "4 vm1: have PostgreSQL come back as a standby of vm2 <3>",
            "5 vm2: log in and write through Keycloak <3>",
            "6 vm2: make the replication slots for the other nodes <3>",
        ]
    );
    assert_eq!(
        planned.loss,
        Loss::Since { lsn: Some("0/3000148".parse().unwrap()), seconds: Some(0.5), last: LastArrival::Message }
    );
    assert!(planned.hints[0].contains("`ha-cli up vm1`"), "{:?}", planned.hints);
    assert!(planned.risks.is_empty());
}

#[test]
fn what_comes_up_empty_is_said_before() {
    let topology = pair();
    let mut facts = facts(&topology);
    ended(&mut facts, "vm1", ControlState::Other);
    let standby = server(&mut facts, "vm2");
    standby.unlogged_relations = 3;
    let planned = decide_failover(&topology, &facts, &FailoverOptions::default()).unwrap();
    assert!(planned.risks.iter().any(|it| it.contains("empty on vm2") && it.contains("3 relations")), "{planned:?}");
    server(&mut facts, "vm2").unlogged_tables = vec!["public.event_entity".to_owned()];
    let planned = decide_failover(&topology, &facts, &FailoverOptions::default()).unwrap();
    assert!(planned.risks.iter().any(|it| it.ends_with("public.event_entity")), "{planned:?}");
}

#[test]
fn one_that_hangs_is_stopped_before_anybody_is_promoted() {
    let topology = three();
    for status in [ContainerStatus::Running, ContainerStatus::Paused, ContainerStatus::Restarting] {
        let mut facts = facts(&topology);
        silent(&mut facts, "vm1", status);
        let planned = decide_failover(&topology, &facts, &FailoverOptions::default()).unwrap();
        assert_eq!(
            lines(&planned.plan),
            [
                "0 vm1: make sure that PostgreSQL does not run (stop, else kill) <>",
                // Generations are left out, since vm1 may know of some.
                "1 vm2: write down that vm2 is the primary of generation 162 <>",
                "2 vm2: open the way for the promotion <>",
                "3 vm2: make sure that vm1 has not come back meanwhile <0,1>",
                "4 vm2: promote <2,3>",
                "5 vm1: have PostgreSQL come back as a standby of vm2 <4>",
                "6 vm2: log in and write through Keycloak <4>",
                "7 vm2: make the replication slots for the other nodes <4>",
                "8 vm3: follow vm2 <7>",
            ],
            "{status:?}"
        );
    }
}

/// The first of three was shut down for the third, which was promoted, wrote, and is gone: what the first left proves nothing.
#[test]
fn an_orderly_end_proves_nothing_while_another_is_not_seen() {
    let topology = three();
    let mut facts = facts(&topology);
    ended(&mut facts, "vm1", ControlState::ShutDown);
    let loss = |facts: &RoleFacts| decide_failover(&topology, facts, &dead()).unwrap().loss;
    assert!(matches!(loss(&facts), Loss::None { .. }));
    dark(&mut facts, "vm3");
    assert!(matches!(loss(&facts), Loss::Since { .. }), "{:?}", loss(&facts));
}

#[test]
fn what_can_neither_be_asked_nor_stopped_needs_a_persons_word() {
    let topology = pair();
    let mut facts = facts(&topology);
    dark(&mut facts, "vm1");
    assert_eq!(refused(&topology, &facts, &FailoverOptions::default(), "it may run"), RefusalKind::Unsafe);
    let planned = decide_failover(&topology, &facts, &dead()).unwrap();
    assert!(planned.risks[0].contains("are lost"), "{:?}", planned.risks);
    assert!(planned.plan.steps.iter().all(|step| step.node == name("vm2")), "{:?}", planned.plan);
    // A word does not outweigh what a standby has seen.
    facts.get_mut(&name("vm1")).unwrap().heard_by = Some(name("vm2"));
    assert_eq!(refused(&topology, &facts, &dead(), "it is alive"), RefusalKind::Unsafe);
}

/// A switchover or a failover that was given up has written down a promotion that never came.
#[test]
fn a_promotion_that_was_only_written_down_proves_nothing() {
    let topology = pair();
    let mut facts = facts(&topology);
    server(&mut facts, "vm2").promotion = Some(promotion(2, "vm2"));
    dark(&mut facts, "vm1");
    assert_eq!(refused(&topology, &facts, &FailoverOptions::default(), "it may run"), RefusalKind::Unsafe);
    let loss = |facts: &RoleFacts| decide_failover(&topology, facts, &dead()).unwrap().loss;
    assert!(matches!(loss(&facts), Loss::Since { .. }), "{:?}", loss(&facts));
    let mut facts = self::facts(&topology);
    server(&mut facts, "vm2").promotion = Some(promotion(2, "vm2"));
    ended(&mut facts, "vm1", ControlState::Other);
    assert!(matches!(loss(&facts), Loss::Since { .. }), "{:?}", loss(&facts));
    // Nor does it when the other knows of the same: it may have been promoted by hand since.
    let record = Some(promotion(2, "vm2"));
    facts.get_mut(&name("vm1")).unwrap().stopped.as_mut().unwrap().as_mut().unwrap().promotion = record;
    assert!(matches!(loss(&facts), Loss::Since { .. }), "{:?}", loss(&facts));
    // After a power cut on both, each is seen in recovery, and what each has is known.
    let mut facts = self::facts(&topology);
    let old = server(&mut facts, "vm1");
    (old.role, old.flush_lsn) = (PostgresRole::Standby, Some(Lsn::new(0x300_0148)));
    assert!(matches!(loss(&facts), Loss::None { .. }), "{:?}", loss(&facts));
}

#[test]
fn of_equals_the_one_that_knows_of_the_later_promotion_takes_over() {
    let topology = pair();
    let mut facts = facts(&topology);
    let old = server(&mut facts, "vm1");
    (old.role, old.flush_lsn) = (PostgresRole::Standby, Some(Lsn::new(0x300_0148)));
    server(&mut facts, "vm2").promotion = Some(promotion(2, "vm2"));
    assert_eq!(decide_failover(&topology, &facts, &FailoverOptions::default()).unwrap().to, name("vm2"));
}

#[test]
fn a_primary_that_answers_is_not_replaced() {
    let topology = pair();
    let mut facts = facts(&topology);
    let to = |node: &str| FailoverOptions { to: Some(name(node)), ..dead() };
    assert_eq!(refused(&topology, &facts, &to("vm2"), "it answers"), RefusalKind::Unsafe);
    for options in [dead(), to("vm1")] {
        let planned = decide_failover(&topology, &facts, &options).unwrap();
        assert!(planned.plan.is_empty());
        assert_eq!((planned.from, planned.to), (None, name("vm1")), "nobody is replaced");
    }
    server(&mut facts, "vm2").role = PostgresRole::Primary;
    assert_eq!(refused(&topology, &facts, &dead(), "are primaries"), RefusalKind::Unsafe);
    // What an interrupted run left: the old primary would come back as one.
    ended(&mut facts, "vm1", ControlState::Other);
    let planned = decide_failover(&topology, &facts, &FailoverOptions::default()).unwrap();
    assert_eq!(
        lines(&planned.plan),
        [
            "0 vm1: have PostgreSQL come back as a standby of vm2 <>",
            "1 vm2: log in and write through Keycloak <>",
            "2 vm2: make the replication slots for the other nodes <>",
        ]
    );
}

#[test]
fn the_one_that_has_most_takes_over_and_none_that_lacks_something_known() {
    let topology = three();
    let mut facts = facts(&topology);
    ended(&mut facts, "vm1", ControlState::Other);
    server(&mut facts, "vm3").flush_lsn = Some("0/4000000".parse().unwrap());
    assert_eq!(decide_failover(&topology, &facts, &dead()).unwrap().to, name("vm3"));
    let to = FailoverOptions { to: Some(name("vm2")), ..dead() };
    assert_eq!(refused(&topology, &facts, &to, "vm3 has received more"), RefusalKind::Unsafe);
    // Promoted while both were away: what they have is older than what the stopped one has.
    let record = Some(promotion(2, "vm1"));
    facts.get_mut(&name("vm1")).unwrap().stopped.as_mut().unwrap().as_mut().unwrap().promotion = record;
    assert_eq!(refused(&topology, &facts, &dead(), "promoted in generation 2 without it"), RefusalKind::Unsafe);
}

/// The guard let the old primary follow the new one, and told it nothing: what it replayed does.
#[test]
fn a_standby_knows_of_the_promotion_that_its_data_comes_from() {
    let topology = pair();
    let mut facts = facts(&topology);
    ended(&mut facts, "vm1", ControlState::Other);
    facts.get_mut(&name("vm1")).unwrap().stopped.as_mut().unwrap().as_mut().unwrap().promotion =
        Some(promotion(2, "vm1"));
    assert_eq!(refused(&topology, &facts, &dead(), "vm1 was promoted in generation 2"), RefusalKind::Unsafe);
    server(&mut facts, "vm2").lineage = Some(lineage(2, "vm1", 1));
    let next = "vm2: write down that vm2 is the primary of generation 18";
    assert!(lines(&decide_failover(&topology, &facts, &dead()).unwrap().plan)[0].contains(next));
    // Else one generation would be given to two promotions.
    let next = "vm2: write down that vm2 is the primary of generation 178";
    dark(&mut facts, "vm1");
    facts.get_mut(&name("vm1")).unwrap().stopped = None;
    let planned = decide_failover(&topology, &facts, &dead()).unwrap();
    assert!(lines(&planned.plan).iter().any(|line| line.contains(next)), "{planned:?}");
    assert_eq!(planned.from, Some(name("vm1")));
}

/// The command was ended before the promotion, and the old primary, which has more, started in recovery since.
#[test]
fn a_promotion_that_was_only_written_down_stands_in_nobodys_way() {
    let topology = pair();
    let mut facts = facts(&topology);
    let old = server(&mut facts, "vm1");
    (old.role, old.flush_lsn) = (PostgresRole::Standby, Some(Lsn::new(0x300_0200)));
    let meant = server(&mut facts, "vm2");
    (meant.promotion, meant.lineage) = (Some(promotion(2, "vm2")), Some(lineage(1, "vm1", 1)));
    let planned = decide_failover(&topology, &facts, &FailoverOptions::default()).unwrap();
    assert_eq!(planned.to, name("vm1"));
    assert!(lines(&planned.plan)[0].contains("generation 17"), "{:?}", planned.plan);
    // Its data comes from that promotion: it was made.
    server(&mut facts, "vm2").lineage = Some(lineage(2, "vm2", 2));
    assert_eq!(refused(&topology, &facts, &dead(), "promoted in generation 2 without it"), RefusalKind::Unsafe);
    // Nor is a promotion passed over of which nothing tells whether it was made.
    server(&mut facts, "vm2").lineage = None;
    assert_eq!(refused(&topology, &facts, &dead(), "promoted in generation 2 without it"), RefusalKind::Unsafe);
}

/// Another operator, who saw none of the others, may have promoted it.
#[test]
fn a_standby_that_cannot_be_asked_may_be_a_primary_by_now() {
    let topology = three();
    let mut facts = facts(&topology);
    ended(&mut facts, "vm1", ControlState::Other);
    dark(&mut facts, "vm3");
    assert_eq!(refused(&topology, &facts, &FailoverOptions::default(), "it may run"), RefusalKind::Unsafe);
    assert_eq!(decide_failover(&topology, &facts, &dead()).unwrap().to, name("vm2"));
}

/// The command was ended between the promotion and the write that tells of it.
#[test]
fn a_promotion_that_the_data_does_not_tell_of_is_written_into_it() {
    let topology = pair();
    let mut facts = facts(&topology);
    ended(&mut facts, "vm1", ControlState::Other);
    let server = server(&mut facts, "vm2");
    (server.role, server.timeline) = (PostgresRole::Primary, TimelineId(2));
    server.promotion = Some(promotion(2, "vm2"));
    let planned = decide_failover(&topology, &facts, &FailoverOptions::default()).unwrap();
    assert_eq!(lines(&planned.plan)[0], "0 vm2: promote <>");
    self::server(&mut facts, "vm2").lineage = Some(lineage(2, "vm2", 2));
    let planned = decide_failover(&topology, &facts, &FailoverOptions::default()).unwrap();
    assert!(!planned.plan.steps.iter().any(|step| step.action == Action::Promote), "{:?}", planned.plan);
}

#[test]
fn what_may_be_lost_is_said_as_exactly_as_it_is_known() {
    let topology = pair();
    let mut facts = facts(&topology);
    ended(&mut facts, "vm1", ControlState::ShutDown);
    let loss = |facts: &RoleFacts| decide_failover(&topology, facts, &dead()).unwrap().loss;
    assert!(matches!(loss(&facts), Loss::None { .. }), "{:?}", loss(&facts));
    let server = server(&mut facts, "vm2");
    for lsn in [&mut server.flush_lsn, &mut server.receive_lsn, &mut server.replay_lsn] {
        *lsn = Some("0/3000000".parse().unwrap());
    }
    assert_eq!(loss(&facts), Loss::Exactly { bytes: 0x100 });
    ended(&mut facts, "vm1", ControlState::Other);
    self::server(&mut facts, "vm2").receiver = None;
    assert_eq!(
        loss(&facts),
        Loss::Since { lsn: Some("0/3000000".parse().unwrap()), seconds: Some(12.5), last: LastArrival::Transaction }
    );
}

/// The looks at whoever does not answer take seconds, in which the old primary may have acknowledged more.
#[test]
fn what_may_be_lost_grows_while_others_are_waited_for() {
    let later = Duration::from_secs(7);
    let since = |seconds| Loss::Since { lsn: None, seconds, last: LastArrival::Message };
    let mut loss = since(Some(0.5));
    loss.grow_older(later);
    assert_eq!(loss, since(Some(7.5)));
    for other in [since(None), Loss::Exactly { bytes: 1 }] {
        let mut loss = other.clone();
        loss.grow_older(later);
        assert_eq!(loss, other);
    }
}

/// Whatever was seen: nobody is promoted while anybody may go on as primary, unless a person vouches for it; never one that
/// lacks what another has, nor, with `strict`, one that may lack what was acknowledged.
#[test]
fn no_plan_makes_a_second_primary() {
    use proptest::prelude::*;
    let topologies = [three(), strict_pair(), pair(), strict_three()];
    let node = (0..8_u8, any::<bool>(), 1..4_u64, 0..3_u64, any::<bool>());
    let config = ProptestConfig::with_cases(2000);
    proptest!(config, |(which in 0..4_usize, nodes in proptest::collection::vec(node, 3), to in proptest::option::of(0..3_usize),
               primary_is_dead in any::<bool>(), run_alone in any::<bool>(), given_up in proptest::option::of(0..3_usize))| {
        let topology = &topologies[which];
        let names: Vec<_> = topology.nodes().iter().map(|node| node.name.clone()).collect();
        let mut facts = facts(topology);
        for (node, (kind, primary, generation, ahead, signal)) in names.iter().zip(&nodes) {
            let node = node.as_str();
            let record = promotion(*generation, if *primary { node } else { "vm1" });
            let running = server(&mut facts, node);
            running.role = if *kind == 0 { PostgresRole::Primary } else { PostgresRole::Standby };
            running.promotion = Some(record.clone());
            let written = if *ahead == 0 { 1 } else { *generation };
            running.lineage = Some(lineage(written, if written == 1 { "vm1" } else { "vm2" }, 1));
            running.flush_lsn = Some(Lsn::new(0x300_0148 + ahead));
            match kind {
                1 | 2 => {
                    ended(&mut facts, node, if *kind == 1 { ControlState::ShutDown } else { ControlState::Other });
                    let stopped = facts.get_mut(&name(node)).unwrap().stopped.as_mut().unwrap().as_mut().unwrap();
                    (stopped.standby, stopped.promotion) = (*signal, Some(record));
                }
                3 => silent(&mut facts, node, ContainerStatus::Paused),
                4 => dark(&mut facts, node),
                _ => {}
            }
        }
        let options = FailoverOptions { to: to.and_then(|index| names.get(index).cloned()), primary_is_dead, run_alone, give_up: given_up.and_then(|index| names.get(index).cloned()).into_iter().collect() };
        let Ok(planned) = decide_failover(topology, &facts, &options) else { return Ok(()) };
        let view = View { topology, facts: &facts };
        let place = |wanted: &dyn Fn(&PlannedStep) -> bool| planned.plan.steps.iter().find(|step| wanted(step));
        let Some(promote) = place(&|step| step.action == Action::Promote) else { return Ok(()) };
        prop_assert_eq!(&promote.node, &planned.to);
        let to = topology.node(&planned.to).unwrap();
        if view.has_role(to, PostgresRole::Primary) {
            return Ok(()); // It is written into its data.
        }
        let record = place(&|step| matches!(step.action, Action::RecordPromotion { .. })).unwrap();
        prop_assert!(record.node == planned.to && comes_before(&planned.plan, record, promote), "intent first");
        let Action::RecordPromotion { generation, .. } = record.action else { unreachable!() };
        for peer in topology.peers_of(&planned.to) {
            prop_assert!(!view.has_role(peer, PostgresRole::Primary));
            if let Some(known) = view.promotion(&peer.name) {
                prop_assert!(known.generation < generation, "{known} is not older");
            }
            let parted = view.own_way(&peer.name, &planned.to).is_some();
            prop_assert!(!parted || options.give_up.contains(&peer.name), "{} went its own way", peer.name);
            if !parted && view.has_role(peer, PostgresRole::Standby) {
                prop_assert!(view.received(peer) <= view.received(to), "{} has more", peer.name);
            }
            if !view.has_role(peer, PostgresRole::Standby) {
                let looks_again = |step: &PlannedStep| match &step.action {
                    Action::ProveDown { nodes, vouched } => nodes.iter().chain(vouched).any(|node| *node == peer.name),
                    _ => false,
                };
                let again = place(&looks_again);
                let after_the_intent = again.is_some_and(|again| {
                    again.after.contains(&record.id) && promote.after.contains(&again.id)
                });
                prop_assert!(after_the_intent, "{} may come back", peer.name);
            }
            match state_of(&view, peer) {
                State::Runs => {
                    let fence = place(&|step| step.node == peer.name && step.action == Action::Fence);
                    let fenced = fence.is_some_and(|fence| comes_before(&planned.plan, fence, promote));
                    prop_assert!(fenced, "{} runs", peer.name);
                }
                State::Unknown(_) => prop_assert!(primary_is_dead, "{} may be the primary", peer.name),
                State::Standby | State::Gone | State::Stopped => {}
                State::Heard(_) => prop_assert!(false, "nobody was heard"),
            }
        }
        if topology.replication.durability == Durability::Strict {
            let unseen = topology.peers_of(&planned.to).filter(|peer| !view.has_role(peer, PostgresRole::Standby));
            let unseen = unseen.filter(|peer| !options.give_up.contains(&peer.name));
            prop_assert!(unseen.count() <= 1, "a standby that may have confirmed is not seen");
            let called_safe = matches!(&planned.loss, Loss::None { why } if why.contains("strict"));
            prop_assert!(!(called_safe && view.may_lack_confirmed(&planned.to)), "it may lack what was confirmed");
            let follows = topology.peers_of(&planned.to).any(|peer| view.has_role(peer, PostgresRole::Standby));
            prop_assert!(run_alone || follows, "it acknowledges alone without a word");
        }
    });
}

#[test]
fn a_renamed_server_is_told_before_anybody_is_promoted() {
    let topology = three();
    for node in ["vm1", "vm2", "vm3"] {
        let mut facts = facts(&topology);
        ended(&mut facts, "vm1", ControlState::Other);
        container(&mut facts, node).name = "old".to_owned();
        let refusals = decide_failover(&topology, &facts, &FailoverOptions::default()).unwrap_err();
        let [refusal] = &refusals[..] else { panic!("{refusals:?}") };
        let help = format!("docker rename old sso-{node}-postgres");
        assert!(refusal.node == Some(name(node)) && refusal.help.contains(&help), "{refusal:?}");
    }
    // A Keycloak's name keeps nobody from taking over.
    let mut facts = facts(&topology);
    ended(&mut facts, "vm1", ControlState::Other);
    facts.get_mut(&name("vm2")).unwrap().observation.keycloak_container.as_mut().unwrap().as_mut().unwrap().name =
        "kc".to_owned();
    assert!(decide_failover(&topology, &facts, &FailoverOptions::default()).is_ok());
}
