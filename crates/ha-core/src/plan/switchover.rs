//! A planned change of roles: the primary becomes a standby, a standby the primary, and nothing acknowledged is lost.
//!
//! The order carries the proof. That the target is about to be promoted is written down there, for good, while the old
//! primary still runs: from then on the guard of the old one would start it as a standby only, or, with nobody to ask, in
//! recovery. It is shut down in an orderly way, which makes it send everything up to its shutdown checkpoint; the target must
//! have replayed that record; only then is the target promoted. Load balancers are turned to the target right before the stop, by
//! a step that cannot fail. Until then a failure is undone by starting the old primary
//! again. A run that was killed is gone on with by planning anew: what the old primary left behind (its control file), and
//! what is written down, tell how far it came.

use super::left_out::left_out;
use super::remedies::{one_of, without_switchover};
use super::roles::{RoleFacts, StoppedServer, View, prove_service, several_primaries, write_lineage};
use super::{Action, Change, Plan, PlannedStep, Refusal, RefusalKind, StepId, renamed_anywhere};
use crate::advice::{Advice, Remedy, advice, shown};
use crate::layout::Component;
use crate::observe::{ControlFile, ControlState, PostgresRole, PreparedTransaction, Shortage};
use crate::topology::{Node, Topology};
use crate::values::{NodeName, PromotionRecord};

/// What a person may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchoverOptions {
    /// The standby that becomes the primary; without it, the one that has received most.
    pub to: Option<NodeName>,
    /// The most WAL, in bytes, that the target may be behind when it begins. More is caught up in any case before
    /// anything is promoted, but while writes wait.
    pub max_lag_bytes: u64,
}

impl Default for SwitchoverOptions {
    fn default() -> Self {
        Self { to: None, max_lag_bytes: 16 << 20 }
    }
}

/// What will happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Switchover {
    /// The old primary.
    pub from: NodeName,
    /// The new one.
    pub to: NodeName,
    /// An earlier run was interrupted while there was no primary: this one goes on from there.
    pub resumed: bool,
    /// What the new one knew of promotions before.
    pub known: Option<PromotionRecord>,
    /// The steps; none when `to` is the primary already and nothing is left to do.
    pub plan: Plan,
}

/// Plans a switchover. Pure.
///
/// # Errors
/// Every reason why it would not be safe or not be possible.
pub fn decide_switchover(
    topology: &Topology,
    facts: &RoleFacts,
    options: &SwitchoverOptions,
) -> Result<Switchover, Vec<Refusal>> {
    let renamed = renamed_anywhere(topology, facts);
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
        [primary] => begin(&view, primary, options),
        [] => resume(&view, options).map_err(|refusal| vec![refusal]),
        _ => Err(vec![several_primaries(&view, &primaries, |older| {
            advice!(
                "find out which holds the data that counts, and stop the other: {} keeps its data",
                Remedy::down(older),
            )
        })]),
    }
}

/// What undoes a run of `switchover` of which these steps failed; `None` when it has gone too far for that. Pure.
///
/// Once the target may have been promoted, the way is forward: the same command again.
#[must_use]
pub fn undo_switchover(switchover: &Switchover, failed: &[&PlannedStep]) -> Option<Plan> {
    let before_the_exit = |action: &Action| {
        matches!(
            action,
            Action::AwaitKeycloak
                | Action::Checkpoint
                | Action::EnsureSlots { .. }
                | Action::RecordPromotion { .. }
                | Action::PreparePromotion
                | Action::WatchShutdown
                | Action::TurnBalancers { .. }
                | Action::Stop { .. }
        )
    };
    let has_failed = |wanted: fn(&Action) -> bool| failed.iter().any(|step| wanted(&step.action));
    let undoable =
        failed.iter().all(|step| before_the_exit(&step.action) || matches!(step.action, Action::ProveReceived { .. }));
    if switchover.resumed || !undoable {
        return None;
    }
    let mut plan = Plan::default();
    let mut started = None;
    if has_failed(|action| matches!(action, Action::Stop { .. } | Action::ProveReceived { .. })) {
        started = Some(plan.add(&switchover.from, Action::StartPostgres { change: Change::Start, permit: true }, []));
    }
    if switchover.plan.steps.iter().any(|step| matches!(step.action, Action::TurnBalancers { .. })) {
        plan.add(&switchover.to, Action::TurnBalancersBack { from: switchover.from.clone() }, started);
    }
    // The target is what it was. It need not stream for that: the way to the primary may be what failed.
    if let Some(record) = &switchover.known {
        plan.add(&switchover.to, Action::RestorePromotion { record: record.clone() }, started);
    }
    for step in &switchover.plan.steps {
        if let (true, Action::EnsureSlots { slots }) = (step.node == switchover.to, &step.action) {
            plan.add(&switchover.to, Action::DropSlots { slots: slots.clone() }, []);
        }
    }
    Some(plan)
}

fn begin(view: &View<'_>, primary: &Node, options: &SwitchoverOptions) -> Result<Switchover, Vec<Refusal>> {
    let from = &primary.name;
    if options.to.as_ref() == Some(from) {
        return Ok(finish(view, from));
    }
    let to = match &options.to {
        Some(to) => to.clone(),
        None => match best(view, from) {
            Ok(to) => to,
            Err(_) if is_unfinished(view, from) => return Ok(finish(view, from)),
            Err(refusal) => return Err(vec![refusal]),
        },
    };
    let refusals = obstacles(view, from, &to, options);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let mut plan = Plan::default();
    plan.notes.extend(view.comes_up_empty(&to).map(|empty| format!("{empty}; `ha-cli status` shows how to keep it")));
    let warm = view.keycloak_runs(&to).then(|| plan.add(&to, Action::AwaitKeycloak, []));
    let before = [
        plan.add(from, Action::Checkpoint, warm),
        plan.add(&to, Action::Checkpoint, warm),
        plan.add(&to, Action::EnsureSlots { slots: view.slots(&to) }, warm),
        plan.add(&to, view.record(&to, from, false), warm),
        plan.add(&to, Action::PreparePromotion, warm),
        plan.add(from, Action::WatchShutdown, warm),
    ];
    // The last of all, since it is not to last long; and it is never what a change fails of.
    let both = view.keycloak_runs(from) && view.keycloak_runs(&to);
    let turned = both.then(|| plan.add(&to, Action::TurnBalancers { from: from.clone() }, before));
    let ready: Vec<_> = before.into_iter().chain(turned).collect();
    let stop = plan.add(from, Action::Stop { component: Component::Postgres }, ready);
    hand_over(view, &mut plan, from, &to, [stop]);
    let known = view.promotion(&to).cloned();
    Ok(Switchover { from: from.clone(), to, resumed: false, known, plan })
}

/// From the exit of the old primary on.
fn hand_over(
    view: &View<'_>,
    plan: &mut Plan,
    from: &NodeName,
    to: &NodeName,
    exited: impl IntoIterator<Item = StepId>,
) {
    let proven = plan.add(to, Action::ProveReceived { from: from.clone() }, exited);
    let promoted = plan.add(to, Action::Promote, [proven]);
    follow(view, plan, from, to, Some(promoted));
}

/// Everybody follows the new primary.
fn follow(view: &View<'_>, plan: &mut Plan, from: &NodeName, to: &NodeName, promoted: Option<StepId>) {
    start(view, plan, from, to, promoted);
    prove_service(view, plan, from, to, promoted);
    for other in view.topology.peers_of(to).filter(|other| other.name != *from) {
        if view.has_role(other, PostgresRole::Standby) {
            plan.add(&other.name, Action::FollowPrimary { primary: to.clone() }, promoted);
        }
    }
}

/// The old primary comes back as a standby, and keeps WAL for nobody. That it can come back as nothing else was settled
/// when the promotion was written down: its guard asks the others before it starts a primary.
fn start(view: &View<'_>, plan: &mut Plan, from: &NodeName, to: &NodeName, promoted: Option<StepId>) {
    let stopped = view.stopped(from).is_some() || view.server(from).is_some_and(|it| it.role == PostgresRole::Primary);
    let demote = Action::Demote { to: to.clone(), proven: promoted.is_some() };
    let demoted = if stopped { Some(plan.add(from, demote, promoted)) } else { promoted };
    let started = plan.add(from, Action::StartPostgres { change: Change::Start, permit: false }, demoted);
    plan.add(from, Action::DropSlots { slots: view.slots(from) }, [started]);
    if promoted.is_none() {
        // Who went on from here is not known to have proven that all had arrived: it is, once it streams.
        let streams = plan.add(from, Action::WaitStreaming { primary: to.clone() }, [started]);
        plan.add(from, Action::FollowPrimary { primary: to.clone() }, [streams]);
    }
}

/// Whether an earlier run was interrupted after the promotion: another node ended as a primary, and in order.
fn is_unfinished(view: &View<'_>, primary: &NodeName) -> bool {
    let ended = |peer: &Node| view.stopped(&peer.name).is_some_and(|it| it.control.state == ControlState::ShutDown);
    view.topology.peers_of(primary).any(ended)
}

/// The target is the primary already: what an interrupted run left is done.
fn finish(view: &View<'_>, to: &NodeName) -> Switchover {
    let mut plan = Plan::default();
    write_lineage(view, &mut plan, to);
    for node in view.topology.peers_of(to) {
        match (view.server(&node.name), view.stopped(&node.name)) {
            (Some(standby), _) if standby.role == PostgresRole::Standby => {
                if standby.slots.iter().any(|slot| !slot.active) {
                    plan.add(&node.name, Action::DropSlots { slots: view.slots(&node.name) }, []);
                }
                let told = !view.follows_another(standby, to) && standby.promotion.as_ref() == view.promotion(to);
                // One that holds what the primary lacks cannot follow: that is for `rejoin`.
                if !told && view.own_way(&node.name, to).is_none() {
                    plan.add(&node.name, Action::FollowPrimary { primary: to.clone() }, []);
                }
            }
            (None, Some(StoppedServer { control, .. })) if control.state == ControlState::ShutDown => {
                start(view, &mut plan, &node.name, to, None);
            }
            (None, None) if view.is_starting(&node.name) => start(view, &mut plan, &node.name, to, None),
            _ => {}
        }
    }
    let other = plan.steps.iter().find(|step| step.node != *to);
    let from = other.map_or_else(|| to.clone(), |step| step.node.clone());
    Switchover { from, to: to.clone(), resumed: true, known: None, plan }
}

/// No primary runs. If one was shut down in an orderly way, an earlier run may have been interrupted right then.
fn resume(view: &View<'_>, options: &SwitchoverOptions) -> Result<Switchover, Refusal> {
    let unseen: Vec<_> = view
        .topology
        .nodes()
        .iter()
        .map(|node| &node.name)
        .filter(|name| view.server(name).is_none() && view.stopped(name).is_none())
        .collect();
    if let Some(name) = unseen.first() {
        return Err(Refusal::new(
            RefusalKind::Unreachable,
            Some(name),
            "no primary was found, and of this node it is not known what it does".to_owned(),
            "a planned change needs the primary: `ha-cli status` shows what is known",
        ));
    }
    let ended: Vec<_> = view
        .topology
        .nodes()
        .iter()
        .map(|node| &node.name)
        .filter(|name| view.stopped(name).is_some_and(|it| it.control.state == ControlState::ShutDown))
        .collect();
    let [from] = ended[..] else {
        return Err(Refusal::new(
            RefusalKind::Unsafe,
            None,
            "no primary runs, and none was shut down in an orderly way".to_owned(),
            no_way_here(view),
        ));
    };
    let to = match &options.to {
        Some(to) if to != from => to.clone(),
        Some(to) => {
            return Err(Refusal::new(
                RefusalKind::Mismatch,
                Some(to),
                "it is the primary that was shut down".to_owned(),
                advice!("to go on: {}; to start it again: {}", Remedy::Switchover { to: None }, Remedy::up(to)),
            ));
        }
        None => best(view, from)?,
    };
    let last = view.stopped(from).map(|it| it.control);
    let server = view.server(&to).filter(|server| server.role == PostgresRole::Standby);
    let same = |control: ControlFile| {
        server.is_some_and(|it| it.system_identifier == control.system && it.timeline == control.timeline)
    };
    if !last.is_some_and(same) {
        return Err(Refusal::new(
            RefusalKind::Unsafe,
            Some(&to),
            format!("it is not a standby in the history of {from}, which was shut down as primary"),
            advice!("{} starts the primary again", Remedy::up(from)),
        ));
    }
    // It streams from nobody any more: what it lacks now cannot arrive.
    let received = view.topology.node(&to).and_then(|node| view.received(node));
    if let (Some(last), Some(received)) = (last, received)
        && received <= last.checkpoint
    {
        return Err(Refusal::new(
            RefusalKind::Unsafe,
            Some(&to),
            format!(
                "it lacks what {from} wrote last: its WAL ends at {received}, the last record of {from} begins at {}",
                last.checkpoint
            ),
            advice!("nothing is lost: {} starts {from} again, where all of it is", Remedy::up(from)),
        ));
    }
    if let Some((other, promotion)) =
        view.topology.peers_of(&to).find_map(|peer| Some((&peer.name, view.own_way(&peer.name, &to)?)))
    {
        return Err(Refusal::new(
            RefusalKind::Unsafe,
            Some(&to),
            format!(
                "{} was promoted in generation {} since, and what was acknowledged then may be on {other} alone",
                promotion.primary, promotion.generation
            ),
            advice!("bring {other} back first: {}; {} says what else can be done", Remedy::up(other), Remedy::FAILOVER),
        ));
    }
    let mut plan = Plan::default();
    let before = [
        plan.add(&to, Action::EnsureSlots { slots: view.slots(&to) }, []),
        plan.add(&to, view.record(&to, &to, false), []),
    ];
    hand_over(view, &mut plan, from, &to, before);
    Ok(Switchover { from: from.clone(), to, resumed: true, known: None, plan })
}

/// A planned change needs a primary; what brings one back is something else.
fn no_way_here(view: &View<'_>) -> Advice {
    let remedies = without_switchover(view);
    Advice { text: format!("a planned change needs a primary: {}", one_of(&remedies)), remedies }
}

/// The standby that has received most.
fn best(view: &View<'_>, from: &NodeName) -> Result<NodeName, Refusal> {
    view.topology
        .peers_of(from)
        .filter(|node| view.has_role(node, PostgresRole::Standby))
        // Of equals the first, in the topology's order.
        .reduce(|first, next| if view.received(next) > view.received(first) { next } else { first })
        .map(|node| node.name.clone())
        .ok_or_else(|| {
            Refusal::new(
                RefusalKind::Unreachable,
                None,
                "no standby is seen to run".to_owned(),
                advice!("`ha-cli status` shows why; {} starts what is stopped", Remedy::UP_ALL),
            )
        })
}

fn obstacles(view: &View<'_>, from: &NodeName, to: &NodeName, options: &SwitchoverOptions) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for node in [from, to] {
        if let Some(why) = view.no_engine(node) {
            refusals.push(Refusal::new(
                RefusalKind::Unreachable,
                Some(node),
                format!("its Docker engine cannot be asked: {why}"),
                "a planned change stops and starts servers on both nodes: mend the way there",
            ));
        }
    }
    let Some(primary) = view.server(from) else { return refusals };
    let standby = match view.facts.get(to).map(|facts| &facts.observation.postgres) {
        Some(Ok(standby)) => standby,
        Some(Err(why)) => {
            refusals.push(Refusal::new(
                RefusalKind::Unreachable,
                Some(to),
                format!("its PostgreSQL cannot be asked: {}", why.message),
                advice!("bring it up first: {}", Remedy::up(to)),
            ));
            return refusals;
        }
        None => {
            refusals.push(Refusal::new(
                RefusalKind::Mismatch,
                Some(to),
                "it is no node of this cluster",
                "see ha.toml",
            ));
            return refusals;
        }
    };
    let mut unsafe_to = |message: String, help: Advice| {
        refusals.push(Refusal::new(RefusalKind::Unsafe, Some(to), message, help));
    };
    if standby.system_identifier != primary.system_identifier || standby.timeline != primary.timeline {
        unsafe_to(
            format!(
                "it is in another history than {from}: system identifier {}, timeline {} against {}, timeline {}",
                standby.system_identifier, standby.timeline, primary.system_identifier, primary.timeline
            ),
            advice!("wait until it follows; {} looks at its data, and makes it follow", Remedy::rejoin(to)),
        );
    }
    if let Some(replayed) = primary.is_behind(to.as_str()) {
        unsafe_to(
            format!(
                "it has replayed up to {replayed}, which is more than {from} has ever written: one of them was set back"
            ),
            advice!(
                "find out which: `ha-cli status`; {} replaces the data of {to} by a copy of {from}'s",
                Remedy::rejoin(to)
            ),
        );
    }
    if standby.version != primary.version {
        unsafe_to(
            format!("it runs PostgreSQL {}, {from} runs {}", standby.version, primary.version),
            advice!("use one image on both nodes: {} replaces the containers", Remedy::UP_ALL),
        );
    }
    if standby.replay_paused == Some(true) {
        let short = standby.short_of(primary);
        if short.is_empty() {
            unsafe_to("its replay is paused".to_owned(), "resume it there: SELECT pg_wal_replay_resume()".into());
        } else {
            let message = format!("it has stopped replaying, since {from} has more of {}", Shortage::list(&short));
            let help = advice!("`ha-cli status` says what to write, if anything; {} starts it again", Remedy::UP_ALL);
            unsafe_to(message, help);
        }
    }
    let sender = primary.senders.iter().find(|sender| sender.name == to.as_str());
    match sender.filter(|sender| sender.state == "streaming") {
        None => unsafe_to(
            format!("{from} does not stream to it{}", sender.map(|it| format!(": {}", it.state)).unwrap_or_default()),
            advice!("wait until it has caught up: `ha-cli status`; where it does not, {}", Remedy::rejoin(to)),
        ),
        Some(sender) => match (primary.write_lsn, sender.flush_lsn) {
            (Some(written), Some(flushed)) if written.bytes_since(flushed) <= options.max_lag_bytes => {}
            (Some(written), Some(flushed)) => unsafe_to(
                format!(
                    "it is {} bytes of WAL behind, more than the {} that are allowed: writes would wait that long",
                    written.bytes_since(flushed),
                    options.max_lag_bytes
                ),
                "wait until it has caught up, or allow more with --max-lag".into(),
            ),
            _ => {
                unsafe_to("how far it is behind is not known".to_owned(), "`ha-cli status` shows what is known".into())
            }
        },
    }
    if primary.prepared_transactions > 0 {
        let named = |it: &PreparedTransaction| {
            let gid = shown(&[it.gid.replace('\'', "''")]);
            format!("'{gid}' of the role {} in the database {}", it.role, it.database)
        };
        let oldest: Vec<_> = primary.prepared.iter().map(named).collect();
        let which = if oldest.is_empty() { String::new() } else { format!(": {}", oldest.join(", ")) };
        refusals.push(Refusal::new(
            RefusalKind::Unsafe,
            Some(from),
            format!("it has {} prepared transactions{which}", primary.prepared_transactions),
            "they would be left on the new primary without their manager, with their locks: end each there first, as its role in its \
             database, by `COMMIT PREPARED` or `ROLLBACK PREPARED` with that name",
        ));
    }
    refusals
}

#[cfg(test)]
mod tests;
