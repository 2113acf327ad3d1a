//! A node comes back as a standby: the old primary after a failover, or any other whose data went its own way.
//!
//! In two parts, since what its data holds can be seen only once its server is out of the way: first what has to stop,
//! then, from what was found, how it comes back.

use serde::Serialize;

use super::roles::{RoleFacts, View, older, record_again};
use super::{
    Action, Change, OldData, Plan, Refusal, RefusalKind, StepId, has_been_through, not_with_tablespaces,
    renamed_containers,
};
use crate::advice::{Remedy, advice};
use crate::layout::Component;
use crate::observe::{BranchObservation, PostgresObservation, PostgresRole};
use crate::ports::ContainerStatus;
use crate::topology::{Node, Topology};
use crate::values::{Lsn, NodeName, SlotName};

/// What a node that is to come back needs first.
#[derive(Debug, Clone, PartialEq)]
pub enum RejoinStart {
    /// Nothing: it streams from the primary.
    Streams {
        /// The primary.
        primary: NodeName,
        /// What is left of the time when it did not; empty as a rule.
        plan: Plan,
    },
    /// Its data is to be looked at.
    Inspect {
        /// The primary.
        primary: NodeName,
        /// What stops its server; empty when it does not run.
        stop: Plan,
        /// It runs as a primary, beside the other.
        second_primary: bool,
    },
}

/// How a node comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "method", rename_all = "kebab-case")]
pub enum RejoinMethod {
    /// Its data is an earlier state of the primary's: it is started and catches up.
    Start,
    /// `pg_rewind` takes it back to where the histories part.
    Rewind,
    /// Its data is replaced by a copy of the primary's.
    BaseBackup {
        /// Why nothing less will do.
        why: String,
        /// What it holds was not compared with the primary's data, and may be the only copy of something, although both are in one
        /// history.
        not_compared: bool,
    },
}

/// Plans the first part. Pure.
///
/// # Errors
/// There is no primary to follow, or the node is it.
pub fn begin_rejoin(topology: &Topology, facts: &RoleFacts, node: &NodeName) -> Result<RejoinStart, Refusal> {
    let view = View { topology, facts };
    let primary = primary_for(&view, node)?;
    let fact = facts.get(node);
    if view.no_engine(node).is_some() || fact.is_none() {
        return Err(Refusal::new(
            RefusalKind::Unreachable,
            Some(node),
            format!("its Docker engine cannot be asked: {}", view.no_engine(node).unwrap_or("unknown")),
            "its data is looked at and changed through its engine: bring the host back first",
        ));
    }
    let container = fact.and_then(|fact| fact.observation.postgres_container.as_ref().ok()?.as_ref());
    renamed(&view, node, &primary)?;
    let follows = view.server(node).is_some_and(PostgresObservation::streams);
    tablespaces(&view, node, &primary).filter(|_| !follows).map_or(Ok(()), Err)?;
    let Some(container) = container else { return Ok(without_container(&view, node, primary)) };
    let server = view.server(node);
    // It receives what the primary writes, on the primary's timeline: there is no better proof.
    let follows =
        |it: &PostgresObservation, up: &PostgresObservation| up.timeline == it.timeline && !is_cut_off(node, it, up);
    let up_to_date = server.is_some_and(|it| it.streams() && view.server(&primary).is_some_and(|up| follows(it, up)));
    if up_to_date {
        let mut plan = Plan::default();
        if server.is_some_and(|it| it.slots.iter().any(|slot| !slot.active)) {
            plan.add(node, Action::DropSlots { slots: view.slots(node) }, []);
        }
        let alone = view.promotion(&primary).is_some_and(|record| record.run_alone);
        if server.and_then(|it| it.promotion.as_ref()) != view.promotion(&primary) && !alone {
            plan.add(node, Action::FollowPrimary { primary: primary.clone() }, []);
        }
        run_alone_no_more(&view, &mut plan, node, &primary, None);
        return Ok(RejoinStart::Streams { primary, plan });
    }
    let mut stop = Plan::default();
    match container.status {
        ContainerStatus::Running | ContainerStatus::Restarting | ContainerStatus::Paused => {
            stop.add(node, Action::Fence, []);
        }
        ContainerStatus::Created | ContainerStatus::Exited { .. } | ContainerStatus::Dead => {}
    }
    let second_primary = server.is_some_and(|it| it.role == PostgresRole::Primary);
    Ok(RejoinStart::Inspect { primary, stop, second_primary })
}

/// Both nodes' containers are worked with by their names.
fn renamed(view: &View<'_>, node: &NodeName, primary: &NodeName) -> Result<(), Refusal> {
    let of = |name: &NodeName| view.facts.get(name).map(|fact| renamed_containers(view.topology, &fact.observation));
    let first = [node, primary].into_iter().filter_map(of).flatten().next();
    first.map_or(Ok(()), Err)
}

/// No data of a primary with tablespaces is put anywhere.
fn tablespaces(view: &View<'_>, node: &NodeName, primary: &NodeName) -> Option<Refusal> {
    not_with_tablespaces(view.topology, node, primary, view.server(primary)?)
}

/// Somebody removed its container: one is made for its data, which the node may have to be given again.
fn without_container(view: &View<'_>, node: &NodeName, primary: NodeName) -> RejoinStart {
    let mut stop = Plan::default();
    let prepared = stop.add(node, Action::PrepareVolumes, []);
    let system = view.server(&primary).map(|server| server.system_identifier);
    let adopted = system.map(|system| stop.add(node, Action::AdoptDatabase { system }, [prepared]));
    stop.add(node, Action::MakePostgres, adopted.or(Some(prepared)));
    RejoinStart::Inspect { primary, stop, second_primary: false }
}

/// Whether one that says that it streams cannot, since a WAL receiver says so before its primary has answered, again and again, or
/// does so although one of them was set back.
fn is_cut_off(node: &NodeName, standby: &PostgresObservation, primary: &PostgresObservation) -> bool {
    if primary.is_behind(node.as_str()).is_some() {
        return true;
    }
    let heard = primary.senders.iter().any(|it| it.name == node.as_str() && it.state == "streaming");
    let Some(end) = standby.end_of_wal().filter(|_| !heard) else { return false };
    primary.oldest_wal_lsn.is_some_and(|oldest| end < oldest) || primary.write_lsn.is_some_and(|written| end > written)
}

/// The primary that a node is to follow: the one there is, or, of two, the other one, if it is of a later generation.
fn primary_for(view: &View<'_>, node: &NodeName) -> Result<NodeName, Refusal> {
    if view.topology.node(node).is_none() {
        return Err(Refusal::new(RefusalKind::Mismatch, Some(node), "it is no node of this cluster", "see ha.toml"));
    }
    let is_primary = |other: &&Node| view.has_role(other, PostgresRole::Primary);
    let others: Vec<_> = view.topology.peers_of(node).filter(is_primary).collect();
    let itself = view.server(node).is_some_and(|server| server.role == PostgresRole::Primary);
    match others[..] {
        [primary] if !itself => Ok(primary.name.clone()),
        [primary] => {
            if view.generation(&primary.name) > view.generation(node) {
                return Ok(primary.name.clone());
            }
            Err(Refusal::new(
                RefusalKind::Unsafe,
                Some(node),
                format!(
                    "it and {} are both primaries, and it is not the older one: generation {} against {}",
                    primary.name,
                    view.generation(node),
                    view.generation(&primary.name)
                ),
                advice!(
                    "look at both (`ha-cli status`, and what their applications wrote); the one that is to lose is stopped first: \
                     {0} or {1}; then it comes back by {2} or {3}",
                    Remedy::down(&primary.name),
                    Remedy::down(node),
                    Remedy::rejoin(&primary.name),
                    Remedy::rejoin(node),
                ),
            ))
        }
        [] if itself => Err(Refusal::new(
            RefusalKind::Unsafe,
            Some(node),
            "it is the primary",
            advice!("nobody else is: to make it a standby, {}", Remedy::Switchover { to: None }),
        )),
        [] => Err(Refusal::new(
            RefusalKind::Unreachable,
            None,
            "no primary is seen that it could follow",
            advice!("`ha-cli status` shows what is there; {} makes a standby the primary", Remedy::FAILOVER),
        )),
        _ => Err(Refusal::new(
            RefusalKind::Unsafe,
            None,
            "more than one other node is a primary",
            advice!(
                "find out which holds the data that counts, and stop the other: {} keeps its data",
                Remedy::down(&older(view, &others).name),
            ),
        )),
    }
}

/// How the node comes back, from what was found of its data. Pure.
#[must_use]
pub fn choose_method(
    topology: &Topology,
    facts: &RoleFacts,
    node: &NodeName,
    primary: &NodeName,
    branch: &BranchObservation,
) -> RejoinMethod {
    let view = View { topology, facts };
    let base_backup = |why: String| RejoinMethod::BaseBackup { why, not_compared: false };
    let Some(upstream) = view.server(primary) else {
        return base_backup(format!("{primary} is not seen, so nothing is known of its history"));
    };
    let rewind = || match &branch.rewind {
        Some(Ok(())) => RejoinMethod::Rewind,
        Some(Err(said)) => base_backup(format!("pg_rewind cannot do it: {said}")),
        None => base_backup("it is not known whether pg_rewind could do it".to_owned()),
    };
    // Two promotions that knew nothing of each other may lead to one number, at one position even. pg_rewind compares
    // numbers, and would find nothing to do.
    if let Some(own) = view.promotion(node).filter(|own| own.primary == *node && !has_been_through(upstream, &own.id)) {
        return base_backup(format!(
            "{node} was promoted in generation {}, and {primary}'s data does not come from that; pg_rewind compares the numbers of \
             timelines, which may be the same by accident",
            own.generation
        ));
    }
    if branch.timeline == upstream.timeline {
        if branch.same_history == Some(false) {
            return base_backup(format!(
                "both are on timeline {}, but came there by different promotions, which pg_rewind cannot tell apart",
                branch.timeline
            ));
        }
        return follow(&view, node, primary, branch.end);
    }
    match branch.fork {
        Some(fork) if branch.end <= fork => follow(&view, node, primary, branch.end),
        _ => rewind(),
    }
}

/// It only has to follow, if what it lacks is still to be had, and if it is behind at all.
fn follow(view: &View<'_>, node: &NodeName, primary: &NodeName, end: Lsn) -> RejoinMethod {
    if slot_is_lost(view, node, primary) {
        let why = format!("the WAL that it lacks is gone from {primary}: it was away too long (slot_keep_mib)");
        return RejoinMethod::BaseBackup { why, not_compared: false };
    }
    let Some(upstream) = view.server(primary) else { return RejoinMethod::Start };
    if let Some(written) = upstream.write_lsn.filter(|written| end > *written) {
        let why = format!(
            "its WAL goes on to {end}, and that of {primary}, in the same history, ends at {written}: one of them was reset \
             (pg_resetwal) or set back"
        );
        return RejoinMethod::BaseBackup { why, not_compared: true };
    }
    if let Some(oldest) = upstream.oldest_wal_lsn.filter(|oldest| end < *oldest) {
        let removed = removed_wal(view, node, primary);
        let by_whom = if removed { ", and PostgreSQL has not removed it itself (pg_resetwal?)" } else { "" };
        let why =
            format!("the WAL that it lacks, from {end} on, is gone from {primary}, whose begins at {oldest}{by_whom}");
        return RejoinMethod::BaseBackup { why, not_compared: removed };
    }
    RejoinMethod::Start
}

/// Whether somebody has removed WAL on the primary that the node's slot keeps.
fn removed_wal(view: &View<'_>, node: &NodeName, primary: &NodeName) -> bool {
    let slot = SlotName::of_standby(node);
    view.server(primary).is_some_and(|it| it.slots.iter().any(|own| own.name == slot.as_str() && it.lacks_wal_of(own)))
}

/// Whether the primary has given the node's slot up: no standby can use it any more.
fn slot_is_lost(view: &View<'_>, node: &NodeName, primary: &NodeName) -> bool {
    let slot = SlotName::of_standby(node);
    view.server(primary).is_some_and(|server| {
        server.slots.iter().any(|it| it.name == slot.as_str() && it.wal_status.as_deref() == Some("lost"))
    })
}

/// Whether it will not keep what the node lacks. A lost one that a standby in vain asks for WAL shows as `unreserved`, too.
fn slot_is_no_use(view: &View<'_>, node: &NodeName, primary: &NodeName) -> bool {
    let slot = SlotName::of_standby(node);
    view.server(primary).is_some_and(|server| {
        let status = server.slots.iter().find(|it| it.name == slot.as_str()).and_then(|it| it.wal_status.as_deref());
        matches!(status, Some("lost" | "unreserved"))
    })
}

/// The slot that the node will use, made `anew` where the one that is there is of no use.
fn ensure_slot(plan: &mut Plan, node: &NodeName, primary: &NodeName, anew: bool, after: Option<StepId>) -> StepId {
    let slots = vec![SlotName::of_standby(node)];
    let dropped = anew.then(|| plan.add(primary, Action::DropSlots { slots: slots.clone() }, after));
    plan.add(primary, Action::EnsureSlots { slots }, dropped)
}

/// Plans the second part of a rejoin. Pure.
#[must_use]
pub fn decide_rejoin(
    topology: &Topology,
    facts: &RoleFacts,
    node: &NodeName,
    primary: &NodeName,
    method: &RejoinMethod,
    old_data: OldData,
) -> Plan {
    let view = View { topology, facts };
    let mut plan = Plan::default();
    let anew = slot_is_lost(&view, node, primary) || removed_wal(&view, node, primary);
    let slot = ensure_slot(&mut plan, node, primary, anew, None);
    let ready = match method {
        RejoinMethod::Start => plan.add(node, Action::Demote { to: primary.clone(), proven: true }, [slot]),
        RejoinMethod::Rewind => {
            let checkpoint = plan.add(primary, Action::Checkpoint, []);
            let rewound = plan.add(node, Action::RewindDatabase { from: primary.clone() }, [slot, checkpoint]);
            plan.add(node, Action::Demote { to: primary.clone(), proven: true }, [rewound])
        }
        RejoinMethod::BaseBackup { .. } => replace(&mut plan, node, primary, old_data, slot),
    };
    come_back(&view, &mut plan, node, primary, ready);
    plan
}

fn replace(plan: &mut Plan, node: &NodeName, primary: &NodeName, old_data: OldData, after: StepId) -> StepId {
    let copied = plan.add(node, Action::ReplaceDatabase { from: primary.clone(), old_data }, [after]);
    plan.add(node, Action::Demote { to: primary.clone(), proven: true }, [copied])
}

/// It starts, streams, and nothing is left that was only for the way there.
fn come_back(view: &View<'_>, plan: &mut Plan, node: &NodeName, primary: &NodeName, ready: StepId) {
    let started = plan.add(node, Action::StartPostgres { change: Change::Start, permit: false }, [ready]);
    let streams = plan.add(node, Action::WaitStreaming { primary: primary.clone() }, [started]);
    plan.add(node, Action::ForgetOldData, [streams]);
    plan.add(node, Action::DropSlots { slots: view.slots(node) }, [streams]);
    run_alone_no_more(view, plan, node, primary, Some(streams));
}

/// A standby is back: the primary waits for its confirmation again, where the profile asks for it.
fn run_alone_no_more(view: &View<'_>, plan: &mut Plan, node: &NodeName, primary: &NodeName, after: Option<StepId>) {
    if let Some(record) = view.promotion(primary).filter(|record| record.run_alone) {
        let recorded = plan.add(primary, record_again(record, false), after);
        plan.add(node, Action::FollowPrimary { primary: primary.clone() }, [recorded]);
    }
}

/// Plans a new base backup for a standby that is lost or broken. Pure.
///
/// # Errors
/// The node is the primary, there is none to copy from, or its data is not proven to be replaceable.
pub fn decide_rebuild(
    topology: &Topology,
    facts: &RoleFacts,
    node: &NodeName,
    old_data: OldData,
) -> Result<Plan, Refusal> {
    let view = View { topology, facts };
    if view.server(node).is_some_and(|server| server.role == PostgresRole::Primary) {
        return Err(Refusal::new(
            RefusalKind::Unsafe,
            Some(node),
            "it is a primary: its data is never replaced by a copy",
            advice!(
                "a standby is rebuilt; where two primaries are the trouble, {} looks at what the older one holds",
                Remedy::rejoin(node),
            ),
        ));
    }
    let primary = primary_for(&view, node)?;
    let (own, its) = (view.generation(node), view.generation(&primary));
    if own > its {
        return Err(Refusal::new(
            RefusalKind::Unsafe,
            Some(node),
            format!("it knows of generation {own}, {primary} only of {its}: its data may be the good copy"),
            advice!(
                "find out which of them holds the data that counts before anything is replaced: `ha-cli status`, {}",
                Remedy::rejoin(node),
            ),
        ));
    }
    for needed in [node, &primary] {
        if let Some(why) = view.no_engine(needed) {
            return Err(Refusal::new(
                RefusalKind::Unreachable,
                Some(needed),
                format!("its Docker engine cannot be asked: {why}"),
                "its data is replaced through the engines: mend the way there",
            ));
        }
    }
    renamed(&view, node, &primary)?;
    let container = view.facts.get(node).and_then(|fact| fact.observation.postgres_container.as_ref().ok()?.as_ref());
    if container.is_none() {
        return Err(Refusal::new(
            RefusalKind::Mismatch,
            Some(node),
            "it has no PostgreSQL container",
            advice!(
                "{} makes one for the data that it has, or a copy of {primary}'s where it has none; then this goes on",
                Remedy::up(node),
            ),
        ));
    }
    tablespaces(&view, node, &primary).map_or(Ok(()), Err)?;
    let mut plan = Plan::default();
    let stopped = plan.add(node, Action::Stop { component: Component::Postgres }, []);
    // While its server runs it may hold the slot.
    let anew = slot_is_no_use(&view, node, &primary) || removed_wal(&view, node, &primary);
    let slot = ensure_slot(&mut plan, node, &primary, anew, Some(stopped));
    let copied = plan.add(node, Action::ReplaceDatabase { from: primary.clone(), old_data }, [stopped, slot]);
    let ready = plan.add(node, Action::Demote { to: primary.clone(), proven: true }, [copied]);
    come_back(&view, &mut plan, node, &primary, ready);
    Ok(plan)
}

#[cfg(test)]
mod tests;
