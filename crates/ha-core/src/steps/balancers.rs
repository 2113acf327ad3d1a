//! Has load balancers turn to the node that is about to be promoted, before the old primary stops.
//!
//! A balancer asks each Keycloak whether it takes writes, and believes one good answer and two that are not. Where one was
//! seen to ask, the target says first that it does, and holds what comes until it is promoted; then the old one says that it
//! does not, and goes on serving until every balancer has left it. All of it is for the convenience of clients: nothing here
//! ends a change of roles, and who is told something forgets it by itself.

use std::time::Duration;

use futures_util::future::{join, join_all};

use super::at::{At, way_to};
use super::promotion;
use crate::layout::{self, Component, HandoverWord};
use crate::observe::HandoverObservation;
use crate::values::NodeName;

/// A balancer's checks, with an interval of up to two seconds.
const TURN_LIMIT: Duration = Duration::from_secs(5);
/// What is being worked on, while all that comes is held; who takes longer breaks, as without all of this.
const IN_FLIGHT_LIMIT: Duration = Duration::from_secs(8);
const LOOK_AGAIN: Duration = Duration::from_millis(25);
/// A word that is not renewed ends, after some of these.
const RENEW: Duration = Duration::from_secs(2);

/// From the primary `from` to this node.
pub(super) async fn turn(at: &At<'_>, from: &NodeName) {
    let to = &at.node.name;
    let (Ok(there), Ok(here)) = join(look(at, from), look(at, to)).await else {
        return; // a Keycloak that does not run, or an extension that knows nothing of it
    };
    if there.balancers == 0 && here.balancers == 0 {
        return;
    }
    if here.balancers < there.balancers {
        at.note(&format!(
            "{} load balancers ask {from} for its role, {} ask {to}: requests during the change may fail",
            there.balancers, here.balancers
        ));
        return;
    }
    if let Err(why) = in_turn(at, from).await {
        at.note(&format!("the load balancers were not turned to {to}: {why}; requests during the change may fail"));
        turn_back(at, from).await;
    }
}

async fn in_turn(at: &At<'_>, from: &NodeName) -> Result<(), String> {
    let to = &at.node.name;
    let id = promotion::of(at, to).await.map(|record| record.id.to_string()).ok_or("its promotion is not known")?;
    let told = |seen: &HandoverObservation| seen.told >= seen.balancers;
    let mut words = Words { at, id, beat: 0, told: vec![(to, HandoverWord::Expect)] };
    words.tell().await?;
    words.until(to, TURN_LIMIT, told).await?;
    // In force before the old one is left: who has left it would be sent back by a target that still expects.
    words.told = vec![(to, HandoverWord::Take)];
    words.tell().await?;
    words.until(to, TURN_LIMIT, |_| true).await?;
    words.told.push((from, HandoverWord::Leave));
    words.tell().await?;
    // Whoever has not left by now finds out by itself, as after any other end of a primary.
    if let Err(why) = words.until(from, TURN_LIMIT, told).await {
        at.note(&format!("not every load balancer has left {from}: {why}"));
    }
    words.told = vec![(to, HandoverWord::Take), (from, HandoverWord::Close)];
    words.tell().await?;
    if let Err(why) = words.until(from, IN_FLIGHT_LIMIT, |seen| seen.in_flight == 0).await {
        at.note(&format!("requests that {from} still works on will break: {why}"));
    }
    words.tell().await
}

/// All is as it was: the old primary first, so that no balancer is without a node for writes.
pub(super) async fn turn_back(at: &At<'_>, from: &NodeName) {
    let none = HandoverWord::None;
    for node in [from, &at.node.name] {
        let Ok(seen) = look(at, node).await else { continue };
        if seen.word == none.as_str() {
            continue;
        }
        let mut words = Words { at, id: seen.id, beat: 0, told: vec![(node, none)] };
        if words.tell().await.is_ok() && node == from {
            // Nothing hangs on it: the target's word ends by itself.
            drop(words.until(node, TURN_LIMIT, |seen| seen.told >= seen.balancers).await);
        }
    }
}

async fn look(at: &At<'_>, node: &NodeName) -> Result<HandoverObservation, String> {
    let cluster = at.cluster;
    cluster.ports.keycloak.handover(node, cluster.limits.observe).await.map_err(|error| error.to_string())
}

async fn tell(at: &At<'_>, node: &NodeName, word: HandoverWord, id: &str, beat: u64) -> Result<(), String> {
    let runtime = way_to(at.cluster, node).map_err(|error| error.to_string())?;
    let name = layout::container_name(at.cluster.topology(), node, Component::Keycloak);
    let file = layout::handover_file(word, id, beat);
    runtime.put_files(&name, &[file]).await.map_err(|error| format!("{node} cannot be told: {error}"))
}

/// What each node is told now.
struct Words<'a> {
    at: &'a At<'a>,
    id: String,
    beat: u64,
    told: Vec<(&'a NodeName, HandoverWord)>,
}

impl Words<'_> {
    /// For the first time, or again.
    async fn tell(&mut self) -> Result<(), String> {
        self.beat += 1;
        let (at, id, beat) = (self.at, self.id.as_str(), self.beat);
        let told = self.told.iter().map(|&(node, word)| tell(at, node, word, id, beat));
        join_all(told).await.into_iter().collect()
    }

    /// Waits until the word of a node is in force there and `done` says so; renews all of them.
    async fn until(
        &mut self,
        node: &NodeName,
        limit: Duration,
        done: impl Fn(&HandoverObservation) -> bool,
    ) -> Result<(), String> {
        let clock = &self.at.cluster.ports.clock;
        let word = self.told.iter().find(|(told, _)| *told == node).map_or("none", |(_, word)| word.as_str());
        let begun = clock.now();
        let mut renewed = begun;
        loop {
            let seen = look(self.at, node).await;
            if seen.as_ref().is_ok_and(|seen| seen.word == word && seen.id == self.id && done(seen)) {
                return Ok(());
            }
            let now = clock.now();
            if now.saturating_sub(begun) >= limit {
                return Err(format!("after {} s, Keycloak of {node} {}", limit.as_secs(), said(seen)));
            }
            if now.saturating_sub(renewed) >= RENEW {
                renewed = now;
                self.tell().await?;
            }
            clock.sleep(LOOK_AGAIN).await;
        }
    }
}

fn said(seen: Result<HandoverObservation, String>) -> String {
    seen.map_or_else(
        |why| format!("does not answer: {why}"),
        |seen| {
            let HandoverObservation { word, balancers, told, in_flight, .. } = seen;
            format!(
                "is at \"{word}\", with {told} of {balancers} load balancers told and {in_flight} requests under way"
            )
        },
    )
}

#[cfg(test)]
mod tests;
