//! Commands that are given up, their future dropped, at each kind of step, and run again.

use std::collections::BTreeSet;
use std::mem::{Discriminant, discriminant};
use std::sync::{Arc, Mutex};

use ha_core::plan::{Action, OldData, Plan, RejoinStart};
use ha_core::steps::{StepEvent, Watcher};
use tokio::sync::Notify;

use super::row::{Row, row};
use crate::case::Case;

const EXPECTED: &str = "run again, it comes to its end";
/// More kinds of steps than any command has.
const MOST: usize = 20;

pub(super) const ROWS: &[Row] = &[
    row("switchover given up at each kind of step", EXPECTED, switchover),
    row("failover given up at each kind of step", EXPECTED, failover),
    row("rejoin given up at each kind of step", EXPECTED, rejoin),
    row("rebuild given up at each kind of step", EXPECTED, rebuild),
];

/// Tells when a step begins of a kind at which nobody gave up yet.
#[derive(Default)]
struct FirstOfAKind {
    seen: Mutex<Vec<Discriminant<Action>>>,
    names: Mutex<BTreeSet<String>>,
    begun: Notify,
}

impl Watcher for FirstOfAKind {
    fn event(&self, event: StepEvent<'_>) {
        let StepEvent::Started(step) = event else { return };
        let mut seen = self.seen.lock().unwrap();
        if !seen.contains(&discriminant(&step.action)) {
            seen.push(discriminant(&step.action));
            self.names.lock().unwrap().insert(step.action.to_string());
            self.begun.notify_one();
        }
    }
}

/// Runs a plan until a kind of step begins that was not seen before; tells whether one did.
fn gives_up(case: &Case, plan: &Plan, watcher: &Arc<FirstOfAKind>) -> bool {
    case.servers.wait(async {
        tokio::select! {
            biased;
            // A moment into the step, so that its first calls are under way: which of them is left to chance.
            () = async { watcher.begun.notified().await; tokio::task::yield_now().await; } => true,
            ran = case.servers.cluster().run(plan, Arc::clone(watcher) as _) => { ran.unwrap(); false }
        }
    })
}

fn told(case: &mut Case, watcher: &FirstOfAKind) {
    let count = watcher.names.lock().unwrap().len();
    assert!(count > 1, "{:?}", watcher.names);
    case.note(format!("given up at {count} kinds of steps"));
}

fn switchover(case: &mut Case) -> usize {
    let watcher = Arc::new(FirstOfAKind::default());
    let mut primary = 0;
    for _ in 0..MOST {
        let to = 1 - primary;
        let planned = case.servers.switchover(to).unwrap();
        let given_up = gives_up(case, &planned.plan, &watcher);
        if given_up {
            // What is gone on with may have to wait until the standby has caught up.
            let again = case.servers.until(ha_tests::servers::NOTICED, || case.servers.switchover(to).ok()).unwrap();
            case.servers.run(&again.plan).unwrap();
        }
        case.servers.settles(to);
        case.goes_on();
        primary = to;
        if !given_up {
            break;
        }
    }
    told(case, &watcher);
    primary
}

fn failover(case: &mut Case) -> usize {
    let watcher = Arc::new(FirstOfAKind::default());
    let mut primary = 0;
    for _ in 0..MOST {
        // A frozen server has to be fenced, too.
        case.docker(primary, &["pause", &case.servers.container(primary)]);
        let (planned, announced) = case.servers.plans_failover(&case.alone()).unwrap();
        case.announce(announced);
        let given_up = gives_up(case, &planned.plan, &watcher);
        if given_up {
            let (again, announced) = case.servers.plans_failover(&case.alone()).unwrap();
            case.announce(announced);
            case.servers.run(&again.plan).unwrap();
        }
        case.goes_on();
        case.servers.rejoin(primary);
        case.servers.settles(1 - primary);
        primary = 1 - primary;
        if !given_up {
            break;
        }
    }
    told(case, &watcher);
    primary
}

fn rejoin(case: &mut Case) -> usize {
    let watcher = Arc::new(FirstOfAKind::default());
    let mut primary = 0;
    for _ in 0..MOST {
        // It goes its own way, so that it needs a rewind.
        case.hosts.cut(1, 2).unwrap();
        case.writes_for(std::time::Duration::from_secs(1));
        case.kill(primary);
        case.hosts.heal().unwrap();
        case.fails_over(&case.alone());
        let mut given_up = false;
        let cluster = case.servers.cluster();
        let old = case.servers.name(primary).clone();
        if let RejoinStart::Inspect { primary, stop, .. } = case.servers.wait(cluster.begin_rejoin(&old)).unwrap() {
            case.servers.run(&stop).unwrap();
            let found = case.servers.wait(cluster.inspect(&old, &primary));
            let (_, plan) = case.servers.wait(cluster.plan_rejoin(&old, &primary, &found, OldData::Keep));
            given_up = gives_up(case, &plan, &watcher);
        }
        case.servers.rejoin(primary);
        case.servers.settles(1 - primary);
        primary = 1 - primary;
        if !given_up {
            break;
        }
    }
    told(case, &watcher);
    primary
}

fn rebuild(case: &mut Case) -> usize {
    let watcher = Arc::new(FirstOfAKind::default());
    let standby = case.servers.name(1).clone();
    for _ in 0..MOST {
        let plan = || case.servers.wait(case.servers.cluster().plan_rebuild(&standby, OldData::Keep)).unwrap();
        let given_up = gives_up(case, &plan(), &watcher);
        if given_up {
            case.servers.run(&plan()).unwrap();
        }
        case.servers.settles(0);
        if !given_up {
            break;
        }
    }
    told(case, &watcher);
    0
}
