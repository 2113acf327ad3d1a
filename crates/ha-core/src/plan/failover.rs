//! An unplanned change of roles: the primary is gone, and a standby takes its place.
//!
//! What carries it is the proof that the old primary cannot acknowledge anything any more: its engine says that it does
//! not run, or stops it now. Where neither is possible a person has to know it, and say so. Then the promotion is written
//! down on the target, for good, before the target is promoted; the guard of every other node reads that before it starts
//! a primary.

use std::time::Duration;

use serde::Serialize;

use super::roles::{RoleFacts, View, several_primaries};
use super::{Action, Plan, Refusal, RefusalKind, StepId};
use crate::observe::{ControlState, PostgresRole};
use crate::ports::ContainerStatus;
use crate::topology::{Durability, Node, Topology};
use crate::values::{Lsn, NodeName, PromotionRecord};

/// What a person may choose, and what a person may vouch for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FailoverOptions {
    /// The standby that becomes the primary; without it, the one that has most.
    pub to: Option<NodeName>,
    /// Whoever may be the primary and can neither be asked nor stopped does not run: a person has made sure of it.
    pub primary_is_dead: bool,
    /// With `strict`: the primary, the new one or one that is there and waits, goes on without a standby's confirmation
    /// until one is back.
    pub run_alone: bool,
}

/// What will happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Failover {
    /// Who was the primary, as far as anybody knows.
    pub from: Option<NodeName>,
    /// Who becomes it.
    pub to: NodeName,
    /// The steps; none when there is nothing left to do.
    pub plan: Plan,
    /// What may be lost.
    pub loss: Loss,
    /// What cannot be proved, and what may then happen.
    pub risks: Vec<String>,
    /// What would do instead, or should be known.
    pub hints: Vec<String>,
}

/// What of the acknowledged writes the new primary may lack.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "loss", rename_all = "kebab-case")]
pub enum Loss {
    /// Nothing.
    None {
        /// Why.
        why: String,
    },
    /// That much WAL, which the old primary wrote before its orderly end.
    Exactly {
        /// In bytes.
        bytes: u64,
    },
    /// What the old primary acknowledged after the new one last heard from it.
    Since {
        /// Where the new primary's WAL ends.
        lsn: Option<Lsn>,
        /// How long ago that was, in seconds, at most.
        seconds: Option<f64>,
        /// What those seconds are counted from.
        last: LastArrival,
    },
}

/// The last that is known to have come from the old primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LastArrival {
    /// Any word of it: the connection stands.
    Message,
    /// A transaction: the connection has broken, and when is not known. On a quiet cluster it is old, and nothing is lost.
    Transaction,
}

impl Loss {
    /// So much time has passed, at most, since the standby was asked.
    pub(crate) fn grow_older(&mut self, time: Duration) {
        if let Self::Since { seconds: Some(seconds), .. } = self {
            *seconds += time.as_secs_f64();
        }
    }
}

/// Plans a failover. Pure.
///
/// # Errors
/// Every reason why it would not be safe or not be possible.
pub fn decide_failover(
    topology: &Topology,
    facts: &RoleFacts,
    options: &FailoverOptions,
) -> Result<Failover, Vec<Refusal>> {
    let view = View { topology, facts };
    let primaries = view.primaries();
    match primaries[..] {
        [] => take_over(&view, options),
        [primary] => there_is_one(&view, primary, options).map_err(|refusal| vec![refusal]),
        _ => Err(vec![several_primaries(
            &primaries,
            "a third one would make it worse: `ha-cli rejoin NODE` makes the one that is behind a standby of the other",
        )]),
    }
}

/// A primary answers. If an earlier run promoted it, what that run left is done.
fn there_is_one(view: &View<'_>, primary: &Node, options: &FailoverOptions) -> Result<Failover, Refusal> {
    let name = &primary.name;
    if let Some(other) = options.to.as_ref().filter(|to| *to != name) {
        return Err(Refusal::new(
            RefusalKind::Unsafe,
            Some(name),
            "it is the primary, and it answers",
            format!(
                "to move the service without loss: `ha-cli switchover --to {other}`; if it must go at once: `ha-cli down {name}` first"
            ),
        ));
    }
    let mut plan = Plan::default();
    let mut risks = Vec::new();
    let mut hints = vec![format!("{name} is the primary, and it answers; a planned change is `ha-cli switchover`")];
    let mut alone = None;
    if let Some(record) = waits_for_confirmation(view, name) {
        if options.run_alone {
            let (generation, primary) = (record.generation, record.primary.clone());
            alone = Some(plan.add(name, Action::RecordPromotion { generation, primary, run_alone: true }, []));
            risks.push(format!(
                "what {name} acknowledges from now on is on its disk alone until `ha-cli rejoin` has brought a standby back"
            ));
        } else {
            hints.push(format!(
                "durability is \"strict\", and no standby streams from {name}: its writes wait; `ha-cli failover --run-alone` lets \
                 it acknowledge them alone until a standby is back"
            ));
        }
    }
    keep_back(view, &mut plan, name, None);
    if !plan.is_empty() {
        afterwards(view, &mut plan, name, alone);
    }
    let from = view.topology.peers_of(name).next().map(|node| node.name.clone());
    let why = format!("{name} is the primary already");
    Ok(Failover { from, to: name.clone(), plan, loss: Loss::None { why }, risks, hints })
}

/// The record of a primary that acknowledges nothing: with `strict` it waits for standbys, and none streams.
fn waits_for_confirmation<'v>(view: &View<'v>, primary: &NodeName) -> Option<&'v PromotionRecord> {
    let strict = view.topology.replication.durability == Durability::Strict;
    let record = view.promotion(primary).filter(|record| !record.run_alone)?;
    (strict && !view.has_streaming_standby(primary)).then_some(record)
}

fn take_over(view: &View<'_>, options: &FailoverOptions) -> Result<Failover, Vec<Refusal>> {
    let to = target(view, options).map_err(|refusal| vec![refusal])?;
    let mut refusals = Vec::new();
    let mut risks = Vec::new();
    let mut hints = Vec::new();
    let mut plan = Plan::default();
    let mut before = Vec::new();
    if let Some(why) = view.no_engine(&to.name) {
        refusals.push(Refusal::new(
            RefusalKind::Unreachable,
            Some(&to.name),
            format!("its Docker engine cannot be asked: {why}"),
            "it is promoted through its engine: run this on its host, or mend the way there",
        ));
    }
    for node in view.topology.peers_of(&to.name) {
        match state_of(view, node) {
            State::Standby | State::Gone => {}
            State::Stopped => hints.extend(restart_hint(view, node)),
            State::Runs => {
                hints.push(format!(
                    "the container of {} runs and its server does not answer: it is stopped first",
                    node.name
                ));
                before.push(plan.add(&node.name, Action::Fence, []));
            }
            State::Heard(by) => refusals.push(Refusal::new(
                RefusalKind::Unsafe,
                Some(&node.name),
                format!("it cannot be reached from here, but {by} has just spoken to its PostgreSQL: it is alive"),
                "mend the way there; if it must go, stop it on its own host first",
            )),
            State::Unknown(why) => unknown(view, &to.name, node, why, options, &mut refusals, &mut risks),
        }
    }
    durability(view, to, options, &mut refusals, &mut risks);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let strict = view.topology.replication.durability == Durability::Strict;
    before.push(plan.add(&to.name, view.record(&to.name, strict && options.run_alone), []));
    before.push(plan.add(&to.name, Action::PreparePromotion, []));
    let promoted = plan.add(&to.name, Action::Promote, before);
    keep_back(view, &mut plan, &to.name, Some(promoted));
    afterwards(view, &mut plan, &to.name, Some(promoted));
    let from = view.latest().map(|record| record.primary.clone()).filter(|name| *name != to.name);
    Ok(Failover { from, to: to.name.clone(), plan, loss: loss(view, to), risks, hints })
}

/// Who takes over: the one that has most, and has all that is known of.
fn target<'v>(view: &View<'v>, options: &FailoverOptions) -> Result<&'v Node, Refusal> {
    // Of equals, one that knows of the later promotion is not behind it.
    let position =
        |node: &Node| (view.server(&node.name).map(|it| it.timeline), view.received(node), view.generation(&node.name));
    let standbys = view.topology.nodes().iter().filter(|node| view.has_role(node, PostgresRole::Standby));
    // Of equals the first, in the topology's order.
    let best = standbys.reduce(|first, next| if position(next) > position(first) { next } else { first });
    let Some(best) = best else {
        return Err(Refusal::new(
            RefusalKind::Unreachable,
            None,
            "no standby is seen to run",
            "`ha-cli status` shows why; `ha-cli up NODE` starts what is stopped",
        ));
    };
    let to = match &options.to {
        None => best,
        Some(name) => {
            let node = view.topology.node(name).ok_or_else(|| {
                Refusal::new(RefusalKind::Mismatch, Some(name), "it is no node of this cluster", "see ha.toml")
            })?;
            if !view.has_role(node, PostgresRole::Standby) {
                return Err(Refusal::new(
                    RefusalKind::Unreachable,
                    Some(name),
                    "it is not seen to run as a standby",
                    format!("bring it up first: `ha-cli up {name}`"),
                ));
            }
            node
        }
    };
    if (position(to).0, position(to).1) < (position(best).0, position(best).1) {
        return Err(Refusal::new(
            RefusalKind::Unsafe,
            Some(&to.name),
            format!("{} has received more: what it has and {} lacks would be lost", best.name, to.name),
            format!("`ha-cli failover --to {}`", best.name),
        ));
    }
    let own = view.generation(&to.name);
    let mut known = view.topology.nodes().iter().filter_map(|node| view.known(&node.name));
    if let Some(latest) = known.find(|record| record.generation > own && record.primary != to.name) {
        return Err(Refusal::new(
            RefusalKind::Unsafe,
            Some(&to.name),
            format!(
                "it follows generation {own}, and there is a later one: {} was promoted in generation {} without it",
                latest.primary, latest.generation
            ),
            format!("its data is older: bring {0} back with `ha-cli up {0}`", latest.primary),
        ));
    }
    Ok(to)
}

/// What is known of a node that must not be the primary any more.
enum State<'v> {
    /// It runs as a standby.
    Standby,
    /// Nothing of it runs, nor can: it has no container.
    Gone,
    /// Its server does not run.
    Stopped,
    /// Its container runs, and its engine can be told to stop it.
    Runs,
    /// It runs, as a peer has seen.
    Heard(&'v NodeName),
    /// Nothing is known.
    Unknown(&'v str),
}

fn state_of<'v>(view: &View<'v>, node: &Node) -> State<'v> {
    if view.has_role(node, PostgresRole::Standby) {
        return State::Standby;
    }
    let Some(fact) = view.facts.get(&node.name) else { return State::Unknown("it was not asked") };
    match &fact.observation.postgres_container {
        Ok(None) => State::Gone,
        Ok(Some(container)) => match container.status {
            ContainerStatus::Created | ContainerStatus::Exited { .. } | ContainerStatus::Dead => State::Stopped,
            ContainerStatus::Running | ContainerStatus::Paused | ContainerStatus::Restarting => State::Runs,
        },
        Err(unobserved) => match &fact.heard_by {
            Some(by) => State::Heard(by),
            None => State::Unknown(&unobserved.message),
        },
    }
}

/// A node that can neither be asked nor stopped. One that was a standby by all that is known is no danger by itself. That the
/// target was written down as the primary says nothing of it: the run that did so may have ended before the promotion, and
/// while the target was down another may have been promoted.
fn unknown(
    view: &View<'_>,
    to: &NodeName,
    node: &Node,
    why: &str,
    options: &FailoverOptions,
    refusals: &mut Vec<Refusal>,
    risks: &mut Vec<String>,
) {
    let name = &node.name;
    if view.latest().is_some_and(|latest| latest.primary != *name && latest.primary != *to) {
        risks.push(format!("{name} cannot be asked ({why}); by all that is known it is a standby"));
        return;
    }
    if options.primary_is_dead {
        risks.push(format!(
            "{name} can neither be asked nor stopped from here ({why}); if it runs all the same, it acknowledges writes that \
             are lost when it comes back as a standby"
        ));
        return;
    }
    refusals.push(Refusal::new(
        RefusalKind::Unsafe,
        Some(name),
        format!(
            "it can neither be asked nor stopped from here ({why}), so it may run: then two nodes would acknowledge writes, \
             and those of one of them would be lost"
        ),
        "make sure on its host, or at its power switch, that it does not run, then say so with --primary-is-dead",
    ));
}

/// With `strict`, whatever was acknowledged must be on the new primary, and it acknowledges nothing alone unless told so.
fn durability(
    view: &View<'_>,
    to: &Node,
    options: &FailoverOptions,
    refusals: &mut Vec<Refusal>,
    risks: &mut Vec<String>,
) {
    if view.topology.replication.durability != Durability::Strict {
        return;
    }
    let others: Vec<_> = view.topology.peers_of(&to.name).collect();
    let unread = others.iter().filter(|node| view.promotion(&node.name).is_none());
    risks.extend(unread.map(|node| {
        format!(
            "{} cannot be asked whether it was told to run alone; if it was, what it acknowledged since then is lost",
            node.name
        )
    }));
    let follow = others.iter().filter(|node| view.has_role(node, PostgresRole::Standby)).count();
    // The old primary is one of those that are not seen; of two more, one may have confirmed what this one lacks.
    if others.len() - follow > 1 {
        let unseen: Vec<_> = others
            .iter()
            .filter(|node| !view.has_role(node, PostgresRole::Standby))
            .map(|node| node.name.to_string())
            .collect();
        refusals.push(Refusal::new(
            RefusalKind::Unsafe,
            Some(&to.name),
            format!(
                "durability is \"strict\", and {} are not seen: the standby among them may have confirmed what {} lacks",
                unseen.join(" and "),
                to.name
            ),
            "bring that standby back first: `ha-cli up NODE`",
        ));
    }
    if follow == 0 && !options.run_alone {
        refusals.push(Refusal::new(
            RefusalKind::Unsafe,
            Some(&to.name),
            "durability is \"strict\", and no standby would be left to confirm its writes: all of them would wait",
            "say --run-alone to let it acknowledge writes alone until `ha-cli rejoin` has brought a standby back; that is written \
             down, and a second failure would lose them",
        ));
    }
}

/// Stopped servers that would come back as a primary come back as standbys of `to`. The guard would see to it as well, but
/// may find nobody to ask.
fn keep_back(view: &View<'_>, plan: &mut Plan, to: &NodeName, promoted: Option<StepId>) {
    let fenced: Vec<_> =
        plan.steps.iter().filter(|step| step.action == Action::Fence).map(|step| step.node.clone()).collect();
    for node in view.topology.peers_of(to) {
        let as_primary = view.stopped(&node.name).is_some_and(|stopped| !stopped.standby);
        if as_primary || fenced.contains(&node.name) {
            plan.add(&node.name, Action::Demote { to: to.clone(), proven: false }, promoted);
        }
    }
}

/// The other standbys follow, slots wait for those that are away, and Keycloak shows that it serves.
fn afterwards(view: &View<'_>, plan: &mut Plan, to: &NodeName, promoted: Option<StepId>) {
    if view.keycloak_runs(to) {
        plan.add(to, Action::ProveService, promoted);
    }
    let slots = plan.add(to, Action::EnsureSlots { slots: view.slots(to) }, promoted);
    for node in view.topology.peers_of(to).filter(|node| view.has_role(node, PostgresRole::Standby)) {
        plan.add(&node.name, Action::FollowPrimary { primary: to.clone() }, [slots]);
    }
}

/// One whose host is fine loses nothing by being started again.
fn restart_hint(view: &View<'_>, node: &Node) -> Option<String> {
    let would_be_primary = view.stopped(&node.name).is_some_and(|stopped| !stopped.standby);
    would_be_primary.then(|| {
        format!(
            "the engine of {0} answers and its data is there: `ha-cli up {0}` would start it again, without any loss",
            node.name
        )
    })
}

fn loss(view: &View<'_>, to: &Node) -> Loss {
    let standby = view.server(&to.name);
    let candidates = view.topology.peers_of(&to.name).filter_map(|node| Some((node, view.stopped(&node.name)?)));
    let ended = candidates
        .filter(|(_, stopped)| stopped.control.state == ControlState::ShutDown)
        .find(|(_, stopped)| standby.is_some_and(|it| it.timeline == stopped.control.timeline));
    if let (Some((node, stopped)), Some(received)) = (ended, view.received(to)) {
        let last = stopped.control.checkpoint;
        return if received > last {
            Loss::None { why: format!("{} ended in an orderly way, and all that it wrote has arrived", node.name) }
        } else {
            Loss::Exactly { bytes: last.bytes_since(received) }
        };
    }
    // Everybody else is seen, as a standby that followed it, and has no more.
    let followed = |node: &Node| {
        view.has_role(node, PostgresRole::Standby)
            && view.server(&node.name).map(|it| it.timeline) <= standby.map(|it| it.timeline)
            && view.received(node) <= view.received(to)
    };
    if view.topology.peers_of(&to.name).all(followed) {
        return Loss::None { why: "every other node is a standby that has no more".to_owned() };
    }
    let ran_alone = view.ran_alone();
    if view.topology.replication.durability == Durability::Strict && !ran_alone {
        return Loss::None { why: "with \"strict\", whatever was acknowledged had arrived before".to_owned() };
    }
    let silent = standby.and_then(|it| it.receiver.as_ref()?.silent_seconds);
    let (seconds, last) = match silent {
        Some(seconds) => (Some(seconds), LastArrival::Message),
        None => (standby.and_then(|it| it.replay_age_seconds), LastArrival::Transaction),
    };
    Loss::Since { lsn: view.received(to), seconds, last }
}

#[cfg(test)]
mod tests;
