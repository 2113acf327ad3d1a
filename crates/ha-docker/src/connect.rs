//! From a node to its engine.

use std::fmt;
use std::net::{IpAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use ha_core::topology::{DockerEndpoint, Node};
use tokio::sync::OnceCell;

use crate::connect_error::ConnectError;
use crate::transport::{self, ApiVersions, Connector, SshTarget, TlsTarget};

/// Where Docker puts its socket.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// bollard's own limit must never be the one that strikes: it covers a part of a call only, in whole seconds.
const BOLLARD_LIMIT_SECS: u64 = 30 * 24 * 3600;

/// One Docker engine. Clones share its connections; the first call makes the first one.
///
/// A runtime belongs to the tokio runtime that it is used in: its connections are tasks there.
#[derive(Clone)]
pub struct DockerRuntime {
    pub(crate) endpoint: Arc<str>,
    pub(crate) docker: Docker,
    pub(crate) versions: Arc<ApiVersions>,
    pub(crate) negotiation: Arc<OnceCell<()>>,
    pub(crate) log_driver: Arc<OnceCell<Option<String>>>,
    pub(crate) call_limit: Duration,
}

impl DockerRuntime {
    /// How long a call may take that an engine answers at once; see [`Self::with_call_limit`].
    pub const CALL_LIMIT: Duration = Duration::from_secs(10);

    /// The engine of a node. No connection is made before the first call.
    ///
    /// - `local` is the engine of this machine, and only if this machine holds the node's address (asked of the kernel
    ///   by binding to it; with `net.ipv4.ip_nonlocal_bind` set, it says yes to every address): the socket that
    ///   `DOCKER_HOST` names if it is a `unix://` one, else `/var/run/docker.sock`.
    /// - `tcp://` needs `ca.pem`, `cert.pem` and `key.pem`, and a server certificate with the host as subject
    ///   alternative name. The files are read here, once.
    /// - `ssh://` needs the `ssh` program here, the `docker` program there, a login without questions, and the host's
    ///   key among the known ones.
    ///
    /// # Errors
    /// [`ConnectError`] says what is wrong with the endpoint, and its [`help`](ConnectError::help) what to do.
    pub fn connect(node: &Node) -> Result<Self, ConnectError> {
        if node.docker == DockerEndpoint::Local && !is_ours(node.address) {
            return Err(ConnectError::NotThisHost { node: node.name.to_string(), address: node.address });
        }
        Self::at(&node.docker)
    }

    /// The engine at an endpoint; `local` is this machine's.
    ///
    /// # Errors
    /// As for [`Self::connect`].
    pub fn at(endpoint: &DockerEndpoint) -> Result<Self, ConnectError> {
        Ok(match endpoint {
            DockerEndpoint::Local => Self::local(),
            DockerEndpoint::Unix(path) => Self::on_socket(path.clone()),
            DockerEndpoint::Tcp { authority, certificates } => {
                let target = TlsTarget::load(authority, certificates)?;
                Self::over(endpoint.to_string(), Connector::Tls(Arc::new(target)))
            }
            DockerEndpoint::Ssh { destination } => {
                Self::over(endpoint.to_string(), Connector::Ssh(Arc::new(SshTarget::new(destination))))
            }
        })
    }

    /// The engine of this machine: the socket that `DOCKER_HOST` names if it is a `unix://` one, else Docker's default.
    #[must_use]
    pub fn local() -> Self {
        Self::on_socket(local_socket(std::env::var("DOCKER_HOST").ok().as_deref()))
    }

    /// The same engine with another limit for calls that it answers at once; at least a second makes sense.
    ///
    /// Calls that may rightly take longer have limits of their own, but notice an engine that answers nothing any more
    /// after three times this limit.
    #[must_use]
    pub const fn with_call_limit(mut self, limit: Duration) -> Self {
        self.call_limit = limit;
        self
    }

    /// Where the engine is looked for, for a person.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    fn on_socket(path: PathBuf) -> Self {
        Self::over(format!("unix://{}", path.display()), Connector::Unix(path))
    }

    fn over(endpoint: String, connector: Connector) -> Self {
        let versions = Arc::<ApiVersions>::default();
        let transport = transport::sender(connector, Arc::clone(&versions));
        let docker = Docker::connect_with_custom_transport(
            transport,
            Some("http://docker"),
            BOLLARD_LIMIT_SECS,
            API_DEFAULT_VERSION,
        )
        .expect("it only stores what it is given");
        Self {
            endpoint: endpoint.into(),
            docker,
            versions,
            negotiation: Arc::default(),
            log_driver: Arc::default(),
            call_limit: Self::CALL_LIMIT,
        }
    }
}

impl fmt::Debug for DockerRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerRuntime")
            .field("endpoint", &self.endpoint)
            .field("call_limit", &self.call_limit)
            .finish_non_exhaustive()
    }
}

/// Whether this machine holds an address: only then can a socket be bound to it. No packet is sent.
fn is_ours(address: IpAddr) -> bool {
    address.is_loopback() || UdpSocket::bind((address, 0)).is_ok()
}

fn local_socket(docker_host: Option<&str>) -> PathBuf {
    docker_host
        .and_then(|host| host.strip_prefix("unix://"))
        .filter(|path| path.starts_with('/'))
        .map_or_else(|| DEFAULT_SOCKET.into(), |path| Path::new(path).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_socket_follows_docker_host_only_to_another_socket() {
        let table = [
            (None, DEFAULT_SOCKET),
            (Some("unix:///run/user/1000/docker.sock"), "/run/user/1000/docker.sock"),
            (Some("tcp://10.0.0.9:2376"), DEFAULT_SOCKET),
            (Some("unix://"), DEFAULT_SOCKET),
        ];
        for (host, socket) in table {
            assert_eq!(local_socket(host), Path::new(socket), "{host:?}");
        }
    }

    #[test]
    fn only_addresses_of_this_machine_are_ours() {
        assert!(is_ours("127.0.0.1".parse().unwrap()));
        // Set aside for documents (RFC 5737), so nobody's.
        assert!(!is_ours("192.0.2.77".parse().unwrap()));
    }
}
