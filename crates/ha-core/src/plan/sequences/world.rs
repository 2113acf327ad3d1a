//! A pair of servers as far as roles go: what each holds, whether it runs, and what its guard would do.

use std::collections::BTreeMap;

use crate::observe::PostgresRole;
use crate::plan::{Action, PlannedStep};
use crate::topology::{Durability, Topology};
use crate::values::{NodeName, PromotionRecord};

/// Something wrong in what carries a plan out, or in the guard, that a sequence must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    /// Who must not go on as primary is not stopped.
    FenceForgotten,
    /// A node that was a primary starts as one, whatever its peer knows.
    GuardAsksNobody,
    /// A promotion is not written down before it is made.
    NothingWrittenDown,
    /// The target of a switchover is promoted whether it has all or not.
    ProofSkipped,
}

/// A node.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// Its host has power.
    pub(super) up: bool,
    /// The operator's machine reaches it.
    pub(super) visible: bool,
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
    pub(super) lineage: PromotionRecord,
    pub(super) timeline: u32,
    /// Commits and promotions, in their order: each has a number of its own, so one history is an earlier state of another
    /// exactly where it is its beginning.
    pub(super) wal: Vec<u32>,
    /// Whom it follows as a standby.
    pub(super) upstream: usize,
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
    /// The link between the two.
    pub(super) linked: bool,
    strict: bool,
    bug: Option<Bug>,
    acknowledged: Vec<Acknowledged>,
    promoted: BTreeMap<u64, usize>,
    next: u32,
    timelines: u32,
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
}

fn record(generation: u64, number: u32, primary: &NodeName) -> PromotionRecord {
    let id = format!("6f9619ff-8b86-d011-b42d-{number:012}").parse().unwrap();
    PromotionRecord { generation, id, primary: primary.clone(), run_alone: false }
}

impl World {
    /// All is well, and the first node is the primary.
    pub(super) fn new(topology: &Topology, bug: Option<Bug>) -> Self {
        let names: Vec<_> = topology.nodes().iter().map(|node| node.name.clone()).collect();
        let first = record(1, 0, &names[0]);
        let server = |role| Server {
            up: true,
            visible: true,
            runs: Some(role),
            hung: false,
            orderly: false,
            signal: role == PostgresRole::Standby,
            record: first.clone(),
            lineage: first.clone(),
            timeline: 1,
            wal: Vec::new(),
            upstream: 0,
        };
        Self {
            servers: vec![server(PostgresRole::Primary), server(PostgresRole::Standby)],
            names,
            linked: true,
            strict: topology.replication.durability == Durability::Strict,
            bug,
            acknowledged: Vec::new(),
            promoted: BTreeMap::from([(1, 0)]),
            next: 1,
            timelines: 1,
            wrong: None,
        }
    }

    fn must(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds && self.wrong.is_none() {
            self.wrong = Some(what());
        }
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn place(&self, name: &NodeName) -> usize {
        self.names.iter().position(|it| it == name).unwrap()
    }

    pub(super) fn answers(&self, node: usize) -> bool {
        let server = &self.servers[node];
        server.up && server.runs.is_some() && !server.hung
    }

    pub(super) fn is_primary(&self, node: usize) -> bool {
        self.servers[node].runs == Some(PostgresRole::Primary)
    }

    /// The peer receives what this node has: from a primary, or from a standby in cascade.
    fn sends(&self, from: usize) -> bool {
        let (sender, receiver) = (&self.servers[from], &self.servers[1 - from]);
        self.linked
            && self.answers(0)
            && self.answers(1)
            && receiver.runs == Some(PostgresRole::Standby)
            && receiver.upstream == from
            && sender.wal.starts_with(&receiver.wal)
    }

    /// The peer receives what this node writes.
    pub(super) fn feeds(&self, primary: usize) -> bool {
        self.is_primary(primary) && self.sends(primary)
    }

    /// Who lacks something gets it.
    pub(super) fn ship(&mut self) {
        for from in (0..2).filter(|&node| self.sends(node)).collect::<Vec<_>>() {
            let Server { wal, timeline, lineage, .. } = self.servers[from].clone();
            let standby = &mut self.servers[1 - from];
            (standby.wal, standby.timeline, standby.lineage) = (wal, timeline, lineage);
        }
    }

    /// A commit on every node that takes one.
    pub(super) fn write(&mut self) {
        for node in 0..2 {
            if !self.is_primary(node) || !self.answers(node) {
                continue;
            }
            let commit = self.number();
            self.servers[node].wal.push(commit);
            let alone = self.servers[node].record.run_alone;
            if self.strict && !alone {
                if !self.feeds(node) {
                    continue; // it waits
                }
                self.ship();
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

    /// As the guard does, see `docs/guard.md`.
    pub(super) fn start(&mut self, node: usize, permit: bool) {
        if !self.servers[node].up || self.servers[node].runs.is_some() {
            return;
        }
        let primary = !self.servers[node].signal
            && (permit || self.bug == Some(Bug::GuardAsksNobody) || self.nothing_speaks_against(node));
        let peer = 1 - node;
        let follow = self.linked
            && self.answers(peer)
            && self.is_primary(peer)
            && self.servers[peer].record.generation >= self.servers[node].record.generation;
        let server = &mut self.servers[node];
        server.runs = Some(if primary { PostgresRole::Primary } else { PostgresRole::Standby });
        if !primary && !server.signal {
            server.signal = true;
            if follow {
                server.upstream = peer;
            }
        }
        self.must(!(self.is_primary(0) && self.is_primary(1)), || "a second primary starts".to_owned());
    }

    fn nothing_speaks_against(&self, node: usize) -> bool {
        let (own, peer) = (&self.servers[node], &self.servers[1 - node]);
        self.linked
            && self.answers(1 - node)
            && !self.is_primary(1 - node)
            && peer.record.generation <= own.record.generation
            && (peer.record.generation < own.record.generation || peer.record.id == own.record.id)
            && peer.timeline <= own.timeline
    }

    /// What `ha-cli rejoin` comes to: the node has the primary's data, and streams.
    pub(super) fn rejoin(&mut self, node: usize) {
        let peer = 1 - node;
        let seen = |node: usize| self.servers[node].up && self.servers[node].visible;
        if !(self.linked && seen(0) && seen(1) && self.answers(peer) && self.is_primary(peer)) {
            return;
        }
        // Confirmations are waited for again.
        self.servers[peer].record.run_alone = false;
        let orderly = self.servers[node].orderly;
        self.servers[node] = Server {
            runs: Some(PostgresRole::Standby),
            signal: true,
            upstream: peer,
            orderly,
            ..self.servers[peer].clone()
        };
        let wal = &self.servers[peer].wal;
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
            Action::RecordPromotion { generation, primary, run_alone } => {
                let number = self.number();
                let run_alone = *run_alone;
                self.servers[node].record = PromotionRecord { run_alone, ..record(*generation, number, primary) };
            }
            Action::RestorePromotion { record } => self.servers[node].record = record.clone(),
            Action::Promote => return self.promote(node, promise),
            Action::Demote { to, proven } => {
                if self.servers[node].runs.is_some() {
                    return false;
                }
                let to = self.place(to);
                let record = self.servers[to].record.clone();
                let server = &mut self.servers[node];
                (server.signal, server.upstream) = (true, to);
                if *proven {
                    server.record = record;
                }
            }
            Action::StartPostgres { permit, .. } => self.start(node, *permit),
            Action::FollowPrimary { primary } => {
                let primary = self.place(primary);
                self.servers[node].upstream = primary;
                if self.feeds(primary) {
                    self.servers[node].record = self.servers[primary].record.clone();
                }
            }
            Action::WaitStreaming { primary } => return self.feeds(self.place(primary)),
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

    fn promote(&mut self, node: usize, promise: Promise) -> bool {
        if !self.answers(node) || self.is_primary(node) {
            return false;
        }
        let peer = 1 - node;
        let name = self.names[node].clone();
        self.must(!self.is_primary(peer), || format!("{name} is promoted beside a primary"));
        let generation = self.servers[node].record.generation;
        let other = self.promoted.insert(generation, node).filter(|other| *other != node);
        self.must(other.is_none(), || format!("generation {generation} has two primaries"));
        let has = |it: &&Acknowledged| self.servers[node].wal.contains(&it.commit);
        let kept = match promise {
            Promise::All => self.acknowledged.iter().all(|it| has(&it)),
            Promise::Confirmed if self.strict => self.acknowledged.iter().filter(|it| !it.alone).all(|it| has(&it)),
            Promise::Confirmed => true,
        };
        self.must(kept, || format!("{name} lacks what was acknowledged ({promise:?})"));
        // What is lost now was announced.
        let wal = self.servers[node].wal.clone();
        self.acknowledged.retain(|it| wal.contains(&it.commit));
        let mark = self.number();
        self.timelines += 1;
        let server = &mut self.servers[node];
        server.wal.push(mark);
        server.timeline = self.timelines;
        server.lineage = server.record.clone();
        server.signal = false;
        server.runs = Some(PostgresRole::Primary);
        true
    }
}
