//! One Docker engine, in Docker's words.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::Stream as FuturesStream;
use serde::Serialize;

use super::Progress;

/// A boxed stream that owns what it needs.
pub type LogStream = Pin<Box<dyn FuturesStream<Item = Result<LogLine, RuntimeError>> + Send>>;

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

    /// Removes it with its anonymous volumes, running or not; `false` when there was none. Named volumes stay.
    async fn remove_container(&self, name: &str) -> Result<bool, RuntimeError>;

    /// Waits until it has exited, at most `timeout`, and returns its exit code.
    async fn wait_container(&self, name: &str, timeout: Duration) -> Result<i64, RuntimeError>;

    /// Writes files into a container, running or only created, replacing what is there; parent folders are made.
    /// Paths below a mounted volume land in the volume.
    async fn put_files(&self, name: &str, files: &[HostFile]) -> Result<(), RuntimeError>;

    /// Reads one file of a container, running or not, of at most 4 MiB; `None` when there is none.
    async fn read_file(&self, name: &str, path: &str) -> Result<Option<Vec<u8>>, RuntimeError>;

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

    /// What a container wrote, oldest first; with [`LogOptions::follow`] the stream goes on until the container
    /// exits or the stream is dropped.
    async fn logs(&self, name: &str, options: &LogOptions) -> Result<LogStream, RuntimeError>;
}

/// A program at work inside a container, line by line.
///
/// Dropping it closes the program's standard input, and so does the end of this process, however it ends: a program that
/// reads until the end of its input lives no longer than whoever talks to it. What the engine cannot know of, a host
/// that vanished without a word, it notices when its own connection to it is given up.
#[async_trait]
pub trait ExecSession: Send {
    /// Writes a line, to which the end is added.
    ///
    /// # Errors
    /// [`RuntimeError::Broken`] when the program does not read any more.
    async fn write_line(&mut self, line: &str) -> Result<(), RuntimeError>;

    /// The next line of the program's standard output, without its end; `None` once there will be no further one, since
    /// the program or its container has ended. What it complains of on standard error is left to the log of this process.
    ///
    /// # Errors
    /// [`RuntimeError::TimedOut`] after `timeout`: nothing is lost, and the same may be asked again.
    async fn read_line(&mut self, timeout: Duration) -> Result<Option<String>, RuntimeError>;
}

/// What an engine says of itself and its host (`GET /info`, `GET /version`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EngineInfo {
    /// The engine's own id, the same across restarts.
    pub id: String,
    /// The host's name.
    pub host: String,
    /// The engine's version, for example `20.10.24`.
    pub version: String,
    /// The newest API version that it speaks, for example `1.41`.
    pub api_version: String,
    /// The host's kernel.
    pub kernel: String,
    /// `amd64`, `arm64`, …
    pub architecture: String,
    /// Processors of the host.
    pub cpus: u32,
    /// Memory of the host, in bytes.
    pub memory_bytes: u64,
    /// Where the engine keeps images and volumes on its host.
    pub root_dir: String,
    /// The engine's own clock, seconds since 1970, as far as it tells (`SystemTime`).
    pub clock_unix_ms: Option<i64>,
    /// What the engine warns of by itself.
    pub warnings: Vec<String>,
}

/// An image that the engine has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image {
    /// Its content's id, `sha256:…`, by which it is run.
    pub id: String,
    /// The digests under which registries know it, `name@sha256:…`; empty for one built here.
    pub digests: Vec<String>,
    /// Its environment, `NAME=value`.
    pub environment: Vec<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its size, in bytes.
    pub size_bytes: u64,
}

/// An image to be built. The context holds a `Dockerfile` and the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageBuild {
    /// Name and tag that it gets.
    pub tag: String,
    /// The files of the context; their paths are relative.
    pub context: Vec<HostFile>,
    /// Labels that it gets.
    pub labels: BTreeMap<String, String>,
}

/// A named volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Where it lies on the engine's host.
    pub mountpoint: String,
}

/// A file on its way into a container or a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFile {
    /// Absolute inside a container, relative inside a build context.
    pub path: String,
    /// What is in it. Not printed by `Debug` of whoever logs it: it may be a secret, so log paths only.
    pub content: Vec<u8>,
    /// Permission bits, for example `0o600`.
    pub mode: u32,
    /// Owner inside the container.
    pub uid: u32,
    /// Group inside the container.
    pub gid: u32,
}

impl HostFile {
    /// A file of root's.
    #[must_use]
    pub fn new(path: impl Into<String>, content: impl Into<Vec<u8>>, mode: u32) -> Self {
        Self { path: path.into(), content: content.into(), mode, uid: 0, gid: 0 }
    }

    /// The same file with another owner.
    #[must_use]
    pub const fn owned_by(mut self, uid: u32, gid: u32) -> Self {
        self.uid = uid;
        self.gid = gid;
        self
    }
}

/// A container to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ContainerSpec {
    /// Its name on the engine.
    pub name: String,
    /// The image's id or reference.
    pub image: String,
    /// Its host name.
    pub hostname: Option<String>,
    /// What runs instead of the image's entrypoint.
    pub entrypoint: Option<Vec<String>>,
    /// The arguments.
    pub command: Vec<String>,
    /// The user instead of the image's.
    pub user: Option<String>,
    /// Environment: never a secret, since `docker inspect` and `/proc/1/environ` show it.
    pub environment: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Named volumes.
    pub mounts: Vec<Mount>,
    /// The bridge network that it joins, and no other; none means no network.
    pub network: Option<String>,
    /// Further names by which the network knows it.
    pub aliases: Vec<String>,
    /// Ports on the host.
    pub ports: Vec<PortBinding>,
    /// What the engine does when it exits.
    pub restart: RestartPolicy,
    /// `/dev/shm`, in bytes: PostgreSQL's parallel queries need more than Docker's 64 MiB.
    pub shm_bytes: Option<u64>,
    /// Seconds that `docker stop` and a shutdown of the host give it.
    pub stop_timeout_secs: Option<u32>,
    /// Memory limit, in bytes.
    pub memory_bytes: Option<u64>,
    /// Kernel settings of its network or IPC namespace.
    pub sysctls: BTreeMap<String, String>,
    /// Runs under an init process that reaps what is left behind.
    pub init: bool,
}

/// A named volume at a place in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// The volume.
    pub volume: String,
    /// Where.
    pub path: String,
    /// Without the right to write.
    pub read_only: bool,
}

/// A port of a container at one address of its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PortBinding {
    /// The host's address; only it answers.
    pub address: IpAddr,
    /// The port there.
    pub host_port: u16,
    /// The port inside.
    pub container_port: u16,
}

/// What the engine does when a container exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// Nothing.
    #[default]
    No,
    /// Starts it again unless it was stopped by hand; also after a restart of the host.
    UnlessStopped,
    /// Starts it again always; also one stopped by hand, after a restart of the engine.
    Always,
}

/// A container that the engine has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The id of its image.
    pub image_id: String,
    /// What it does.
    pub status: ContainerStatus,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// How often the restart policy started it again.
    pub restarts: u32,
    /// When it was last started, RFC 3339, as the engine says.
    pub started_at: Option<String>,
    /// Killed by the kernel for want of memory, the last time.
    pub oom_killed: bool,
    /// What it publishes.
    pub ports: Vec<PortBinding>,
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum ContainerStatus {
    /// Made, never started.
    Created,
    /// Runs.
    Running,
    /// Every process of it is frozen (`docker pause`).
    Paused,
    /// The restart policy is about to start it again.
    Restarting,
    /// Has exited.
    Exited {
        /// With this code.
        code: i64,
    },
    /// Being removed, or half removed and unusable.
    Dead,
}

/// A program to run inside a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecSpec {
    /// Program and arguments: never a secret, since process lists show them.
    pub argv: Vec<String>,
    /// The user; the container's when absent.
    pub user: Option<String>,
    /// Environment: never a secret.
    pub environment: BTreeMap<String, String>,
    /// What it reads; the place for secrets.
    pub stdin: Option<Vec<u8>>,
}

/// What a program inside a container did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    /// Its exit code.
    pub exit_code: i64,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it complained of.
    pub stderr: Vec<u8>,
}

/// What part of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogOptions {
    /// At most that many of the last lines; all when absent.
    pub tail: Option<u32>,
    /// Goes on with what comes.
    pub follow: bool,
    /// Only what was written since then, seconds since 1970.
    pub since_unix: Option<i64>,
    /// With the engine's time of each line.
    pub timestamps: bool,
}

/// One line of a log, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Where it was written.
    pub stream: Stream,
    /// The text; with [`LogOptions::timestamps`] the time stands before it.
    pub text: String,
}

/// Where a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Why an engine did not do what it was asked. Every text is a fragment that reads after "failed to …:".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// Nobody answers at the endpoint.
    #[error("no Docker engine answers at {endpoint}")]
    Unreachable {
        /// Where it was looked for.
        endpoint: String,
        /// What came back.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The endpoint is there, and this user may not use it.
    #[error("no permission to use the Docker engine at {endpoint}")]
    PermissionDenied {
        /// Where.
        endpoint: String,
    },
    /// Whoever answers there is not who the endpoint says (TLS, SSH host key).
    #[error("{endpoint} could not prove that it is the Docker engine of that host")]
    Untrusted {
        /// Where.
        endpoint: String,
        /// What came back.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine's API is older than what this crate speaks.
    #[error(
        "the engine at {endpoint} is version {version} (API {api_version}); Docker 20.10 (API 1.41) or newer is needed"
    )]
    EngineTooOld {
        /// Where.
        endpoint: String,
        /// Its version.
        version: String,
        /// Its API version.
        api_version: String,
    },
    /// No answer in time. Whether the engine did it is not known.
    #[error("{what} did not finish within {} s", after.as_secs_f32())]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        after: Duration,
    },
    /// There is no such container, volume, image or network.
    #[error("there is no {what}")]
    NotFound {
        /// What was named.
        what: String,
    },
    /// A container of that name exists.
    #[error("a container named {name} exists already")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// Another program listens on a port that a container publishes.
    #[error("port {port} of {address} is in use by another program")]
    PortTaken {
        /// The host's address.
        address: String,
        /// The port.
        port: u16,
    },
    /// The host does not have an address that a container publishes on.
    #[error("the host has no address {address}")]
    AddressNotThere {
        /// The address.
        address: String,
    },
    /// The image could not be pulled.
    #[error("the image {reference} could not be pulled: {message}")]
    PullFailed {
        /// The image.
        reference: String,
        /// The registry's or engine's words.
        message: String,
    },
    /// An image could not be built.
    #[error("the image {tag} could not be built: {message}")]
    BuildFailed {
        /// The tag it was to get.
        tag: String,
        /// The last lines of the output.
        message: String,
    },
    /// The disk of the engine's host is full.
    #[error("the disk of the engine's host is full: {message}")]
    NoSpace {
        /// The engine's words.
        message: String,
    },
    /// The engine refused for another reason.
    #[error("the engine answered {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The engine's words.
        message: String,
    },
    /// What was asked for no engine can do: a path that is none, a file too large.
    #[error("{message}")]
    Invalid {
        /// What is wrong.
        message: String,
    },
    /// The connection broke while the engine was at it. Whether it did it is not known.
    #[error("the connection to the engine broke")]
    Broken {
        /// What came back.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl RuntimeError {
    /// Whether the same call may succeed a moment later without anybody doing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::Broken { .. } | Self::Unreachable { .. })
    }

    /// Whether the engine could not be spoken to at all.
    #[must_use]
    pub const fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::PermissionDenied { .. } | Self::Untrusted { .. } | Self::TimedOut { .. }
        )
    }
}
