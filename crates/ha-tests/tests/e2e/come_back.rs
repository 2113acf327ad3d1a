//! A server that comes back in the middle of a command, since its host boots or somebody starts it: an old primary while it is being
//! replaced, whose guard asks the standby before anything is written down there; a standby whose data is about to be replaced.

use std::sync::Arc;
use std::time::Instant;

use ha_core::health::{Report, ReportedRole};
use ha_core::layout::Component;
use ha_core::plan::{Action, Failover, FailoverOptions, OldData, RejoinStart, undo_failover};
use ha_core::steps::{RunError, StepEvent, Watcher};
use ha_core::topology::Node;
use ha_tests::ledger::{LedgerWriter, Verdict};
use ha_tests::{Pair, PairOptions, engine_is_wanted};

use crate::failover::plan;
use crate::host::docker;
use crate::switchover::settles;
use crate::up::{PATIENCE, Unwatched, run};

const WRITES: u64 = 20;

/// Starts a container when that step begins.
struct StartAt {
    step: usize,
    container: String,
}

impl Watcher for StartAt {
    fn event(&self, event: StepEvent<'_>) {
        if matches!(event, StepEvent::Started(step) if step.id == self.step) {
            docker(&["start", &self.container]);
        }
    }
}

/// Looks until every server tells its role. Never are two of them primaries.
async fn roles(pair: &Pair) -> Report {
    let begun = Instant::now();
    loop {
        let report = pair.cluster().report().await;
        let count = |role| report.nodes.iter().filter(|node| node.role == role).count();
        assert!(count(ReportedRole::Primary) <= 1, "{:?}", report.findings);
        if count(ReportedRole::Unknown) == 0 {
            return report;
        }
        assert!(begun.elapsed() < PATIENCE, "{:?}", report.nodes);
    }
}

fn primary<'p>(pair: &'p Pair, report: &Report) -> Option<&'p Node> {
    let leads = report.nodes.iter().find(|node| node.role == ReportedRole::Primary)?;
    pair.topology().node(&leads.name)
}

async fn kill(pair: &Pair, node: &Node) -> (String, Failover) {
    let container = pair.container(node, Component::Postgres);
    docker(&["kill", &container]);
    (container, plan(pair.cluster(), &FailoverOptions::default()).await.unwrap())
}

/// Ended before the promotion, and taken back.
async fn goes_back(pair: &Pair, planned: &Failover, error: &RunError) {
    assert!(matches!(error.failures[0].step.action, Action::ProveDown { .. }), "{error:?}");
    run(pair.cluster(), &undo_failover(planned, &error.failed()).unwrap()).await.unwrap();
}

/// As a standby. It may begin to stream by itself at any moment, so it is looked at once.
async fn comes_back(pair: &Pair, node: &Node) {
    let cluster = pair.cluster();
    let plan = match cluster.begin_rejoin(&node.name).await.unwrap() {
        RejoinStart::Streams { plan, .. } => plan,
        RejoinStart::Inspect { primary, stop, .. } => {
            run(cluster, &stop).await.unwrap();
            let found = cluster.inspect(&node.name, &primary).await;
            cluster.plan_rejoin(&node.name, &primary, &found, OldData::Keep).await.1
        }
    };
    run(cluster, &plan).await.unwrap();
}

/// `up` has looked, and somebody promotes the standby by hand before it starts the primary.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_is_not_started_beside_one_that_was_promoted_meanwhile() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    docker(&["kill", &pair.container(pair.primary(), Component::Postgres)]);
    let up = crate::up::plan(pair.cluster()).await.unwrap();
    let permitted = |action: &Action| matches!(action, Action::StartPostgres { permit: true, .. });
    assert!(up.steps.iter().any(|step| permitted(&step.action)), "{up:?}");
    pair.superuser(pair.standby(), "SELECT pg_promote()").await.unwrap();
    // What follows for a primary has no use on a standby; how far it comes does not matter.
    drop(pair.cluster().run(&up, Arc::new(Unwatched)).await);
    assert_eq!(primary(&pair, &roles(&pair).await), Some(pair.standby()));
}

/// Nothing is done to data under a server.
#[tokio::test(flavor = "multi_thread")]
async fn the_data_of_a_server_that_is_started_meanwhile_is_left_alone() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let (cluster, standby) = (pair.cluster(), pair.standby());
    let container = pair.container(standby, Component::Postgres);
    let plan = cluster.plan_rebuild(&standby.name, OldData::Discard).await.unwrap();
    let replace = |action: &Action| matches!(action, Action::ReplaceDatabase { .. });
    let step = plan.steps.iter().find(|step| replace(&step.action)).unwrap().id;
    let error = cluster.run(&plan, Arc::new(StartAt { step, container })).await.unwrap_err();
    assert!(replace(&error.failures[0].step.action), "{error:?}");
    assert!(error.failures[0].error.to_string().contains("has been started meanwhile"), "{error:?}");
    settles(&pair, &pair.primary().name).await;
    let again = cluster.plan_rebuild(&standby.name, OldData::Keep).await.unwrap();
    run(cluster, &again).await.unwrap();
    settles(&pair, &pair.primary().name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_primary_that_is_started_at_any_step_is_no_second_one() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let cluster = pair.cluster();
    let writer = LedgerWriter::start(&pair).await.unwrap();
    let mut leads = pair.primary();

    // A person thinks about the answer for so long that the host is back.
    assert!(writer.goes_on(WRITES, PATIENCE).await, "the writer writes");
    let (container, planned) = kill(&pair, leads).await;
    docker(&["start", &container]);
    assert_eq!(primary(&pair, &roles(&pair).await), Some(leads), "nothing spoke against it");
    let error = cluster.run(&planned.plan, Arc::new(Unwatched)).await.unwrap_err();
    goes_back(&pair, &planned, &error).await;
    settles(&pair, &leads.name).await;
    assert!(crate::up::plan(cluster).await.unwrap().is_empty(), "it is as it was");

    for step in 0.. {
        assert!(writer.goes_on(WRITES, PATIENCE).await, "the writer writes, before step {step}");
        let (container, planned) = kill(&pair, leads).await;
        if step >= planned.plan.steps.len() {
            docker(&["start", &container]);
            break;
        }
        let ran = cluster.run(&planned.plan, Arc::new(StartAt { step, container })).await;
        if let Err(error) = &ran
            && undo_failover(&planned, &error.failed()).is_some()
        {
            goes_back(&pair, &planned, error).await;
        }
        let mut report = roles(&pair).await;
        if primary(&pair, &report).is_none() {
            // It was told of the promotion that did not come about.
            let planned = plan(cluster, &FailoverOptions::default()).await.unwrap();
            run(cluster, &planned.plan).await.unwrap();
            report = roles(&pair).await;
        }
        leads = primary(&pair, &report).unwrap();
        let follows = pair.topology().peers_of(&leads.name).next().unwrap();
        comes_back(&pair, follows).await;
        settles(&pair, &leads.name).await;
    }

    // `async`: what had not been sent may be gone, and nothing else is wrong.
    roles(&pair).await;
    let ledger = writer.stop().await;
    let verdict = ledger.judge_node(&pair, leads).await.unwrap();
    assert_eq!(verdict, Verdict { lost: verdict.lost.clone(), ..Verdict::default() });
}
