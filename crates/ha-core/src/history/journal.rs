//! Writing and reading the nodes' copies, through the ports.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{join, join_all};
use serde::Serialize;

use super::{Entry, Operation, Parsed, lines, merge, parse};
use crate::causes;
use crate::context::Context;
use crate::layout::{Component, HISTORY_PATH, container_name};
use crate::ports::{ContainerRuntime, ContainerStatus, ExecSpec, HostFile, RuntimeError};
use crate::topology::Node;
use crate::values::NodeName;

/// Adds lines to the history of a node whose PostgreSQL container runs.
const APPEND_SCRIPT: &str = include_str!("assets/append.sh");
/// Some three thousand entries; the port reads files of 4 MiB at most.
const ROTATE_AT: usize = 1 << 20;
/// Some bytes and a flush, on a slow disk.
const APPEND_LIMIT: Duration = Duration::from_secs(5);

/// What was done to the cluster, as far as the nodes tell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct History {
    /// Oldest first.
    pub operations: Vec<Operation>,
    /// How many lines of a node could not be read; nodes without such lines are left out.
    pub unreadable: BTreeMap<NodeName, usize>,
    /// Nodes whose copy is not among it.
    pub gaps: Vec<Gap>,
}

/// A node whose copy of the history could not be written or read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Which.
    pub node: NodeName,
    /// Why.
    pub message: String,
}

pub(crate) async fn record(cluster: &Context, nodes: &[NodeName], entries: &[Entry]) -> Vec<Gap> {
    let text = lines(entries);
    let wanted = cluster.topology.nodes().iter().filter(|node| nodes.contains(&node.name));
    let written = wanted.map(|node| async {
        let written = append(cluster, node, &text).await;
        written.err().map(|message| Gap { node: node.name.clone(), message })
    });
    join_all(written).await.into_iter().flatten().collect()
}

pub(crate) async fn history(cluster: &Context) -> History {
    let nodes = cluster.topology.nodes();
    let found = join_all(nodes.iter().map(|node| read(cluster, node))).await;
    let mut history = History { operations: Vec::new(), unreadable: BTreeMap::new(), gaps: Vec::new() };
    let mut copies = Vec::new();
    for (node, found) in nodes.iter().zip(found) {
        match found {
            Ok(Parsed { entries, unreadable }) => {
                copies.push(entries);
                if unreadable > 0 {
                    history.unreadable.insert(node.name.clone(), unreadable);
                }
            }
            Err(message) => history.gaps.push(Gap { node: node.name.clone(), message }),
        }
    }
    history.operations = merge(copies.iter().map(Vec::as_slice));
    history
}

/// A node's copy: the file that is written to and the one before it.
async fn read(cluster: &Context, node: &Node) -> Result<Parsed, String> {
    let runtime = runtime(cluster, node)?;
    let name = container_name(&cluster.topology, &node.name, Component::Postgres);
    let (older, newer) = (path(OLDER), path(NEWER));
    let (older, newer) = join(runtime.read_file(&name, &older), runtime.read_file(&name, &newer)).await;
    let mut parsed = Parsed::default();
    for file in [older, newer] {
        let Parsed { entries, unreadable } = parse(&file.map_err(|error| told(&error))?.unwrap_or_default());
        parsed.entries.extend(entries);
        parsed.unreadable += unreadable;
    }
    Ok(parsed)
}

async fn append(cluster: &Context, node: &Node, text: &[u8]) -> Result<(), String> {
    let runtime = runtime(cluster, node)?;
    let name = container_name(&cluster.topology, &node.name, Component::Postgres);
    match runtime.find_container(&name).await.map_err(|error| causes::chain(&error))?.map(|it| it.status) {
        None => Err(NO_CONTAINER.to_owned()),
        Some(ContainerStatus::Running) => append_inside(runtime, &name, text).await,
        Some(_) => append_outside(runtime, &name, text).await.map_err(|error| told(&error)),
    }
}

async fn append_inside(runtime: &dyn ContainerRuntime, name: &str, text: &[u8]) -> Result<(), String> {
    let limit = ROTATE_AT.to_string();
    let argv = ["/bin/sh", "-c", APPEND_SCRIPT, "append", &limit].map(str::to_owned).to_vec();
    let append = ExecSpec { argv, stdin: Some(text.to_vec()), ..ExecSpec::default() };
    let output = runtime.exec(name, &append, APPEND_LIMIT).await.map_err(|error| told(&error))?;
    if output.exit_code == 0 {
        return Ok(());
    }
    Err(format!("it ended with code {}: {}", output.exit_code, String::from_utf8_lossy(&output.stderr).trim()))
}

/// Nothing runs there that could add to a file, so all of it is written anew. The engine does not flush it to the disk.
async fn append_outside(runtime: &dyn ContainerRuntime, name: &str, text: &[u8]) -> Result<(), RuntimeError> {
    let found = runtime.read_file(name, &path(NEWER)).await?.unwrap_or_default();
    let files: Vec<_> =
        appended(found, text).into_iter().map(|(file, content)| HostFile::new(path(file), content, 0o600)).collect();
    runtime.put_files(name, &files).await
}

/// The files as they are once `text` is added, by the rule of the script.
fn appended(found: Vec<u8>, text: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    if found.len() >= ROTATE_AT {
        return vec![(OLDER, found), (NEWER, text.to_vec())];
    }
    let mut content = found;
    if content.last().is_some_and(|last| *last != b'\n') {
        content.push(b'\n');
    }
    content.extend_from_slice(text);
    vec![(NEWER, content)]
}

const NEWER: &str = "history.jsonl";
const OLDER: &str = "history.1.jsonl";
const NO_CONTAINER: &str = "it has no PostgreSQL container, and only through one its history can be reached";

fn path(file: &str) -> String {
    format!("{HISTORY_PATH}/{file}")
}

fn told(error: &RuntimeError) -> String {
    match error {
        RuntimeError::NotFound { .. } => NO_CONTAINER.to_owned(),
        error => causes::chain(error),
    }
}

fn runtime<'c>(cluster: &'c Context, node: &Node) -> Result<&'c dyn ContainerRuntime, String> {
    match cluster.ports.runtimes.get(&node.name) {
        Some(Ok(runtime)) => Ok(runtime.as_ref()),
        Some(Err(why)) => Err(why.clone()),
        None => Err(format!("there is no way to the engine of {}", node.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_and_a_torn_one_is_ended_first() {
        assert_eq!(appended(Vec::new(), b"{}\n"), [(NEWER, b"{}\n".to_vec())]);
        assert_eq!(appended(b"{}\n".to_vec(), b"{}\n"), [(NEWER, b"{}\n{}\n".to_vec())]);
        assert_eq!(appended(b"{\"sch".to_vec(), b"{}\n"), [(NEWER, b"{\"sch\n{}\n".to_vec())]);
    }

    #[test]
    fn a_file_that_is_full_is_set_aside() {
        let full = vec![b'\n'; ROTATE_AT];
        assert_eq!(appended(full.clone(), b"{}\n"), [(OLDER, full), (NEWER, b"{}\n".to_vec())]);
        assert_eq!(appended(vec![b'\n'; ROTATE_AT - 1], b"{}\n").len(), 1);
    }
}
