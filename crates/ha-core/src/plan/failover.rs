//! An unplanned change of roles: the primary is gone, and a standby takes its place.
//!
//! What carries it is the proof that the old primary cannot acknowledge anything any more: its engine says that it does
//! not run, or stops it now. Where neither is possible a person has to know it, and say so. Then the promotion is written
//! down on the target, for good, before the target is promoted; the guard of every other node reads that before it starts
//! a primary.

mod followers;
mod loss;
mod model;
mod present;
mod target;

use super::left_out::left_out;
use super::roles::{RoleFacts, View, several_primaries};
use super::{Action, Plan, PlannedStep, Refusal, RefusalKind, renamed_servers};
use crate::advice::{Remedy, advice};
use crate::observe::{KeycloakMode, KeycloakState, PostgresRole};
use crate::ports::ContainerStatus;
use crate::topology::{Durability, Node, Topology};
use crate::values::NodeName;

use self::followers::{afterwards, follows, keep_back};
use self::loss::loss;
use self::present::there_is_one;
use self::target::target;

pub use self::loss::{GivenUp, LastArrival, Loss};
pub use self::model::{Failover, FailoverOptions};

/// Plans a failover. Pure.
///
/// # Errors
/// Every reason why it would not be safe or not be possible.
pub fn decide_failover(
    topology: &Topology,
    facts: &RoleFacts,
    options: &FailoverOptions,
) -> Result<Failover, Vec<Refusal>> {
    let renamed = renamed_servers(topology, facts);
    if !renamed.is_empty() {
        return Err(renamed);
    }
    let view = View { topology, facts };
    let left_out = left_out(&view);
    if !left_out.is_empty() {
        return Err(left_out);
    }
    let primaries = view.primaries();
    match primaries[..] {
        [] => take_over(&view, options),
        [primary] => there_is_one(&view, primary, options).map_err(|refusal| vec![refusal]),
        _ => Err(vec![several_primaries(&view, &primaries, |older| {
            advice!(
                "a third one would make it worse: {} makes the one that is behind a standby of the other",
                Remedy::rejoin(older),
            )
        })]),
    }
}

fn take_over(view: &View<'_>, options: &FailoverOptions) -> Result<Failover, Vec<Refusal>> {
    let to = target(view, options).map_err(|refusal| vec![refusal])?;
    let mut refusals = Vec::new();
    let mut risks = Vec::new();
    let mut hints = needless(view, to, options);
    let mut plan = Plan::default();
    let (mut before, mut down, mut vouched) = (Vec::new(), Vec::new(), Vec::new());
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
            State::Standby => {}
            State::Gone => down.push(node.name.clone()),
            State::Stopped => {
                hints.extend(restart_hint(view, node));
                down.push(node.name.clone());
            }
            State::Runs => {
                down.push(node.name.clone());
                hints.push(format!(
                    "the container of {} runs and its server does not answer: it is stopped first",
                    node.name
                ));
                risks.extend(serves(view, node));
                before.push(plan.add(&node.name, Action::Fence, []));
            }
            State::Heard(by) => refusals.push(Refusal::new(
                RefusalKind::Unsafe,
                Some(&node.name),
                format!("it cannot be reached from here, but {by} has just spoken to its PostgreSQL: it is alive"),
                "mend the way there; if it must go, stop it on its own host first",
            )),
            State::Unknown(why) => {
                vouched.push(node.name.clone());
                unknown(node, why, options, &mut refusals, &mut risks);
            }
        }
    }
    durability(view, to, options, &mut refusals, &mut risks);
    risks.extend(view.comes_up_empty(&to.name));
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let strict = view.topology.replication.durability == Durability::Strict;
    before.push(plan.add(&to.name, view.record(&to.name, &to.name, strict && options.run_alone), []));
    let mut ready = vec![plan.add(&to.name, Action::PreparePromotion, [])];
    if down.is_empty() && vouched.is_empty() {
        ready.extend(before);
    } else {
        ready.push(plan.add(&to.name, Action::ProveDown { nodes: down, vouched }, before));
    }
    let promoted = plan.add(&to.name, Action::Promote, ready);
    keep_back(view, &mut plan, &to.name, Some(promoted));
    afterwards(view, &mut plan, &to.name, Some(promoted));
    let from = view.latest().map(|record| record.primary.clone()).filter(|name| *name != to.name);
    let known = view.promotion(&to.name).cloned();
    Ok(Failover { from, to: to.name.clone(), known, plan, loss: loss(view, to), risks, hints })
}

/// Its Keycloak says what it can say only with a database that takes writes.
fn serves(view: &View<'_>, node: &Node) -> Option<String> {
    let keycloak = &view.facts.get(&node.name)?.observation.keycloak;
    let writes = keycloak.state == KeycloakState::Ready && keycloak.mode == KeycloakMode::ReadWrite;
    writes.then(|| {
        let name = &node.name;
        format!(
            "the Keycloak of {name} answers that it takes writes, so {name} serves: look again before it is stopped"
        )
    })
}

/// What undoes a run of `failover` of which these steps failed and that ended before the promotion, since somebody had come back; `None` where it went further.
/// Pure.
#[must_use]
pub fn undo_failover(failover: &Failover, failed: &[&PlannedStep]) -> Option<Plan> {
    let too_early = failed.iter().all(|step| matches!(step.action, Action::ProveDown { .. }));
    let record = failover.known.clone().filter(|_| too_early)?;
    let mut plan = Plan::default();
    plan.add(&failover.to, Action::RestorePromotion { record }, []);
    Some(plan)
}

/// Of whoever is to be given up without need.
fn needless(view: &View<'_>, to: &Node, options: &FailoverOptions) -> Vec<String> {
    let of_use = |node: &NodeName| {
        let may_have_confirmed = view.may_lack_confirmed(&to.name) && view.unseen(&to.name).contains(&node);
        may_have_confirmed || view.own_way(node, &to.name).is_some()
    };
    options
        .give_up
        .iter()
        .filter(|node| !of_use(node))
        .map(|node| {
            let seen = view.server(node).is_some() || view.stopped(node).is_some();
            let why = if seen { "holds nothing of its own" } else { "is not seen, and what it holds is not known" };
            format!("{node} {why}: --give-up {node} changes nothing")
        })
        .collect()
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

/// A node that can neither be asked nor stopped. That it was a standby when it was last heard of says nothing: another
/// operator may have promoted it since, who could not see the others.
fn unknown(node: &Node, why: &str, options: &FailoverOptions, refusals: &mut Vec<Refusal>, risks: &mut Vec<String>) {
    let name = &node.name;
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
    let follow = others.iter().filter(|node| follows(view, node, &to.name)).count();
    let unseen = view.unseen(&to.name).into_iter().filter(|node| !options.give_up.contains(node));
    let unseen: Vec<_> = unseen.map(ToString::to_string).collect();
    if unseen.len() > 1 {
        refusals.push(Refusal::new(
            RefusalKind::Unsafe,
            Some(&to.name),
            format!(
                "durability is \"strict\", and {} are not seen: the standby among them may have confirmed what {} lacks",
                unseen.join(" and "),
                to.name
            ),
            advice!(
                "bring that standby back first: {}; if what it holds is lost for good: `--give-up NODE`",
                Remedy::UP_ALL,
            ),
        ));
    }
    if follow == 0 && !options.run_alone {
        refusals.push(Refusal::new(
            RefusalKind::Unsafe,
            Some(&to.name),
            "durability is \"strict\", and no standby would be left to confirm its writes: all of them would wait",
            advice!(
                "{} lets it acknowledge writes alone until a standby is back; that is written down, and a second failure would \
                 lose them",
                Remedy::Failover { to: options.to.clone(), run_alone: true, give_up: options.give_up.first().cloned() },
            ),
        ));
    }
}

/// One whose host is fine loses nothing by being started again.
fn restart_hint(view: &View<'_>, node: &Node) -> Option<String> {
    let would_be_primary = view.stopped(&node.name).is_some_and(|stopped| !stopped.standby);
    would_be_primary.then(|| {
        format!(
            "the engine of {} answers and its data is there: {} would start it again, without any loss",
            node.name,
            Remedy::up(&node.name)
        )
    })
}

#[cfg(test)]
mod tests;
