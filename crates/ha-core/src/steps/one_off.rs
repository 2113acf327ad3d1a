//! Containers that do one job on a node's volumes and go.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{StreamExt, pin_mut};

use super::StepError;
use crate::context::Context;
use crate::layout::{self, LABEL_COMPONENT, LABEL_SPEC, STATE_PATH};
use crate::plan::DataState;
use crate::ports::{ContainerRuntime, ContainerStatus, HostFile, Image, LogLine, LogOptions, RuntimeError, Stream};
use crate::topology::Node;
use crate::values::SystemIdentifier;

/// Lines kept for the message of a job that fails.
const KEPT_LINES: usize = 12;
/// A job whose result is in its place already has nothing left to do but to end.
const END_OF_JOB: Duration = Duration::from_secs(60);

/// A job: a script that runs as root in PostgreSQL's image on the node's volumes.
pub(crate) struct Job<'a> {
    pub(crate) name: &'a str,
    pub(crate) script: &'a str,
    pub(crate) arguments: Vec<String>,
    pub(crate) files: Vec<HostFile>,
    pub(crate) limit: Duration,
}

/// Those that only look: what they would have told whoever began them, nobody waits for once another one begins.
const LOOKING: &[&str] = &["inspect", "examine", "try"];

/// Runs a job to its end and returns the facts it printed (`name=value` lines). One that a killed run left is waited for when it still
/// runs and was asked the same, and removed when it does not run. On a node's data only one works at a time.
///
/// # Errors
/// Another one still works on the data, and it does not only look. All that can befall a container.
pub(crate) async fn run(
    cluster: &Context,
    node: &Node,
    runtime: &dyn ContainerRuntime,
    image: &Image,
    job: Job<'_>,
    mut line_seen: impl FnMut(&LogLine) + Send,
) -> Result<BTreeMap<String, String>, StepError> {
    let topology = cluster.topology();
    let name = layout::one_off_name(topology, &node.name, job.name);
    let mut spec = layout::one_off_container(topology, node, &image.id, job.name, &job.arguments);
    let script = HostFile::new(format!("{STATE_PATH}/{}.sh", job.name), job.script, 0o644);
    let asked = layout::spec_hash(&spec, std::slice::from_ref(&script));
    spec.labels.insert(LABEL_SPEC.to_owned(), asked.clone());
    if !LOOKING.contains(&job.name) {
        make_way(cluster, node, runtime, &name).await?;
    }
    let left = runtime.find_container(&name).await?;
    let runs = left.as_ref().is_some_and(|it| it.status == ContainerStatus::Running);
    let same = left.as_ref().is_some_and(|it| it.labels.get(LABEL_SPEC) == Some(&asked));
    if runs && !same && !LOOKING.contains(&job.name) {
        return Err(at_work(&name));
    }
    if left.is_some() && !(runs && same) {
        runtime.remove_container(&name).await?;
    }
    if !(runs && same) {
        runtime.ensure_network(&layout::network_name(topology), &layout::labels(topology, None)).await?;
        runtime.create_container(&spec).await?;
        let mut files = job.files;
        files.push(script);
        let started = async {
            runtime.put_files(&name, &files).await?;
            runtime.start_container(&name).await
        };
        if let Err(error) = started.await {
            // Never started: nothing was done, and nothing is left. When it cannot be removed either, the first error
            // says more; the next run removes it.
            drop(runtime.remove_container(&name).await);
            return Err(error.into());
        }
    }
    let mut facts = BTreeMap::new();
    let mut last: Vec<String> = Vec::new();
    let mut logs = runtime.logs(&name, &LogOptions { follow: true, ..LogOptions::default() }).await?;
    let mut take = |line: LogLine| {
        if let (Stream::Stdout, Some((key, value))) = (line.stream, line.text.split_once('=')) {
            facts.insert(key.to_owned(), value.to_owned());
        }
        line_seen(&line);
        if last.len() == KEPT_LINES {
            last.remove(0);
        }
        last.push(line.text);
    };
    // The log has no limit of its own: a job that hangs keeps it open, so it is read beside the wait that has one.
    let read = async {
        while let Some(line) = logs.next().await {
            take(line?);
        }
        Ok::<(), RuntimeError>(())
    };
    let exited = runtime.wait_container(&name, job.limit);
    pin_mut!(read, exited);
    let code = match select(read, exited).await {
        Either::Left((read, exited)) => {
            read?;
            exited.await?
        }
        Either::Right((Ok(code), read)) => {
            read.await?;
            code
        }
        Either::Right((Err(error), _)) => {
            // One that hangs is stopped, so that the next run begins it anew.
            if let RuntimeError::TimedOut { .. } = error {
                drop(runtime.remove_container(&name).await);
            }
            return Err(error.into());
        }
    };
    runtime.remove_container(&name).await?;
    if code == 0 { Ok(facts) } else { Err(StepError::Job { code, message: last.join("\n") }) }
}

/// Ends what only looks at the data of a node, but for the job of that name.
async fn make_way(cluster: &Context, node: &Node, runtime: &dyn ContainerRuntime, but: &str) -> Result<(), StepError> {
    for container in runtime.list_containers(&layout::selector(cluster.topology(), Some(&node.name))).await? {
        let component = container.labels.get(LABEL_COMPONENT).and_then(|it| it.strip_prefix("job-"));
        // A doctor looks at a machine, and goes by itself.
        let Some(job) = component.filter(|job| container.name != but && *job != "doctor") else { continue };
        if LOOKING.contains(&job) {
            runtime.remove_container(&container.name).await?;
        } else if container.status == ContainerStatus::Running {
            return Err(at_work(&container.name));
        }
    }
    Ok(())
}

fn at_work(container: &str) -> StepError {
    StepError::Changed(format!(
        "{container} of an earlier run, which was cut off, still works on the data: wait for its end (`docker wait {container}`), then run this again"
    ))
}

/// Removes the jobs of a node that killed runs left, each after its end where it does more than look: what they were for is done by now.
pub(super) async fn clear(cluster: &Context, node: &Node, runtime: &dyn ContainerRuntime) -> Result<(), StepError> {
    let labels = layout::selector(cluster.topology(), Some(&node.name));
    for container in runtime.list_containers(&labels).await? {
        if let Some(job) = container.labels.get(LABEL_COMPONENT).and_then(|component| component.strip_prefix("job-")) {
            // What a doctor that was killed has left may hold the server's port.
            let looks = LOOKING.contains(&job) || job == "doctor";
            if container.status == ContainerStatus::Running && !looks {
                runtime.wait_container(&container.name, END_OF_JOB).await?;
            }
            runtime.remove_container(&container.name).await?;
        }
    }
    Ok(())
}

/// Looks at the data of a node whose PostgreSQL has no container.
pub(crate) async fn examine(
    cluster: &Context,
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
    let facts = match run(cluster, node, runtime, image, job, |_| {}).await {
        Ok(facts) => facts,
        Err(StepError::Runtime(error)) => return Err(error),
        Err(other) => return Err(RuntimeError::Invalid { message: other.to_string() }),
    };
    Ok(data_state(&facts))
}

/// What the facts of the examination mean. A database counts as the node's only when the node's identity, which is
/// written before a database is put in its place, says so.
fn data_state(facts: &BTreeMap<String, String>) -> DataState {
    let fact = |key: &str| facts.get(key).map(|text| text.trim());
    let number = |key: &str| fact(key).and_then(|text| text.parse().ok());
    let identity: Option<SystemIdentifier> = number("identity");
    let foreign = |found: String| DataState::Foreign { found };
    match (fact("data"), number("system_identifier"), identity) {
        (Some("complete"), Some(system), Some(identity)) if system == identity => {
            DataState::Complete { system, standby: fact("standby_signal").is_some() }
        }
        (Some("complete"), Some(system), Some(identity)) => foreign(format!(
            "the database with system identifier {system}, while this node was given the one with {identity}"
        )),
        (Some("complete"), Some(system), None) => DataState::Unpinned {
            system,
            standby: fact("standby_signal").is_some(),
            set_up: fact("set_up").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
            vouched: number("adopt") == Some(system),
        },
        (Some("empty"), _, Some(system)) => DataState::Lost { system },
        (Some("empty"), _, None) => DataState::Empty,
        (Some("partial"), _, _) => DataState::Partial,
        _ => foreign(fact("found").unwrap_or("a database that cannot be read").to_owned()),
    }
}
