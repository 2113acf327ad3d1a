//! Taking the locks, through the ports.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, join_all, select};
use futures_util::stream::FuturesUnordered;

use crate::causes;
use crate::context::Context;
use crate::layout::{Component, container_name};
use crate::lock::{ANSWER_LIMIT, Held, Holder, Locks, NoLock, Taken, Unlocked, named};
use crate::ports::{ContainerStatus, ExecSession, ExecSpec, RuntimeError};
use crate::topology::Node;
use crate::values::NodeName;

/// Holds a node's lock; see there.
const HOLD_SCRIPT: &str = include_str!("../lock/assets/hold.sh");
/// How much later than the first node another one may answer, for one who cannot wait: many times what an engine takes.
const GRACE: Duration = Duration::from_millis(300);

pub(crate) async fn lock(cluster: &Context, nodes: &[NodeName], holder: &Holder) -> Result<Locks, Taken> {
    let nodes: Vec<_> = cluster.topology.nodes().iter().filter(|node| nodes.contains(&node.name)).collect();
    // Starting the programs takes longest, and is done at the same time: a host that does not answer costs its limit once.
    let ready = join_all(nodes.iter().map(|node| make_ready(cluster, node))).await;
    take_in_order(cluster, nodes.into_iter().zip(ready), holder).await
}

/// The same on all nodes, but for those that answer later than others: they are told as [`Unlocked::Late`].
pub(crate) async fn lock_soon(cluster: &Context, holder: &Holder) -> Result<Locks, Taken> {
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
    cluster: &Context,
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

/// A server has been started there: its lock, which went with the one before, is taken again, as far as that runs now. Where that
/// fails, others are not kept out there, as before.
pub(crate) async fn take_again(cluster: &Context, node: &Node) {
    let all = cluster.held.of(&node.name);
    let again = all.iter().map(|held| async {
        if !held.is_to_be_taken_again().await {
            return;
        }
        let Ok(session) = make_ready(cluster, node).await else { return };
        match take(session, held.words()).await {
            Ok(Answer::Locked(session)) => held.was_taken_again(Ok(session)).await,
            Ok(Answer::Held(holder)) => held.was_taken_again(Err(Taken { node: node.name.clone(), holder })).await,
            Err(_) => {}
        }
    });
    join_all(again).await;
}

/// Starts the program that will take a node's lock, where the node's PostgreSQL runs.
async fn make_ready(cluster: &Context, node: &Node) -> Ready {
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
        Err(error) => Err(Unlocked::Unreachable(causes::chain(&error))),
    }
}

enum Answer {
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
    Unlocked::Failed(causes::chain(error))
}
