//! Programs inside a running container.

use std::pin::Pin;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use futures_util::{Stream, StreamExt};
use ha_core::ports::{ExecOutput, ExecSpec, RuntimeError};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::sleep;

use crate::connect::DockerRuntime;
use crate::convert;
use crate::task::Task;

/// More output than this is nothing to hold in memory.
const OUTPUT_LIMIT: usize = 64 << 20;
/// Between two looks at whether a program whose output ended has ended, too. The engine has no event to wait for.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

pub(crate) type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;
pub(crate) type Input = Pin<Box<dyn AsyncWrite + Send>>;

impl DockerRuntime {
    pub(crate) async fn run_inside(
        &self,
        name: &str,
        exec: &ExecSpec,
        limit: Duration,
    ) -> Result<ExecOutput, RuntimeError> {
        let task = Task::container("running a program in", name);
        self.patient(task, limit, async {
            let attach_stdin = exec.stdin.is_some();
            let (id, (output, input)) = self.start_inside(task, name, exec, attach_stdin).await?;
            // Both at once: a program may write more than the pipes hold before it reads its input.
            let collect = self.collect(task, output);
            let (collected, ()) = futures_util::join!(collect, feed(input, exec.stdin.as_deref()));
            let (stdout, stderr) = collected?;
            Ok(ExecOutput { exit_code: self.exit_code(task, &id).await?, stdout, stderr })
        })
        .await
    }

    /// The program's id with the engine, and its pipes.
    pub(crate) async fn start_inside(
        &self,
        task: Task<'_>,
        name: &str,
        exec: &ExecSpec,
        attach_stdin: bool,
    ) -> Result<(String, (Output, Input)), RuntimeError> {
        let config = config(exec, attach_stdin);
        let id = self.docker.create_exec(name, config).await.map_err(|error| self.failed(task, error))?.id;
        let options = StartExecOptions { detach: false, tty: false, output_capacity: None };
        match self.docker.start_exec(&id, Some(options)).await.map_err(|error| self.failed(task, error))? {
            StartExecResults::Attached { output, input } => Ok((id, (output, input))),
            StartExecResults::Detached => {
                Err(RuntimeError::Refused { status: 200, message: "the program was not attached".to_owned() })
            }
        }
    }

    async fn collect(&self, task: Task<'_>, mut output: Output) -> Result<(Vec<u8>, Vec<u8>), RuntimeError> {
        let (mut stdout, mut stderr) = (vec![], vec![]);
        while let Some(part) = output.next().await {
            match part.map_err(|error| self.failed(task, error))? {
                LogOutput::StdOut { message } => stdout.extend_from_slice(&message),
                // Without a header come the runtime's own words when it cannot start the program.
                LogOutput::StdErr { message } | LogOutput::Console { message } => stderr.extend_from_slice(&message),
                LogOutput::StdIn { .. } => {}
            }
            if stdout.len() + stderr.len() > OUTPUT_LIMIT {
                return Err(RuntimeError::Invalid {
                    message: format!("the program wrote more than {OUTPUT_LIMIT} bytes"),
                });
            }
        }
        Ok((stdout, stderr))
    }

    /// The output may end a moment before the engine has noted the exit. Bounded by the caller.
    pub(crate) async fn exit_code(&self, task: Task<'_>, id: &str) -> Result<i64, RuntimeError> {
        loop {
            let said = self.docker.inspect_exec(id).await.map_err(|error| self.failed(task, error))?;
            match said.exit_code {
                Some(code) if said.running != Some(true) => return Ok(code),
                _ => sleep(LOOK_AGAIN).await,
            }
        }
    }
}

fn config(exec: &ExecSpec, attach_stdin: bool) -> ExecConfig {
    ExecConfig {
        attach_stdin: Some(attach_stdin),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        env: (!exec.environment.is_empty()).then(|| convert::pairs(&exec.environment)),
        cmd: Some(exec.argv.clone()),
        user: exec.user.clone(),
        ..ExecConfig::default()
    }
}

/// Writes all, then closes, so that the program sees the end. A program that does not read to the end is no error: its
/// output and exit code say what it thinks.
async fn feed(mut input: Input, stdin: Option<&[u8]>) {
    let Some(stdin) = stdin else { return };
    let written = async {
        input.write_all(stdin).await?;
        input.shutdown().await
    };
    if let Err(error) = written.await {
        tracing::debug!(%error, "the program did not read all of its input");
    }
}
