use super::*;
use crate::advice::Remedy;
use crate::observe::PostgresObservation;
use crate::observe::UnobservedWhy;
use crate::observe::fixtures::{SYSTEM, healthy, name, pair, pair_spec, promotion, three, unobserved};
use crate::plan::order::kept_back;
use crate::plan::{PlannedStep, RoleFact};
use crate::ports::ContainerStatus;
use crate::values::TimelineId;

fn facts(topology: &Topology) -> RoleFacts {
    let nodes = healthy(topology).into_iter();
    nodes
        .map(|observation| (observation.node.clone(), RoleFact { observation, stopped: None, heard_by: None }))
        .collect()
}

fn server<'f>(facts: &'f mut RoleFacts, node: &str) -> &'f mut PostgresObservation {
    facts.get_mut(&name(node)).unwrap().observation.postgres.as_mut().unwrap()
}

/// The node's server has ended like that.
fn ended(facts: &mut RoleFacts, node: &str, state: ControlState, standby: bool) {
    let control =
        ControlFile { system: SYSTEM, state, checkpoint: "0/3000100".parse().unwrap(), timeline: TimelineId(1) };
    let node = facts.get_mut(&name(node)).unwrap();
    node.observation.postgres = Err(unobserved(UnobservedWhy::Refused, "nothing listens there"));
    node.observation.postgres_container.as_mut().unwrap().as_mut().unwrap().status =
        ContainerStatus::Exited { code: 0 };
    node.stopped = Some(Ok(StoppedServer { control, standby, promotion: Some(promotion(1, "vm1")) }));
}

fn to(node: &str) -> SwitchoverOptions {
    SwitchoverOptions { to: Some(name(node)), ..SwitchoverOptions::default() }
}

fn lines(plan: &Plan) -> Vec<String> {
    assert_eq!(kept_back(plan), None);
    let after = |step: &PlannedStep| step.after.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    plan.steps.iter().map(|step| format!("{} {step} <{}>", step.id, after(step))).collect()
}

#[test]
fn the_target_is_promoted_only_after_the_old_primary_is_gone_proven_and_demoted() {
    let topology = three();
    let planned = decide_switchover(&topology, &facts(&topology), &SwitchoverOptions::default()).unwrap();
    assert_eq!((planned.from, planned.to, planned.resumed), (name("vm1"), name("vm2"), false));
    assert_eq!(
        lines(&planned.plan),
        [
            "0 vm2: wait until Keycloak is ready and warm <>",
            "1 vm1: write a checkpoint <0>",
            "2 vm2: write a checkpoint <0>",
            "3 vm2: make the replication slots for the other nodes <0>",
            "4 vm2: write down that vm2 is the primary of generation 2 <0>",
            "5 vm2: open the way for the promotion <0>",
            "6 vm1: open a session that sees PostgreSQL's end <0>",
            "7 vm2: have load balancers turn to it from vm1, where any ask <1,2,3,4,5,6>",
            "8 vm1: stop PostgreSQL <1,2,3,4,5,6,7>",
            "9 vm2: prove that all of vm1 has arrived <8>",
            "10 vm2: promote <9>",
            "11 vm1: have PostgreSQL come back as a standby of vm2 <10>",
            "12 vm1: start PostgreSQL <11>",
            "13 vm1: drop the replication slots that nobody uses any more <12>",
            "14 vm2: log in and write through Keycloak <10>",
            "15 vm3: follow vm2 <10>",
        ]
    );
}

#[test]
fn a_service_client_of_no_use_keeps_nothing_back_and_is_told_before() {
    let topology = pair();
    let mut facts = facts(&topology);
    for node in ["vm1", "vm2"] {
        let keycloak = &mut facts.get_mut(&name(node)).unwrap().observation.keycloak;
        keycloak.service_client = Some(crate::observe::ServiceClient::Unknown);
    }
    let planned = decide_switchover(&topology, &facts, &SwitchoverOptions::default()).unwrap();
    assert!(planned.plan.steps.iter().all(|step| step.action != Action::ProveService));
    assert!(planned.plan.steps.iter().any(|step| matches!(step.action, Action::StartPostgres { .. })));
    let [note] = &planned.plan.notes[..] else { panic!("{:?}", planned.plan.notes) };
    assert!(note.contains("is not proven by a login") && note.contains("`ha-cli up vm2`"), "{note}");
}

#[test]
fn the_one_that_has_received_most_is_taken_unless_one_is_named() {
    let topology = three();
    let mut facts = facts(&topology);
    server(&mut facts, "vm3").flush_lsn = Some("0/4000000".parse().unwrap());
    let planned = |options: &SwitchoverOptions| decide_switchover(&topology, &facts, options).unwrap().to;
    assert_eq!(planned(&SwitchoverOptions::default()), name("vm3"));
    assert_eq!(planned(&to("vm2")), name("vm2"));
}

/// A pair that is damaged somehow, and a word of the refusal.
#[test]
fn what_is_not_safe_is_refused_with_its_reason() {
    type Damage = fn(&mut RoleFacts);
    let table: [(&str, Damage); 14] = [
        ("cannot be asked", |f| {
            f.get_mut(&name("vm1")).unwrap().observation.engine = Err(unobserved(UnobservedWhy::Silent, "no answer"));
        }),
        ("cannot be asked", |f| {
            f.get_mut(&name("vm2")).unwrap().observation.postgres = Err(unobserved(UnobservedWhy::Silent, "no answer"));
        }),
        ("another history", |f| server(f, "vm2").timeline = TimelineId(2)),
        ("another history", |f| server(f, "vm2").system_identifier.0 += 1),
        ("runs PostgreSQL 17.5", |f| server(f, "vm2").version.0 -= 1),
        ("replay is paused", |f| server(f, "vm2").replay_paused = Some(true)),
        ("since vm1 has more of max_wal_senders (8, needed 10)", |f| {
            server(f, "vm1").standby_limits = [("max_wal_senders".to_owned(), 10)].into();
            let standby = server(f, "vm2");
            (standby.replay_paused, standby.standby_limits) = (Some(true), [("max_wal_senders".to_owned(), 8)].into());
        }),
        ("one of them was set back", |f| {
            server(f, "vm1").senders[0].replay_lsn = Some("F/0".parse().unwrap());
        }),
        ("does not stream to it", |f| server(f, "vm1").senders.clear()),
        ("does not stream to it: catchup", |f| server(f, "vm1").senders[0].state = "catchup".to_owned()),
        ("bytes of WAL behind", |f| server(f, "vm1").write_lsn = Some("0/9000000".parse().unwrap())),
        ("is not known", |f| server(f, "vm1").senders[0].flush_lsn = None),
        ("2 prepared transactions", |f| server(f, "vm1").prepared_transactions = 2),
        ("are primaries", |f| server(f, "vm2").role = PostgresRole::Primary),
    ];
    let topology = pair();
    for (word, damage) in table {
        let mut facts = facts(&topology);
        damage(&mut facts);
        let refusals = decide_switchover(&topology, &facts, &to("vm2")).unwrap_err();
        let said: Vec<_> = refusals.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|text| text.contains(word)), "{word}: {said:?}");
        assert!(refusals.iter().all(|refusal| !refusal.help.is_empty()), "{word}: {refusals:?}");
    }
}

#[test]
fn an_interrupted_run_is_gone_on_with_from_what_the_old_primary_left() {
    let topology = pair();
    for demoted in [false, true] {
        let mut facts = facts(&topology);
        ended(&mut facts, "vm1", ControlState::ShutDown, demoted);
        let planned = decide_switchover(&topology, &facts, &SwitchoverOptions::default()).unwrap();
        assert!(planned.resumed);
        assert_eq!(
            lines(&planned.plan),
            [
                "0 vm2: make the replication slots for the other nodes <>",
                "1 vm2: write down that vm2 is the primary of generation 2 <>",
                "2 vm2: prove that all of vm1 has arrived <0,1>",
                "3 vm2: promote <2>",
                "4 vm1: have PostgreSQL come back as a standby of vm2 <3>",
                "5 vm1: start PostgreSQL <4>",
                "6 vm1: drop the replication slots that nobody uses any more <5>",
                "7 vm2: log in and write through Keycloak <3>",
            ]
        );
    }
    // Promoted already, and the old primary not yet started.
    let mut facts = facts(&topology);
    ended(&mut facts, "vm1", ControlState::ShutDown, true);
    server(&mut facts, "vm2").role = PostgresRole::Primary;
    let planned = decide_switchover(&topology, &facts, &to("vm2")).unwrap();
    assert_eq!(lines(&planned.plan)[1], "1 vm1: start PostgreSQL <0>");
    assert_eq!((planned.from, planned.plan.steps.len()), (name("vm1"), 5));
}

/// It counts on from the latest that anybody knows, also where an interrupted run has written something down.
/// Run again without the target's name, as it was run before.
#[test]
fn a_run_that_was_interrupted_after_the_promotion_is_gone_on_with_and_not_turned_round() {
    let topology = pair();
    let mut facts = facts(&topology);
    ended(&mut facts, "vm1", ControlState::ShutDown, true);
    let new = server(&mut facts, "vm2");
    (new.role, new.promotion) = (PostgresRole::Primary, Some(promotion(2, "vm2")));
    let planned = decide_switchover(&topology, &facts, &SwitchoverOptions::default()).unwrap();
    assert_eq!((&planned.from, &planned.to, planned.resumed), (&name("vm1"), &name("vm2"), true));
    assert_eq!(planned, decide_switchover(&topology, &facts, &to("vm2")).unwrap());
    assert!(lines(&planned.plan)[0].contains("come back as a standby of vm2"), "{planned:?}");
    // A standby that somebody has stopped is nothing to go on with.
    ended(&mut facts, "vm1", ControlState::ShutDownInRecovery, true);
    let refusals = decide_switchover(&topology, &facts, &SwitchoverOptions::default()).unwrap_err();
    assert!(refusals[0].message.contains("no standby"), "{refusals:?}");
}

#[test]
fn every_promotion_has_a_generation_of_its_own() {
    let topology = pair();
    let generation = |facts: &RoleFacts| {
        let plan = decide_switchover(&topology, facts, &to("vm2")).unwrap().plan;
        plan.steps.iter().find_map(|step| match &step.action {
            Action::RecordPromotion { generation, .. } => Some(*generation),
            _ => None,
        })
    };
    let mut facts = facts(&topology);
    server(&mut facts, "vm1").promotion = Some(promotion(4, "vm1"));
    server(&mut facts, "vm2").promotion = Some(promotion(3, "vm2"));
    // 2, 18, 34 and so on are vm2's.
    assert_eq!(generation(&facts), Some(18));
    // Taken back, or given up before the primary was stopped.
    server(&mut facts, "vm2").promotion = Some(promotion(18, "vm2"));
    assert_eq!(generation(&facts), Some(34));
    ended(&mut facts, "vm1", ControlState::ShutDown, true);
    assert_eq!(generation(&facts), Some(34));
}

/// The files of two hosts may list the nodes in another order, and each host decides by its own.
#[test]
fn a_generation_is_the_same_nodes_in_whatever_order_the_file_has_them() {
    let mut spec = pair_spec();
    spec.nodes.reverse();
    let generation = |topology: &Topology, node: &str, promoted: &str| {
        let mut facts = facts(topology);
        if promoted == "vm2" {
            for node in ["vm1", "vm2"] {
                server(&mut facts, node).promotion = Some(promotion(2, promoted));
            }
        }
        let view = View { topology, facts: &facts };
        match view.record(&name(node), &name(node), false) {
            Action::RecordPromotion { generation, .. } => generation,
            other => panic!("{other}"),
        }
    };
    for topology in [pair(), spec.validate().unwrap()] {
        assert_eq!((generation(&topology, "vm2", "vm1"), generation(&topology, "vm1", "vm2")), (2, 17));
    }
}

#[test]
fn what_is_done_already_is_no_work() {
    let topology = pair();
    let planned = decide_switchover(&topology, &facts(&topology), &to("vm1")).unwrap();
    assert!(planned.plan.is_empty());
}

#[test]
fn a_primary_that_did_not_end_in_order_is_nobodys_to_take_over_from() {
    let topology = pair();
    for (state, history) in [
        (ControlState::Other, TimelineId(1)),
        (ControlState::ShutDownInRecovery, TimelineId(1)),
        // In order, but the standby is elsewhere.
        (ControlState::ShutDown, TimelineId(2)),
    ] {
        let mut facts = facts(&topology);
        ended(&mut facts, "vm1", state, false);
        server(&mut facts, "vm2").timeline = history;
        let refusals = decide_switchover(&topology, &facts, &to("vm2")).unwrap_err();
        assert_eq!(refusals[0].kind, RefusalKind::Unsafe, "{state:?}: {refusals:?}");
    }
    // Not seen is not gone.
    let mut facts = facts(&topology);
    facts.get_mut(&name("vm1")).unwrap().observation.postgres = Err(unobserved(UnobservedWhy::Silent, "no answer"));
    let refusals = decide_switchover(&topology, &facts, &to("vm2")).unwrap_err();
    assert_eq!(refusals[0].kind, RefusalKind::Unreachable, "{refusals:?}");
}

#[test]
fn to_go_back_to_a_primary_that_was_shut_down_is_what_up_does() {
    let topology = pair();
    let mut facts = facts(&topology);
    ended(&mut facts, "vm1", ControlState::ShutDown, false);
    let refusals = decide_switchover(&topology, &facts, &to("vm1")).unwrap_err();
    assert_eq!((refusals.len(), refusals[0].kind), (1, RefusalKind::Mismatch), "{refusals:?}");
    assert!(refusals[0].help.contains("ha-cli up vm1"), "{refusals:?}");
}

/// Nobody sends it anything any more: what it lacks is on the old primary alone, which `up` starts again.
#[test]
fn a_standby_that_did_not_get_everything_is_not_waited_for() {
    let topology = pair();
    let mut facts = facts(&topology);
    ended(&mut facts, "vm1", ControlState::ShutDown, false);
    let standby = server(&mut facts, "vm2");
    let end = "0/3000100".parse().ok();
    (standby.receive_lsn, standby.flush_lsn, standby.replay_lsn) = (end, end, end);
    let refusals = decide_switchover(&topology, &facts, &to("vm2")).unwrap_err();
    assert!(refusals[0].message.contains("it lacks what vm1 wrote last"), "{refusals:?}");
    assert_eq!(refusals[0].help.remedies, [Remedy::up(&name("vm1"))]);
}

/// It was interrupted once somebody else had been promoted, who is gone again.
#[test]
fn a_primary_that_was_shut_down_may_have_been_replaced_since() {
    let topology = three();
    let mut facts = facts(&topology);
    ended(&mut facts, "vm1", ControlState::ShutDown, false);
    ended(&mut facts, "vm3", ControlState::Other, false);
    facts.get_mut(&name("vm3")).unwrap().stopped.as_mut().unwrap().as_mut().unwrap().promotion =
        Some(promotion(3, "vm3"));
    let refusals = decide_switchover(&topology, &facts, &to("vm2")).unwrap_err();
    assert!(refusals[0].message.contains("vm3 was promoted in generation 3 since"), "{refusals:?}");
}

#[test]
fn a_failure_is_undone_until_the_old_primary_is_told_to_be_a_standby() {
    let topology = pair();
    let planned = decide_switchover(&topology, &facts(&topology), &to("vm2")).unwrap();
    for step in &planned.plan.steps {
        let undo = undo_switchover(&planned, &[step]).map(|plan| lines(&plan));
        let drop_slots = "vm2: drop the replication slots that nobody uses any more <>";
        let wanted = match step.id {
            0..=7 => Some(vec![
                "0 vm2: have load balancers turn back to vm1 <>".to_owned(),
                "1 vm2: write down again that vm1 is the primary of generation 1 <>".to_owned(),
                format!("2 {drop_slots}"),
            ]),
            8 | 9 => Some(vec![
                "0 vm1: start PostgreSQL <>".to_owned(),
                "1 vm2: have load balancers turn back to vm1 <0>".to_owned(),
                "2 vm2: write down again that vm1 is the primary of generation 1 <0>".to_owned(),
                format!("3 {drop_slots}"),
            ]),
            _ => None,
        };
        assert_eq!(undo, wanted, "{step}");
    }
}

/// Who notices a change is of less weight than the change: nothing between the old primary's stop and the promotion waits for
/// load balancers, and where a Keycloak does not run they are left out.
#[test]
fn load_balancers_are_turned_before_the_stop_and_hold_nothing_up_after_it() {
    let topology = three();
    let of_balancers =
        |step: &PlannedStep| matches!(step.action, Action::TurnBalancers { .. } | Action::TurnBalancersBack { .. });
    let plan = decide_switchover(&topology, &facts(&topology), &to("vm2")).unwrap().plan;
    let place = |wanted: &dyn Fn(&PlannedStep) -> bool| plan.steps.iter().position(wanted).unwrap();
    let (turned, stopped) = (place(&of_balancers), place(&|it| matches!(it.action, Action::Stop { .. })));
    assert!(turned < stopped && plan.steps[stopped].after.contains(&turned));
    assert_eq!(plan.steps.iter().filter(|step| of_balancers(step)).count(), 1, "none after the stop");
    for without in ["vm1", "vm2"] {
        let mut facts = facts(&topology);
        facts.get_mut(&name(without)).unwrap().observation.keycloak_container = Ok(None);
        let plan = decide_switchover(&topology, &facts, &to("vm2")).unwrap().plan;
        assert!(!plan.steps.iter().any(of_balancers), "{without} has no Keycloak: {:?}", lines(&plan));
    }
    // Nor where an interrupted run is gone on with: the old primary has stopped.
    let mut facts = facts(&topology);
    ended(&mut facts, "vm1", ControlState::ShutDown, false);
    let plan = decide_switchover(&topology, &facts, &to("vm2")).unwrap().plan;
    assert!(!plan.steps.iter().any(of_balancers), "{:?}", lines(&plan));
}

/// Whatever was seen: nobody is promoted who was not seen as a standby in the history of the one primary there is or was,
/// never before that primary's end is proven, and the old primary can come back as a standby only.
#[test]
fn no_plan_makes_a_second_primary() {
    use proptest::prelude::*;
    let topology = three();
    let node = (0..3_u8, 1..3_u32, any::<bool>(), 0..4_u8, any::<bool>());
    proptest!(|(nodes in proptest::collection::vec(node, 3), to in proptest::option::of(0..3_usize))| {
        let names = ["vm1", "vm2", "vm3"];
        let mut facts = facts(&topology);
        for (name, (role, timeline, signal, seen, ordered)) in names.iter().zip(nodes) {
            server(&mut facts, name).timeline = TimelineId(timeline);
            server(&mut facts, name).role = if role == 0 { PostgresRole::Primary } else { PostgresRole::Standby };
            match seen {
                0 => ended(&mut facts, name, if ordered { ControlState::ShutDown } else { ControlState::Other }, signal),
                1 => {
                    let node = facts.get_mut(&super::tests::name(name)).unwrap();
                    node.observation.postgres = Err(unobserved(UnobservedWhy::Silent, "no answer"));
                }
                _ => {}
            }
        }
        let options = SwitchoverOptions { to: to.map(|index| name(names[index])), ..SwitchoverOptions::default() };
        let Ok(planned) = decide_switchover(&topology, &facts, &options) else { return Ok(()) };
        prop_assert_eq!(kept_back(&planned.plan), None, "{:?}", planned);
        let place = |wanted: &dyn Fn(&PlannedStep) -> bool| planned.plan.steps.iter().position(wanted);
        let Some(promote) = place(&|step| step.action == Action::Promote) else { return Ok(()) };
        let view = View { topology: &topology, facts: &facts };
        let target = view.server(&planned.to).unwrap();
        prop_assert_eq!(target.role, PostgresRole::Standby);
        prop_assert_eq!(&planned.plan.steps[promote].node, &planned.to);
        let history = view.server(&planned.from).map(|it| it.timeline)
            .or_else(|| view.stopped(&planned.from).map(|it| it.control.timeline));
        prop_assert_eq!(Some(target.timeline), history);
        let others = topology.nodes().iter().filter(|node| node.name != planned.from);
        prop_assert!(others.clone().all(|node| !view.has_role(node, PostgresRole::Primary)));
        let proven = place(&|step| matches!(step.action, Action::ProveReceived { .. })).unwrap();
        prop_assert!(planned.plan.steps[promote].after.contains(&proven));
        // What is about to happen is written down before the old primary is stopped, or, where it is, before anything else.
        let recorded = place(&|step| matches!(step.action, Action::RecordPromotion { .. })).unwrap();
        let stopped = place(&|step| matches!(step.action, Action::Stop { .. }));
        let first = stopped.unwrap_or(proven);
        prop_assert!(planned.plan.steps[first].after.contains(&recorded));
        let demoted = place(&|step| matches!(step.action, Action::Demote { .. })).unwrap();
        prop_assert!(planned.plan.steps[demoted].after.contains(&promote));
        for step in &planned.plan.steps {
            if let Action::StartPostgres { permit, .. } = step.action {
                prop_assert!(step.after.contains(&demoted) && !permit);
            }
        }
    });
}

/// Found in the middle it would leave nobody who takes writes.
#[test]
fn a_renamed_container_is_told_before_anything_is_stopped() {
    let topology = three();
    for (node, keycloak) in [("vm1", false), ("vm2", false), ("vm3", false), ("vm2", true)] {
        let mut facts = facts(&topology);
        let seen = &mut facts.get_mut(&name(node)).unwrap().observation;
        let (container, own) = if keycloak {
            (&mut seen.keycloak_container, "keycloak")
        } else {
            (&mut seen.postgres_container, "postgres")
        };
        container.as_mut().unwrap().as_mut().unwrap().name = "old".to_owned();
        let refusals = decide_switchover(&topology, &facts, &SwitchoverOptions::default()).unwrap_err();
        let [refusal] = &refusals[..] else { panic!("{refusals:?}") };
        let help = format!("docker rename old sso-{node}-{own}");
        assert!(refusal.node == Some(name(node)) && refusal.help.contains(&help), "{refusal:?}");
        // One that was interrupted goes on no further either.
        let mut facts = facts.clone();
        ended(&mut facts, "vm1", ControlState::ShutDown, false);
        assert!(decide_switchover(&topology, &facts, &to("vm2")).unwrap_err()[0].help.contains(&help));
    }
}
