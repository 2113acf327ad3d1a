//! What is too much to hold: the output of a program, and whole folders, piece by piece.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use ha_core::ports::{ByteStream, ExecSpec, RuntimeError};
use tokio::time::timeout;

use crate::archive;
use crate::connect::DockerRuntime;
use crate::exec::{Input, Output};
use crate::task::Task;

/// So much of a folder is read for the links in it.
const LINKS: usize = 1 << 20;
/// So much of what a program complained of last is kept.
const COMPLAINT: usize = 4 << 10;

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

impl DockerRuntime {
    pub(crate) async fn links(&self, name: &str, path: &str) -> Result<BTreeMap<String, String>, RuntimeError> {
        // A folder of links alone is small; of what is more than that, the rest is not worth the wait.
        let mut archive = Vec::new();
        let mut pieces = self.stream_folder(name, path, self.call_limit).await?;
        while archive.len() < LINKS
            && let Some(piece) = pieces.next().await
        {
            archive.extend(piece?);
        }
        archive::links(&archive)
    }

    pub(crate) async fn stream_inside(
        &self,
        name: &str,
        exec: &ExecSpec,
        silence: Duration,
    ) -> Result<ByteStream, RuntimeError> {
        let task = Task::container("running a program in", name);
        let (id, (output, input)) =
            self.patient(task, self.call_limit, self.start_inside(task, name, exec, true)).await?;
        let program = Program {
            runtime: self.clone(),
            container: name.to_owned(),
            name: exec.argv.first().cloned().unwrap_or_default(),
            id,
            output: Some(output),
            _input: input,
            complaint: Vec::new(),
            silence,
        };
        Ok(Box::pin(stream::unfold(program, |mut program| async {
            let piece = program.next().await?;
            Some((piece, program))
        })))
    }

    pub(crate) async fn stream_folder(
        &self,
        name: &str,
        path: &str,
        silence: Duration,
    ) -> Result<ByteStream, RuntimeError> {
        if !self.path_exists(name, path).await? {
            return Err(RuntimeError::NotFound { what: format!("folder {path} in container {name}") });
        }
        // The folder's content, not the folder.
        let options = DownloadFromContainerOptionsBuilder::new().path(&format!("{path}/.")).build();
        let pieces = Box::pin(self.docker.download_from_container(name, Some(options)));
        let folder = Folder { runtime: self.clone(), container: name.to_owned(), pieces: Some(pieces), silence };
        Ok(Box::pin(stream::unfold(folder, |mut folder| async {
            let piece = folder.next().await?;
            Some((piece, folder))
        })))
    }
}

struct Program {
    runtime: DockerRuntime,
    container: String,
    name: String,
    id: String,
    /// Until its end or an error.
    output: Option<Output>,
    /// Held open: the program sees the end of its input when its reader is gone.
    _input: Input,
    complaint: Vec<u8>,
    silence: Duration,
}

impl Program {
    async fn next(&mut self) -> Option<Result<Vec<u8>, RuntimeError>> {
        let result = self.piece().await.transpose();
        if !matches!(result, Some(Ok(_))) {
            self.output = None;
        }
        result
    }

    async fn piece(&mut self) -> Result<Option<Vec<u8>>, RuntimeError> {
        let task = Task::container("reading from a program in", &self.container);
        let Some(output) = &mut self.output else { return Ok(None) };
        loop {
            let piece = timeout(self.silence, output.next()).await.map_err(|_| task.timed_out(self.silence))?;
            match piece {
                Some(Ok(LogOutput::StdOut { message })) => return Ok(Some(message.into())),
                Some(Ok(LogOutput::StdErr { message } | LogOutput::Console { message })) => {
                    self.complaint.extend_from_slice(&message);
                    let surplus = self.complaint.len().saturating_sub(COMPLAINT);
                    self.complaint.drain(..surplus);
                }
                Some(Ok(LogOutput::StdIn { .. })) => {}
                Some(Err(error)) => return Err(self.runtime.failed(task, error)),
                None => break,
            }
        }
        // The output of a program that was cut off ends as well.
        let exit = self.runtime.patient(task, self.silence, self.runtime.exit_code(task, &self.id));
        match exit.await? {
            0 => Ok(None),
            code => Err(RuntimeError::ProgramFailed {
                program: self.name.clone(),
                code,
                message: String::from_utf8_lossy(&self.complaint).trim().to_owned(),
            }),
        }
    }
}

struct Folder {
    runtime: DockerRuntime,
    container: String,
    /// Until their end or an error.
    pieces: Option<Pieces>,
    silence: Duration,
}

impl Folder {
    async fn next(&mut self) -> Option<Result<Vec<u8>, RuntimeError>> {
        let task = Task::container("reading a folder of", &self.container);
        let result = match timeout(self.silence, self.pieces.as_mut()?.next()).await {
            Ok(piece) => piece.map(|piece| piece.map(Vec::from).map_err(|error| self.runtime.failed(task, error))),
            Err(_) => Some(Err(task.timed_out(self.silence))),
        };
        if !matches!(result, Some(Ok(_))) {
            self.pieces = None;
        }
        result
    }
}
