//! What containers wrote.

use std::pin::Pin;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::query_parameters::{LogsOptions, LogsOptionsBuilder};
use futures_util::{Stream, StreamExt, stream};
use ha_core::ports::{LogLine, LogOptions, LogStream, RuntimeError};
use tokio::time::timeout;

use crate::connect::DockerRuntime;
use crate::lines::Lines;
use crate::task::Task;

type Pieces = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

/// Reads one container's output.
struct Reader {
    runtime: DockerRuntime,
    name: String,
    pieces: Option<Pieces>,
    lines: Lines,
    /// How long the next piece may take; a follower waits as long as nothing is written.
    silence: Option<Duration>,
}

impl DockerRuntime {
    pub(crate) async fn log_lines(&self, name: &str, options: &LogOptions) -> Result<LogStream, RuntimeError> {
        // bollard reports a missing container as the first item only, which a follower would wait for.
        self.call(Task::container("reading the log of", name), self.docker.inspect_container(name, None)).await?;
        // That the engine answers at all is bounded for a follower, too; bollard counts whole seconds.
        let answer_limit = Duration::from_secs(self.call_limit.as_secs().max(1));
        let docker = self.docker.clone().with_timeout(answer_limit);
        let reader = Reader {
            runtime: self.clone(),
            name: name.to_owned(),
            pieces: Some(Box::pin(docker.logs(name, Some(query(options))))),
            lines: Lines::default(),
            silence: (!options.follow).then_some(self.call_limit),
        };
        Ok(Box::pin(stream::unfold(reader, |mut reader| async {
            let line = reader.next().await?;
            Some((line, reader))
        })))
    }
}

impl Reader {
    async fn next(&mut self) -> Option<Result<LogLine, RuntimeError>> {
        loop {
            if let Some(line) = self.lines.pop() {
                return Some(Ok(line));
            }
            match self.piece().await? {
                Ok(Some(piece)) => self.lines.push(&piece),
                Ok(None) => {
                    self.lines.finish();
                    self.pieces = None;
                }
                Err(error) => {
                    self.pieces = None;
                    return Some(Err(error));
                }
            }
        }
    }

    /// The next piece, the end (`Ok(None)`), or that there was an end before.
    async fn piece(&mut self) -> Option<Result<Option<LogOutput>, RuntimeError>> {
        let task = Task::container("reading the log of", &self.name);
        let pieces = self.pieces.as_mut()?;
        let piece = match self.silence {
            None => pieces.next().await,
            Some(limit) => match timeout(limit, pieces.next()).await {
                Ok(piece) => piece,
                Err(_) => return Some(Err(task.timed_out(limit))),
            },
        };
        Some(match piece {
            None => Ok(None),
            Some(Ok(piece)) => Ok(Some(piece)),
            Some(Err(Error::RequestTimeoutError)) => Err(task.timed_out(self.runtime.call_limit)),
            Some(Err(error)) => Err(self.runtime.failed(task, error)),
        })
    }
}

fn query(options: &LogOptions) -> LogsOptions {
    let mut query =
        LogsOptionsBuilder::new().stdout(true).stderr(true).follow(options.follow).timestamps(options.timestamps);
    if let Some(since) = options.since_unix {
        query = query.since(since.clamp(0, i64::from(i32::MAX)) as i32);
    }
    let tail = options.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
    query.tail(&tail).build()
}
