//! Whatever happens to a pair, or to three nodes, in whatever order, with commands that are killed at any of their steps: the decisions never
//! make a second primary, nor two in one generation, lose nothing that they call safe, and always lead back to a whole pair.
//!
//! The world is made up; what carries a plan out on real servers is tested on those. The operator is truthful: who vouches
//! for a primary's death knows it.

mod follow;
mod guard;
mod look;
mod world;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use self::look::Operator;
use self::world::{Bug, Promise, World};
use super::order::kept_back;
use super::roles::View;
use super::{Action, FailoverOptions, Loss, Plan, SwitchoverOptions, decide_failover, decide_switchover};
use crate::observe::fixtures::{pair, strict_pair, strict_three, three};

/// More than any plan has.
const ALL_STEPS: usize = 30;

/// What may happen; a number is a node.
#[derive(Debug, Clone, Copy)]
enum Event {
    Write,
    Ship,
    Crash(usize),
    PowerOff(usize),
    PowerOn(usize),
    Start(usize),
    Hang(usize),
    Thaw(usize),
    Cut(usize),
    Heal(usize),
    Hide(usize),
    Show(usize),
    /// `choice` is to be the primary, and the other to be given up.
    Failover {
        run_alone: bool,
        choice: Option<usize>,
        trouble: Trouble,
    },
    Switchover {
        to: usize,
        trouble: Trouble,
    },
    Rejoin(usize),
}

/// What happens to a command.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    /// It is killed after so many steps.
    steps: usize,
    /// A node is cut off before that one.
    cut: Option<(usize, usize)>,
    /// A node's host boots, or its server is started, before that one.
    start: Option<(usize, usize)>,
}

impl Trouble {
    const NONE: Self = Self { steps: ALL_STEPS, cut: None, start: None };
}

fn event(nodes: usize) -> impl Strategy<Value = Event> {
    let node = move || 0..nodes;
    let trouble = move || {
        let steps = prop_oneof![1 => 0..12_usize, 1 => Just(ALL_STEPS)];
        let at_a_node = || prop_oneof![3 => Just(None), 1 => (0..12_usize, node()).prop_map(Some)];
        (steps, at_a_node(), at_a_node()).prop_map(|(steps, cut, start)| Trouble { steps, cut, start })
    };
    prop_oneof![
        4 => Just(Event::Write),
        3 => Just(Event::Ship),
        2 => node().prop_map(Event::Crash),
        1 => node().prop_map(Event::PowerOff),
        2 => node().prop_map(Event::PowerOn),
        2 => node().prop_map(Event::Start),
        1 => node().prop_map(Event::Hang),
        1 => node().prop_map(Event::Thaw),
        1 => node().prop_map(Event::Cut),
        2 => node().prop_map(Event::Heal),
        1 => node().prop_map(Event::Hide),
        2 => node().prop_map(Event::Show),
        4 => (any::<bool>(), proptest::option::weighted(0.2, node()), trouble())
            .prop_map(|(run_alone, choice, trouble)| Event::Failover { run_alone, choice, trouble }),
        3 => (node(), trouble()).prop_map(|(to, trouble)| Event::Switchover { to, trouble }),
        2 => node().prop_map(Event::Rejoin),
    ]
}

/// Under a writer that never stops.
fn carry_out(world: &mut World, plan: &Plan, trouble: Trouble, promise: Promise) {
    let kept_back = kept_back(plan);
    world.must(kept_back.is_none(), || format!("a service stands before what restores: {kept_back:?}"));
    for step in plan.steps.iter().take(trouble.steps) {
        if let Some((_, node)) = trouble.cut.filter(|(before, _)| *before == step.id) {
            world.servers[node].cut_off = true;
        }
        // Whoever vouches for a host that cannot be looked at sees to it that it stays off.
        if let Some((_, node)) =
            trouble.start.filter(|(before, node)| *before == step.id && world.servers[*node].visible)
        {
            world.power(node, true);
        }
        world.write();
        let promotes = step.action == Action::Promote && trouble.steps == step.id + 1;
        let done = if promotes { world.promote_and_write_nothing(step, promise) } else { world.perform(step, promise) };
        if !done {
            return;
        }
    }
}

fn failover(operator: &Operator, world: &mut World, run_alone: bool, choice: Option<usize>, trouble: Trouble) {
    let hidden = |node: usize| !world.servers[node].up || !world.servers[node].visible;
    let primary_is_dead = world.nodes().all(|node| !(hidden(node) && world.is_primary(node)));
    let to = choice.map(|node| world.names[node].clone());
    let others = choice.into_iter().flat_map(|node| world.peers(node)).collect::<Vec<_>>();
    let give_up = others.iter().map(|node| world.names[*node].clone()).collect();
    let options = FailoverOptions { to, primary_is_dead, run_alone, give_up };
    let facts = operator.sees(world);
    if let Ok(planned) = decide_failover(&operator.topology, &facts, &options) {
        let view = View { topology: &operator.topology, facts: &facts };
        let given_up = match &planned.loss {
            Loss::GivenUp { nodes } => nodes.iter().map(|it| it.node.clone()).collect(),
            _ => Vec::new(),
        };
        let promise = match planned.loss {
            Loss::GivenUp { .. } => Promise::Nothing,
            Loss::None { .. } if planned.risks.is_empty() => Promise::All,
            // A standby is given up that may have confirmed something, and a loss is told.
            Loss::Since { .. } | Loss::Exactly { .. } if view.may_lack_confirmed(&planned.to) => Promise::Nothing,
            _ => Promise::Confirmed,
        };
        let to = world.place(&planned.to);
        if !world.is_primary(to) {
            for other in world.peers(to) {
                let (new, server) = (&world.servers[to], &world.servers[other]);
                let asked = server.up && server.visible && !server.hung;
                // One that is merely behind loses what is told otherwise.
                let behind = server.wal.starts_with(&new.wal);
                let parted = asked && !behind && server.mark.is_some_and(|mark| !new.wal.contains(&mark));
                let said = given_up.contains(&world.names[other]) || !parted;
                world.must(said, || format!("nothing is said of what {other} holds"));
            }
        }
        carry_out(world, &planned.plan, trouble, promise);
    }
}

fn switchover(operator: &Operator, world: &mut World, to: usize, trouble: Trouble) {
    let options = SwitchoverOptions { to: Some(world.names[to].clone()), ..SwitchoverOptions::default() };
    if let Ok(planned) = decide_switchover(&operator.topology, &operator.sees(world), &options) {
        carry_out(world, &planned.plan, trouble, Promise::All);
    }
}

fn happens(operator: &Operator, world: &mut World, event: Event) {
    match event {
        Event::Write => world.write(),
        Event::Ship => world.ship(),
        Event::Crash(node) => world.crash(node),
        Event::PowerOff(node) => world.power(node, false),
        Event::PowerOn(node) => world.power(node, true),
        Event::Start(node) => world.start(node, false),
        Event::Hang(node) => world.servers[node].hung = world.servers[node].runs.is_some(),
        Event::Thaw(node) => world.servers[node].hung = false,
        Event::Cut(node) => world.servers[node].cut_off = true,
        Event::Heal(node) => world.servers[node].cut_off = false,
        Event::Hide(node) => world.servers[node].visible = false,
        Event::Show(node) => world.servers[node].visible = true,
        Event::Failover { run_alone, choice, trouble } => failover(operator, world, run_alone, choice, trouble),
        Event::Switchover { to, trouble } => switchover(operator, world, to, trouble),
        Event::Rejoin(node) => world.rejoin(node),
    }
}

/// All faults end, and an operator does what the documents say.
fn mend(operator: &Operator, world: &mut World) -> Result<(), String> {
    for server in &mut world.servers {
        (server.cut_off, server.visible, server.hung) = (false, true, false);
    }
    for node in world.nodes() {
        world.power(node, true);
    }
    world.ship();
    failover(operator, world, true, None, Trouble::NONE);
    if !world.nodes().any(|node| world.is_primary(node)) {
        // Somebody has to choose; asked only where each of two holds what the other lacks.
        let wal = |node: usize| &world.servers[node].wal;
        let apart = |one, other| !wal(one).starts_with(wal(other)) && !wal(other).starts_with(wal(one));
        let parted = world.nodes().any(|one| world.peers(one).any(|other| apart(one, other)));
        world.must(parted || world.cut_short, || "a choice is asked for without need".to_owned());
        let latest = world.nodes().max_by_key(|node| world.servers[*node].record.generation);
        failover(operator, world, true, latest, Trouble::NONE);
    }
    let primary = world.nodes().find(|&node| world.is_primary(node)).ok_or("no failover brings a primary back")?;
    for node in world.peers(primary) {
        world.rejoin(node);
    }
    world.write();
    world.ship();
    if !world.peers(primary).all(|node| world.feeds(primary, node)) {
        return Err("it is not whole again".to_owned());
    }
    let seen = operator.sees(world);
    let again =
        decide_failover(&operator.topology, &seen, &FailoverOptions::default()).map_err(|why| format!("{why:?}"))?;
    let options = SwitchoverOptions { to: Some(world.names[primary].clone()), ..SwitchoverOptions::default() };
    let other = decide_switchover(&operator.topology, &seen, &options).map_err(|why| format!("{why:?}"))?;
    for plan in [again.plan, other.plan] {
        if !plan.is_empty() {
            return Err(format!("there is still something to do: {plan:?}"));
        }
    }
    Ok(())
}

fn run(operator: &Operator, bug: Option<Bug>, events: &[Event]) -> Result<(), String> {
    let mut world = World::new(&operator.topology, bug);
    for event in events {
        happens(operator, &mut world, *event);
        world.histories_are_whole();
    }
    let mended = mend(operator, &mut world);
    match world.wrong.take().or(mended.err()) {
        Some(wrong) => Err(format!("{wrong}: {world:#?}")),
        None => Ok(()),
    }
}

/// Whatever happened, who follows what is said comes to the end of it.
fn run_and_follow(operator: &Operator, events: &[Event]) -> Result<(), String> {
    let mut world = World::new(&operator.topology, None);
    for event in events {
        happens(operator, &mut world, *event);
    }
    let followed = follow::follow(operator, &mut world);
    match followed.err().or(world.wrong.take()) {
        Some(wrong) => Err(format!("{wrong}: {world:#?}")),
        None => Ok(()),
    }
}

/// The shortest sequence that ends badly, if any does; the same ones in every run.
fn search(operator: &Operator, bug: Option<Bug>, cases: u32) -> Result<(), String> {
    search_for(operator, cases, |events| run(operator, bug, events))
}

fn search_for(operator: &Operator, cases: u32, run: impl Fn(&[Event]) -> Result<(), String>) -> Result<(), String> {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let sequences = proptest::collection::vec(event(operator.topology.nodes().len()), 1..30);
    runner.run(&sequences, |events| run(&events).map_err(TestCaseError::fail)).map_err(|error| error.to_string())
}

#[test]
#[expect(clippy::disallowed_methods, reason = "no configuration: how long a test searches")]
fn whatever_happens_there_is_one_primary_and_nothing_safe_is_lost() {
    // More for who changes the decisions: HA_SEQUENCES=60000 takes five minutes.
    let cases = std::env::var("HA_SEQUENCES").map_or(4000, |cases| cases.parse().expect("a number"));
    for topology in [pair(), strict_pair(), three(), strict_three()] {
        if let Err(why) = search(&Operator::of(topology), None, cases) {
            panic!("{why}");
        }
    }
}

#[test]
fn who_follows_what_is_said_comes_to_a_whole_cluster_and_never_round_in_a_circle() {
    for topology in [pair(), strict_pair(), three(), strict_three()] {
        let operator = Operator::of(topology);
        if let Err(why) = search_for(&operator, 1000, |events| run_and_follow(&operator, events)) {
            panic!("{why}");
        }
    }
}

/// The three places in which a person was once sent round: a switchover that was given up while PostgreSQL stopped, after that the
/// stopped one started by `up`, and one that was killed then.
#[test]
fn a_switchover_that_was_given_up_is_ended_by_what_is_said() {
    let operator = Operator::of(pair());
    let given_up = |steps| Event::Switchover { to: 1, trouble: Trouble { steps, ..Trouble::NONE } };
    for steps in 0..12 {
        for then in
            [&[][..], &[Event::Start(0)], &[Event::Crash(0)], &[Event::Crash(0), Event::Start(0)], &[Event::Crash(1)]]
        {
            let events: Vec<_> = [Event::Write, given_up(steps)].into_iter().chain(then.iter().copied()).collect();
            run_and_follow(&operator, &events)
                .unwrap_or_else(|why| panic!("after {steps} steps, then {then:?}: {why}"));
        }
    }
}

/// Were something wrong in what carries the plans out, such sequences would show it.
#[test]
fn a_bug_that_is_put_in_is_found() {
    for bug in [
        Bug::FenceForgotten,
        Bug::FollowsAnybody,
        Bug::GuardAsksNobody,
        Bug::LookedOnce,
        Bug::NothingWrittenDown,
        Bug::ProofSkipped,
    ] {
        let found = search(&Operator::of(pair()), Some(bug), 4000);
        println!("{bug:?}: {found:?}");
        assert!(found.is_err(), "nothing shows that {bug:?}");
    }
}
