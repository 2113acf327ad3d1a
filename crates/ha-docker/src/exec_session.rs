//! A program inside a running container that is talked to.
//!
//! The engine closes the program's standard input when the connection ends, so the session needs no farewell: dropping
//! its halves closes the connection, and so does the kernel when this process is killed.

use std::time::Duration;

use async_trait::async_trait;
use bollard::container::LogOutput;
use futures_util::StreamExt;
use ha_core::ports::{ExecSession, ExecSpec, RuntimeError, Stream};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::connect::DockerRuntime;
use crate::exec::{Input, Output};
use crate::lines::Lines;
use crate::task::Task;

impl DockerRuntime {
    pub(crate) async fn talk_inside(&self, name: &str, exec: &ExecSpec) -> Result<Box<dyn ExecSession>, RuntimeError> {
        let task = Task::container("starting a program in", name);
        self.patient(task, self.call_limit, async {
            let (_, (output, input)) = self.start_inside(task, name, exec, true).await?;
            let mut session =
                Session { runtime: self.clone(), container: name.to_owned(), output, input, lines: Lines::default() };
            if let Some(stdin) = &exec.stdin {
                session.write(stdin).await?;
            }
            let session: Box<dyn ExecSession> = Box::new(session);
            Ok(session)
        })
        .await
    }
}

struct Session {
    runtime: DockerRuntime,
    container: String,
    output: Output,
    input: Input,
    lines: Lines,
}

impl Session {
    fn task(&self, doing: &'static str) -> Task<'_> {
        Task::container(doing, &self.container)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), RuntimeError> {
        let written = async {
            self.input.write_all(bytes).await?;
            self.input.flush().await
        };
        written.await.map_err(|source| RuntimeError::Broken { source: Box::new(source) })
    }

    /// Waits for the next line. May be dropped at any time: what has come is kept.
    async fn next(&mut self) -> Result<Option<String>, RuntimeError> {
        loop {
            while let Some(line) = self.lines.pop() {
                match line.stream {
                    Stream::Stdout => return Ok(Some(line.text)),
                    Stream::Stderr => tracing::debug!(container = %self.container, text = %line.text, "complains"),
                }
            }
            match self.output.next().await {
                // Without a header come the runtime's own words when it cannot start the program.
                Some(Ok(LogOutput::Console { message })) => {
                    let message = String::from_utf8_lossy(&message).trim().to_owned();
                    return Err(RuntimeError::Refused { status: 200, message });
                }
                Some(Ok(piece)) => self.lines.push(&piece),
                Some(Err(error)) => return Err(self.runtime.failed(self.task("listening to a program in"), error)),
                None => {
                    self.lines.finish();
                    // What was left without an end, first; after it, the end.
                    let rest = std::iter::from_fn(|| self.lines.pop()).find(|line| line.stream == Stream::Stdout);
                    return Ok(rest.map(|line| line.text));
                }
            }
        }
    }
}

#[async_trait]
impl ExecSession for Session {
    async fn write_line(&mut self, line: &str) -> Result<(), RuntimeError> {
        let limit = self.runtime.call_limit;
        let written = timeout(limit, self.write(format!("{line}\n").as_bytes())).await;
        written.unwrap_or_else(|_| Err(self.task("writing to a program in").timed_out(limit)))
    }

    async fn read_line(&mut self, limit: Duration) -> Result<Option<String>, RuntimeError> {
        let line = timeout(limit, self.next()).await;
        line.unwrap_or_else(|_| Err(self.task("waiting for a line of a program in").timed_out(limit)))
    }
}
