//! What a promotion may lose.

use std::time::Duration;

use serde::Serialize;

use crate::observe::{ControlState, PostgresRole};
use crate::plan::roles::View;
use crate::topology::{Durability, Node};
use crate::values::{Lsn, NodeName, PromotionRecord};

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
    /// What these nodes hold and the new primary lacks: a person has said so. It stays where it is until they rejoin.
    GivenUp {
        /// Which.
        nodes: Vec<GivenUp>,
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

/// A node whose data went a way of its own.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GivenUp {
    /// Which.
    pub node: NodeName,
    /// The promotion in which its way begins; of a node that does not run, one that may not have come about.
    pub promotion: PromotionRecord,
    /// Where its WAL ends, where it runs.
    pub lsn: Option<Lsn>,
    /// The age of its last transaction in seconds, where it has replayed one since its start.
    pub last_transaction_seconds: Option<f64>,
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

/// What is lost when `to` takes over now.
pub(super) fn loss(view: &View<'_>, to: &Node) -> Loss {
    let given_up = view.topology.peers_of(&to.name).filter_map(|node| {
        Some(GivenUp {
            node: node.name.clone(),
            promotion: view.own_way(&node.name, &to.name)?.clone(),
            lsn: view.received(node),
            last_transaction_seconds: view.server(&node.name).and_then(|server| server.replay_age_seconds),
        })
    });
    let nodes: Vec<_> = given_up.collect();
    if !nodes.is_empty() {
        return Loss::GivenUp { nodes };
    }
    let standby = view.server(&to.name);
    let candidates = view.topology.peers_of(&to.name).filter_map(|node| Some((node, view.stopped(&node.name)?)));
    // Its end proves something only where nobody else can have been promoted since, and have written more.
    let seen = |node: &Node| view.server(&node.name).is_some() || view.stopped(&node.name).is_some();
    let ended = candidates
        .filter(|_| view.topology.peers_of(&to.name).all(seen))
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
    let ran_alone = view.ran_alone(&to.name);
    // What a role or a database was given came with the data; what the lost server alone was given nobody can ask it.
    let weakened = standby.is_some_and(|it| it.durable.iter().any(|setting| setting.weakens(true).is_some()));
    let strict = view.topology.replication.durability == Durability::Strict && !weakened;
    if strict && !ran_alone && !view.may_lack_confirmed(&to.name) {
        let mut why = "with \"strict\", whatever was acknowledged had arrived before".to_owned();
        // A risk of the plan says the same.
        let unread = view.topology.peers_of(&to.name).filter(|node| view.promotion(&node.name).is_none());
        let unread: Vec<_> = unread.map(|node| node.name.to_string()).collect();
        if !unread.is_empty() {
            why.push_str(&format!(", unless {} was told to run alone, which cannot be asked now", unread.join(" or ")));
        }
        // A crash in place ends every wait, and shows everybody what had waited.
        why.push_str(
            "; what nobody acknowledged may be gone, also where it could be read after a crash or restart in place",
        );
        return Loss::None { why };
    }
    let silent = standby.and_then(|it| it.receiver.as_ref()?.silent_seconds);
    let (seconds, last) = match silent {
        Some(seconds) => (Some(seconds), LastArrival::Message),
        // One from the future: the clocks differ, and its age says nothing.
        None => (standby.and_then(|it| it.replay_age_seconds).filter(|age| *age >= 0.0), LastArrival::Transaction),
    };
    Loss::Since { lsn: view.received(to), seconds, last }
}
