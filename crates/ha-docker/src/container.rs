//! Containers from their making to their removal.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::ContainerUpdateBody;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
    StopContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use ha_core::ports::{Container, ContainerSpec, ContainerStatus, RestartPolicy, RuntimeError};
use tokio::time::sleep;

use crate::connect::DockerRuntime;
use crate::convert;
use crate::network::ambiguous_network;
use crate::task::Task;

/// Starting, and what is done after SIGKILL, is more than an answer: networks, mounts, a busy disk.
const CHANGE_LIMIT: Duration = Duration::from_secs(60);
/// A network made twice is made one so often before a start is given up.
const NETWORK_TRIES: u32 = 5;
/// So many containers are asked after at a time.
const AT_A_TIME: usize = 8;
/// Between two looks at a container that was made and not started: the engine's own wait calls that an exit.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl DockerRuntime {
    pub(crate) async fn container(&self, name: &str) -> Result<Option<Container>, RuntimeError> {
        let task = Task::container("looking for", name);
        Ok(self.find(task, self.docker.inspect_container(name, None)).await?.map(convert::container))
    }

    pub(crate) async fn containers(&self, labels: &BTreeMap<String, String>) -> Result<Vec<Container>, RuntimeError> {
        let filters = HashMap::from([("label", convert::pairs(labels))]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let task = Task::new("listing", "containers", "");
        let found = self.call(task, self.docker.list_containers(Some(options))).await?;
        // The list does not tell restarts, exit codes and so on; one that goes meanwhile is left out.
        let ids = found.into_iter().filter_map(|summary| summary.id);
        let mut containers: Vec<Container> = stream::iter(ids)
            .map(|id| async move { self.container(&id).await })
            .buffered(AT_A_TIME)
            .try_filter_map(|container| async { Ok(container) })
            .try_collect()
            .await?;
        containers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(containers)
    }

    pub(crate) async fn create(&self, spec: &ContainerSpec) -> Result<String, RuntimeError> {
        let body = convert::create_body(spec, self.default_log_driver().await?);
        let task = Task::container("making", &spec.name);
        let options = CreateContainerOptionsBuilder::new().name(&spec.name).build();
        let create = async {
            let made = self.docker.create_container(Some(options), body).await;
            made.map_err(|error| self.failed(task, error))
        };
        Ok(self.patient(task, CHANGE_LIMIT, create).await?.id)
    }

    pub(crate) async fn start(&self, name: &str) -> Result<(), RuntimeError> {
        let task = Task::container("starting", name);
        let start = async {
            for _ in 0..NETWORK_TRIES {
                let Err(error) = self.docker.start_container(name, None).await else { return Ok(()) };
                let error = self.failed(task, error);
                // Whoever makes the same network at this moment has not seen ours yet.
                let RuntimeError::Refused { message, .. } = &error else { return Err(error) };
                let Some(network) = ambiguous_network(message) else { return Err(error) };
                self.remove_twins(network).await?;
            }
            self.docker.start_container(name, None).await.map_err(|error| self.failed(task, error))
        };
        self.patient(task, CHANGE_LIMIT, start).await
    }

    pub(crate) async fn stop(&self, name: &str, grace: Duration) -> Result<bool, RuntimeError> {
        let task = Task::container("stopping", name);
        let gone = || RuntimeError::NotFound { what: task.subject() };
        match self.container(name).await?.ok_or_else(gone)?.status {
            ContainerStatus::Running | ContainerStatus::Paused | ContainerStatus::Restarting => {}
            ContainerStatus::Created | ContainerStatus::Exited { .. } | ContainerStatus::Dead => return Ok(false),
        }
        let seconds = i32::try_from(grace.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        let stop = async {
            let stopped = self.docker.stop_container(name, Some(options)).await;
            stopped.map_err(|error| self.failed(task, error))
        };
        self.patient(task, grace.saturating_add(CHANGE_LIMIT), stop).await?;
        Ok(true)
    }

    pub(crate) async fn restart_by(&self, name: &str, policy: RestartPolicy) -> Result<(), RuntimeError> {
        let body = ContainerUpdateBody {
            restart_policy: Some(convert::restart_policy(policy)),
            ..ContainerUpdateBody::default()
        };
        self.call(Task::container("changing", name), self.docker.update_container(name, body)).await?;
        Ok(())
    }

    pub(crate) async fn remove(&self, name: &str) -> Result<bool, RuntimeError> {
        let task = Task::container("removing", name);
        let remove = async {
            let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
            match self.docker.remove_container(name, Some(options)).await {
                Ok(()) => Ok(true),
                Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(false),
                Err(Error::DockerResponseServerError { status_code: 409, message })
                    if message.contains("already in progress") =>
                {
                    self.gone(task, name).await.map(|()| true)
                }
                Err(error) => Err(self.failed(task, error)),
            }
        };
        self.patient(task, CHANGE_LIMIT, remove).await
    }

    /// Waits until somebody else's removal is through.
    async fn gone(&self, task: Task<'_>, name: &str) -> Result<(), RuntimeError> {
        match self.exit_code_of(task, name, "removed").await {
            Ok(_) | Err(RuntimeError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn wait(&self, name: &str, limit: Duration) -> Result<i64, RuntimeError> {
        let task = Task::container("waiting for the exit of", name);
        let wait = async {
            loop {
                let gone = || RuntimeError::NotFound { what: format!("container {name}") };
                match self.container(name).await?.ok_or_else(gone)?.status {
                    ContainerStatus::Exited { code } => return Ok(code),
                    ContainerStatus::Created => sleep(LOOK_AGAIN).await,
                    ContainerStatus::Running
                    | ContainerStatus::Paused
                    | ContainerStatus::Restarting
                    | ContainerStatus::Dead => return self.exit_code_of(task, name, "not-running").await,
                }
            }
        };
        self.patient(task, limit, wait).await
    }

    async fn exit_code_of(&self, task: Task<'_>, name: &str, condition: &str) -> Result<i64, RuntimeError> {
        let options = WaitContainerOptionsBuilder::new().condition(condition).build();
        let mut exits = Box::pin(self.docker.wait_container(name, Some(options)));
        match exits.next().await {
            Some(Ok(exit)) => Ok(exit.status_code),
            // A code other than 0 is no error here. An error with a message is the engine's, and then there is no code.
            Some(Err(Error::DockerContainerWaitError { error, code })) if error.is_empty() => Ok(code),
            Some(Err(Error::DockerContainerWaitError { error, .. })) => {
                Err(RuntimeError::Refused { status: 200, message: error })
            }
            Some(Err(error)) => Err(self.failed(task, error)),
            None => Err(RuntimeError::Broken { source: "the engine ended its answer before the container did".into() }),
        }
    }
}
