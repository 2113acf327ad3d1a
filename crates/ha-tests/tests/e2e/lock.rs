//! One who changes the cluster at a time, and what was done is written down.

use std::time::{Duration, Instant};

use ha_core::Cluster;
use ha_core::health::Code;
use ha_core::history::{Entry, Event, Outcome, SCHEMA};
use ha_core::layout::{Component, HISTORY_PATH};
use ha_core::lock::{Holder, Locks, Taken, Unlocked};
use ha_core::plan::{Action, Change, Plan};
use ha_core::ports::{ContainerRuntime as _, HostFile};
use ha_core::values::NodeName;
use ha_tests::{Pair, PairOptions, engine_is_wanted};

use crate::host::docker;
use crate::site::Site;
use crate::up::{run, variant};

/// From the end of a holder until the engine has noticed it: many times what it takes.
const RELEASE_LIMIT: Duration = Duration::from_secs(20);

fn holder(by: &str) -> Holder {
    Holder {
        by: by.to_owned(),
        pid: std::process::id(),
        command: "switchover".to_owned(),
        since: "2026-11-23T23:12:36.007Z".to_owned(),
    }
}

/// Another operator: connections of their own to the same engine.
fn another(pair: &Pair) -> Cluster {
    variant(pair, pair.topology().clone(), pair.cluster().secrets().clone())
}

async fn take(cluster: &Cluster, holder: &Holder) -> Result<Locks, Taken> {
    cluster.lock(&crate::up::names(cluster), holder).await
}

/// Waits until the locks can be taken, and gives them back.
async fn becomes_free(cluster: &Cluster) -> Duration {
    let begun = Instant::now();
    loop {
        match take(cluster, &holder("bob@desk")).await {
            Ok(locks) => {
                let took = begun.elapsed();
                locks.release().await;
                return took;
            }
            Err(taken) => assert!(begun.elapsed() < RELEASE_LIMIT, "{taken}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_operator_is_told_who_is_at_work_and_has_the_lock_the_moment_it_is_free() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let (alice, bob) = (pair.cluster(), another(&pair));
    let begun = Instant::now();
    let locks = take(alice, &holder("alice@desk")).await.unwrap();
    println!("both locks: {} ms", begun.elapsed().as_millis());
    assert_eq!(locks.nodes().count(), 2);
    assert!(locks.without().is_empty());
    for _ in 0..3 {
        let taken = take(&bob, &holder("bob@desk")).await.err().expect("it is held");
        assert_eq!((taken.node.as_str(), taken.holder), ("vm1", Some(holder("alice@desk"))));
    }
    // Dropped, as when its holder ends: the engine notices.
    drop(locks);
    println!("free {} ms after it was dropped", becomes_free(&bob).await.as_millis());
    // Of two who come at once, one has all, and the other is told of the first node.
    for _ in 0..5 {
        let (one, other) = (holder("alice@desk"), holder("bob@desk"));
        let (one, other) = tokio::join!(take(alice, &one), take(&bob, &other));
        let (locks, taken) = match (one, other) {
            (Ok(locks), Err(taken)) | (Err(taken), Ok(locks)) => (locks, taken),
            (one, other) => panic!("both or none: {} {}", one.is_ok(), other.is_ok()),
        };
        assert_eq!((locks.nodes().count(), taken.node.as_str()), (2, "vm1"));
        locks.release().await;
    }
    // Released: the next one finds nothing to wait for.
    for by in ["alice@desk", "bob@desk", "alice@desk"] {
        let begun = Instant::now();
        let locks = take(alice, &holder(by)).await.unwrap();
        let took = begun.elapsed();
        let begun = Instant::now();
        locks.release().await;
        println!("both locks: {} ms, given back in {} ms", took.as_millis(), begun.elapsed().as_millis());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_taken_on_one_node_leaves_none_behind_on_the_others() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let (alice, bob) = (pair.cluster(), another(&pair));
    let (first, second) = (pair.primary(), pair.standby());
    a_lost_lock_ends_the_run(&pair).await;
    a_server_that_the_run_starts_is_locked_again(&pair).await;
    // A switchover does this: the first lock goes with its server, and the other one still keeps others out.
    let locks = take(alice, &holder("alice@desk")).await.unwrap();
    let container = pair.container(first, Component::Postgres);
    docker(&["restart", &container]);
    let taken = take(&bob, &holder("bob@desk")).await.err().expect("it is held");
    assert_eq!((&taken.node, taken.holder), (&second.name, Some(holder("alice@desk"))));
    // A name that was left where nobody holds the lock any more is nobody at work.
    let at_work: Vec<_> = bob.report().await.findings.into_iter().filter(|it| it.code == Code::AtWork).collect();
    assert!(at_work.len() == 1 && at_work[0].message.contains("the lock of vm2: alice@desk"), "{at_work:?}");
    // What was taken before is free again at once, and the lock that ended with its server is no trouble when given back.
    let free = docker(&["exec", &container, "flock", "-n", &format!("{HISTORY_PATH}/lock"), "echo", "free"]);
    assert_eq!(free, "free");
    locks.release().await;
    becomes_free(&bob).await;
    // Without a server there is no lock.
    docker(&["stop", &container]);
    let locks = take(&bob, &holder("bob@desk")).await.unwrap();
    assert_eq!(locks.nodes().collect::<Vec<_>>(), [&second.name]);
    assert_eq!(locks.without()[0].why, Unlocked::NotRunning);
    locks.release().await;
}

/// The server was restarted meanwhile, with its engine or by hand: somebody else may have its lock by now.
async fn a_lost_lock_ends_the_run(pair: &Pair) {
    let (alice, first, second) = (pair.cluster(), &pair.primary().name, &pair.standby().name);
    let container = pair.container(pair.primary(), Component::Postgres);
    let mut plan = Plan::default();
    plan.add(second, Action::Checkpoint, []);
    let locks = take(alice, &holder("alice@desk")).await.unwrap();
    for _ in 0..2 {
        run(alice, &plan).await.unwrap();
    }
    docker(&["restart", &container]);
    let error = run(alice, &plan).await.unwrap_err();
    let lost = error.lost_lock().unwrap_or_else(|| panic!("{error:?}"));
    assert_eq!(&lost.node, first, "{lost}");
    let help = error.failures[0].error.help().unwrap();
    assert!(help.contains("nothing further was done") && help.contains("`ha-cli history`"), "{help}");
    locks.release().await;
    // Who starts anew has them all, and its own stop of a server is no loss.
    let locks = take(alice, &holder("alice@desk")).await.unwrap();
    assert_eq!(locks.nodes().count(), 2);
    let mut stop = Plan::default();
    let stopped = stop.add(first, Action::Stop { component: Component::Postgres }, []);
    stop.add(second, Action::Checkpoint, [stopped]);
    run(alice, &stop).await.unwrap();
    locks.release().await;
    docker(&["start", &container]);
    alice.ports().control.wait_ready(first, crate::up::PATIENCE).await.unwrap();
}

/// `up` replaces both servers, and may start those that did not run: afterwards nobody else may begin beside what is left of it.
async fn a_server_that_the_run_starts_is_locked_again(pair: &Pair) {
    let (alice, bob) = (pair.cluster(), another(pair));
    let (first, second) = (&pair.primary().name, &pair.standby().name);
    let start = || Action::StartPostgres { change: Change::Start, permit: true };
    let is_held = async |node: &NodeName| {
        let taken = bob.lock(std::slice::from_ref(node), &holder("bob@desk")).await.err().expect("it is held");
        assert_eq!((&taken.node, taken.holder), (node, Some(holder("alice@desk"))));
    };
    let locks = take(alice, &holder("alice@desk")).await.unwrap();
    let mut plan = Plan::default();
    let mut before = None;
    for node in [second, first] {
        let stopped = plan.add(node, Action::Stop { component: Component::Postgres }, before);
        before = Some(plan.add(node, start(), [stopped]));
    }
    run(alice, &plan).await.unwrap();
    is_held(first).await;
    is_held(second).await;
    locks.release().await;
    becomes_free(&bob).await;

    // One that did not run when the locks were taken.
    let container = pair.container(pair.primary(), Component::Postgres);
    docker(&["stop", &container]);
    let locks = take(alice, &holder("alice@desk")).await.unwrap();
    assert_eq!(locks.nodes().collect::<Vec<_>>(), [second]);
    let mut plan = Plan::default();
    plan.add(first, start(), []);
    run(alice, &plan).await.unwrap();
    is_held(first).await;

    // Somebody else was there before it could be taken again.
    let mut stop = Plan::default();
    stop.add(first, Action::Stop { component: Component::Postgres }, []);
    run(alice, &stop).await.unwrap();
    docker(&["start", &container]);
    bob.ports().control.wait_ready(first, crate::up::PATIENCE).await.unwrap();
    let others = bob.lock(std::slice::from_ref(first), &holder("bob@desk")).await.unwrap();
    run(alice, &plan).await.unwrap();
    let mut further = Plan::default();
    further.add(second, Action::Checkpoint, []);
    let error = run(alice, &further).await.unwrap_err();
    let lost = error.lost_lock().unwrap_or_else(|| panic!("{error:?}"));
    assert!(lost.node == *first && lost.why.contains("bob@desk"), "{lost}");
    others.release().await;
    locks.release().await;
    becomes_free(&bob).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_refuses_under_anothers_lock_and_writes_down_what_it_does() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let site = Site::of(&pair);
    let locks = take(pair.cluster(), &holder("alice@desk")).await.unwrap();
    let refused = site.run(&["switchover", "--yes"]).ends_with(5);
    for words in ["vm1:", "alice@desk", "`ha-cli switchover`", "since 2026-11-23T23:12:36.007Z", "wait"] {
        assert!(refused.err.contains(words), "no \"{words}\" in {}", refused.err);
    }
    let refused = site.run(&["down", "vm2", "--yes", "--output", "json"]).ends_with(5).json();
    assert_eq!((&refused["error"]["code"], &refused["error"]["node"]), (&"locked".into(), &"vm1".into()));
    // That comes first, and nobody is sent into it.
    let report = site.run(&["health", "--output", "json"]).json();
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings[0]["code"], "at-work", "{report}");
    for words in ["vm1 and vm2", "alice@desk", "`ha-cli switchover`", "since 2026-11-23T23:12:36.007Z"] {
        assert!(findings[0]["message"].as_str().unwrap().contains(words), "{report}");
    }
    assert!(
        findings.len() > 1 && findings.iter().all(|finding| finding["remedies"] == serde_json::json!([])),
        "{report}"
    );
    assert!(site.run(&["status"]).out.contains("alice@desk"));
    // Whoever only looks takes no lock, and finds nothing written down; a program is told whom it would be about.
    let dry = site.run(&["switchover", "--dry-run", "--output", "json"]).ends_with(0).json();
    assert_eq!((&dry["from"], &dry["to"], &dry["resumed"]), (&"vm1".into(), &"vm2".into(), &false.into()), "{dry}");
    let dry = site.run(&["rebuild", "vm2", "--dry-run", "--output", "json"]).ends_with(0).json();
    assert_eq!(dry["node"], "vm2", "{dry}");
    let dry = site.run(&["replication", "set", "strict", "--dry-run", "--output", "json"]).ends_with(0).json();
    assert_eq!(dry["durability"], "strict", "{dry}");
    assert_eq!(site.run(&["history"]).ends_with(0).out, "nothing is written down\n");
    locks.release().await;
    let report = site.run(&["health", "--output", "json"]).json();
    assert!(report["findings"].as_array().unwrap().iter().all(|finding| finding["code"] != "at-work"), "{report}");

    site.run(&["switchover", "--yes"]).ends_with(0);
    let history = site.run(&["history", "--output", "json"]).ends_with(0).json();
    let operations = history["operations"].as_array().unwrap();
    assert_eq!((history["schema"].as_u64(), operations.len()), (Some(1), 1), "{history}");
    let switchover = &operations[0];
    assert_eq!((&switchover["command"], &switchover["ended"]["outcome"]), (&"switchover".into(), &"done".into()));
    assert!(switchover["begun"].as_str() < switchover["ended"]["at"].as_str(), "{history}");
    assert!(switchover["ended"]["seconds"].as_f64().unwrap() > 0.0, "{history}");
    let by = switchover["by"].as_str().unwrap().to_owned();
    assert!(by.contains('@'), "{history}");
    assert_eq!(switchover["nodes"], serde_json::json!(["vm1", "vm2"]));
    // Both nodes have both lines.
    let wrote = |count: usize| {
        for node in pair.topology().nodes() {
            let container = pair.container(node, Component::Postgres);
            let file = format!("{container}:{HISTORY_PATH}/history.jsonl");
            assert_eq!(docker(&["cp", &file, "-"]).matches("\"operation\"").count(), count, "{}", node.name);
        }
    };
    wrote(2);
    // A server that is stopped by the very operation gets its last line all the same; nothing to do is nothing to tell.
    site.run(&["down", "--yes"]).ends_with(0);
    site.run(&["down", "--yes"]).ends_with(0);
    wrote(4);
    let lines = site.run(&["history", "--limit", "1"]).ends_with(0).out;
    let line = lines.lines().nth(1).unwrap();
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(line.contains(" down ") && line.contains(&by) && line.ends_with("done"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_killed_leaves_no_lock_and_has_not_ended() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let site = Site::of(&pair);
    let mut running = site.start(&["switchover", "--yes"]);
    assert!(running.says(|line| line.contains("write a checkpoint …")), "{}", running.so_far());
    running.signal("KILL");
    running.end();
    // At once: nobody has to know about the lock to run it again.
    site.run(&["switchover", "--to", "vm2", "--yes"]).ends_with(0);
    let history = site.run(&["history"]).ends_with(0).out;
    let results: Vec<_> = history.lines().skip(1).map(|line| line.rsplit("  ").next().unwrap()).collect();
    assert_eq!(results, ["not ended", "done"], "{history}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_is_torn_full_or_gone_stops_nobody() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let cluster = pair.cluster();
    let nodes = crate::up::names(cluster);
    let entry = |operation: &str, event: Event| Entry {
        schema: SCHEMA,
        at: "2026-11-23T23:12:36.007Z".to_owned(),
        operation: operation.to_owned(),
        event,
        command: "switchover".to_owned(),
        by: "alice@desk".to_owned(),
        generation: None,
        nodes: nodes.clone(),
        outcome: (event == Event::Ended).then_some(Outcome::Done),
        seconds: None,
        detail: None,
    };
    let operations = async || -> Vec<_> {
        cluster.history().await.operations.into_iter().map(|it| (it.operation, it.ended.is_some())).collect()
    };
    let begun = Instant::now();
    assert_eq!(cluster.record(&nodes, &[entry("a", Event::Begun)]).await, []);
    println!("written on both in {} ms", begun.elapsed().as_millis());
    // A crash tore the last line of one copy.
    let container = pair.container(pair.primary(), Component::Postgres);
    let path = format!("{HISTORY_PATH}/history.jsonl");
    let mut file = pair.runtime().read_file(&container, &path).await.unwrap().unwrap();
    file.extend_from_slice(b"{\"schema\":1,\"at\":\"20");
    pair.runtime().put_files(&container, &[HostFile::new(&path, file, 0o600)]).await.unwrap();
    assert_eq!(cluster.record(&nodes, &[entry("a", Event::Ended)]).await, []);
    let history = cluster.history().await;
    assert_eq!(history.unreadable.into_iter().collect::<Vec<_>>(), [(pair.primary().name.clone(), 1)]);
    assert_eq!(operations().await, [("a".to_owned(), true)]);
    // One that is full is set aside, running or not, and still read.
    for (operation, running) in [("b", true), ("c", false)] {
        let full = vec![b'\n'; 1 << 20];
        let mut old = ha_core::history::lines(&[entry("a", Event::Begun), entry("a", Event::Ended)]);
        old.extend(full);
        pair.runtime().put_files(&container, &[HostFile::new(&path, old, 0o600)]).await.unwrap();
        if !running {
            docker(&["stop", &container]);
        }
        assert_eq!(cluster.record(&nodes[..1], &[entry(operation, Event::Begun)]).await, []);
        let file = pair.runtime().read_file(&container, &path).await.unwrap().unwrap();
        assert_eq!(ha_core::history::parse(&file).entries.len(), 1, "{running}");
        assert!(operations().await.contains(&("a".to_owned(), true)));
        assert!(operations().await.contains(&(operation.to_owned(), false)));
    }
    // No container, no way to the volume: said, and no more.
    docker(&["rm", "-f", &container]);
    let gaps = cluster.record(&nodes, &[entry("d", Event::Begun)]).await;
    assert_eq!(gaps.iter().map(|gap| &gap.node).collect::<Vec<_>>(), [&pair.primary().name]);
    let history = cluster.history().await;
    assert_eq!(history.gaps, gaps);
    assert!(history.gaps[0].message.contains("no PostgreSQL container"), "{history:?}");
    assert!(history.operations.iter().any(|it| it.operation == "d"), "{history:?}");
}
