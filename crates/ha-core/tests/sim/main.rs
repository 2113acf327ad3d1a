//! `up` and `down` against hosts that are made up: to the end, killed at every call, and with every call failing once.
//!
//! The fakes keep state as Docker, PostgreSQL and Keycloak do, as far as `up` can see it; what those really do is tried
//! with real ones elsewhere.

mod engine;
mod gate;
mod servers;
mod shared;
mod sim;
mod world;

use gate::Trouble;
use sim::{Outcome, Sim, spec};
use world::Data;

use ha_core::layout::Component;
use ha_core::plan::{Action, Plan, PlannedStep};
use ha_core::steps::StepError;
use ha_core::topology::TopologySpec;
use ha_core::values::NodeName;

fn strict(mut spec: TopologySpec) -> TopologySpec {
    spec.replication.durability = "strict".to_owned();
    spec
}

fn demo(mut spec: TopologySpec) -> TopologySpec {
    spec.cluster.demo = true;
    spec
}

/// A situation from which `up` starts.
struct Scene {
    what: &'static str,
    make: fn() -> Sim,
}

const SCENES: &[Scene] = &[
    Scene { what: "a fresh pair", make: || Sim::new(&spec(2)) },
    Scene { what: "a fresh strict pair", make: || Sim::new(&strict(spec(2))) },
    Scene { what: "a fresh demo", make: || Sim::new(&demo(spec(2))) },
    Scene { what: "three fresh nodes", make: || Sim::new(&spec(3)) },
    Scene { what: "a changed configuration", make: changed_configuration },
    Scene { what: "a standby that lost its disk", make: standby_without_disk },
    Scene { what: "everything stopped", make: stopped },
];

fn running() -> Sim {
    let sim = Sim::new(&spec(2));
    sim.up();
    sim
}

fn changed_configuration() -> Sim {
    let mut spec = spec(2);
    spec.postgres.settings.insert("work_mem".to_owned(), "8MB".to_owned());
    spec.keycloak.options.insert("log-level".to_owned(), "debug".to_owned());
    running().described(&spec)
}

fn standby_without_disk() -> Sim {
    let sim = running();
    let mut world = sim.world();
    let engine = &mut world.engines[1];
    engine.containers.clear();
    engine.volumes.get_mut("sso-vm2-data").expect("it is there").data = Data::Empty;
    drop(world);
    sim
}

fn stopped() -> Sim {
    let sim = running();
    let mut world = sim.world();
    for fake in world.engines.iter_mut().flat_map(|engine| engine.containers.values_mut()) {
        (fake.status, fake.ready) = (ha_core::ports::ContainerStatus::Exited { code: 0 }, false);
    }
    drop(world);
    sim
}

#[test]
fn up_comes_to_its_end_and_then_finds_nothing_to_do() {
    for scene in SCENES {
        let sim = (scene.make)();
        sim.up();
        let essence = sim.essence();
        let (outcome, _) = sim.up_once(Trouble::None);
        assert!(matches!(&outcome, Outcome::Done(plan) if plan.is_empty()), "{}: {outcome:?}", scene.what);
        assert_eq!(sim.essence(), essence, "{}: a run with nothing to do changed something", scene.what);
        let world = sim.world();
        assert_eq!(world.made, 1, "{}", scene.what);
        let servers: Vec<_> = world.engines.iter().flat_map(|engine| engine.containers.values()).collect();
        assert_eq!(servers.len(), 2 * sim.topology.nodes().len(), "{}", scene.what);
        assert!(servers.iter().all(|it| it.running() && !it.is_job()), "{}", scene.what);
        let database = world.databases.values().next().expect("one was made");
        assert_eq!(database.clients.keys().collect::<Vec<_>>(), ["ha-cli"], "the bootstrap client is gone");
        assert_eq!(database.admin.as_deref(), Some("admin[\"admin\"]"));
    }
}

/// Lets `up` run into `trouble`, then runs it to its end, and expects the same end as without. With `power_cut`, the
/// hosts fail at that moment, too; where that makes no difference, nothing is tried, and there is no outcome.
fn mends(start: &Sim, trouble: Trouble, power_cut: bool, wanted: &str, what: &str) -> Option<Outcome> {
    let sim = start.fork();
    let made = sim.world().made;
    let (outcome, _) = sim.up_once(trouble);
    if power_cut && !sim.world().power_cut() {
        return None;
    }
    sim.up();
    let now = sim.essence();
    for (now, wanted) in now.lines().zip(wanted.lines()) {
        assert_eq!(now, wanted, "{what}, {trouble:?}, power cut: {power_cut}, then: {outcome:?}");
    }
    assert_eq!(now.lines().count(), wanted.lines().count(), "{what}, {trouble:?}");
    assert!(sim.world().made <= made.max(1), "{what}, {trouble:?}: a second database was made");
    Some(outcome)
}

/// The end without any trouble, and how many calls the first run takes.
fn untroubled(start: &Sim) -> (String, usize) {
    let sim = start.fork();
    let (_, calls) = sim.up_once(Trouble::None);
    sim.up();
    (sim.essence(), calls)
}

#[test]
fn killed_at_any_call_and_run_again_it_ends_in_the_same_place() {
    for scene in SCENES {
        let start = (scene.make)();
        let (wanted, calls) = untroubled(&start);
        let mut cuts = 0;
        for trouble in (0..calls).flat_map(|call| [Trouble::KillBefore(call), Trouble::KillAfter(call)]) {
            for power_cut in [false, true] {
                if let Some(outcome) = mends(&start, trouble, power_cut, &wanted, scene.what) {
                    assert!(matches!(outcome, Outcome::Killed), "{}, {trouble:?}: {outcome:?}", scene.what);
                    cuts += usize::from(power_cut);
                }
            }
        }
        assert!(cuts > 0 || !scene.what.contains("fresh"), "{}: no job was ever cut off", scene.what);
    }
}

#[test]
fn when_any_call_fails_once_the_error_names_the_step_and_a_second_run_mends_it() {
    for scene in SCENES {
        let start = (scene.make)();
        let (wanted, calls) = untroubled(&start);
        let mut failed = 0;
        for trouble in (0..calls).flat_map(|call| [Trouble::FailBefore(call), Trouble::FailAfter(call)]) {
            match mends(&start, trouble, false, &wanted, scene.what) {
                Some(Outcome::Failed(error)) => {
                    failed += 1;
                    let text = error.to_string();
                    for failure in &error.failures {
                        assert!(text.contains(failure.step.node.as_str()), "{text}");
                        assert!(text.contains(&failure.step.action.to_string()), "{text}");
                        assert!(!failure.error.to_string().is_empty());
                    }
                }
                // While it looked: not known is not empty, so nothing was made, or that node was left out.
                Some(Outcome::Refused(refusals)) => assert!(refusals.iter().all(|it| !it.help.is_empty())),
                Some(Outcome::Done(_)) => {}
                Some(Outcome::Killed) | None => panic!("nobody killed it"),
            }
        }
        assert!(failed > calls / 4, "{}: only {failed} of {calls} calls failed a step", scene.what);
    }
}

#[test]
fn down_with_volumes_leaves_nothing_and_may_be_killed_at_any_call() {
    for make in [running as fn() -> Sim, || {
        let sim = Sim::new(&demo(spec(2)));
        sim.up();
        sim
    }] {
        let start = make();
        let (_, calls) = start.fork().destroy(Trouble::None);
        for call in 0..calls {
            for trouble in [Trouble::None, Trouble::KillBefore(call), Trouble::KillAfter(call)] {
                let sim = start.fork();
                sim.destroy(trouble);
                let (again, _) = sim.destroy(Trouble::None);
                assert!(matches!(again, Some(Ok(()))), "{trouble:?}: {again:?}");
                for engine in &sim.world().engines {
                    assert!(engine.containers.is_empty(), "{trouble:?}: {:?}", engine.containers.keys());
                    assert!(engine.volumes.is_empty(), "{trouble:?}: {:?}", engine.volumes.keys());
                    assert!(engine.networks.is_empty(), "{trouble:?}: {:?}", engine.networks);
                }
            }
        }
    }
}

/// What waits for itself is never begun, and that is no success; what waits for what failed is not begun, and all else is done.
#[test]
fn a_plan_that_cannot_come_to_its_end_does_not_end_well() {
    let sim = running();
    let (vm1, vm2) = (sim.topology.nodes()[0].name.clone(), sim.topology.nodes()[1].name.clone());
    let step = |id, node: &NodeName, action, after: &[usize]| PlannedStep {
        id,
        node: node.clone(),
        action,
        after: after.to_vec(),
    };
    let steps = vec![step(0, &vm1, Action::Checkpoint, &[1]), step(1, &vm1, Action::Checkpoint, &[0])];
    let error = sim.run(&Plan { steps, ..Plan::default() }).unwrap_err();
    assert_eq!((error.failures.len(), error.not_begun), (0, 2), "{error}");
    let steps = vec![
        step(0, &vm1, Action::FollowPrimary { primary: "vm9".parse().unwrap() }, &[]),
        step(1, &vm1, Action::Stop { component: Component::Postgres }, &[0]),
        step(2, &vm2, Action::Stop { component: Component::Postgres }, &[]),
    ];
    let error = sim.run(&Plan { steps, ..Plan::default() }).unwrap_err();
    assert_eq!((error.failures.len(), error.failures[0].step.id, error.not_begun), (1, 0, 1), "{error}");
}

/// On the standby first, so that the one that takes writes is not stopped for it; where that one alone can show it, it comes back.
#[test]
fn a_keycloak_that_does_not_start_with_other_options_runs_again_with_the_old_ones() {
    let keycloak = |sim: &Sim, at: usize| {
        let world = sim.world();
        let fake = &world.engines[at].containers[&format!("sso-vm{}-keycloak", at + 1)];
        (fake.ready, fake.spec.clone(), fake.files.clone())
    };
    for (standby_stopped, broken) in [(false, 1), (true, 0)] {
        let before = running();
        if standby_stopped {
            let mut world = before.world();
            let fake = world.engines[1].containers.get_mut("sso-vm2-keycloak").expect("it is there");
            (fake.status, fake.ready) = (ha_core::ports::ContainerStatus::Exited { code: 0 }, false);
        }
        let were = [keycloak(&before, 0), keycloak(&before, 1)];
        let mut spec = spec(2);
        spec.keycloak.options.insert("log-level".to_owned(), "nonsense".to_owned());
        let (outcome, _) = before.described(&spec).up_once(Trouble::None);
        let Outcome::Failed(error) = outcome else { panic!("{outcome:?}") };
        assert_eq!(error.failures.len(), 1, "{error:?}");
        let failure = &error.failures[0];
        assert_eq!(failure.step.node, before.topology.nodes()[broken].name, "{failure:?}");
        assert!(matches!(failure.error, StepError::PutBack { .. }), "{failure:?}");
        assert!(failure.error.help().is_some_and(|help| help.contains("ha.toml")));
        assert_eq!([keycloak(&before, 0), keycloak(&before, 1)], were, "both are what they were");
        // Without the option nothing is to be done for it.
        let (outcome, _) = before.up_once(Trouble::None);
        let Outcome::Done(plan) = outcome else { panic!("{outcome:?}") };
        assert!(standby_stopped || plan.is_empty(), "{plan:?}");
    }
}

#[test]
fn a_database_that_was_lost_on_every_node_is_not_made_anew() {
    let sim = running();
    for engine in &mut sim.world().engines {
        engine.containers.clear();
        engine.volumes.values_mut().for_each(|volume| volume.data = Data::Empty);
    }
    let (outcome, _) = sim.up_once(Trouble::None);
    let Outcome::Refused(refusals) = outcome else { panic!("{outcome:?}") };
    assert!(refusals[0].message.contains("gone"), "{}", refusals[0]);
    assert_eq!(sim.world().made, 1);
}
