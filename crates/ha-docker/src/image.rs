//! Images: found, pulled, built.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bollard::body_stream;
use bollard::errors::Error;
use bollard::models::{BuildInfo, CreateImageInfo};
use bollard::query_parameters::{BuildImageOptionsBuilder, CreateImageOptionsBuilder};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use ha_core::ports::{Image, ImageBuild, Progress, ProgressUpdate, RuntimeError};
use tokio::time::timeout;

use crate::archive;
use crate::connect::DockerRuntime;
use crate::convert;
use crate::credentials::Login;
use crate::task::Task;

/// A pull may take as long as it moves.
const PULL_SILENCE: Duration = Duration::from_secs(60);
/// The engine itself waits up to 15 s for a registry that does not answer, and asks more than once.
const REGISTRY_LIMIT: Duration = Duration::from_secs(20);
const BUILD_LIMIT: Duration = Duration::from_secs(600);
/// What is kept of a build's output, for the error.
const BUILD_LINES: usize = 20;

impl DockerRuntime {
    pub(crate) async fn image(&self, reference: &str) -> Result<Option<Image>, RuntimeError> {
        let task = Task::new("looking for", "image", reference);
        Ok(self.find(task, self.docker.inspect_image(reference)).await?.map(convert::image))
    }

    pub(crate) async fn pull(&self, reference: &str, progress: Arc<dyn Progress>) -> Result<Image, RuntimeError> {
        self.negotiated_in_time().await?;
        let task = Task::new("pulling", "image", reference);
        let login = Login::of(reference).await;
        let failed =
            |message| RuntimeError::PullFailed { reference: reference.to_owned(), message: login.explain(message) };
        let options = CreateImageOptionsBuilder::new().from_image(&with_tag(reference)).build();
        let mut news = Box::pin(self.docker.create_image(Some(options), None, login.credentials.clone()));
        let mut layers = Layers::default();
        loop {
            match timeout(PULL_SILENCE, news.next()).await {
                Err(_) => return Err(task.timed_out(PULL_SILENCE)),
                Ok(None) => break,
                Ok(Some(Ok(news))) => {
                    if let Some(update) = layers.update(reference, news) {
                        progress.update(update);
                    }
                }
                Ok(Some(Err(error))) => return Err(pull_error(self.failed(task, error), failed)),
            }
        }
        let pulled = self.image(reference).await?;
        pulled.ok_or_else(|| failed("the engine does not have it afterwards".to_owned()))
    }

    pub(crate) async fn in_registry(&self, reference: &str) -> Result<(), RuntimeError> {
        let task = Task::new("asking the registry for", "image", reference);
        let login = Login::of(reference).await;
        let failed =
            |message| RuntimeError::PullFailed { reference: reference.to_owned(), message: login.explain(message) };
        let name = with_tag(reference);
        let ask = async {
            let answer = self.docker.inspect_registry_image(&name, login.credentials.clone()).await;
            answer.map(|_| ()).map_err(|error| pull_error(self.failed(task, error), failed))
        };
        self.patient(task, REGISTRY_LIMIT, ask).await
    }

    pub(crate) async fn build(&self, build: &ImageBuild) -> Result<Image, RuntimeError> {
        let task = Task::new("building", "image", &build.tag);
        let context = Bytes::from(archive::pack(&[], &build.context)?);
        self.patient(task, BUILD_LIMIT, self.run_build(task, build, context)).await?;
        self.image(&build.tag).await?.ok_or_else(|| RuntimeError::BuildFailed {
            tag: build.tag.clone(),
            message: "the engine does not have it afterwards".to_owned(),
        })
    }

    async fn run_build(&self, task: Task<'_>, build: &ImageBuild, context: Bytes) -> Result<(), RuntimeError> {
        let options = BuildImageOptionsBuilder::new()
            .dockerfile("Dockerfile")
            .t(&build.tag)
            .labels(&convert::hash(&build.labels))
            // What is built has all it needs in its context: an engine without a default bridge builds it, too.
            .networkmode("none")
            .rm(true)
            .forcerm(true)
            .build();
        let mut output = Box::pin(self.docker.build_image(options, None, Some(body_stream(stream::iter([context])))));
        let mut tail = Tail::default();
        while let Some(news) = output.next().await {
            match news {
                Ok(news) => tail.push(&news),
                Err(Error::DockerStreamError { error }) => return Err(tail.failed(&build.tag, error)),
                // A Dockerfile that cannot be read is refused before there is any output.
                Err(Error::DockerResponseServerError { status_code: 400, message }) => {
                    return Err(tail.failed(&build.tag, message));
                }
                Err(error) => return Err(self.failed(task, error)),
            }
        }
        Ok(())
    }
}

/// A reference without a tag means `latest` to people, and every tag there is to the engine.
fn with_tag(reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    if name.contains([':', '@']) { reference.to_owned() } else { format!("{reference}:latest") }
}

/// The registry's answer is the pull's failure; a full disk or a lost engine is not the registry's doing.
fn pull_error(error: RuntimeError, failed: impl FnOnce(String) -> RuntimeError) -> RuntimeError {
    match error {
        RuntimeError::Refused { message, .. } => failed(message),
        RuntimeError::NotFound { what } => failed(format!("there is no {what}")),
        other => other,
    }
}

/// How far each layer is.
#[derive(Debug, Default)]
struct Layers(BTreeMap<String, (u64, u64)>);

impl Layers {
    fn update(&mut self, reference: &str, news: CreateImageInfo) -> Option<ProgressUpdate> {
        let (id, detail) = (news.id?, news.progress_detail?);
        let bytes = |count: Option<i64>| count.and_then(|count| count.try_into().ok());
        let (current, total): (u64, u64) = (bytes(detail.current)?, bytes(detail.total)?);
        // Unpacking counts each layer a second time.
        if news.status.as_deref() != Some("Downloading") {
            return None;
        }
        self.0.insert(id, (current, total));
        let sum = |part: fn(&(u64, u64)) -> u64| self.0.values().map(part).sum();
        Some(ProgressUpdate {
            what: format!("pulling {reference}"),
            done_bytes: sum(|layer| layer.0),
            total_bytes: Some(sum(|layer| layer.1)),
        })
    }
}

/// The end of a build's output.
#[derive(Debug, Default)]
struct Tail(VecDeque<String>);

impl Tail {
    fn push(&mut self, news: &BuildInfo) {
        let lines = news.stream.iter().flat_map(|text| text.lines()).filter(|line| !line.trim().is_empty());
        for line in lines {
            self.0.push_back(line.to_owned());
            if self.0.len() > BUILD_LINES {
                self.0.pop_front();
            }
        }
    }

    fn failed(self, tag: &str, error: String) -> RuntimeError {
        if error.contains("no space left on device") {
            return RuntimeError::NoSpace { message: error };
        }
        let mut lines: Vec<_> = self.0.into();
        lines.push(error);
        RuntimeError::BuildFailed { tag: tag.to_owned(), message: lines.join("\n") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::ProgressDetail;

    #[test]
    fn only_a_bare_name_gets_a_tag() {
        let table = [
            ("postgres", "postgres:latest"),
            ("postgres:17", "postgres:17"),
            ("registry.example:5000/postgres", "registry.example:5000/postgres:latest"),
            ("postgres@sha256:0a", "postgres@sha256:0a"),
        ];
        for (reference, pulled) in table {
            assert_eq!(with_tag(reference), pulled);
        }
    }

    #[test]
    fn progress_is_the_sum_of_the_layers_being_downloaded() {
        let news = |id: &str, status: &str, current, total| CreateImageInfo {
            id: Some(id.to_owned()),
            status: Some(status.to_owned()),
            progress_detail: Some(ProgressDetail { current: Some(current), total: Some(total) }),
            ..CreateImageInfo::default()
        };
        let mut layers = Layers::default();
        assert!(layers.update("x", news("a", "Downloading", 10, 100)).is_some());
        assert!(layers.update("x", news("a", "Extracting", 90, 100)).is_none());
        let update = layers.update("x", news("b", "Downloading", 5, 50)).unwrap();
        assert_eq!((update.done_bytes, update.total_bytes), (15, Some(150)));
    }
}
