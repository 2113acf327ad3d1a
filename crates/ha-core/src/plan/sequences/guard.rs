//! What stands before each start of a server, as `docs/guard.md` has it.

use super::world::{Bug, World};
use crate::observe::PostgresRole;

impl World {
    /// A start, whoever asked for it.
    pub(super) fn start(&mut self, node: usize, permit: bool) {
        if !self.servers[node].up || self.servers[node].runs.is_some() {
            return;
        }
        let follows_anybody = self.bug == Some(Bug::FollowsAnybody);
        let mut runs = PostgresRole::Standby;
        if self.servers[node].signal {
            let upstream = self.servers[node].upstream;
            if !follows_anybody && !upstream.is_none_or(|upstream| self.keeps(node, upstream)) {
                self.servers[node].upstream = None;
            }
        } else if permit || self.bug == Some(Bug::GuardAsksNobody) {
            runs = PostgresRole::Primary;
        } else {
            match self.ask_peers(node) {
                Ok(()) => runs = PostgresRole::Primary,
                Err(upstream) => {
                    let server = &mut self.servers[node];
                    (server.signal, server.upstream) = (true, upstream);
                }
            }
        }
        self.servers[node].runs = Some(runs);
        let primaries = self.nodes().filter(|node| self.is_primary(*node)).count();
        self.must(primaries <= 1, || "a second primary starts".to_owned());
    }

    /// The upstream of a standby that was promoted itself once.
    fn keeps(&self, node: usize, upstream: usize) -> bool {
        let own = &self.servers[node].record;
        let answers = self.linked(node, upstream) && self.answers(upstream);
        if answers { self.servers[upstream].record.comes_from(&own.id) } else { own.primary != self.names[node] }
    }

    /// Whom to follow, if anybody, where the node must not be a primary.
    fn ask_peers(&self, node: usize) -> Result<(), Option<usize>> {
        let own = &self.servers[node];
        let mut silent = false;
        for peer in self.peers(node) {
            let other = &self.servers[peer];
            if !self.linked(node, peer) || !self.answers(peer) {
                silent = true;
            } else if self.is_primary(peer) {
                let continues = self.bug == Some(Bug::FollowsAnybody) || other.record.comes_from(&own.record.id);
                let follow = other.record.generation >= own.record.generation && continues;
                return Err(follow.then_some(peer));
            } else if other.record.generation > own.record.generation
                || other.record.generation == own.record.generation && other.record.id != own.record.id
                || other.timeline > own.timeline
            {
                return Err(None);
            }
        }
        if silent { Err(None) } else { Ok(()) }
    }
}
