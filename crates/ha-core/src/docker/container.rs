//! Containers, as they are asked for and as they are found.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

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
    /// The signal that asks its first process to end, instead of the image's.
    pub stop_signal: Option<String>,
    /// Memory limit, in bytes.
    pub memory_bytes: Option<u64>,
    /// Kernel settings of its network or IPC namespace.
    pub sysctls: BTreeMap<String, String>,
    /// Runs under an init process that reaps what is left behind.
    pub init: bool,
    /// The capabilities that its root has, as in `CHOWN`, and no others; absent: those that the engine gives by itself.
    pub capabilities: Option<Vec<String>>,
    /// No program in it gains rights that whoever starts it does not have, by a file's set-user-ID bit for one.
    pub no_new_privileges: bool,
    /// Most processes and threads in it.
    pub pids: Option<u32>,
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
    /// Starts it again where it failed.
    OnFailure,
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
    /// What is run in it, before the arguments.
    pub entrypoint: Vec<String>,
    /// What the engine does when it exits.
    pub restart: RestartPolicy,
    /// How often the restart policy started it again.
    pub restarts: u32,
    /// When it was last started, RFC 3339, as the engine says.
    pub started_at: Option<String>,
    /// Killed by the kernel for want of memory, the last time.
    pub oom_killed: bool,
    /// What it publishes.
    pub ports: Vec<PortBinding>,
    /// Why the engine could not start it, the last time that it was to.
    pub start_error: Option<String>,
    /// Taken off the network that it was made for, by somebody or, from Docker 29 on, by a start that failed: nobody reaches it where it
    /// runs, nor does a start bring it back.
    pub off_network: bool,
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
