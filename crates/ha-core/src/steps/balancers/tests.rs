use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;

use crate::cluster::Cluster;
use crate::context::Ports;
use crate::observe::HandoverObservation;
use crate::observe::fixtures::{EXTENSION, healthy, name, pair, promotion, secrets};
use crate::plan::{Action, Plan};
use crate::ports::{
    ContainerRuntime, MockClock, MockContainerRuntime, MockKeycloakAdmin, MockPostgresControl, MockReplicationProbe,
    RuntimeError,
};
use crate::steps::{StepEvent, Watcher};

/// What each Keycloak was told, in its order, as `node word`; and what it makes of it.
#[derive(Default)]
struct World {
    /// How many balancers ask each.
    balancers: BTreeMap<&'static str, u32>,
    told: Mutex<Vec<String>>,
    last: Mutex<BTreeMap<String, (String, String)>>,
    /// Who cannot be told that.
    fails: Option<&'static str>,
    /// No balancer ever believes it.
    deaf: bool,
    /// What a node was told is in force there after so many looks.
    looks: u32,
    looked: Mutex<BTreeMap<String, u32>>,
}

impl World {
    fn put(&self, container: &str, text: &str) -> Result<(), RuntimeError> {
        let node = container.split('-').nth(1).unwrap().to_owned();
        let mut parts = text.split_whitespace();
        let (word, id) = (parts.next().unwrap().to_owned(), parts.next().unwrap().to_owned());
        let said = format!("{node} {word}");
        if self.fails == Some(said.as_str()) {
            return Err(RuntimeError::Invalid { message: "no space left on device".to_owned() });
        }
        if said == "vm1 leave" {
            assert!(self.is_in_force("vm2"), "who leaves vm1 is sent back by vm2");
        }
        if self.last.lock().unwrap().get(&node).is_none_or(|(last, _)| *last != word) {
            self.looked.lock().unwrap().insert(node.clone(), 0);
        }
        let mut told = self.told.lock().unwrap();
        if !told.contains(&said) {
            told.push(said);
        }
        self.last.lock().unwrap().insert(node, (word, id));
        Ok(())
    }

    fn is_in_force(&self, node: &str) -> bool {
        self.looked.lock().unwrap().get(node).is_some_and(|looked| *looked >= self.looks)
    }

    fn seen(&self, node: &str) -> HandoverObservation {
        if !self.is_in_force(node) {
            *self.looked.lock().unwrap().entry(node.to_owned()).or_default() += 1;
            let balancers = self.balancers[node];
            return HandoverObservation {
                word: "none".to_owned(),
                id: String::new(),
                balancers,
                told: balancers,
                in_flight: 0,
            };
        }
        let (word, id) = self.last.lock().unwrap().get(node).cloned().unwrap_or(("none".to_owned(), String::new()));
        let balancers = self.balancers[node];
        let told = if self.deaf { 0 } else { balancers };
        HandoverObservation { word, id, balancers, told, in_flight: 0 }
    }
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Watcher for Notes {
    fn event(&self, event: StepEvent<'_>) {
        if let StepEvent::Noted(_, text) = event {
            self.0.lock().unwrap().push(text.to_owned());
        }
    }
}

fn cluster(world: &Arc<World>) -> Cluster {
    let topology = pair();
    let mut runtime = MockContainerRuntime::new();
    let put = Arc::clone(world);
    runtime
        .expect_put_files()
        .returning(move |container, files| put.put(container, &String::from_utf8_lossy(&files[0].content)));
    let runtime: Arc<dyn ContainerRuntime> = Arc::new(runtime);
    let mut keycloak = MockKeycloakAdmin::new();
    let seen = Arc::clone(world);
    keycloak.expect_handover().returning(move |node, _| Ok(seen.seen(node.as_str())));
    let mut probe = MockReplicationProbe::new();
    let standby = healthy(&topology)[1].postgres.clone().unwrap();
    probe.expect_observe().returning(move |_, _| {
        Ok(crate::observe::PostgresObservation { promotion: Some(promotion(2, "vm2")), ..standby.clone() })
    });
    let mut clock = MockClock::new();
    let time = Arc::new(AtomicU64::new(0));
    let passed = Arc::clone(&time);
    clock.expect_now().returning(move || Duration::from_millis(passed.load(Ordering::Relaxed)));
    clock.expect_sleep().returning(move |sleep| {
        time.fetch_add(u64::try_from(sleep.as_millis()).unwrap(), Ordering::Relaxed);
    });
    let runtimes = topology.nodes().iter().map(|node| (node.name.clone(), Ok(Arc::clone(&runtime)))).collect();
    let ports = Ports {
        runtimes,
        probe: Arc::new(probe),
        control: Arc::new(MockPostgresControl::new()),
        keycloak: Arc::new(keycloak),
        clock: Arc::new(clock),
    };
    Cluster::new(Arc::new(topology), secrets(), EXTENSION, ports)
}

/// Runs one step on vm2; what was told, and what was noted. It never fails.
fn ran(world: World, actions: &[Action]) -> (Vec<String>, Vec<String>) {
    let (world, notes) = (Arc::new(world), Arc::new(Notes::default()));
    for action in actions {
        let mut plan = Plan::default();
        plan.add(&name("vm2"), action.clone(), []);
        let run = cluster(&world).run(&plan, Arc::clone(&notes) as _).now_or_never();
        run.expect("nothing here waits in truth").expect("it never fails");
    }
    (world.told.lock().unwrap().clone(), notes.0.lock().unwrap().clone())
}

fn turn() -> Action {
    Action::TurnBalancers { from: name("vm1") }
}

fn asked(vm1: u32, vm2: u32) -> World {
    World { balancers: [("vm1", vm1), ("vm2", vm2)].into(), ..World::default() }
}

#[test]
fn where_no_balancer_asks_nobody_is_told_anything() {
    assert_eq!(ran(asked(0, 0), &[turn()]), (vec![], vec![]));
}

#[test]
fn the_target_is_known_before_the_old_primary_is_left() {
    let (told, notes) = ran(asked(2, 2), &[turn()]);
    assert_eq!(told, ["vm2 expect", "vm2 take", "vm1 leave", "vm1 close"]);
    assert!(notes.is_empty(), "{notes:?}");
    // And holds what comes, also where it takes it a while to notice what it was told.
    let (told, notes) = ran(World { looks: 5, ..asked(2, 2) }, &[turn()]);
    assert_eq!((told.last().map(String::as_str), notes.len()), (Some("vm1 close"), 0), "{told:?} {notes:?}");
}

#[test]
fn a_balancer_that_would_be_left_without_a_node_is_told_nothing() {
    let (told, notes) = ran(asked(2, 1), &[turn()]);
    assert!(told.is_empty(), "{told:?}");
    assert!(notes[0].contains("2 load balancers ask vm1 for its role, 1 ask vm2"), "{notes:?}");
}

#[test]
fn whatever_fails_is_told_and_taken_back_and_fails_nothing() {
    for (fails, last) in [("vm2 expect", vec![]), ("vm2 take", vec!["vm2 none"]), ("vm1 leave", vec!["vm2 none"])] {
        let (told, notes) = ran(World { fails: Some(fails), ..asked(1, 1) }, &[turn()]);
        assert!(notes[0].contains("no space left on device") && notes[0].contains("may fail"), "{fails}: {notes:?}");
        assert!(told.iter().map(String::as_str).filter(|told| told.ends_with("none")).eq(last), "{fails}: {told:?}");
    }
}

#[test]
fn a_balancer_that_never_asks_again_is_waited_for_and_no_longer() {
    let (told, notes) = ran(World { deaf: true, ..asked(1, 1) }, &[turn()]);
    assert_eq!(told, ["vm2 expect", "vm2 none"], "the old primary was never left");
    assert!(notes[0].contains("after 5 s") && notes[0].contains("0 of 1 load balancers told"), "{notes:?}");
}

#[test]
fn what_was_told_is_taken_back_the_old_primary_first() {
    let back = Action::TurnBalancersBack { from: name("vm1") };
    let (told, _) = ran(asked(1, 1), &[turn(), back.clone()]);
    assert_eq!(told[4..], ["vm1 none", "vm2 none"]);
    let (told, _) = ran(asked(1, 1), &[back]);
    assert!(told.is_empty(), "nothing was told");
}
