//! Servers as far as roles go: what each holds, whether it runs, and what its guard would do.

use std::collections::BTreeMap;

use crate::observe::PostgresRole;
use crate::plan::{Action, PlannedStep};
use crate::topology::{Durability, Topology};
use crate::values::{Lineage, NodeName, PromotionId, PromotionRecord, TimelineId};

/// Something wrong in what carries a plan out, or in the guard, that a sequence must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    /// Who must not go on as primary is not stopped, and passes for down while it hangs.
    FenceForgotten,
    /// A node that was a primary starts as one, whatever its peer knows.
    GuardAsksNobody,
    /// A promotion is not written down before it is made.
    NothingWrittenDown,
    /// A node that was a primary follows whoever is one now, whatever its data has been through.
    FollowsAnybody,
    /// The target of a switchover is promoted whether it has all or not.
    ProofSkipped,
    /// Whoever was down when a failover was planned is taken to be so still.
    LookedOnce,
}

/// A node.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// Its host has power.
    pub(super) up: bool,
    /// The operator's machine reaches it.
    pub(super) visible: bool,
    /// The other nodes do not reach it, nor it them.
    pub(super) cut_off: bool,
    pub(super) runs: Option<PostgresRole>,
    /// It runs, and answers nobody.
    pub(super) hung: bool,
    /// How it ended.
    pub(super) orderly: bool,
    /// `standby.signal`.
    pub(super) signal: bool,
    /// What is written down on its state volume.
    pub(super) record: PromotionRecord,
    /// The promotion that its data comes from.
    pub(super) lineage: Lineage,
    /// Counted by each node for itself, as PostgreSQL does: two that know nothing of each other come to one number.
    pub(super) timeline: u32,
    /// Where the timelines before ended.
    ends: BTreeMap<u32, usize>,
    /// Its last promotion's place in the history, where it went through one.
    pub(super) mark: Option<u32>,
    /// Commits and promotions, in their order: each has a number of its own, so one history is an earlier state of another
    /// exactly where it is its beginning.
    pub(super) wal: Vec<u32>,
    /// Whom it follows as a standby.
    pub(super) upstream: Option<usize>,
}

/// A commit that its writer was told of.
#[derive(Debug, Clone)]
struct Acknowledged {
    commit: u32,
    /// By a primary that a person had allowed to go on alone, and on its disk only.
    alone: bool,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) names: Vec<NodeName>,
    pub(super) servers: Vec<Server>,
    strict: bool,
    pub(super) bug: Option<Bug>,
    acknowledged: Vec<Acknowledged>,
    promoted: BTreeMap<u64, usize>,
    next: u32,
    /// A promotion was not written into the data: who follows then may be taken for one that was promoted itself.
    pub(super) cut_short: bool,
    /// The first thing that must not be.
    pub(super) wrong: Option<String>,
}

/// What a promotion must keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// Everything that was acknowledged.
    All,
    /// What a standby had confirmed, where the profile waits for it.
    Confirmed,
    /// Nothing: a person has chosen between two histories.
    Nothing,
}

fn record(generation: u64, number: u32, primary: &NodeName) -> PromotionRecord {
    let id = format!("6f9619ff-8b86-d011-b42d-{number:012}").parse().unwrap();
    PromotionRecord { generation, id, primary: primary.clone(), run_alone: false, ancestors: Vec::new() }
}

impl World {
    /// All is well, and the first node is the primary.
    pub(super) fn new(topology: &Topology, bug: Option<Bug>) -> Self {
        let names: Vec<_> = topology.nodes().iter().map(|node| node.name.clone()).collect();
        let first = record(1, 0, &names[0]);
        let server = |role| Server {
            up: true,
            visible: true,
            cut_off: false,
            runs: Some(role),
            hung: false,
            orderly: false,
            signal: role == PostgresRole::Standby,
            record: first.clone(),
            lineage: Lineage { promotion: first.clone(), timeline: TimelineId(1) },
            timeline: 1,
            ends: BTreeMap::new(),
            mark: None,
            wal: Vec::new(),
            upstream: (role == PostgresRole::Standby).then_some(0),
        };
        Self {
            servers: names
                .iter()
                .map(|name| server(if *name == names[0] { PostgresRole::Primary } else { PostgresRole::Standby }))
                .collect(),
            names,
            strict: topology.replication.durability == Durability::Strict,
            bug,
            acknowledged: Vec::new(),
            promoted: BTreeMap::from([(1, 0)]),
            next: 1,
            cut_short: false,
            wrong: None,
        }
    }

    pub(super) fn must(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds && self.wrong.is_none() {
            self.wrong = Some(what());
        }
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    pub(super) fn place(&self, name: &NodeName) -> usize {
        self.names.iter().position(|it| it == name).unwrap()
    }

    pub(super) fn answers(&self, node: usize) -> bool {
        let server = &self.servers[node];
        server.up && server.runs.is_some() && !server.hung
    }

    pub(super) fn is_primary(&self, node: usize) -> bool {
        self.servers[node].runs == Some(PostgresRole::Primary)
    }

    pub(super) fn nodes(&self) -> std::ops::Range<usize> {
        0..self.servers.len()
    }

    pub(super) fn peers(&self, node: usize) -> impl Iterator<Item = usize> + use<> {
        self.nodes().filter(move |peer| *peer != node)
    }

    /// Neither is cut off from the others.
    pub(super) fn linked(&self, one: usize, other: usize) -> bool {
        !self.servers[one].cut_off && !self.servers[other].cut_off
    }

    /// One receives what another has: from a primary, or from a standby in cascade. PostgreSQL compares the numbers of timelines,
    /// and positions.
    fn sends(&self, from: usize, to: usize) -> bool {
        let (sender, receiver) = (&self.servers[from], &self.servers[to]);
        let end = if sender.timeline == receiver.timeline {
            sender.wal.len()
        } else {
            sender.ends.get(&receiver.timeline).copied().unwrap_or_default()
        };
        self.linked(from, to)
            && self.answers(from)
            && self.answers(to)
            && receiver.runs == Some(PostgresRole::Standby)
            && receiver.upstream == Some(from)
            && receiver.timeline <= sender.timeline
            && receiver.wal.len() <= end
    }

    /// Nobody receives what does not continue what it has.
    pub(super) fn histories_are_whole(&mut self) {
        for to in self.nodes() {
            for from in self.peers(to) {
                let whole = self.servers[from].wal.starts_with(&self.servers[to].wal);
                let sends = self.sends(from, to);
                self.must(whole || !sends, || format!("{to} streams another history than its own"));
            }
        }
    }

    fn has_been_through(&self, node: usize, id: &PromotionId) -> bool {
        self.servers[node].lineage.promotion.comes_from(id) || self.servers[node].record.comes_from(id)
    }

    /// Whether a node may be told to follow another before its own server runs.
    fn may_follow(&self, node: usize, other: usize) -> bool {
        let own = &self.servers[node].record;
        self.answers(other) && self.has_been_through(other, &own.id)
    }

    /// One receives what another writes.
    pub(super) fn feeds(&self, primary: usize, standby: usize) -> bool {
        self.is_primary(primary) && self.sends(primary, standby)
    }

    /// Who lacks something gets it.
    pub(super) fn ship(&mut self) {
        self.histories_are_whole();
        for _ in self.nodes() {
            for to in self.nodes() {
                for from in self.peers(to) {
                    self.hand(from, to);
                }
            }
        }
    }

    fn hand(&mut self, from: usize, to: usize) {
        if self.sends(from, to) {
            let Server { wal, timeline, lineage, ends, mark, .. } = self.servers[from].clone();
            let standby = &mut self.servers[to];
            (standby.wal, standby.timeline, standby.lineage) = (wal, timeline, lineage);
            (standby.ends, standby.mark) = (ends, mark);
        }
    }

    /// A commit on every node that takes one; with `strict` one of the standbys confirms it, now this one, now that.
    pub(super) fn write(&mut self) {
        for node in self.nodes() {
            if !self.is_primary(node) || !self.answers(node) {
                continue;
            }
            let commit = self.number();
            self.servers[node].wal.push(commit);
            let alone = self.servers[node].record.run_alone;
            if self.strict && !alone {
                let fed: Vec<_> = self.peers(node).filter(|peer| self.feeds(node, *peer)).collect();
                if fed.is_empty() {
                    continue; // it waits
                }
                self.hand(node, fed[commit as usize % fed.len()]);
            }
            self.acknowledged.push(Acknowledged { commit, alone });
        }
    }

    pub(super) fn crash(&mut self, node: usize) {
        let server = &mut self.servers[node];
        if server.runs.take().is_some() {
            server.orderly = false;
        }
        server.hung = false;
    }

    pub(super) fn power(&mut self, node: usize, on: bool) {
        if !on {
            self.crash(node);
        }
        self.servers[node].up = on;
        if on {
            self.start(node, false);
        }
    }

    fn seen(&self, node: usize) -> bool {
        self.servers[node].up && self.servers[node].visible
    }

    /// What `ha-cli rejoin` comes to: the node has the primary's data, and streams.
    pub(super) fn rejoin(&mut self, node: usize) {
        let mut primaries =
            self.peers(node).filter(|peer| self.is_primary(*peer) && self.answers(*peer) && self.seen(*peer));
        let Some(primary) = primaries.next() else { return };
        if !self.linked(node, primary) || !self.seen(node) {
            return;
        }
        // Confirmations are waited for again.
        self.servers[primary].record.run_alone = false;
        let orderly = self.servers[node].orderly;
        self.servers[node] = Server {
            runs: Some(PostgresRole::Standby),
            signal: true,
            upstream: Some(primary),
            orderly,
            ..self.servers[primary].clone()
        };
        let wal = &self.servers[primary].wal;
        for it in self.acknowledged.iter_mut().filter(|it| wal.contains(&it.commit)) {
            it.alone = false;
        }
        // Who is gone from the only history there is was announced as lost, and is not to be looked for again.
        self.acknowledged.retain(|it| !it.alone && wal.contains(&it.commit));
    }

    /// Carries out one step; `false` where it fails.
    pub(super) fn perform(&mut self, step: &PlannedStep, promise: Promise) -> bool {
        let node = self.place(&step.node);
        if !self.servers[node].up || !self.servers[node].visible {
            return false;
        }
        match &step.action {
            Action::Fence if self.bug == Some(Bug::FenceForgotten) => {}
            Action::Fence => self.crash(node),
            Action::Stop { .. } => self.stop(node),
            Action::ProveReceived { .. } if self.bug == Some(Bug::ProofSkipped) => {}
            Action::ProveReceived { from } => {
                let old = &self.servers[self.place(from)];
                return old.runs.is_none() && old.orderly && old.visible && old.wal == self.servers[node].wal;
            }
            Action::RecordPromotion { .. } if self.bug == Some(Bug::NothingWrittenDown) => {}
            Action::RecordPromotion { generation, primary, run_alone, ancestors } => {
                let known = &self.servers[node].record;
                // The same promotion keeps its id.
                let same = known.generation == *generation && known.primary == *primary;
                let id = if same { known.id.clone() } else { record(0, self.number(), primary).id };
                self.servers[node].record = PromotionRecord {
                    generation: *generation,
                    id,
                    primary: primary.clone(),
                    run_alone: *run_alone,
                    ancestors: ancestors.clone(),
                };
            }
            Action::RestorePromotion { record } => self.servers[node].record = record.clone(),
            Action::ProveDown { .. } if self.bug == Some(Bug::LookedOnce) => {}
            Action::ProveDown { nodes, vouched } => {
                let mut down = nodes.iter().chain(vouched).map(|name| self.place(name));
                let passes = |node: usize| self.bug == Some(Bug::FenceForgotten) && self.servers[node].hung;
                return down.all(|node| !self.seen(node) || !self.is_primary(node) || passes(node));
            }
            Action::Promote => return self.promote(node, promise),
            Action::Demote { to, proven } => {
                if self.servers[node].runs.is_some() {
                    return false;
                }
                let to = self.place(to);
                let record = self.servers[to].record.clone();
                let follows = *proven || self.may_follow(node, to);
                let server = &mut self.servers[node];
                (server.signal, server.upstream) = (true, follows.then_some(to));
                if *proven {
                    server.record = record;
                }
            }
            Action::StartPostgres { permit, .. } => {
                let primary = self.peers(node).find(|peer| self.answers(*peer) && self.is_primary(*peer));
                if let Some(upstream) = primary.or((node > 0).then_some(0)).filter(|it| self.may_follow(node, *it)) {
                    self.servers[node].upstream = Some(upstream);
                }
                self.start(node, *permit);
            }
            Action::FollowPrimary { primary } => {
                let primary = self.place(primary);
                if !self.has_been_through(primary, &self.servers[node].lineage.promotion.id) {
                    return false;
                }
                self.servers[node].upstream = Some(primary);
                self.histories_are_whole();
                if self.feeds(primary, node) {
                    self.servers[node].record = self.servers[primary].record.clone();
                }
            }
            Action::WaitStreaming { primary } => return self.feeds(self.place(primary), node),
            _ => {}
        }
        true
    }

    /// In order: what streams gets everything.
    fn stop(&mut self, node: usize) {
        self.ship();
        let server = &mut self.servers[node];
        server.orderly = !server.hung;
        server.runs = None;
        server.hung = false;
    }

    /// The command ends between the promotion and the write that tells of it.
    pub(super) fn promote_and_write_nothing(&mut self, step: &PlannedStep, promise: Promise) -> bool {
        let node = self.place(&step.node);
        let lineage = self.servers[node].lineage.clone();
        let done = self.perform(step, promise);
        self.servers[node].lineage = lineage;
        self.cut_short |= done;
        done
    }

    fn promote(&mut self, node: usize, promise: Promise) -> bool {
        if !self.answers(node) {
            return false;
        }
        if self.is_primary(node) {
            // It is only written into the data.
            let server = &mut self.servers[node];
            server.lineage = Lineage { promotion: server.record.clone(), timeline: TimelineId(server.timeline) };
            return true;
        }
        let name = self.names[node].clone();
        let alone = !self.nodes().any(|node| self.is_primary(node));
        self.must(alone, || format!("{name} is promoted beside a primary"));
        let generation = self.servers[node].record.generation;
        let other = self.promoted.insert(generation, node).filter(|other| *other != node);
        self.must(other.is_none(), || format!("generation {generation} has two primaries"));
        let has = |it: &&Acknowledged| self.servers[node].wal.contains(&it.commit);
        let kept = match promise {
            Promise::All => self.acknowledged.iter().all(|it| has(&it)),
            Promise::Confirmed if self.strict => self.acknowledged.iter().filter(|it| !it.alone).all(|it| has(&it)),
            Promise::Confirmed | Promise::Nothing => true,
        };
        self.must(kept, || format!("{name} lacks what was acknowledged ({promise:?})"));
        // What is lost now was announced.
        let wal = self.servers[node].wal.clone();
        self.acknowledged.retain(|it| wal.contains(&it.commit));
        let mark = self.number();
        let server = &mut self.servers[node];
        server.ends.insert(server.timeline, server.wal.len());
        server.wal.push(mark);
        server.mark = Some(mark);
        server.timeline += 1;
        server.lineage = Lineage { promotion: server.record.clone(), timeline: TimelineId(server.timeline) };
        server.signal = false;
        server.runs = Some(PostgresRole::Primary);
        true
    }
}
