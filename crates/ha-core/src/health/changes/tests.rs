use super::*;
use crate::health::{Code, assess};
use crate::observe::{NodeObservation, PostgresRole, UnobservedWhy, fixtures};
use crate::topology::Topology;

type Damage = fn(&Topology, &mut [NodeObservation]);

fn report(topology: &Topology, damage: Damage) -> Report {
    let mut observations = fixtures::healthy(topology);
    damage(topology, &mut observations);
    assess(topology, &observations)
}

fn well(_: &Topology, _: &mut [NodeObservation]) {}

fn standby_away(_: &Topology, all: &mut [NodeObservation]) {
    all[1].postgres = Err(fixtures::unobserved(UnobservedWhy::Silent, "no answer"));
}

fn promoted(topology: &Topology, all: &mut [NodeObservation]) {
    let mut postgres = fixtures::primary(topology, &all[1].node.clone());
    postgres.timeline = TimelineId(2);
    all[1].postgres = Ok(postgres);
    all[1].keycloak.mode = KeycloakMode::ReadWrite;
    all[0].postgres = Err(fixtures::unobserved(UnobservedWhy::Silent, "no answer"));
}

#[test]
fn each_damage_is_told_and_the_way_back_too() {
    let topology = fixtures::pair();
    let table: &[(Damage, &[&str])] = &[
        (well, &[]),
        // Figures that move are no changes.
        (
            |_, all| {
                let postgres = all[0].postgres.as_mut().unwrap();
                postgres.write_lsn = postgres.write_lsn.map(|lsn| crate::values::Lsn::new(lsn.bytes() + 99));
            },
            &[],
        ),
        (
            |_, all| all[1].keycloak.state = KeycloakState::Starting,
            &["the cluster is degraded, was healthy", "vm2: Keycloak starting, was ready"],
        ),
        (
            standby_away,
            &[
                "the cluster is degraded, was healthy",
                "vm2: role unknown, was standby",
                "vm2: PostgreSQL unreachable, was running",
            ],
        ),
        (
            promoted,
            &["vm2: role primary, was standby", "vm2: timeline 2, was 1", "vm2: Keycloak is read-write, was read-only"],
        ),
        (
            |_, all| {
                let postgres = all[1].postgres.as_mut().unwrap();
                assert_eq!(postgres.role, PostgresRole::Standby);
                postgres.replay_paused = Some(true);
            },
            &["[replay-paused]"],
        ),
    ];
    let before = report(&topology, well);
    for (number, (damage, expected)) in table.iter().enumerate() {
        let after = report(&topology, *damage);
        let there: Vec<_> = changes(&before, &after).iter().map(ToString::to_string).collect();
        for words in *expected {
            assert!(there.iter().any(|change| change.contains(words)), "{number}: no \"{words}\" in {there:#?}");
        }
        let back = changes(&after, &before);
        assert_eq!(there.is_empty(), expected.is_empty(), "{number}: {there:#?}");
        assert_eq!(back.is_empty(), expected.is_empty(), "{number}: {back:#?}");
        let appeared = |changes: &[Change]| changes.iter().filter(|c| matches!(c, Change::Appeared(_))).count();
        let vanished = |changes: &[Change]| changes.iter().filter(|c| matches!(c, Change::Vanished(_))).count();
        assert_eq!(appeared(&changes(&before, &after)), vanished(&back), "{number}");
    }
}

#[test]
fn a_promotion_behind_a_gap_is_noticed_when_the_node_is_back() {
    let topology = fixtures::pair();
    let (first, gap, last) = (report(&topology, well), report(&topology, standby_away), report(&topology, promoted));
    let timeline = |changes: Vec<Change>| changes.iter().any(|change| matches!(change, Change::Timeline(..)));
    assert!(!timeline(changes(&first, &gap)), "not seen is no change");
    assert!(!timeline(changes(&gap, &last)), "without memory it would be missed");
    assert!(timeline(changes(&carry(&first, &gap), &last)));
}

#[test]
fn what_is_carried_is_no_change_by_itself() {
    let topology = fixtures::pair();
    for damage in [well as Damage, standby_away, promoted] {
        let (first, second) = (report(&topology, well), report(&topology, damage));
        assert_eq!(changes(&carry(&first, &second), &second), Vec::new());
    }
}

#[test]
fn findings_are_told_apart_by_cause_and_node_and_counted() {
    let finding =
        |node: &str, message: &str| Finding::new(Code::UnknownStandby, Some(&fixtures::name(node)), message, "help");
    let (a, b, other) = (finding("vm1", "one"), finding("vm1", "two"), finding("vm2", "one"));
    let list = |these: &[&Finding], those: &[&Finding]| {
        let owned = |list: &[&Finding]| list.iter().map(|it| (*it).clone()).collect::<Vec<_>>();
        only_in(&owned(these), &owned(those)).collect::<Vec<_>>().len()
    };
    assert_eq!(list(&[&a], &[&b]), 0, "only the message differs");
    assert_eq!(list(&[&a, &b], &[&b]), 1, "one more of them");
    assert_eq!(list(&[&a], &[&other]), 1);
    assert_eq!(list(&[], &[&a]), 0);
}

#[test]
fn changes_have_a_direction() {
    let topology = fixtures::pair();
    let (good, bad) = (report(&topology, well), report(&topology, standby_away));
    assert!(changes(&good, &bad).iter().all(|change| change.worse() != Some(false)));
    assert!(changes(&bad, &good).iter().all(|change| change.worse() != Some(true)));
}
