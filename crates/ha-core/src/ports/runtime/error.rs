//! Why an engine did not do what it was asked.

use std::time::Duration;

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
    /// A program inside a container did not do its work.
    #[error("{program} ended with code {code}: {message}")]
    ProgramFailed {
        /// Which.
        program: String,
        /// Its exit code.
        code: i64,
        /// The last of what it complained of.
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
