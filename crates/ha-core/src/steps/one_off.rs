//! Containers that do one job on a node's volumes and go.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;

use super::StepError;
use crate::cluster::Cluster;
use crate::layout::{self, STATE_PATH};
use crate::plan::DataState;
use crate::ports::{ContainerRuntime, ContainerStatus, HostFile, Image, LogLine, LogOptions, RuntimeError, Stream};
use crate::topology::Node;

/// Lines kept for the message of a job that fails.
const KEPT_LINES: usize = 12;

/// A job: a script that runs as root in PostgreSQL's image on the node's volumes.
pub(crate) struct Job<'a> {
    pub(crate) name: &'a str,
    pub(crate) script: &'a str,
    pub(crate) arguments: Vec<String>,
    pub(crate) files: Vec<HostFile>,
    pub(crate) limit: Duration,
}

/// Runs a job to its end and returns the facts it printed (`name=value` lines). A job of that name that a killed run
/// left is waited for when it still runs, since it is the same job, and removed when it does not.
pub(crate) async fn run(
    cluster: &Cluster,
    node: &Node,
    runtime: &dyn ContainerRuntime,
    image: &Image,
    job: Job<'_>,
    mut line_seen: impl FnMut(&LogLine) + Send,
) -> Result<BTreeMap<String, String>, StepError> {
    let topology = cluster.topology();
    let name = layout::one_off_name(topology, &node.name, job.name);
    let left = runtime.find_container(&name).await?;
    let runs = left.as_ref().is_some_and(|container| container.status == ContainerStatus::Running);
    if left.is_some() && !runs {
        runtime.remove_container(&name).await?;
    }
    if !runs {
        let spec = layout::one_off_container(topology, node, &image.id, job.name, &job.arguments);
        runtime.create_container(&spec).await?;
        let mut files = job.files;
        files.push(HostFile::new(format!("{STATE_PATH}/{}.sh", job.name), job.script, 0o644));
        let started = async {
            runtime.put_files(&name, &files).await?;
            runtime.start_container(&name).await
        };
        if let Err(error) = started.await {
            // Never started: nothing was done, and nothing is left.
            runtime.remove_container(&name).await?;
            return Err(error.into());
        }
    }
    let mut facts = BTreeMap::new();
    let mut last: Vec<String> = Vec::new();
    let mut logs = runtime.logs(&name, &LogOptions { follow: true, ..LogOptions::default() }).await?;
    while let Some(line) = logs.next().await {
        let line = line?;
        if let (Stream::Stdout, Some((key, value))) = (line.stream, line.text.split_once('=')) {
            facts.insert(key.to_owned(), value.to_owned());
        }
        line_seen(&line);
        if last.len() == KEPT_LINES {
            last.remove(0);
        }
        last.push(line.text);
    }
    let code = runtime.wait_container(&name, job.limit).await?;
    runtime.remove_container(&name).await?;
    if code == 0 { Ok(facts) } else { Err(StepError::Job { code, message: last.join("\n") }) }
}

/// Looks at the data of a node whose PostgreSQL has no container.
pub(crate) async fn examine(
    cluster: &Cluster,
    node: &Node,
    runtime: &dyn ContainerRuntime,
    image: &Image,
) -> Result<DataState, RuntimeError> {
    let job = Job {
        name: "examine",
        script: layout::EXAMINE_SCRIPT,
        arguments: Vec::new(),
        files: Vec::new(),
        limit: Duration::from_secs(60),
    };
    runtime
        .ensure_network(&layout::network_name(cluster.topology()), &layout::labels(cluster.topology(), None))
        .await?;
    let facts = match run(cluster, node, runtime, image, job, |_| {}).await {
        Ok(facts) => facts,
        Err(StepError::Runtime(error)) => return Err(error),
        Err(other) => return Err(RuntimeError::Refused { status: 0, message: other.to_string() }),
    };
    let fact = |key: &str| facts.get(key).map(String::as_str);
    Ok(match (fact("data"), fact("system_identifier").and_then(|text| text.parse().ok())) {
        (Some("complete"), Some(system)) => DataState::Complete { system, standby: fact("standby_signal").is_some() },
        (Some("empty"), _) => DataState::Empty,
        (Some("partial"), _) => DataState::Partial,
        _ => DataState::Foreign { found: fact("found").unwrap_or("a database that cannot be read").trim().to_owned() },
    })
}
