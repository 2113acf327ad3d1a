//! What each node was brought up with, against what the file says, and the nodes against each other.

use futures_util::future::join_all;
use serde::Serialize;
use serde_json::Value;

use crate::causes::chain;
use crate::context::Context;
use crate::layout::{Component, TOPOLOGY_PATH, container_name, topology_json};
use crate::observe::{NodeObservation, Unobserved, UnobservedWhy};
use crate::survey::observe_all;
use crate::topology::Node;
use crate::values::NodeName;

/// What one node runs.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeDrift {
    /// Which node.
    pub node: NodeName,
    /// How it differs from the file; why it is not known; `None` where it was never brought up.
    pub differences: Result<Option<Vec<Difference>>, Unobserved>,
}

/// A value that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where, as in `nodes.vm2.address`.
    pub path: String,
    /// What the file says; `null` where it says nothing.
    pub file: Value,
    /// What the node runs.
    pub node: Value,
}

/// What two nodes should share and do not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disagreement {
    /// What.
    pub what: String,
    /// Each node with its value.
    pub values: Vec<ValueOfNode>,
}

/// What one node has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueOfNode {
    /// Which.
    pub node: NodeName,
    /// What it has.
    pub value: String,
}

pub(crate) async fn of_nodes(cluster: &Context) -> Vec<NodeDrift> {
    let expected: Value = serde_json::from_str(&topology_json(cluster.topology())).expect("written as JSON");
    join_all(cluster.topology().nodes().iter().map(|node| async {
        let found = deployed(cluster, node).await;
        NodeDrift {
            node: node.name.clone(),
            differences: found.map(|it| it.map(|found| difference(&expected, &found))),
        }
    }))
    .await
}

async fn deployed(cluster: &Context, node: &Node) -> Result<Option<Value>, Unobserved> {
    let runtime = match cluster.ports.runtimes.get(&node.name) {
        Some(Ok(runtime)) => runtime,
        no_way => {
            let message = no_way.and_then(|it| it.as_ref().err()).cloned().unwrap_or_default();
            return Err(Unobserved { why: UnobservedWhy::NoWay, message });
        }
    };
    let failed = |message: String| Unobserved { why: UnobservedWhy::Failed, message };
    let name = container_name(cluster.topology(), &node.name, Component::Postgres);
    if runtime.find_container(&name).await.map_err(|error| failed(chain(&error)))?.is_none() {
        return Ok(None);
    }
    let content = runtime.read_file(&name, TOPOLOGY_PATH).await.map_err(|error| failed(chain(&error)))?;
    let content = content.ok_or_else(|| failed(format!("{TOPOLOGY_PATH} is not there")))?;
    serde_json::from_slice(&content)
        .map(Some)
        .map_err(|error| failed(format!("{TOPOLOGY_PATH} cannot be read: {error}")))
}

/// Every leaf that differs. Nodes are compared by name, since their order means nothing.
fn difference(file: &Value, node: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(String::new(), file, node, &mut found);
    found
}

fn compare(path: String, file: &Value, node: &Value, found: &mut Vec<Difference>) {
    let at = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (named(file).unwrap_or_else(|| file.clone()), named(node).unwrap_or_else(|| node.clone())) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<_> = a.keys().chain(b.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            for key in keys {
                let side = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                compare(at(key), &side(&a), &side(&b), found);
            }
        }
        (a, b) if a != b => found.push(Difference { path, file: a, node: b }),
        _ => {}
    }
}

/// A list of things with names, as a table by name.
fn named(value: &Value) -> Option<Value> {
    let list = value.as_array()?;
    let entries: Option<serde_json::Map<String, Value>> =
        list.iter().map(|entry| Some((entry.get("name")?.as_str()?.to_owned(), entry.clone()))).collect();
    entries.filter(|entries| !entries.is_empty()).map(Value::Object)
}

/// What the nodes run and should share: the versions of PostgreSQL and the way their Keycloaks were made.
pub(crate) async fn between_nodes(cluster: &Context) -> Vec<Disagreement> {
    let seen = observe_all(cluster).await;
    let value = |node: &NodeObservation, value: String| ValueOfNode { node: node.node.clone(), value };
    let versions =
        seen.iter().filter_map(|node| Some(value(node, node.postgres.as_ref().ok()?.version.to_string()))).collect();
    let image = |container: &crate::observe::ComponentObservation| {
        container.as_ref().ok().and_then(Option::as_ref).map(|container| container.image_id.clone())
    };
    // An image built on each host has an id of its own there: only one engine's, or a registry's, can be compared.
    let keycloaks: Vec<_> =
        seen.iter().filter_map(|node| Some(value(node, image(&node.keycloak_container)?))).collect();
    let mut found = vec![("PostgreSQL version".to_owned(), versions)];
    if cluster.topology().cluster.demo {
        found.push(("Keycloak image".to_owned(), keycloaks));
    }
    found
        .into_iter()
        .filter(|(_, values)| values.windows(2).any(|pair| pair[0].value != pair[1].value))
        .map(|(what, values)| Disagreement { what, values })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_every_value_that_differs_and_nothing_else() {
        let file = json!({"a": 1, "b": {"c": "x"}, "nodes": [{"name": "vm1", "port": 1}, {"name": "vm2", "port": 2}]});
        let node = json!({"a": 1, "b": {"c": "y"}, "nodes": [{"name": "vm2", "port": 3}, {"name": "vm1", "port": 1}]});
        let paths: Vec<_> = difference(&file, &node).into_iter().map(|it| (it.path, it.file, it.node)).collect();
        assert_eq!(
            paths,
            [("b.c".to_owned(), json!("x"), json!("y")), ("nodes.vm2.port".to_owned(), json!(2), json!(3))]
        );
        assert!(difference(&file, &file).is_empty());
    }

    #[test]
    fn a_node_that_one_side_does_not_know_is_named() {
        let file = json!({"nodes": [{"name": "vm1"}, {"name": "vm2"}]});
        let node = json!({"nodes": [{"name": "vm1"}]});
        let found = difference(&file, &node);
        assert_eq!((found.len(), found[0].path.as_str()), (1, "nodes.vm2"));
        assert_eq!(found[0].node, Value::Null);
    }
}
