//! One Docker engine, in Docker's words.

mod error;
mod program;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::Stream as FuturesStream;

use super::Progress;

pub use crate::docker::{Container, ContainerSpec, ContainerStatus, Mount, PortBinding, RestartPolicy};
pub use crate::docker::{EngineInfo, HostFile, Image, ImageBuild, Volume};
pub use error::RuntimeError;
pub use program::{ExecOutput, ExecSession, ExecSpec, LogLine, LogOptions, Stream};

/// A boxed stream that owns what it needs.
pub type LogStream = Pin<Box<dyn FuturesStream<Item = Result<LogLine, RuntimeError>> + Send>>;

/// Bytes as they come. It ends after the first error; without one, what came is whole.
pub type ByteStream = Pin<Box<dyn FuturesStream<Item = Result<Vec<u8>, RuntimeError>> + Send>>;

/// Makes, runs and removes containers and what belongs to them on one Docker engine.
///
/// `ensure_…` and `remove_…` may be called again with the same effect. An implementation bounds every call in time by
/// itself ([`RuntimeError::TimedOut`]), also against an engine that is frozen or gone; the calls that may rightly take
/// long say so.
#[cfg_attr(any(test, feature = "test-util"), mockall::automock)]
#[async_trait]
pub trait ContainerRuntime: Send + Sync {
    /// What the engine says of itself and its host.
    async fn engine(&self) -> Result<EngineInfo, RuntimeError>;

    /// The image of that reference (name and tag, name and digest, or id), if the engine has it.
    async fn find_image(&self, reference: &str) -> Result<Option<Image>, RuntimeError>;

    /// Pulls an image. Takes as long as it takes; gives up when nothing arrives for a minute.
    ///
    /// # Errors
    /// [`RuntimeError::PullFailed`] with the registry's words.
    async fn pull_image(&self, reference: &str, progress: Arc<dyn Progress>) -> Result<Image, RuntimeError>;

    /// Asks the image's registry, through the engine, whether it hands it out, without pulling it.
    ///
    /// # Errors
    /// [`RuntimeError::PullFailed`] with the registry's words when it does not; [`RuntimeError::Invalid`] from an
    /// implementation that has no way to ask.
    async fn registry_has(&self, reference: &str) -> Result<(), RuntimeError> {
        Err(RuntimeError::Invalid { message: format!("there is no way to ask the registry of {reference}") })
    }

    /// Builds an image with the engine's classic builder, without any network, and tags it; at most 10 minutes.
    ///
    /// # Errors
    /// [`RuntimeError::BuildFailed`] with the last lines of the build's output.
    async fn build_image(&self, build: &ImageBuild) -> Result<Image, RuntimeError>;

    /// Makes the bridge network unless there is one of that name.
    async fn ensure_network(&self, name: &str, labels: &BTreeMap<String, String>) -> Result<(), RuntimeError>;

    /// Removes the network; `false` when there was none.
    async fn remove_network(&self, name: &str) -> Result<bool, RuntimeError>;

    /// The volume of that name.
    async fn find_volume(&self, name: &str) -> Result<Option<Volume>, RuntimeError>;

    /// Every volume that carries all these labels.
    async fn list_volumes(&self, labels: &BTreeMap<String, String>) -> Result<Vec<Volume>, RuntimeError>;

    /// Makes the volume unless there is one of that name, whose labels are then left as they are.
    async fn ensure_volume(&self, name: &str, labels: &BTreeMap<String, String>) -> Result<Volume, RuntimeError>;

    /// Destroys the volume and what is in it; `false` when there was none.
    async fn remove_volume(&self, name: &str) -> Result<bool, RuntimeError>;

    /// The container of that name, running or not.
    async fn find_container(&self, name: &str) -> Result<Option<Container>, RuntimeError>;

    /// Every container, running or not, that carries all these labels.
    async fn list_containers(&self, labels: &BTreeMap<String, String>) -> Result<Vec<Container>, RuntimeError>;

    /// Makes a container without starting it and returns its id.
    ///
    /// # Errors
    /// [`RuntimeError::NameTaken`] when there is one of that name.
    async fn create_container(&self, spec: &ContainerSpec) -> Result<String, RuntimeError>;

    /// Starts it; nothing happens when it runs.
    ///
    /// # Errors
    /// [`RuntimeError::PortTaken`] when another program has a port it publishes.
    async fn start_container(&self, name: &str) -> Result<(), RuntimeError>;

    /// Sends the image's stop signal and, after `timeout`, SIGKILL; `false` when it did not run.
    async fn stop_container(&self, name: &str, timeout: Duration) -> Result<bool, RuntimeError>;

    /// Changes what the engine does when it exits, running or not, without stopping it.
    async fn set_restart_policy(&self, name: &str, policy: RestartPolicy) -> Result<(), RuntimeError>;

    /// Removes it with its anonymous volumes, running or not; `false` when there was none. Named volumes stay.
    async fn remove_container(&self, name: &str) -> Result<bool, RuntimeError>;

    /// Waits until it has exited, at most `timeout`, and returns its exit code.
    async fn wait_container(&self, name: &str, timeout: Duration) -> Result<i64, RuntimeError>;

    /// Writes files into a container, running or only created, replacing what is there; parent folders are made.
    /// Paths below a mounted volume land in the volume.
    async fn put_files(&self, name: &str, files: &[HostFile]) -> Result<(), RuntimeError>;

    /// Reads one file of a container, running or not, of at most 4 MiB; `None` when there is none.
    async fn read_file(&self, name: &str, path: &str) -> Result<Option<Vec<u8>>, RuntimeError>;

    /// The symbolic links right in a folder of a container, running or not: their names and where they lead.
    ///
    /// # Errors
    /// [`RuntimeError::NotFound`] when there is no such folder.
    async fn read_links(&self, name: &str, path: &str) -> Result<BTreeMap<String, String>, RuntimeError>;

    /// Runs a program inside a running container to its end, at most `timeout`.
    ///
    /// A program that exits with another code than 0 is no error of this call. After
    /// [`RuntimeError::TimedOut`] the program may still run.
    async fn exec(&self, name: &str, exec: &ExecSpec, timeout: Duration) -> Result<ExecOutput, RuntimeError>;

    /// Starts a program inside a running container and keeps the connection to it, for as long as the session lives;
    /// [`ExecSpec::stdin`] is written first.
    ///
    /// # Errors
    /// As of [`exec`](Self::exec); [`RuntimeError::Invalid`] from an implementation that cannot do this. That the program
    /// itself cannot be started, the session may say, in an error or in the runtime's words as its only line.
    async fn open_exec(&self, name: &str, exec: &ExecSpec) -> Result<Box<dyn ExecSession>, RuntimeError> {
        let program = exec.argv.first().map_or("nothing", String::as_str);
        Err(RuntimeError::Invalid { message: format!("there is no way to talk to {program} in container {name}") })
    }

    /// Runs a program inside a running container and hands out what it writes to standard output, as it comes and however
    /// much it is. Its standard input stays open, without a word, until the stream is dropped: a program that watches it
    /// does not outlive its reader.
    ///
    /// # Errors
    /// As of [`exec`](Self::exec). In the stream: [`RuntimeError::ProgramFailed`] at the end when it exits with another
    /// code than 0, [`RuntimeError::TimedOut`] when it writes nothing for `silence`.
    async fn exec_stream(&self, name: &str, exec: &ExecSpec, silence: Duration) -> Result<ByteStream, RuntimeError> {
        let (program, _) = (exec.argv.first().map_or("nothing", String::as_str), silence);
        Err(RuntimeError::Invalid { message: format!("there is no way to read from {program} in container {name}") })
    }

    /// Reads what is in a folder of a container, running or not, as a tar archive with paths relative to the folder. What
    /// is written there meanwhile may be in it half.
    ///
    /// # Errors
    /// [`RuntimeError::NotFound`] when there is no such folder. In the stream: [`RuntimeError::TimedOut`] when nothing comes
    /// for `silence`.
    async fn read_folder(&self, name: &str, path: &str, silence: Duration) -> Result<ByteStream, RuntimeError> {
        let _ = silence;
        Err(RuntimeError::Invalid { message: format!("there is no way to read {path} of container {name}") })
    }

    /// What a container wrote, oldest first; with [`LogOptions::follow`] the stream goes on until the container
    /// exits or the stream is dropped.
    async fn logs(&self, name: &str, options: &LogOptions) -> Result<LogStream, RuntimeError>;
}
