//! Why an endpoint is of no use.

use std::net::IpAddr;
use std::path::PathBuf;

/// Why an endpoint is of no use, found without a connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The node's endpoint is `local`, and this machine is not that host.
    #[error("the Docker endpoint of {node} is \"local\", and this machine does not hold its address {address}")]
    NotThisHost {
        /// The node.
        node: String,
        /// Its address.
        address: IpAddr,
    },
    /// An endpoint that is no `HOST:PORT`.
    #[error("\"{authority}\" is no HOST:PORT")]
    Address {
        /// What was given.
        authority: String,
    },
    /// A certificate or key that cannot be read.
    #[error("{} cannot be used for TLS", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ConnectError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::NotThisHost { node, address } => format!(
                "run this on the host of {node} itself, or write docker = \"ssh://user@{address}\" there, which works \
                 from every machine"
            ),
            Self::Address { .. } => "write it as \"tcp://host:2376\"".to_owned(),
            Self::Certificates { .. } => {
                "docker_certificates names a folder with ca.pem, cert.pem and key.pem, all PEM, that you may read"
                    .to_owned()
            }
        }
    }
}
