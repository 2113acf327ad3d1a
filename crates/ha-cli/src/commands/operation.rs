//! Writing down what a command does: that it begins, before anything is changed, and how it ended.

use std::time::{Duration, Instant};

use ha_core::Cluster;
use ha_core::history::{Entry, Event, Gap, Outcome as Ending, SCHEMA};
use ha_core::plan::Plan;
use ha_core::values::NodeName;

use super::turn::Turn;
use super::{plan, time, who};
use crate::error::{Error, Failure, FailureKind};
use crate::interrupt::interrupted;
use crate::output::{Printer, Tone};

/// What is done is done: nobody waits longer than this for its being written down.
const END_LIMIT: Duration = Duration::from_secs(10);

/// Something that changes the cluster, from the moment it begins.
pub(super) struct Operation {
    begun: Entry,
    since: Instant,
    /// The nodes that are written to: one that did not answer a moment ago would only be waited for.
    reached: Vec<NodeName>,
    /// Where it could not be written down that it begins.
    missing: Vec<NodeName>,
}

impl Operation {
    /// Writes down that a command, whose turn it is, begins to do what is planned. Returns once that is on the nodes' disks; a node on which
    /// it cannot be written stops nothing.
    ///
    /// # Errors
    /// An interrupt.
    pub(super) async fn begin(cluster: &Cluster, turn: &Turn, plan: &Plan) -> Result<Self, Error> {
        Self::begin_on(cluster, turn, concerned(cluster, plan), plan.generation()).await
    }

    /// The same of a command that does what is planned meanwhile, and goes on when it is interrupted.
    pub(super) async fn begin_to_the_end(cluster: &Cluster, turn: &Turn, plan: &Plan) -> Self {
        Self::written(cluster, turn, concerned(cluster, plan), plan.generation()).await
    }

    /// The same, of a command that changes something before it can plan: the data of a node can be looked at only once its server is
    /// out of the way.
    ///
    /// # Errors
    /// An interrupt.
    pub(super) async fn begin_on(
        cluster: &Cluster,
        turn: &Turn,
        nodes: Vec<NodeName>,
        generation: Option<u64>,
    ) -> Result<Self, Error> {
        plan::interruptible(Self::written(cluster, turn, nodes, generation)).await
    }

    async fn written(cluster: &Cluster, turn: &Turn, nodes: Vec<NodeName>, generation: Option<u64>) -> Self {
        let begun = Entry {
            schema: SCHEMA,
            at: time::now(),
            operation: format!("{:016x}", rand::random::<u64>()),
            event: Event::Begun,
            command: turn.command().to_owned(),
            by: who::by(),
            generation,
            nodes,
            outcome: None,
            seconds: None,
            detail: None,
        };
        let since = Instant::now();
        let reached = turn.reached().to_vec();
        let written = cluster.record(&reached, std::slice::from_ref(&begun)).await;
        // Not told yet: the first `up` makes the place to write to, and the end is written there together with this.
        let missing = written.into_iter().map(|gap| gap.node).collect();
        Self { begun, since, reached, missing }
    }

    /// Writes down how it ended, and tells where that was not possible.
    pub(super) async fn end<T>(self, cluster: &Cluster, result: &Result<T, Error>, printer: &Printer) {
        let (outcome, detail) = ending(result);
        let ended = Entry {
            at: time::now(),
            event: Event::Ended,
            outcome: Some(outcome),
            seconds: Some((self.since.elapsed().as_secs_f64() * 1000.0).round() / 1000.0),
            detail,
            ..self.begun.clone()
        };
        let (late, in_time): (Vec<_>, Vec<_>) = self.reached.into_iter().partition(|name| self.missing.contains(name));
        let (whole, rest) = ([self.begun, ended.clone()], [ended]);
        let written = async { tokio::join!(cluster.record(&late, &whole), cluster.record(&in_time, &rest)) };
        let written = tokio::select! {
            written = tokio::time::timeout(END_LIMIT, written) => written.ok(),
            () = interrupted() => None,
        };
        printer.note(|page| {
            let mark = page.tone(Tone::Warning, "note:");
            match written {
                Some((late, in_time)) => {
                    for Gap { node, message } in late.iter().chain(&in_time) {
                        page.line(format!("{mark} {node}: not written into its history: {message}"));
                    }
                }
                None => page.line(format!("{mark} the end was not written into every node's history")),
            }
        });
    }
}

/// The nodes that something will be done on.
fn concerned(cluster: &Cluster, plan: &Plan) -> Vec<NodeName> {
    let mut nodes: Vec<_> = cluster.topology().nodes().iter().map(|node| node.name.clone()).collect();
    nodes.retain(|name| plan.steps.iter().any(|step| step.node == *name));
    nodes
}

/// What the history says of a command's result.
fn ending<T>(result: &Result<T, Error>) -> (Ending, Option<String>) {
    match result {
        Ok(_) => (Ending::Done, None),
        Err(Error::Configuration(_)) => (Ending::Failed, None),
        Err(Error::Failure(failure)) if failure.kind == FailureKind::Interrupted => (Ending::Interrupted, None),
        Err(Error::Failure(failure)) => {
            let outcome = match failure.kind {
                FailureKind::Refused => Ending::Refused,
                FailureKind::Failed | FailureKind::Usage | FailureKind::Interrupted => Ending::Failed,
            };
            (outcome, Some(in_words(failure)))
        }
    }
}

fn in_words(failure: &Failure) -> String {
    let node = failure.node.as_ref().map_or_else(String::new, |node| format!("{node}: "));
    let causes: String = failure.causes().iter().map(|cause| format!(": {cause}")).collect();
    format!("{node}{}{causes}", failure.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_tells_a_failure_from_a_refusal_and_an_interrupt() {
        let ends = |failure: Failure| ending::<()>(&Err(failure.into()));
        assert_eq!(ending(&Ok(())), (Ending::Done, None));
        let node = "vm2".parse().unwrap();
        let failed = Failure::failed("step-failed", "failed to promote").on(&node).because("no answer");
        assert_eq!(ends(failed), (Ending::Failed, Some("vm2: failed to promote: no answer".to_owned())));
        let refused = Failure::refused("refused", "two primaries");
        assert_eq!(ends(refused), (Ending::Refused, Some("two primaries".to_owned())));
        assert_eq!(ends(Failure::interrupted("run it again")), (Ending::Interrupted, None));
    }
}
