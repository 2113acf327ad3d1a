//! Changes of roles, and that the cluster is whole afterwards.

use std::time::{Duration, Instant};

use ha_core::health::{ReplicationState, Report, ReportedRole};
use ha_core::observe::BranchObservation;
use ha_core::plan::{
    Failover, FailoverOptions, Loss, OldData, Refusal, RejoinMethod, RejoinStart, Switchover, SwitchoverOptions,
};

use super::running::{NOTICED, Servers};
use crate::findings::of_the_pair;

/// Of each log, where something did not come about.
const LAST_LINES: usize = 20;
/// What the clocks of a look and of a row may differ by.
const SLACK: Duration = Duration::from_secs(1);

/// Which acknowledged rows a failover said may be lost.
#[derive(Debug, Clone, PartialEq)]
pub enum Announced {
    /// None.
    Nothing,
    /// Those acknowledged since then.
    Since(Instant),
    /// Some, and it is not known since when.
    Unknown,
}

impl Announced {
    fn of(loss: &Loss, planned: Instant) -> Self {
        match loss {
            Loss::None { .. } => Self::Nothing,
            Loss::Since { seconds: Some(seconds), .. } => {
                let since = Duration::from_secs_f64(seconds.max(0.0)) + SLACK;
                planned.checked_sub(since).map_or(Self::Unknown, Self::Since)
            }
            Loss::Exactly { .. } | Loss::Since { seconds: None, .. } | Loss::GivenUp { .. } => Self::Unknown,
        }
    }

    /// Whether a row acknowledged then may be lost.
    #[must_use]
    pub fn covers(&self, acknowledged: Instant) -> bool {
        match self {
            Self::Nothing => false,
            Self::Since(since) => acknowledged >= *since,
            Self::Unknown => true,
        }
    }
}

/// How a node came back.
#[derive(Debug, Clone)]
pub enum Return {
    /// It streamed already.
    ByItself,
    /// From what was found of its data.
    By {
        /// How.
        method: RejoinMethod,
        /// What was found; nothing where it could not be looked at.
        found: Option<BranchObservation>,
    },
}

impl Servers {
    /// Plans a switchover to a node.
    ///
    /// # Errors
    /// The refusals.
    pub fn switchover(&self, to: usize) -> Result<Switchover, Vec<Refusal>> {
        let options = SwitchoverOptions { to: Some(self.name(to).clone()), ..SwitchoverOptions::default() };
        self.wait(self.cluster().plan_switchover(&options))
    }

    /// Plans a failover.
    ///
    /// # Errors
    /// The refusals.
    pub fn failover(&self, options: &FailoverOptions) -> Result<Failover, Vec<Refusal>> {
        self.wait(self.cluster().plan_failover(options))
    }

    /// The same, with what it announces to be lost.
    ///
    /// # Errors
    /// The refusals.
    pub fn plans_failover(&self, options: &FailoverOptions) -> Result<(Failover, Announced), Vec<Refusal>> {
        let planned = self.failover(options)?;
        let announced = Announced::of(&planned.loss, Instant::now());
        Ok((planned, announced))
    }

    /// Fails over, and says what was announced to be lost.
    ///
    /// # Panics
    /// When it is refused or fails.
    pub fn fail_over(&self, options: &FailoverOptions) -> (Failover, Announced) {
        let planned = self.plans_failover(options).unwrap_or_else(|refusals| panic!("refused: {refusals:?}"));
        self.run(&planned.0.plan).unwrap_or_else(|error| panic!("the failover failed: {error:?}"));
        planned
    }

    /// Brings a node back as a standby.
    ///
    /// # Panics
    /// When it is refused or fails.
    pub fn rejoin(&self, node: usize) -> Return {
        let (cluster, node) = (self.cluster(), self.name(node));
        let start = self.wait(cluster.begin_rejoin(node)).unwrap_or_else(|refusal| panic!("refused: {refusal:?}"));
        let (way, plan) = match start {
            RejoinStart::Streams { plan, .. } => (Return::ByItself, plan),
            RejoinStart::Inspect { primary, stop, .. } => {
                self.run(&stop).unwrap_or_else(|error| panic!("{node} could not be stopped: {error:?}"));
                let found = self.wait(cluster.inspect(node, &primary));
                let (method, plan) = self.wait(cluster.plan_rejoin(node, &primary, &found, OldData::Keep));
                (Return::By { method, found: found.ok() }, plan)
            }
        };
        self.run(&plan).unwrap_or_else(|error| panic!("{node} did not come back: {error:?}"));
        way
    }

    /// The role that a node has, once it can be asked.
    ///
    /// # Panics
    /// When it cannot be within `limit`.
    #[track_caller]
    pub fn role(&self, node: usize, limit: Duration) -> ReportedRole {
        let known = |report: Report| Some(report.nodes[node].role).filter(|role| *role != ReportedRole::Unknown);
        let role = self.until(limit, || known(self.report()));
        role.unwrap_or_else(|| panic!("{} cannot be asked", self.name(node)))
    }

    /// Waits until that node is the one primary, all others stream from it, nothing is found, and nobody keeps WAL for nobody.
    ///
    /// # Panics
    /// When it is not so within [`NOTICED`].
    #[track_caller]
    pub fn settles(&self, primary: usize) {
        let others: Vec<usize> = self.nodes().filter(|node| *node != primary).collect();
        let whole = |report: &Report| {
            let follows = |node: &usize| {
                let node = &report.nodes[*node];
                let streams = node.replication.as_ref().is_some_and(|it| it.state == ReplicationState::Streaming);
                node.role == ReportedRole::Standby && streams
            };
            let quiet = of_the_pair(report).is_empty();
            report.nodes[primary].role == ReportedRole::Primary && others.iter().all(follows) && quiet
        };
        let sql = "SELECT coalesce(string_agg(slot_name || ' ' || active, ', ' ORDER BY slot_name), '') \
                   FROM pg_replication_slots";
        let used: Vec<String> = others.iter().map(|node| format!("ha_{} true", self.name(*node))).collect();
        let wanted = |node: usize| if node == primary { used.join(", ") } else { String::new() };
        let slots = |node: usize| self.try_sql(node, sql).is_ok_and(|found| found == wanted(node));
        let settled = self.until(NOTICED, || (whole(&self.report()) && self.nodes().all(slots)).then_some(()));
        if settled.is_none() {
            let report = self.report();
            let slots: Vec<_> = self.nodes().map(|node| self.try_sql(node, sql)).collect();
            let last = |node| self.log(node).iter().rev().take(LAST_LINES).rev().cloned().collect::<Vec<_>>();
            let logs: Vec<_> = self.nodes().map(last).collect();
            panic!(
                "{} is not the primary of a whole cluster: {:?} {:?}, slots: {slots:?}, logs: {logs:#?}",
                self.name(primary),
                report.nodes,
                report.findings
            );
        }
    }
}
