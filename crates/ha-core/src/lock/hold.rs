//! Taking the locks, through the ports.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, join_all, select};
use futures_util::stream::FuturesUnordered;

use super::held::Held;
use super::{Holder, Taken};
use crate::cluster::Cluster;
use crate::layout::{Component, container_name};
use crate::ports::{ContainerStatus, ExecSession, ExecSpec, RuntimeError};
use crate::survey;
use crate::topology::Node;
use crate::values::NodeName;

/// Holds a node's lock; see there.
const HOLD_SCRIPT: &str = include_str!("assets/hold.sh");
/// The program answers at once; it is started on what may be a busy host.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// How much later than the first node another one may answer, for one who cannot wait: many times what an engine takes.
const GRACE: Duration = Duration::from_millis(300);

/// The locks of a cluster's nodes, for as long as this lives.
#[must_use = "the locks are released when it is dropped"]
pub struct Locks {
    held: Vec<Arc<Held>>,
    /// Those of servers that do not run: a run that starts one takes its lock then.
    later: Vec<Arc<Held>>,
    without: Vec<NoLock>,
}

/// A node whose lock was not taken, and nobody else is known to hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoLock {
    /// Which.
    pub node: NodeName,
    /// Why.
    pub why: Unlocked,
}

/// Why a node's lock was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unlocked {
    /// Its engine could not be asked.
    Unreachable(String),
    /// Its engine had not answered when others had, and nobody waited for it.
    Late,
    /// Its PostgreSQL does not run, and there the lock would be.
    NotRunning,
    /// Its PostgreSQL runs, and the lock could not be taken all the same.
    Failed(String),
}

impl Locks {
    /// The nodes whose locks are held, in the order in which they were taken.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeName> {
        self.held.iter().map(|held| &held.node)
    }

    /// Gives the locks back, and returns once they are free. Dropping them does it as well, a moment later: the engine
    /// has to notice first.
    pub async fn release(self) {
        join_all(self.held.iter().chain(&self.later).map(|held| held.release())).await;
    }

    /// Takes what `other` has as well: where both know of a node, the other's word counts.
    pub fn extend(&mut self, other: Self) {
        self.without.retain(|it| !other.knows(&it.node));
        self.without.extend(other.without);
        self.held.extend(other.held);
        self.later.extend(other.later);
    }

    fn knows(&self, node: &NodeName) -> bool {
        self.nodes().any(|it| it == node) || self.without.iter().any(|it| it.node == *node)
    }

    /// The nodes that go without.
    #[must_use]
    pub fn without(&self) -> &[NoLock] {
        &self.without
    }
}

pub(crate) async fn lock(cluster: &Cluster, nodes: &[NodeName], holder: &Holder) -> Result<Locks, Taken> {
    let nodes: Vec<_> = cluster.topology.nodes().iter().filter(|node| nodes.contains(&node.name)).collect();
    // Starting the programs takes longest, and is done at the same time: a host that does not answer costs its limit once.
    let ready = join_all(nodes.iter().map(|node| make_ready(cluster, node))).await;
    take_in_order(cluster, nodes.into_iter().zip(ready), holder).await
}

/// The same on all nodes, but for those that answer later than others: they are told as [`Unlocked::Late`].
pub(crate) async fn lock_soon(cluster: &Cluster, holder: &Holder) -> Result<Locks, Taken> {
    let nodes = cluster.topology.nodes();
    let mut asked: FuturesUnordered<_> =
        nodes.iter().enumerate().map(|(index, node)| async move { (index, make_ready(cluster, node).await) }).collect();
    let mut ready: Vec<_> = nodes.iter().map(|_| Err(Unlocked::Late)).collect();
    // A way that is known to lead nowhere is no answer that others are late for.
    while let Some((index, answer)) = asked.next().await {
        let answered = !matches!(answer, Err(Unlocked::Unreachable(_)));
        ready[index] = answer;
        if answered {
            break;
        }
    }
    let mut grace = cluster.ports.clock.sleep(GRACE);
    while !asked.is_empty() {
        match select(asked.next(), grace).await {
            Either::Left((Some((index, answer)), left)) => {
                ready[index] = answer;
                grace = left;
            }
            Either::Left((None, _)) | Either::Right(_) => break,
        }
    }
    drop(asked);
    take_in_order(cluster, nodes.iter().zip(ready), holder).await
}

type Ready = Result<Box<dyn ExecSession>, Unlocked>;

/// One after the other: two who come at the same moment must not take one each and both go away.
async fn take_in_order(
    cluster: &Cluster,
    nodes: impl Iterator<Item = (&Node, Ready)>,
    holder: &Holder,
) -> Result<Locks, Taken> {
    let words = serde_json::to_string(holder).expect("plain values serialise");
    let mut locks = Locks { held: Vec::new(), later: Vec::new(), without: Vec::new() };
    for (node, ready) in nodes {
        let answer = match ready {
            Ok(session) => take(session, &words).await,
            Err(why) => Err(why),
        };
        match answer {
            Ok(Answer::Locked(session)) => locks.held.push(Arc::new(Held::new(&node.name, &words, session))),
            Ok(Answer::Held(holder)) => {
                locks.release().await;
                return Err(Taken { node: node.name.clone(), holder });
            }
            Err(why) => {
                if why == Unlocked::NotRunning {
                    locks.later.push(Arc::new(Held::later(&node.name, &words)));
                }
                locks.without.push(NoLock { node: node.name.clone(), why });
            }
        }
    }
    locks.held.iter().chain(&locks.later).for_each(|held| cluster.held.add(held));
    Ok(locks)
}

/// Takes the lock of one node whose server has been started since.
pub(super) async fn take_now(cluster: &Cluster, node: &Node, words: &str) -> Result<Answer, Unlocked> {
    take(make_ready(cluster, node).await?, words).await
}

/// Starts the program that will take a node's lock, where the node's PostgreSQL runs.
async fn make_ready(cluster: &Cluster, node: &Node) -> Ready {
    let runtime = match cluster.ports.runtimes.get(&node.name) {
        Some(Ok(runtime)) => runtime.as_ref(),
        Some(Err(why)) => return Err(Unlocked::Unreachable(why.clone())),
        None => return Err(Unlocked::Unreachable(format!("there is no way to the engine of {}", node.name))),
    };
    let name = container_name(&cluster.topology, &node.name, Component::Postgres);
    match runtime.find_container(&name).await {
        Ok(Some(container)) if container.status == ContainerStatus::Running => {
            let argv = ["/bin/sh", "-c", HOLD_SCRIPT].map(str::to_owned).to_vec();
            runtime.open_exec(&name, &ExecSpec { argv, ..ExecSpec::default() }).await.map_err(|error| failed(&error))
        }
        Ok(_) => Err(Unlocked::NotRunning),
        Err(error) => Err(Unlocked::Unreachable(survey::chain(&error))),
    }
}

pub(super) enum Answer {
    Locked(Box<dyn ExecSession>),
    Held(Option<Holder>),
}

async fn take(mut session: Box<dyn ExecSession>, words: &str) -> Result<Answer, Unlocked> {
    let told = session.write_line(words).await;
    // A program that does not listen any more may have said why.
    let answer = session.read_line(ANSWER_LIMIT).await.map_err(|error| failed(&error))?;
    match (answer.as_deref(), told) {
        (Some("locked"), _) => Ok(Answer::Locked(session)),
        // Whoever holds it may have begun this very moment: the lock counts, with a name or without.
        (Some("held"), _) => {
            let holder = session.read_line(ANSWER_LIMIT).await.ok().flatten();
            Ok(Answer::Held(named(holder.as_deref())))
        }
        (Some("none"), _) => {
            Err(Unlocked::Failed("its container is older than locks; `ha-cli up` replaces it".to_owned()))
        }
        (Some(other), _) => Err(Unlocked::Failed(other.to_owned())),
        (None, Err(error)) => Err(failed(&error)),
        (None, Ok(())) => Err(Unlocked::Failed("the program that takes it ended without a word".to_owned())),
    }
}

fn failed(error: &RuntimeError) -> Unlocked {
    Unlocked::Failed(survey::chain(error))
}

pub(super) fn named(words: Option<&str>) -> Option<Holder> {
    serde_json::from_str(words?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_says_who_where_and_since_when() {
        let holder = Holder {
            by: "alice@desk".to_owned(),
            pid: 4711,
            command: "switchover".to_owned(),
            since: "2026-11-23T23:12:36.007Z".to_owned(),
        };
        let words = serde_json::to_string(&holder).unwrap();
        assert!(!words.contains('\n'), "it is one line");
        assert_eq!(named(Some(&words)), Some(holder.clone()));
        let taken = Taken { node: "vm1".parse().unwrap(), holder: Some(holder) };
        assert_eq!(
            taken.to_string(),
            "the lock is held by alice@desk (`ha-cli switchover`, process 4711 there, since 2026-11-23T23:12:36.007Z)"
        );
    }

    #[test]
    fn a_holder_who_cannot_be_read_has_no_name() {
        for words in [None, Some(""), Some("{\"by\":\"alice@desk\"}"), Some("alice")] {
            assert_eq!(named(words), None);
        }
        let taken = Taken { node: "vm1".parse().unwrap(), holder: None };
        assert!(taken.to_string().contains("could not be read"));
    }
}
