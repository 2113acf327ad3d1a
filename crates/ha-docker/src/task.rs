//! Limits: nothing here waits for ever.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use bollard::errors::Error;
use ha_core::ports::RuntimeError;
use tokio::time::{sleep, timeout};

use crate::connect::DockerRuntime;
use crate::error;

/// So many pings in a row go unanswered before work is given up: one may be lost to a host that is only busy.
const MISSED_PINGS: u32 = 2;

/// What is being done, and to what, for messages: `starting` and `container sso-vm1-postgres`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task<'a> {
    doing: &'static str,
    kind: &'static str,
    name: &'a str,
}

impl<'a> Task<'a> {
    pub(crate) const fn new(doing: &'static str, kind: &'static str, name: &'a str) -> Self {
        Self { doing, kind, name }
    }

    pub(crate) const fn container(doing: &'static str, name: &'a str) -> Self {
        Self::new(doing, "container", name)
    }

    /// The thing, for "there is no …".
    pub(crate) fn subject(&self) -> String {
        format!("{} {}", self.kind, self.name).trim().to_owned()
    }

    pub(crate) fn timed_out(&self, after: Duration) -> RuntimeError {
        RuntimeError::TimedOut { what: self.to_string(), after }
    }
}

impl fmt::Display for Task<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.doing, self.subject())
    }
}

impl DockerRuntime {
    /// A call that an engine answers at once.
    pub(crate) async fn call<T>(
        &self,
        task: Task<'_>,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, RuntimeError> {
        let whole = async {
            self.negotiated().await?;
            work.await.map_err(|error| self.failed(task, error))
        };
        let answer = timeout(self.call_limit, whole).await.unwrap_or_else(|_| Err(task.timed_out(self.call_limit)));
        tracing::debug!(endpoint = %self.endpoint, %task, ok = answer.is_ok());
        answer
    }

    /// The same, and that there is no such thing is an answer.
    pub(crate) async fn find<T>(
        &self,
        task: Task<'_>,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<Option<T>, RuntimeError> {
        match self.call(task, work).await {
            Ok(found) => Ok(Some(found)),
            Err(RuntimeError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Work that may take up to `limit`. Meanwhile the engine must go on answering: a host that dies is noticed soon,
    /// however long the work might rightly take.
    pub(crate) async fn patient<T>(
        &self,
        task: Task<'_>,
        limit: Duration,
        work: impl Future<Output = Result<T, RuntimeError>>,
    ) -> Result<T, RuntimeError> {
        self.negotiated_in_time().await?;
        let watched = async {
            let mut work = pin!(work);
            let mut pulse = pin!(self.pulse_stops(task));
            tokio::select! {
                answer = &mut work => answer,
                error = &mut pulse => Err(error),
            }
        };
        let answer = timeout(limit, watched).await.unwrap_or_else(|_| Err(task.timed_out(limit)));
        tracing::debug!(endpoint = %self.endpoint, %task, ok = answer.is_ok());
        answer
    }

    /// Ends when the engine does not answer pings any more.
    async fn pulse_stops(&self, task: Task<'_>) -> RuntimeError {
        let mut missed = 0;
        loop {
            if missed == 0 {
                sleep(self.call_limit).await;
            }
            match self.call(Task::new("pinging", "the engine", ""), self.docker.ping()).await {
                Ok(_) => missed = 0,
                Err(RuntimeError::TimedOut { after, .. }) => {
                    missed += 1;
                    if missed == MISSED_PINGS {
                        return RuntimeError::TimedOut { what: format!("a ping of the engine while {task}"), after };
                    }
                }
                Err(error) => return error,
            }
        }
    }

    pub(crate) fn failed(&self, task: Task<'_>, error: Error) -> RuntimeError {
        error::convert(&self.endpoint, &task.subject(), error)
    }
}
