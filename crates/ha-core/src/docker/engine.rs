//! What an engine says of itself, and the images, volumes and files that it is asked for.

use std::collections::BTreeMap;

use serde::Serialize;

/// What an engine says of itself and its host (`GET /info`, and `Api-Version` of its answers).
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
    /// As its kernel names it: `x86_64`, `aarch64`, …
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
    /// The paths for which a container gets a volume without a name, where it is given no other.
    pub volumes: Vec<String>,
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
