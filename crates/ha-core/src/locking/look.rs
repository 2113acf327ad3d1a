//! Who is at work: looking at the locks without taking them.

use futures_util::future::join_all;

use crate::context::Context;
use crate::layout::{Component, HISTORY_PATH, container_name};
use crate::lock::{AtWork, Holder, named};
use crate::ports::ExecSpec;
use crate::topology::Node;

/// Tells a lock that is held from a name that was left behind; see there.
const LOOK_SCRIPT: &str = include_str!("../lock/assets/look.sh");

/// Those who hold a lock of a node at the moment, each with the nodes in the topology's order. Where it cannot be asked, nobody is known.
pub(crate) async fn look(cluster: &Context) -> Vec<AtWork> {
    // Whoever holds them asks for the others' sake only, and there are none.
    if cluster.held.is_used() {
        return Vec::new();
    }
    let nodes = cluster.topology.nodes();
    let found = join_all(nodes.iter().map(|node| holder_of(cluster, node))).await;
    let mut at_work: Vec<AtWork> = Vec::new();
    for (node, holder) in nodes.iter().zip(found).filter_map(|(node, found)| Some((node, found?))) {
        match at_work.iter_mut().find(|it| it.holder == holder) {
            Some(known) => known.nodes.push(node.name.clone()),
            None => at_work.push(AtWork { holder, nodes: vec![node.name.clone()] }),
        }
    }
    at_work
}

/// Who holds the lock of a node, by a name or without; `None` where nobody does.
async fn holder_of(cluster: &Context, node: &Node) -> Option<Option<Holder>> {
    let runtime = cluster.ports.runtimes.get(&node.name)?.as_ref().ok()?;
    let name = container_name(&cluster.topology, &node.name, Component::Postgres);
    // As a rule nobody is at work, and no program has to be started to see that.
    let words = runtime.read_file(&name, &format!("{HISTORY_PATH}/lock.holder")).await.ok()??;
    if words.is_empty() {
        return None;
    }
    let argv = ["/bin/sh", "-c", LOOK_SCRIPT].map(str::to_owned).to_vec();
    let look = ExecSpec { argv, ..ExecSpec::default() };
    let output = runtime.exec(&name, &look, cluster.limits.observe).await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines();
    (lines.next() == Some("held")).then(|| named(lines.next()))
}
