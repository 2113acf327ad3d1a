//! `failover`, `rejoin` and `rebuild` under a writer that never stops.

use std::time::{Duration, Instant};

use ha_core::Cluster;
use ha_core::health::ReportedRole;
use ha_core::layout::{Component, LABEL_COMPONENT, LABEL_NODE};
use ha_core::observe::{BranchObservation, PostgresRole};
use ha_core::plan::{
    Action, Failover, FailoverOptions, Loss, OldData, Plan, Refusal, RefusalKind, RejoinMethod, RejoinStart,
};
use ha_core::topology::Node;
use ha_core::values::{NodeName, PromotionRecord};
use ha_tests::ledger::LedgerWriter;
use ha_tests::{Pair, PairOptions, engine_is_wanted};

use crate::host::{docker, label, on_volumes, postgres_image};
use crate::switchover::{settles, until_same};
use crate::up::{PATIENCE, run};

const WRITES: u64 = 50;

pub(crate) async fn plan(cluster: &Cluster, options: &FailoverOptions) -> Result<Failover, Vec<Refusal>> {
    tokio::time::timeout(PATIENCE, cluster.plan_failover(options)).await.expect("planning ends")
}

async fn fail_over(pair: &Pair, options: &FailoverOptions) -> Failover {
    let planned = plan(pair.cluster(), options).await.unwrap();
    run(pair.cluster(), &planned.plan).await.unwrap();
    planned
}

/// What the node's data holds, and the plan by which it comes back.
async fn look(pair: &Pair, node: &NodeName) -> (BranchObservation, RejoinMethod, Plan) {
    let cluster = pair.cluster();
    let (primary, stop) = match cluster.begin_rejoin(node).await {
        Ok(RejoinStart::Inspect { primary, stop, .. }) => (primary, stop),
        Ok(RejoinStart::Streams { primary, plan }) => panic!("{node} streams from {primary}: {plan:?}"),
        Err(why) => panic!("{why:?}: {:#?}", cluster.observe().await),
    };
    run(cluster, &stop).await.unwrap();
    let found = tokio::time::timeout(PATIENCE, cluster.inspect(node, &primary)).await.expect("looking ends");
    let (method, plan) = cluster.plan_rejoin(node, &primary, &found, OldData::Keep).await;
    (found.unwrap(), method, plan)
}

async fn rejoin(pair: &Pair, node: &NodeName) -> (BranchObservation, RejoinMethod) {
    let (found, method, plan) = look(pair, node).await;
    run(pair.cluster(), &plan).await.unwrap();
    (found, method)
}

fn alone() -> FailoverOptions {
    FailoverOptions { run_alone: true, ..FailoverOptions::default() }
}

/// A run that was interrupted right before its last step has left the old data beside a standby that streams.
async fn what_a_rejoin_left_is_removed_by_the_next(pair: &Pair) {
    let (cluster, node) = (pair.cluster(), &pair.standby().name);
    let left = async || match cluster.begin_rejoin(node).await.unwrap() {
        RejoinStart::Streams { plan, .. } => plan,
        other => panic!("{other:?}"),
    };
    assert!(left().await.is_empty());
    let in_container =
        |script: &str| docker(&["exec", &pair.container(pair.standby(), Component::Postgres), "sh", "-c", script]);
    in_container("cp -a $PGDATA $PGDATA.old");
    run(cluster, &left().await).await.unwrap();
    assert_eq!(in_container("ls -d $PGDATA*"), in_container("echo $PGDATA"));
    assert!(left().await.is_empty());
}

/// Killed, replaced, back by a rewind, and round again; started by hand meanwhile, it does no harm.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_is_replaced_and_comes_back() {
    if !engine_is_wanted() {
        return;
    }
    for durability in ["async", "strict"] {
        let options = PairOptions { durability: durability.to_owned(), ..PairOptions::postgres_only() };
        let pair = Pair::start(options).await.unwrap();
        let writer = LedgerWriter::start(&pair).await.unwrap();
        let mut deaths = Vec::new();
        for (old, new, generation) in [(pair.primary(), pair.standby(), 2), (pair.standby(), pair.primary(), 17)] {
            assert!(writer.goes_on(WRITES, PATIENCE).await, "the writer writes");
            let container = pair.container(old, Component::Postgres);
            docker(&["kill", &container]);
            let died = Instant::now();
            if durability == "strict" {
                let refusals = plan(pair.cluster(), &FailoverOptions::default()).await.unwrap_err();
                assert!(refusals[0].help.contains("--run-alone"), "{refusals:?}");
            }
            let planned = fail_over(&pair, &alone()).await;
            match planned.loss {
                Loss::None { .. } => assert_eq!(durability, "strict"),
                Loss::Since { seconds: Some(seconds), .. } => {
                    deaths.push((died, Duration::from_secs_f64(seconds + 1.0)))
                }
                other => panic!("{other:?}"),
            }
            assert!(writer.goes_on(WRITES, PATIENCE).await, "the writer goes on");
            let record = pair.cluster().ports().probe.observe(&new.name, PATIENCE).await.unwrap().promotion.unwrap();
            assert_eq!(
                (record.generation, &record.primary, record.run_alone),
                (generation, &new.name, durability == "strict")
            );
            let lineage = PromotionRecord { run_alone: false, ..record };

            // By hand, or by a host that boots: never a second primary.
            docker(&["start", &container]);
            let begun = Instant::now();
            let role = loop {
                let report = pair.cluster().report().await;
                let node = report.nodes.into_iter().find(|node| node.name == old.name).unwrap();
                if node.role != ReportedRole::Unknown {
                    break node.role;
                }
                assert!(begun.elapsed() < PATIENCE, "the old primary starts");
            };
            assert_eq!(role, ReportedRole::Standby);
            // It may have sent all that it wrote, and follows by itself then.
            match pair.cluster().begin_rejoin(&old.name).await.unwrap() {
                RejoinStart::Streams { plan, .. } => run(pair.cluster(), &plan).await.unwrap(),
                RejoinStart::Inspect { .. } => {
                    let (found, method) = rejoin(&pair, &old.name).await;
                    assert!(matches!(method, RejoinMethod::Rewind | RejoinMethod::Start), "{method:?} {found:?}");
                }
            }
            settles(&pair, &new.name).await;
            // It came with the data, whoever was told of the promotion.
            for node in [new, old] {
                let server = pair.cluster().ports().probe.observe(&node.name, PATIENCE).await.unwrap();
                assert_eq!(server.lineage.as_ref().map(|it| &it.promotion), Some(&lineage), "{}", node.name);
            }
            let record = pair.cluster().ports().probe.observe(&new.name, PATIENCE).await.unwrap().promotion.unwrap();
            assert!(!record.run_alone, "a standby confirms again");
            assert!(writer.goes_on(WRITES, PATIENCE).await, "the writer goes on");
        }
        let ledger = writer.stop().await;
        if durability == "strict" {
            for node in pair.topology().nodes() {
                until_same(&pair, &ledger, node).await;
            }
        } else {
            let (died, announced) = deaths[0];
            let second = deaths[1];
            let verdict = ledger.judge_node(&pair, pair.primary()).await.unwrap();
            for (row, at) in ledger.acknowledged.iter().filter(|(row, _)| verdict.lost.contains(row)) {
                let near = |(died, announced): (Instant, Duration)| {
                    *at <= died + Duration::from_secs(1) && died.saturating_duration_since(*at) <= announced
                };
                assert!(near((died, announced)) || near(second), "row {row} is lost");
            }
            assert_eq!((verdict.phantom, verdict.twice), (vec![], vec![]));
        }
        what_a_rejoin_left_is_removed_by_the_next(&pair).await;
        let plan = crate::up::plan(pair.cluster()).await.unwrap();
        assert!(plan.is_empty(), "{plan:?}");
    }
}

/// What only the old branch holds is shown before it is taken back: the rows of its last transactions.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_old_primary_holds_is_shown_before_it_goes() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    // Tables of the same names and columns as Keycloak's, since there is none here; one of them is what an owner of bad will has made
    // of it, whose function does what it can with the rights of whoever looks.
    let tables = "SET ROLE \"select\"; \
                  CREATE FUNCTION bad() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN \
                      COPY (SELECT 1) TO PROGRAM 'touch /var/lib/postgresql/data/owned'; RETURN true; \
                      EXCEPTION WHEN insufficient_privilege THEN RETURN true; END $$; \
                  CREATE TABLE realm0 (id text, name text); \
                  CREATE VIEW realm AS SELECT xmin, id, name FROM realm0 WHERE bad(); CREATE TABLE user_entity (id text, username text, realm_id text); \
                  CREATE TABLE credential (user_id text); CREATE TABLE user_attribute (user_id text); \
                  CREATE TABLE user_role_mapping (user_id text); INSERT INTO realm0 VALUES ('r', 'shop'); \
                  INSERT INTO user_entity VALUES ('a', 'anna', 'r'), ('b', 'berta', 'r')";
    pair.superuser(pair.primary(), tables).await.unwrap();
    pair.wait_replayed().await.unwrap();
    // The standby's server hears nothing any more, and the primary goes on.
    pair.superuser(pair.standby(), "ALTER SYSTEM SET primary_conninfo = ''").await.unwrap();
    pair.superuser(pair.standby(), "SELECT pg_reload_conf()").await.unwrap();
    let begun = Instant::now();
    while pair.superuser(pair.primary(), "SELECT count(*) FROM pg_stat_replication").await.unwrap() != "0" {
        assert!(begun.elapsed() < PATIENCE, "the standby stops to receive");
    }
    pair.superuser(
        pair.primary(),
        "INSERT INTO user_entity VALUES ('c', 'clara', 'r'); UPDATE realm0 SET name = 'store'; INSERT INTO credential VALUES ('a')",
    )
    .await
    .unwrap();
    docker(&["kill", &pair.container(pair.primary(), Component::Postgres)]);
    pair.superuser(pair.standby(), "ALTER SYSTEM RESET primary_conninfo").await.unwrap();
    fail_over(&pair, &FailoverOptions::default()).await;
    pair.superuser(pair.standby(), "INSERT INTO user_entity VALUES ('d', 'dora', 'r')").await.unwrap();

    let old = pair.primary().name.clone();
    let (found, method, plan) = look(&pair, &old).await;
    let only_here = found.only_here.expect("it went its own way");
    assert_eq!(only_here.realms, ["store"], "{only_here:?}");
    assert_eq!(only_here.users, ["store/anna", "store/clara"]);
    assert_eq!(only_here.tables.get("credential"), Some(&1), "{:?}", only_here.tables);
    assert!(only_here.transactions >= Some(1));
    assert_eq!(method, RejoinMethod::Rewind);
    run(pair.cluster(), &plan).await.unwrap();
    settles(&pair, &pair.standby().name).await;
    let users =
        pair.superuser(pair.primary(), "SELECT string_agg(username, ',' ORDER BY id) FROM user_entity").await.unwrap();
    assert_eq!(users, "anna,berta,dora");
    // Nothing is kept for longer than it is needed.
    let cluster = pair.topology().cluster.name.to_string();
    assert_eq!(on_volumes(&cluster, "vm1", "ls -A /data; ls -A /state | grep -e swap -e rewinding || true"), "pgdata");
}

/// One that hangs is stopped through its engine before anybody else is promoted.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_primary_is_fenced_first() {
    if !engine_is_wanted() {
        return;
    }
    let pair =
        Pair::start(PairOptions { durability: "strict".to_owned(), ..PairOptions::postgres_only() }).await.unwrap();
    let writer = LedgerWriter::start(&pair).await.unwrap();
    assert!(writer.goes_on(WRITES, PATIENCE).await, "the writer writes");
    let container = pair.container(pair.primary(), Component::Postgres);
    docker(&["pause", &container]);
    let planned = fail_over(&pair, &alone()).await;
    assert!(planned.plan.steps[0].to_string().contains("make sure"), "{:?}", planned.plan);
    let state = docker(&["inspect", "-f", "{{.State.Running}} {{.State.Paused}}", &container]);
    assert_eq!(state, "false false");
    assert!(writer.goes_on(WRITES, PATIENCE).await, "the writer goes on");
    rejoin(&pair, &pair.primary().name).await;
    settles(&pair, &pair.standby().name).await;
    without_its_standby(&pair, &writer).await;
    let ledger = writer.stop().await;
    for node in pair.topology().nodes() {
        until_same(&pair, &ledger, node).await;
    }
}

/// The standby is lost, and the primary waits for it in vain: it goes on alone by word, in the same generation, and waits
/// again once a standby is back.
async fn without_its_standby(pair: &Pair, writer: &LedgerWriter) {
    let (primary, standby) = (pair.standby(), pair.primary());
    let record =
        async || pair.cluster().ports().probe.observe(&primary.name, PATIENCE).await.unwrap().promotion.unwrap();
    let before = record().await;
    assert!(!before.run_alone, "{before:?}");
    docker(&["kill", &pair.container(standby, Component::Postgres)]);
    let begun = Instant::now();
    // Until the primary has noticed.
    while !plan(pair.cluster(), &FailoverOptions::default())
        .await
        .unwrap()
        .hints
        .iter()
        .any(|it| it.contains("writes wait"))
    {
        assert!(begun.elapsed() < PATIENCE, "the primary misses its standby");
    }
    assert!(!writer.goes_on(1, Duration::from_secs(1)).await, "nobody confirms");
    let planned = fail_over(pair, &alone()).await;
    assert!(!planned.plan.steps.iter().any(|step| step.action == Action::Promote), "{:?}", planned.plan);
    assert!(writer.goes_on(WRITES, PATIENCE).await, "the writer goes on");
    let during = record().await;
    assert_eq!((during.generation, &during.id, during.run_alone), (before.generation, &before.id, true));
    rejoin(pair, &standby.name).await;
    settles(pair, &primary.name).await;
    assert!(!record().await.run_alone, "a standby confirms again");
    assert!(writer.goes_on(WRITES, PATIENCE).await, "the writer goes on");
}

/// Promoted by hand while the primary went on: two primaries, each with rows of its own. The commands see it, do not choose, and
/// the one that was stopped by a person comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_by_hand_is_seen_and_dealt_with() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    pair.superuser(pair.primary(), "SET ROLE \"select\"; CREATE TABLE kept (n int)").await.unwrap();
    pair.wait_replayed().await.unwrap();
    pair.superuser(pair.standby(), "SELECT pg_promote()").await.unwrap();
    for node in pair.topology().nodes() {
        pair.superuser(node, "INSERT INTO kept VALUES (1)").await.unwrap();
    }
    let refusals = plan(pair.cluster(), &FailoverOptions::default()).await.unwrap_err();
    assert_eq!((refusals.len(), refusals[0].kind), (1, RefusalKind::Unsafe), "{refusals:?}");
    let refusal = pair.cluster().begin_rejoin(&pair.standby().name).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Unsafe, "{refusal}");
    assert_eq!(crate::up::refusal(pair.cluster()).await.kind, RefusalKind::Unsafe);
    // A person decides that the first one counts.
    docker(&["stop", &pair.container(pair.standby(), Component::Postgres)]);
    let (found, method) = rejoin(&pair, &pair.standby().name).await;
    assert_eq!(method, RejoinMethod::Rewind, "{found:?}");
    let only_here = found.only_here.expect("both wrote a row of their own");
    assert_eq!(only_here.tables.get("kept"), Some(&1), "{only_here:?}");
    settles(&pair, &pair.primary().name).await;
}

/// What is written there, as one line.
async fn kept(pair: &Pair, node: &Node) -> String {
    pair.superuser(node, "SELECT string_agg(word, ' ' ORDER BY word) FROM kept").await.unwrap()
}

/// Each was promoted without the other: both come to timeline 2, and each has a row of its own. No command chooses, neither
/// streams from the other although PostgreSQL would let it, and a person's word is enough.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_were_promoted_apart_a_person_chooses() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let (vm1, vm2) = (pair.primary(), pair.standby());
    let containers = [vm1, vm2].map(|node| pair.container(node, Component::Postgres));
    let observe = async |node: &Node| pair.cluster().ports().probe.observe(&node.name, PATIENCE).await.unwrap();
    let choose = |to: &Node, given_up: &Node| FailoverOptions {
        to: Some(to.name.clone()),
        give_up: vec![given_up.name.clone()],
        ..FailoverOptions::default()
    };
    pair.superuser(vm1, "SET ROLE \"select\"; CREATE TABLE kept (word text)").await.unwrap();
    pair.wait_replayed().await.unwrap();
    docker(&["kill", &containers[0]]);
    fail_over(&pair, &FailoverOptions::default()).await;
    pair.superuser(vm2, "INSERT INTO kept VALUES ('of-vm2')").await.unwrap();
    docker(&["kill", &containers[1]]);

    // The standby that saw nothing of it is not promoted without a word, and no one follows it afterwards.
    docker(&["start", &containers[0]]);
    pair.cluster().ports().control.wait_ready(&vm1.name, PATIENCE).await.unwrap();
    let refusals = plan(pair.cluster(), &FailoverOptions::default()).await.unwrap_err();
    assert!(refusals[0].message.contains("vm2 was promoted in generation 2 without it"), "{refusals:?}");
    assert!(refusals[0].help.contains("--to vm1 --give-up vm2"), "{refusals:?}");
    let planned = fail_over(&pair, &choose(vm1, vm2)).await;
    assert!(matches!(&planned.loss, Loss::GivenUp { nodes } if nodes[0].node == vm2.name), "{:?}", planned.loss);
    pair.superuser(vm1, "INSERT INTO kept VALUES ('of-vm1')").await.unwrap();
    docker(&["start", &containers[1]]);
    pair.cluster().ports().control.wait_ready(&vm2.name, PATIENCE).await.unwrap();
    let (one, other) = (observe(vm1).await, observe(vm2).await);
    assert_eq!((one.timeline, one.role), (other.timeline, PostgresRole::Primary), "numbers do not tell them apart");
    assert_eq!((other.role, other.upstream), (PostgresRole::Standby, None));

    // As after a power cut of both.
    for container in &containers {
        docker(&["kill", container]);
    }
    on_volumes(pair.topology().cluster.name.as_str(), "vm1", "gosu postgres touch /data/pgdata/standby.signal");
    for (node, container) in [vm1, vm2].into_iter().zip(&containers) {
        docker(&["start", container]);
        pair.cluster().ports().control.wait_ready(&node.name, PATIENCE).await.unwrap();
    }
    for to in [None, Some(vm1.name.clone()), Some(vm2.name.clone())] {
        let refusals = plan(pair.cluster(), &FailoverOptions { to, ..alone() }).await.unwrap_err();
        assert_eq!((refusals.len(), refusals[0].kind), (1, RefusalKind::Unsafe), "{refusals:?}");
        for choice in ["--to vm1 --give-up vm2", "--to vm2 --give-up vm1"] {
            assert!(refusals[0].help.contains(choice), "{refusals:?}");
        }
    }
    let planned = fail_over(&pair, &choose(vm2, vm1)).await;
    assert!(!planned.plan.steps.iter().any(|step| step.node == vm1.name), "{:?}", planned.plan);
    assert_eq!((kept(&pair, vm1).await, kept(&pair, vm2).await), ("of-vm1".to_owned(), "of-vm2".to_owned()));
    let report = pair.cluster().report().await;
    assert!(report.findings.iter().any(|it| it.node.as_ref() == Some(&vm1.name)), "{:?}", report.findings);

    let (found, method) = rejoin(&pair, &vm1.name).await;
    assert!(matches!(method, RejoinMethod::BaseBackup { .. }), "{method:?} {found:?}");
    let only_here = found.only_here.expect("a row of its own");
    assert_eq!(only_here.tables.get("kept"), Some(&1), "{only_here:?}");
    settles(&pair, &vm2.name).await;
    pair.superuser(vm2, "INSERT INTO kept VALUES ('of-both')").await.unwrap();
    pair.wait_replayed().await.unwrap();
    assert_eq!(kept(&pair, vm1).await, "of-both of-vm2");
}

/// A standby whose data is damaged gets a new copy; the primary never does.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_standby_is_rebuilt() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    pair.superuser(pair.primary(), "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n").await.unwrap();
    let refusal = pair.cluster().plan_rebuild(&pair.primary().name, OldData::Keep).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Unsafe, "{refusal}");
    let standby = &pair.standby().name;
    let cluster = pair.topology().cluster.name.to_string();
    // What runs that were killed have left at work on the data: one that only looks is ended, any other is waited for, and named.
    let job = |job: &str| {
        let (name, volume) = (format!("{cluster}-{standby}-job-{job}"), format!("{cluster}-{standby}-data:/data"));
        let labels = [label(&cluster), format!("{LABEL_NODE}={standby}"), format!("{LABEL_COMPONENT}=job-{job}")];
        let mut command = vec!["run", "-d", "--network", "none", "--name", &name, "-v", &volume];
        command.extend(labels.iter().flat_map(|label| ["--label", label]));
        let image = postgres_image();
        command.extend(["--entrypoint", "sleep", &image, "300"]);
        docker(&command);
        name
    };
    let looking = job("inspect");
    let writing = job("rewind");
    let plan = pair.cluster().plan_rebuild(standby, OldData::Keep).await.unwrap();
    let error = run(pair.cluster(), &plan).await.unwrap_err();
    let said = error.failures[0].error.to_string();
    assert!(said.contains(&format!("`docker wait {writing}`")), "{said}");
    docker(&["rm", "-f", &writing]);
    for old_data in [OldData::Keep, OldData::Discard] {
        docker(&["stop", &pair.container(pair.standby(), Component::Postgres)]);
        on_volumes(&cluster, standby.as_str(), "rm -rf /data/pgdata/base");
        let plan = pair.cluster().plan_rebuild(standby, old_data).await.unwrap();
        run(pair.cluster(), &plan).await.unwrap();
        settles(&pair, &pair.primary().name).await;
        pair.wait_replayed().await.unwrap();
        assert_eq!(pair.superuser(pair.standby(), "SELECT count(*) FROM kept").await.unwrap(), "1000");
        assert_eq!(on_volumes(&cluster, standby.as_str(), "ls -A /data"), "pgdata");
        assert!(!docker(&["ps", "-a", "--format", "{{.Names}}"]).lines().any(|name| name == looking));
    }
}
