use super::*;
use crate::observe::fixtures::{healthy, name, pair, primary, promotion, unobserved};
use crate::observe::{OnlyHere, PostgresObservation, UnobservedWhy};
use crate::plan::order::kept_back;
use crate::plan::{PlannedStep, RoleFact};
use crate::values::TimelineId;

/// vm2 was promoted in generation 2, on timeline 2; vm1 is what the test makes of it.
fn facts(topology: &Topology) -> RoleFacts {
    let nodes = healthy(topology).into_iter();
    let mut facts: RoleFacts = nodes
        .map(|observation| (observation.node.clone(), RoleFact { observation, stopped: None, heard_by: None }))
        .collect();
    let new = server(&mut facts, "vm2");
    (new.role, new.timeline, new.promotion) = (PostgresRole::Primary, TimelineId(2), Some(promotion(2, "vm2")));
    new.write_lsn = Some("0/6000000".parse().unwrap());
    facts
}

fn server<'f>(facts: &'f mut RoleFacts, node: &str) -> &'f mut PostgresObservation {
    facts.get_mut(&name(node)).unwrap().observation.postgres.as_mut().unwrap()
}

fn exited(facts: &mut RoleFacts, node: &str) {
    let fact = facts.get_mut(&name(node)).unwrap();
    fact.observation.postgres = Err(unobserved(UnobservedWhy::Refused, "nothing listens there"));
    fact.observation.postgres_container.as_mut().unwrap().as_mut().unwrap().status =
        ContainerStatus::Exited { code: 137 };
}

fn branch() -> BranchObservation {
    BranchObservation {
        timeline: TimelineId(1),
        end: "0/5000148".parse().unwrap(),
        fork: Some("0/5000000".parse().unwrap()),
        same_history: None,
        only_here: Some(OnlyHere::default()),
        rewind: Some(Ok(())),
    }
}

fn lines(plan: &Plan) -> Vec<String> {
    assert_eq!(kept_back(plan), None);
    let after = |step: &PlannedStep| step.after.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    plan.steps.iter().map(|step| format!("{} {step} <{}>", step.id, after(step))).collect()
}

#[test]
fn the_old_primary_is_stopped_where_it_runs_and_looked_at() {
    let topology = pair();
    let mut facts = facts(&topology);
    let begin = |facts: &RoleFacts, node| begin_rejoin(&topology, facts, &name(node));
    let Ok(RejoinStart::Inspect { primary, stop, second_primary: true }) = begin(&facts, "vm1") else {
        panic!("{:?}", begin(&facts, "vm1"))
    };
    assert_eq!(primary, name("vm2"));
    assert_eq!(lines(&stop), ["0 vm1: make sure that PostgreSQL does not run (stop, else kill) <>"]);
    // The newer of two primaries does not follow the older.
    assert_eq!(begin(&facts, "vm2").unwrap_err().kind, RefusalKind::Unsafe);
    exited(&mut facts, "vm1");
    let Ok(RejoinStart::Inspect { stop, second_primary: false, .. }) = begin(&facts, "vm1") else { panic!() };
    assert!(stop.is_empty());
    assert!(begin(&facts, "vm2").unwrap_err().to_string().contains("it is the primary"));
    // Without a primary there is nobody to follow.
    exited(&mut facts, "vm2");
    assert_eq!(begin(&facts, "vm1").unwrap_err().kind, RefusalKind::Unreachable);
}

#[test]
fn one_that_streams_has_nothing_to_do() {
    let topology = pair();
    let mut facts = facts(&topology);
    let follower = crate::observe::fixtures::standby(&topology, &name("vm1"), &topology.nodes()[1]);
    let promoted = Some(promotion(2, "vm2"));
    *server(&mut facts, "vm1") = PostgresObservation { timeline: TimelineId(2), promotion: promoted, ..follower };
    let begun = begin_rejoin(&topology, &facts, &name("vm1"));
    assert!(matches!(begun, Ok(RejoinStart::Streams { .. })), "{begun:?}");

    // What it streams does not go on where its own ends.
    let mut heard = primary(&topology, &name("vm2")).senders.remove(0);
    heard.replay_lsn = Some("F/0".parse().unwrap());
    server(&mut facts, "vm2").senders = vec![heard];
    let begun = begin_rejoin(&topology, &facts, &name("vm1"));
    assert!(matches!(begun, Ok(RejoinStart::Inspect { .. })), "{begun:?}");
}

#[test]
fn two_primaries_of_one_generation_are_a_persons_to_judge() {
    let topology = pair();
    let mut facts = facts(&topology);
    server(&mut facts, "vm1").promotion = Some(promotion(2, "vm1"));
    for node in ["vm1", "vm2"] {
        let refusal = begin_rejoin(&topology, &facts, &name(node)).unwrap_err();
        assert!(refusal.to_string().contains("generation 2 against 2"), "{refusal}");
    }
}

#[test]
fn the_least_that_will_do_is_chosen() {
    let topology = pair();
    let mut facts = facts(&topology);
    exited(&mut facts, "vm1");
    type Change = fn(&mut BranchObservation);
    let table: [(Change, Option<&str>, bool); 7] = [
        (|_| {}, None, true),
        // It holds nothing of its own.
        (|it| it.end = "0/5000000".parse().unwrap(), None, false),
        (
            |it| it.rewind = Some(Err("could not find previous WAL record at 0/4".into())),
            Some("previous WAL record"),
            false,
        ),
        (|it| it.rewind = None, Some("not known"), false),
        // It left a timeline that the primary never was on.
        (|it| (it.fork, it.rewind) = (None, Some(Err("no common ancestor".into()))), Some("no common ancestor"), false),
        (|it| (it.timeline, it.same_history) = (TimelineId(2), Some(false)), Some("different promotions"), false),
        (|it| (it.timeline, it.same_history) = (TimelineId(2), Some(true)), None, false),
    ];
    for (row, (change, why, rewinds)) in table.iter().enumerate() {
        let mut branch = branch();
        change(&mut branch);
        let method = choose_method(&topology, &facts, &name("vm1"), &name("vm2"), &branch);
        match (&method, why) {
            (RejoinMethod::BaseBackup { why: said, .. }, Some(words)) => assert!(said.contains(words), "{row}: {said}"),
            (RejoinMethod::Rewind, None) => assert!(rewinds, "{row}"),
            (RejoinMethod::Start, None) => assert!(!rewinds, "{row}"),
            _ => panic!("{row}: {method:?}"),
        }
    }
    // The same number, reached by two promotions that did not know of each other.
    let record = crate::plan::StoppedServer {
        control: crate::observe::ControlFile {
            system: crate::observe::fixtures::SYSTEM,
            state: crate::observe::ControlState::Other,
            checkpoint: "0/5000000".parse().unwrap(),
            timeline: TimelineId(2),
        },
        standby: true,
        promotion: Some(crate::values::PromotionRecord { primary: name("vm1"), ..promotion(3, "vm1") }),
    };
    facts.get_mut(&name("vm1")).unwrap().stopped = Some(Ok(record));
    let branch = BranchObservation { timeline: TimelineId(2), same_history: Some(true), ..branch() };
    let method = choose_method(&topology, &facts, &name("vm1"), &name("vm2"), &branch);
    assert!(matches!(method, RejoinMethod::BaseBackup { .. }), "{method:?}");
}

#[test]
fn nothing_is_destroyed_before_the_node_streams_and_slots_are_right_on_both_ends() {
    let topology = pair();
    let mut facts = facts(&topology);
    server(&mut facts, "vm2").promotion =
        Some(crate::values::PromotionRecord { run_alone: true, ..promotion(2, "vm2") });
    exited(&mut facts, "vm1");
    let plan = decide_rejoin(&topology, &facts, &name("vm1"), &name("vm2"), &RejoinMethod::Rewind, OldData::Keep);
    assert_eq!(
        lines(&plan),
        [
            "0 vm2: make the replication slots for the other nodes <>",
            "1 vm2: write a checkpoint <>",
            "2 vm1: take the database back to where it left vm2's history (pg_rewind) <0,1>",
            "3 vm1: have PostgreSQL come back as a standby of vm2 <2>",
            "4 vm1: start PostgreSQL <3>",
            "5 vm1: wait until it streams from vm2 <4>",
            "6 vm1: remove the old data that was put aside <5>",
            "7 vm1: drop the replication slots that nobody uses any more <5>",
            "8 vm2: write down that vm2 is the primary of generation 2 <5>",
            "9 vm1: follow vm2 <8>",
        ]
    );
}

#[test]
fn only_what_is_proven_replaceable_is_rebuilt() {
    let topology = pair();
    let mut facts = facts(&topology);
    let rebuild = |facts: &RoleFacts, node| decide_rebuild(&topology, facts, &name(node), OldData::Keep);
    for node in ["vm1", "vm2"] {
        assert!(rebuild(&facts, node).unwrap_err().to_string().contains("it is a primary"));
    }
    server(&mut facts, "vm1").role = PostgresRole::Standby;
    let plan = rebuild(&facts, "vm1").unwrap();
    assert_eq!(lines(&plan)[0], "0 vm1: stop PostgreSQL <>");
    assert_eq!(lines(&plan)[2], "2 vm1: replace the database by a copy of vm2's (pg_basebackup) <0,1>");
    // It knows more than the primary does.
    server(&mut facts, "vm1").promotion = Some(promotion(3, "vm1"));
    assert!(rebuild(&facts, "vm1").unwrap_err().to_string().contains("may be the good copy"));
    // Nobody to copy from.
    exited(&mut facts, "vm2");
    assert_eq!(rebuild(&facts, "vm1").unwrap_err().kind, RefusalKind::Unreachable);
}

/// A slot that the primary has given up is of use to nobody, and neither is what waits for its WAL.
/// WAL that was reset or removed by hand is no matter of timelines.
#[test]
fn one_whose_wal_does_not_go_on_in_the_primarys_gets_a_copy_and_may_hold_the_only_one() {
    let topology = pair();
    let same = BranchObservation {
        timeline: TimelineId(2),
        same_history: Some(true),
        fork: None,
        only_here: None,
        ..branch()
    };
    let method = |oldest: &str, kept: Option<&str>, end: &str| {
        let mut facts = facts(&topology);
        exited(&mut facts, "vm1");
        let vm2 = server(&mut facts, "vm2");
        vm2.oldest_wal_lsn = Some(oldest.parse().unwrap());
        vm2.slots = vec![crate::observe::SlotObservation {
            name: "ha_vm1".to_owned(),
            active: false,
            wal_status: Some("reserved".to_owned()),
            restart_lsn: kept.map(|lsn| lsn.parse().unwrap()),
            retained_bytes: None,
            safe_wal_bytes: None,
        }];
        let branch = BranchObservation { end: end.parse().unwrap(), ..same.clone() };
        let method = choose_method(&topology, &facts, &name("vm1"), &name("vm2"), &branch);
        let plan = decide_rejoin(&topology, &facts, &name("vm1"), &name("vm2"), &method, OldData::Keep);
        (method, lines(&plan)[0].contains("drop the replication slots"))
    };
    for (oldest, kept, end, why, not_compared, anew) in [
        ("0/5000000", Some("0/5000100"), "0/5000148", None, false, false),
        ("0/5000000", Some("0/5000100"), "0/6000000", None, false, false),
        ("0/5000000", None, "0/6000001", Some("goes on to 0/6000001"), true, false),
        ("0/6000000", Some("0/6000000"), "0/5000148", Some("whose begins at 0/6000000"), false, false),
        ("0/6000000", Some("0/5000100"), "0/5000148", Some("PostgreSQL has not removed it"), true, true),
    ] {
        let (method, is_anew) = method(oldest, kept, end);
        assert_eq!(is_anew, anew, "{end}");
        match (&method, why) {
            (RejoinMethod::Start, None) => {}
            (RejoinMethod::BaseBackup { why: said, not_compared: unknown }, Some(words)) => {
                assert!(said.contains(words) && *unknown == not_compared, "{method:?}");
            }
            _ => panic!("{end}: {method:?}"),
        }
    }
}

#[test]
fn a_lost_slot_means_a_copy_and_a_new_slot() {
    let topology = pair();
    let mut facts = facts(&topology);
    exited(&mut facts, "vm1");
    server(&mut facts, "vm2").slots = vec![crate::observe::SlotObservation {
        name: "ha_vm1".to_owned(),
        active: false,
        wal_status: Some("lost".to_owned()),
        restart_lsn: None,
        retained_bytes: None,
        safe_wal_bytes: None,
    }];
    let follows = BranchObservation { end: "0/5000000".parse().unwrap(), only_here: None, ..branch() };
    let method = choose_method(&topology, &facts, &name("vm1"), &name("vm2"), &follows);
    assert!(
        matches!(&method, RejoinMethod::BaseBackup { why, not_compared: false } if why.contains("is gone from vm2")),
        "{method:?}"
    );
    let plan = decide_rejoin(&topology, &facts, &name("vm1"), &name("vm2"), &method, OldData::Keep);
    assert_eq!(
        lines(&plan)[..3],
        [
            "0 vm2: drop the replication slots that nobody uses any more <>",
            "1 vm2: make the replication slots for the other nodes <0>",
            "2 vm1: replace the database by a copy of vm2's (pg_basebackup) <1>",
        ]
    );
    // One that asks for its WAL all the time holds the slot meanwhile.
    server(&mut facts, "vm2").slots[0].wal_status = Some("unreserved".to_owned());
    let plan = decide_rebuild(&topology, &facts, &name("vm1"), OldData::Keep).unwrap();
    assert_eq!(
        lines(&plan)[..4],
        [
            "0 vm1: stop PostgreSQL <>",
            "1 vm2: drop the replication slots that nobody uses any more <0>",
            "2 vm2: make the replication slots for the other nodes <1>",
            "3 vm1: replace the database by a copy of vm2's (pg_basebackup) <0,2>",
        ]
    );
}

#[test]
fn without_a_container_one_is_made_for_the_data_that_is_there() {
    let topology = pair();
    let mut facts = facts(&topology);
    exited(&mut facts, "vm1");
    facts.get_mut(&name("vm1")).unwrap().observation.postgres_container = Ok(None);
    let Ok(RejoinStart::Inspect { primary, stop, second_primary: false }) =
        begin_rejoin(&topology, &facts, &name("vm1"))
    else {
        panic!()
    };
    assert_eq!(primary, name("vm2"));
    assert_eq!(
        lines(&stop),
        [
            "0 vm1: create network and volumes <>",
            "1 vm1: adopt the database in its data volume, which is this cluster's <0>",
            "2 vm1: make PostgreSQL's container, without starting it <1>",
        ]
    );
}

#[test]
fn a_renamed_container_or_tablespaces_of_the_primary_are_told_before_anything_is_touched() {
    let topology = pair();
    let mut renamed = facts(&topology);
    exited(&mut renamed, "vm1");
    renamed.get_mut(&name("vm1")).unwrap().observation.postgres_container.as_mut().unwrap().as_mut().unwrap().name =
        "old".to_owned();
    let mut primary = facts(&topology);
    exited(&mut primary, "vm1");
    primary.get_mut(&name("vm2")).unwrap().observation.postgres_container.as_mut().unwrap().as_mut().unwrap().name =
        "old".to_owned();
    for (facts, own) in [(&renamed, "sso-vm1-postgres"), (&primary, "sso-vm2-postgres")] {
        for refusal in [
            begin_rejoin(&topology, facts, &name("vm1")).unwrap_err(),
            decide_rebuild(&topology, facts, &name("vm1"), OldData::Keep).unwrap_err(),
        ] {
            assert!(refusal.help.contains(&format!("docker rename old {own}")), "{refusal:?}");
        }
    }

    let mut spread = facts(&topology);
    exited(&mut spread, "vm1");
    server(&mut spread, "vm2").tablespaces = vec!["fast".to_owned(), "slow".to_owned()];
    for refusal in [
        begin_rejoin(&topology, &spread, &name("vm1")).unwrap_err(),
        decide_rebuild(&topology, &spread, &name("vm1"), OldData::Keep).unwrap_err(),
    ] {
        assert!(refusal.message.contains("vm2 has tablespaces that no copy takes along: fast, slow"), "{refusal:?}");
    }
}
