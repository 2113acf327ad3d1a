//! Whose turn it is: a command that changes the cluster takes the nodes' locks before it looks, and keeps them to its end.

use std::time::Duration;

use futures_util::future::join_all;
use ha_core::Cluster;
use ha_core::layout::{Component, container_name};
use ha_core::lock::{Holder, Locks, Taken, Unlocked};
use ha_core::values::NodeName;

use super::{plan, time, who};
use crate::error::{Error, Failure};
use crate::output::{Printer, Tone};

/// An engine that takes longer only to look something up has trouble, or is not there.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The right to change the cluster. Others have it once this is released or dropped, or this process is gone.
pub(super) struct Turn {
    command: &'static str,
    reached: Vec<NodeName>,
    locks: Option<Locks>,
}

impl Turn {
    /// Takes the locks, unless the command only looks.
    ///
    /// # Errors
    /// Somebody else has one, or an interrupt.
    pub(super) async fn take(
        cluster: &Cluster,
        command: &'static str,
        only_looks: bool,
        printer: &Printer,
    ) -> Result<Self, Error> {
        if only_looks {
            return Ok(Self { command, reached: Vec::new(), locks: None });
        }
        let reached = plan::interruptible(answering(cluster)).await?;
        refuse_strangers(cluster, command, &reached).await?;
        Self::among(cluster, command, reached, printer).await
    }

    /// Takes the locks of the nodes that answer at once: for a command that has no time to wait for a host that is gone.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub(super) async fn soon(cluster: &Cluster, command: &'static str, printer: &Printer) -> Result<Self, Error> {
        let locks = plan::interruptible(cluster.lock_soon(&holder(command))).await?.map_err(|it| taken(&it))?;
        let mut turn = Self { command, reached: Vec::new(), locks: None };
        turn.add(cluster.topology().nodes().iter().map(|node| node.name.clone()).collect(), locks, printer);
        refuse_strangers(cluster, command, turn.reached()).await?;
        Ok(turn)
    }

    /// Takes the locks of those of `nodes` that [`soon`](Self::soon) did not wait for.
    ///
    /// Returns whether there were any: what was seen before has to be looked at again then.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub(super) async fn include(
        &mut self,
        cluster: &Cluster,
        mut nodes: Vec<NodeName>,
        printer: &Printer,
    ) -> Result<bool, Error> {
        let late = |node: &NodeName| {
            let without = self.locks.iter().flat_map(Locks::without);
            without.filter(|it| it.why == Unlocked::Late).any(|it| it.node == *node)
        };
        nodes.retain(late);
        if nodes.is_empty() {
            return Ok(false);
        }
        let locks = plan::interruptible(cluster.lock(&nodes, &holder(self.command))).await?.map_err(|it| taken(&it))?;
        self.add(nodes, locks, printer);
        Ok(true)
    }

    async fn among(
        cluster: &Cluster,
        command: &'static str,
        nodes: Vec<NodeName>,
        printer: &Printer,
    ) -> Result<Self, Error> {
        let locks = plan::interruptible(cluster.lock(&nodes, &holder(command))).await?.map_err(|it| taken(&it))?;
        let mut turn = Self { command, reached: Vec::new(), locks: None };
        turn.add(nodes, locks, printer);
        Ok(turn)
    }

    /// `locks` were taken on `nodes`, as far as they could be.
    fn add(&mut self, mut nodes: Vec<NodeName>, locks: Locks, printer: &Printer) {
        for without in locks.without() {
            match &without.why {
                // The plan says what that means.
                Unlocked::Unreachable(_) | Unlocked::Late => nodes.retain(|node| *node != without.node),
                Unlocked::NotRunning => {}
                Unlocked::Failed(why) => printer.note(|page| {
                    let mark = page.tone(Tone::Warning, "note:");
                    page.line(format!("{mark} {}: others are not kept out: {why}", without.node));
                }),
            }
        }
        self.reached.extend(nodes);
        match &mut self.locks {
            Some(own) => own.extend(locks),
            none => *none = Some(locks),
        }
    }

    /// Lets others have it, and returns once they do: the next command of a script finds no lock of this one.
    pub(super) async fn release(self) {
        if let Some(locks) = self.locks {
            locks.release().await;
        }
    }

    /// What is done.
    pub(super) const fn command(&self) -> &'static str {
        self.command
    }

    /// The nodes whose engines answered.
    pub(super) fn reached(&self) -> &[NodeName] {
        &self.reached
    }
}

/// The nodes whose engines answer soon. The others get all the time they need when the command looks at them; here one that
/// is gone would only be waited for twice.
async fn answering(cluster: &Cluster) -> Vec<NodeName> {
    let asked = cluster.topology().nodes().iter().map(|node| async {
        let runtime = cluster.ports().runtimes.get(&node.name)?.as_ref().ok()?;
        let name = container_name(cluster.topology(), &node.name, Component::Postgres);
        let answer = tokio::time::timeout(ANSWER_LIMIT, runtime.find_container(&name)).await;
        matches!(answer, Ok(Ok(_))).then(|| node.name.clone())
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// Nothing is done to containers that only have the names of this cluster's: two files may well have one name.
pub(super) async fn refuse_strangers(cluster: &Cluster, command: &str, nodes: &[NodeName]) -> Result<(), Error> {
    let strangers = plan::interruptible(cluster.strangers(nodes)).await?;
    if strangers.is_empty() { Ok(()) } else { Err(plan::refused(command, &strangers)) }
}

fn holder(command: &str) -> Holder {
    Holder { by: who::by(), pid: std::process::id(), command: command.to_owned(), since: time::now() }
}

fn taken(taken: &Taken) -> Failure {
    Failure::refused("locked", taken.to_string()).on(&taken.node).help(
        "nothing was done: wait until it has ended, then run the same again; the lock goes with its holder's connection, \
         so there is none to clear away",
    )
}
