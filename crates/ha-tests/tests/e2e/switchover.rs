//! `switchover` under a writer that never stops: nothing acknowledged is lost, whenever it is given up.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ha_core::Cluster;
use ha_core::health::{ReplicationState, ReportedRole};
use ha_core::layout::{Component, PGDATA};
use ha_core::observe::{CONTROL_FILE, ControlFile, ControlState};
use ha_core::plan::{Action, Switchover, SwitchoverOptions, UpOptions, undo_switchover};
use ha_core::ports::ContainerRuntime as _;
use ha_core::steps::{StepEvent, Watcher};
use ha_core::topology::Node;
use ha_core::values::NodeName;
use ha_tests::ledger::{LedgerWriter, Verdict};
use ha_tests::{Pair, PairOptions, engine_is_wanted, of_the_pair};
use tokio::sync::Notify;

use crate::host::{docker, said};
use crate::site::Site;
use crate::terminal::has_ended;
use crate::up::{PATIENCE, Unwatched, run};

const WRITES: u64 = 50;

fn to(node: &Node) -> SwitchoverOptions {
    SwitchoverOptions { to: Some(node.name.clone()), ..SwitchoverOptions::default() }
}

/// Plans, again and again while the standby has not caught up; nothing else may stand in the way.
async fn planned(cluster: &Cluster, options: &SwitchoverOptions) -> Switchover {
    let begun = std::time::Instant::now();
    loop {
        match cluster.plan_switchover(options).await {
            Ok(planned) => return planned,
            Err(refusals) => assert!(begun.elapsed() < PATIENCE, "{refusals:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// One primary, the other follows it, and nobody keeps WAL for nobody.
pub(crate) async fn settles(pair: &Pair, primary: &NodeName) {
    let begun = std::time::Instant::now();
    loop {
        let report = pair.cluster().report().await;
        let well = report.nodes.iter().all(|node| match (&node.name == primary, &node.replication) {
            (true, None) => node.role == ReportedRole::Primary,
            (false, Some(replication)) => {
                node.role == ReportedRole::Standby && replication.state == ReplicationState::Streaming
            }
            _ => false,
        });
        let quiet = of_the_pair(&report).is_empty();
        if well && quiet {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{:?} {:?}", report.nodes, report.findings);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for node in pair.topology().nodes() {
        let slots = "SELECT coalesce(string_agg(slot_name || ' ' || active, ', '), '') FROM pg_replication_slots";
        let found = pair.superuser(node, slots).await.unwrap();
        let other = pair.topology().peers_of(&node.name).next().unwrap();
        let wanted = if &node.name == primary { format!("ha_{} true", other.name) } else { String::new() };
        assert_eq!(found, wanted, "slots of {}", node.name);
    }
}

/// Of a server that runs and is idle, the file says the same as the server.
async fn reads_the_control_file(pair: &Pair) {
    let name = pair.container(pair.primary(), Component::Postgres);
    let bytes = pair.runtime().read_file(&name, &format!("{PGDATA}/{CONTROL_FILE}")).await.unwrap().unwrap();
    let file = ControlFile::parse(&bytes).unwrap();
    let asked =
        "SELECT system_identifier, checkpoint_lsn, timeline_id FROM pg_control_system(), pg_control_checkpoint()";
    let server = pair.superuser(pair.primary(), asked).await.unwrap();
    assert_eq!(format!("{}|{}|{}", file.system, file.checkpoint, file.timeline), server);
    assert_eq!(file.state, ControlState::Other, "it runs");
}

/// Sets `synchronous_commit` for whoever connects as the writer does.
async fn commits_of_the_writer(pair: &Pair, setting: &str) {
    let writes = pair.connect(pair.primary()).await.unwrap();
    let role: String = writes.query_one("SELECT current_user::text", &[]).await.unwrap().get(0);
    let alter = format!("ALTER ROLE \"{role}\" SET synchronous_commit = {setting}");
    pair.superuser(pair.primary(), &alter).await.unwrap();
    let writes = pair.connect(pair.primary()).await.unwrap();
    let shown: String = writes.query_one("SHOW synchronous_commit", &[]).await.unwrap().get(0);
    assert_eq!(shown, setting);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_and_back_loses_nothing() {
    if !engine_is_wanted() {
        return;
    }
    // A commit with `synchronous_commit` off is acknowledged before it is on any disk.
    for (durability, commits) in [("async", "on"), ("strict", "on"), ("async", "off")] {
        let options = PairOptions { durability: durability.to_owned(), ..PairOptions::postgres_only() };
        let pair = Pair::start(options).await.unwrap();
        reads_the_control_file(&pair).await;
        commits_of_the_writer(&pair, commits).await;
        let writer = LedgerWriter::start(&pair).await.unwrap();
        for target in [pair.standby(), pair.primary()] {
            assert!(writer.goes_on(WRITES, PATIENCE).await, "the writer writes");
            let planned = planned(pair.cluster(), &to(target)).await;
            run(pair.cluster(), &planned.plan).await.unwrap();
            assert!(writer.goes_on(WRITES, PATIENCE).await, "the writer goes on");
            settles(&pair, &target.name).await;
        }
        let ledger = writer.stop().await;
        pair.wait_replayed().await.unwrap();
        for node in pair.topology().nodes() {
            let verdict = ledger.judge_node(&pair, node).await.unwrap();
            assert_eq!(verdict, Verdict::default(), "{durability}, synchronous_commit {commits}: {}", node.name);
        }
        // Done already: no work. And `up` finds everything as it should be.
        assert!(pair.cluster().plan_switchover(&to(pair.primary())).await.unwrap().plan.is_empty());
        let plan = crate::up::plan(pair.cluster()).await.unwrap();
        assert!(plan.is_empty(), "{plan:?}");
    }
}

/// Gives up as soon as that step has begun.
struct UpTo {
    action: Action,
    begun: Notify,
}

impl Watcher for UpTo {
    fn event(&self, event: StepEvent<'_>) {
        if matches!(event, StepEvent::Started(step) if step.action == self.action) {
            self.begun.notify_one();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn given_up_at_any_step_it_is_gone_on_with() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let writer = LedgerWriter::start(&pair).await.unwrap();
    let cluster = pair.cluster();
    let mut target = pair.standby();
    for index in 0.. {
        assert!(writer.goes_on(WRITES, PATIENCE).await, "the writer writes, before round {index}");
        let plan = planned(cluster, &to(target)).await.plan;
        let Some(step) = plan.steps.get(index) else { break };
        let watcher = Arc::new(UpTo { action: step.action.clone(), begun: Notify::new() });
        tokio::select! {
            biased;
            () = async { watcher.begun.notified().await; tokio::task::yield_now().await; } => {}
            ran = cluster.run(&plan, Arc::clone(&watcher) as _) => panic!("it came to its end: {ran:?}"),
        }
        // The same command again, to its end.
        let again = planned(cluster, &to(target)).await;
        run(cluster, &again.plan).await.unwrap();
        assert!(writer.goes_on(WRITES, PATIENCE).await, "the writer goes on after {step}");
        settles(&pair, &target.name).await;
        target = if target.name == pair.standby().name { pair.primary() } else { pair.standby() };
    }
    let ledger = writer.stop().await;
    for node in pair.topology().nodes() {
        until_same(&pair, &ledger, node).await;
    }
}

pub(crate) async fn until_same(pair: &Pair, ledger: &ha_tests::ledger::Ledger, node: &Node) {
    let begun = std::time::Instant::now();
    loop {
        let verdict = ledger.judge_node(pair, node).await.unwrap();
        if verdict == Verdict::default() {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{}: {verdict:?}", node.name);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Freezes the standby's server when the primary is about to be stopped: what the primary writes last never arrives.
struct FreezeAtStop {
    container: String,
    frozen: Mutex<bool>,
}

impl Watcher for FreezeAtStop {
    fn event(&self, event: StepEvent<'_>) {
        if let StepEvent::Started(step) = event
            && matches!(step.action, Action::Stop { component: Component::Postgres })
        {
            docker(&["pause", &self.container]);
            *self.frozen.lock().unwrap() = true;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_does_not_get_everything_is_not_promoted_and_the_primary_comes_back() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let writer = LedgerWriter::start(&pair).await.unwrap();
    assert!(writer.goes_on(WRITES, PATIENCE).await, "the writer writes");
    let planned = planned(pair.cluster(), &to(pair.standby())).await;
    let container = pair.container(pair.standby(), Component::Postgres);
    let watcher = Arc::new(FreezeAtStop { container: container.clone(), frozen: Mutex::new(false) });
    let error = pair.cluster().run(&planned.plan, Arc::clone(&watcher) as _).await.unwrap_err();
    assert!(*watcher.frozen.lock().unwrap());
    assert!(matches!(error.failures[0].step.action, Action::ProveReceived { .. }), "{error:?}");
    let undo = undo_switchover(&planned, &error.failed()).expect("it can be undone");
    // The slots on the frozen standby cannot be dropped now; the primary must come back all the same.
    drop(pair.cluster().run(&undo, Arc::new(Unwatched)).await);
    assert!(writer.goes_on(WRITES, PATIENCE).await, "the writer goes on with the old primary");
    docker(&["unpause", &container]);
    let client = pair.connect(pair.primary()).await.unwrap();
    let row = client.query_one("SELECT pg_is_in_recovery()", &[]).await.unwrap();
    assert!(!row.get::<_, bool>(0), "it is the primary as before");
    let ledger = writer.stop().await;
    for node in pair.topology().nodes() {
        until_same(&pair, &ledger, node).await;
    }
}

/// A process of a server, stopped or let go on.
fn kill(pair: &Pair, node: &Node, pid: &str, signal: &str) {
    let container = pair.container(node, Component::Postgres);
    docker(&["exec", "-u", "postgres", &container, "/bin/sh", "-c", &format!("kill -{signal} {pid}")]);
}

/// The first finding, and the command that it names first.
fn first_advice(site: &Site) -> (String, String) {
    let report = site.run(&["health", "--output", "json"]).json();
    let first = &report["findings"][0];
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_else(|| panic!("{report}")).to_owned();
    (word(&first["code"]), word(&first["remedies"][0]["do"]))
}

/// Before the old primary is stopped a change is taken back; from then on it is brought to its end, and given up only by a second
/// ctrl-c. What `health` then says first ends it, whatever somebody has tried meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_takes_it_back_or_brings_it_to_its_end() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let site = Site::of(&pair);
    let (vm1, vm2) = (pair.primary(), pair.standby());
    let begin = |to: &Node| site.start(&["switchover", "--to", to.name.as_str(), "--yes"]);

    // A checkpoint that does not end.
    let checkpointer = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'";
    let checkpointer = pair.superuser(vm1, checkpointer).await.unwrap();
    kill(&pair, vm1, &checkpointer, "STOP");
    let mut change = begin(vm2);
    assert!(change.says(|line| line.contains("write a checkpoint …")), "{}", change.so_far());
    // A service manager asks like that.
    change.signal("TERM");
    assert!(change.says(|line| line.contains("it is taken back")), "{}", change.so_far());
    kill(&pair, vm1, &checkpointer, "CONT");
    let ran = change.end().ends_with(130);
    assert!(ran.err.contains("nothing has changed: vm1 is the primary as before"), "{ran:#?}");
    settles(&pair, &vm1.name).await;

    // A primary that is stopped waits for its standby to have everything.
    let receiver = "SELECT pid FROM pg_stat_wal_receiver";
    let pid = pair.superuser(vm2, receiver).await.unwrap();
    kill(&pair, vm2, &pid, "STOP");
    let mut terminal = site.start_on_a_terminal("switchover --to vm2 --yes");
    terminal.shows("plan:");
    said(&pair.container(vm1, Component::Postgres), "received fast shutdown request");
    let change = std::fs::read_to_string(site.path("pid")).unwrap().trim().to_owned();
    // The connection to it breaks: nothing can be written there any more, the shell says so as well, and what is left of the session is
    // ended. None of that is a person who insists.
    drop(terminal);
    for signal in ["HUP", "TERM"] {
        let sent = std::process::Command::new("kill").args([&format!("-{signal}"), &change]).status().unwrap();
        assert!(sent.success(), "it goes on");
    }
    kill(&pair, vm2, &pid, "CONT");
    has_ended(&change);
    settles(&pair, &vm2.name).await;
    let history = site.run(&["history", "--output", "json"]).ends_with(0).json();
    let last = history["operations"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["command"], &last["ended"]["outcome"]), (&"switchover".into(), &"done".into()), "{history}");

    // Given up, and then somebody starts the old primary, as well he may.
    let pid = pair.superuser(vm1, receiver).await.unwrap();
    kill(&pair, vm1, &pid, "STOP");
    let mut change = begin(vm1);
    assert!(change.says(|line| line.contains("stop PostgreSQL …")), "{}", change.so_far());
    // Whoever gives up before the server was told leaves a primary that runs.
    said(&pair.container(vm2, Component::Postgres), "received fast shutdown request");
    change.signal("INT");
    assert!(change.says(|line| line.contains("brought to its end")), "{}", change.so_far());
    change.signal("INT");
    let ran = change.end().ends_with(130);
    assert!(ran.err.contains("`ha-cli switchover --to vm1`"), "{ran:#?}");
    kill(&pair, vm1, &pid, "CONT");
    docker(&["wait", &pair.container(vm2, Component::Postgres)]);
    let advice = ("change-interrupted".to_owned(), "switchover".to_owned());
    assert_eq!(first_advice(&site), advice);
    let options = UpOptions { without_keycloak: true, ..UpOptions::default() };
    let plan = pair.cluster().plan_up(std::slice::from_ref(&vm2.name), options).await.unwrap();
    run(pair.cluster(), &plan).await.unwrap();
    assert_eq!(first_advice(&site), ("change-interrupted".to_owned(), "failover".to_owned()));
    let refused = site.run(&["switchover", "--to", "vm1", "--yes"]);
    assert!(refused.err.contains("`ha-cli failover`"), "{refused:#?}");
    site.run(&["failover", "--yes"]).ends_with(0);
    settles(&pair, &primary_of(&pair).await).await;
}

async fn primary_of(pair: &Pair) -> NodeName {
    let report = pair.cluster().report().await;
    let primary = report.nodes.iter().find(|node| node.role == ReportedRole::Primary);
    primary.unwrap_or_else(|| panic!("{report:?}")).name.clone()
}

/// Its orderly end, with the very control file that it leaves; and nothing else is taken for one.
#[tokio::test(flavor = "multi_thread")]
async fn a_servers_end_is_seen_from_inside_its_container() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let (control, node) = (&pair.cluster().ports().control, &pair.primary().name);
    let container = pair.container(pair.primary(), Component::Postgres);
    let while_it = async |end: &'static str| {
        control.watch_shutdown(node).await.unwrap();
        let container = container.clone();
        let ended = tokio::task::spawn_blocking(move || docker(&[end, &container]));
        let (seen, ended) = tokio::join!(control.await_shutdown(node, PATIENCE), ended);
        ended.unwrap();
        seen
    };
    control.await_shutdown(node, PATIENCE).await.expect_err("nobody watches");
    while_it("kill").await.expect_err("it was killed");
    // On a busy machine the program may be gone before it has looked; then the engine tells, later.
    let mut tries = 0;
    let seen = loop {
        docker(&["start", &container]);
        control.wait_ready(node, PATIENCE).await.unwrap();
        match while_it("stop").await {
            Ok(seen) => break seen,
            Err(error) => tries += usize::from(tries < 5 || panic!("not seen in 5 tries: {error}")),
        }
    };
    let path = format!("{PGDATA}/{CONTROL_FILE}");
    let left = pair.runtime().read_file(&container, &path).await.unwrap().unwrap();
    assert_eq!((seen.state, seen), (ControlState::ShutDown, ControlFile::parse(&left).unwrap()));
    // Whoever gives up leaves no program behind.
    let standby = pair.container(pair.standby(), Component::Postgres);
    control.watch_shutdown(&pair.standby().name).await.unwrap();
    let early = control.await_shutdown(&pair.standby().name, Duration::from_millis(300)).await;
    early.expect_err("it runs");
    let begun = std::time::Instant::now();
    while docker(&["top", &standby]).contains("od -An -v") {
        assert!(begun.elapsed() < PATIENCE, "it still looks");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
