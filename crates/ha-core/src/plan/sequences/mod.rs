//! Whatever happens to a pair, in whatever order, with commands that are killed at any of their steps: the decisions never
//! make a second primary, nor two in one generation, lose nothing that they call safe, and always lead back to a whole pair.
//!
//! The world is made up; what carries a plan out on real servers is tested on those. The operator is truthful: who vouches
//! for a primary's death knows it.

mod look;
mod world;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use self::look::Operator;
use self::world::{Bug, Promise, World};
use super::{FailoverOptions, Loss, Plan, SwitchoverOptions, decide_failover, decide_switchover};
use crate::observe::fixtures::{pair, strict_pair};

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
    Cut,
    Heal,
    Hide(usize),
    Show(usize),
    Failover { run_alone: bool, trouble: Trouble },
    Switchover { to: usize, trouble: Trouble },
    Rejoin(usize),
}

/// What happens to a command.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    /// It is killed after so many steps.
    steps: usize,
    /// The link is cut before that one.
    cut: Option<usize>,
}

impl Trouble {
    const NONE: Self = Self { steps: ALL_STEPS, cut: None };
}

fn event() -> impl Strategy<Value = Event> {
    let node = || 0..2_usize;
    let trouble = || {
        let steps = prop_oneof![1 => 0..12_usize, 1 => Just(ALL_STEPS)];
        let cut = prop_oneof![3 => Just(None), 1 => (0..12_usize).prop_map(Some)];
        (steps, cut).prop_map(|(steps, cut)| Trouble { steps, cut })
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
        1 => Just(Event::Cut),
        2 => Just(Event::Heal),
        1 => node().prop_map(Event::Hide),
        2 => node().prop_map(Event::Show),
        4 => (any::<bool>(), trouble()).prop_map(|(run_alone, trouble)| Event::Failover { run_alone, trouble }),
        3 => (node(), trouble()).prop_map(|(to, trouble)| Event::Switchover { to, trouble }),
        2 => node().prop_map(Event::Rejoin),
    ]
}

/// Under a writer that never stops.
fn carry_out(world: &mut World, plan: &Plan, trouble: Trouble, promise: Promise) {
    for step in plan.steps.iter().take(trouble.steps) {
        if trouble.cut == Some(step.id) {
            world.linked = false;
        }
        world.write();
        if !world.perform(step, promise) {
            return;
        }
    }
}

fn failover(operator: &Operator, world: &mut World, run_alone: bool, trouble: Trouble) {
    let hidden = |node: usize| !world.servers[node].up || !world.servers[node].visible;
    let primary_is_dead = (0..2).all(|node| !(hidden(node) && world.is_primary(node)));
    let options = FailoverOptions { to: None, primary_is_dead, run_alone };
    if let Ok(planned) = decide_failover(&operator.topology, &operator.sees(world), &options) {
        let nothing = matches!(planned.loss, Loss::None { .. }) && planned.risks.is_empty();
        let promise = if nothing { Promise::All } else { Promise::Confirmed };
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
        Event::Cut => world.linked = false,
        Event::Heal => world.linked = true,
        Event::Hide(node) => world.servers[node].visible = false,
        Event::Show(node) => world.servers[node].visible = true,
        Event::Failover { run_alone, trouble } => failover(operator, world, run_alone, trouble),
        Event::Switchover { to, trouble } => switchover(operator, world, to, trouble),
        Event::Rejoin(node) => world.rejoin(node),
    }
}

/// All faults end, and an operator does what the documents say.
fn mend(operator: &Operator, world: &mut World) -> Result<(), String> {
    world.linked = true;
    for node in 0..2 {
        (world.servers[node].visible, world.servers[node].hung) = (true, false);
        world.power(node, true);
    }
    world.ship();
    failover(operator, world, true, Trouble::NONE);
    let primary = (0..2).find(|&node| world.is_primary(node)).ok_or("no failover brings a primary back")?;
    world.rejoin(1 - primary);
    world.write();
    world.ship();
    if !world.feeds(primary) {
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
    }
    let mended = mend(operator, &mut world);
    match world.wrong.take().or(mended.err()) {
        Some(wrong) => Err(format!("{wrong}: {world:#?}")),
        None => Ok(()),
    }
}

/// The shortest sequence that ends badly, if any does; the same ones in every run.
fn search(operator: &Operator, bug: Option<Bug>, cases: u32) -> Result<(), String> {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let sequences = proptest::collection::vec(event(), 1..30);
    runner
        .run(&sequences, |events| run(operator, bug, &events).map_err(TestCaseError::fail))
        .map_err(|error| error.to_string())
}

#[test]
fn whatever_happens_there_is_one_primary_and_nothing_safe_is_lost() {
    for topology in [pair(), strict_pair()] {
        if let Err(why) = search(&Operator::of(topology), None, 4000) {
            panic!("{why}");
        }
    }
}

/// Were something wrong in what carries the plans out, such sequences would show it.
#[test]
fn a_bug_that_is_put_in_is_found() {
    for bug in [Bug::FenceForgotten, Bug::GuardAsksNobody, Bug::NothingWrittenDown, Bug::ProofSkipped] {
        let found = search(&Operator::of(pair()), Some(bug), 4000);
        println!("{bug:?}: {found:?}");
        assert!(found.is_err(), "nothing shows that {bug:?}");
    }
}
