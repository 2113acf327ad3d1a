//! How a node's Docker engine is reached.

use std::fmt;
use std::path::PathBuf;

/// Where a node's Docker engine answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DockerEndpoint {
    /// The engine of the machine that holds the node's address; from any other machine it cannot be reached.
    Local,
    /// A Unix socket of this machine.
    Unix(PathBuf),
    /// TCP with mutual TLS. `certificates` holds `ca.pem`, `cert.pem` and `key.pem`, as `DOCKER_CERT_PATH` does.
    Tcp {
        /// Host and port, as in `docker -H tcp://HOST:PORT`.
        authority: String,
        /// The folder with the client's certificate and key and the authority's certificate.
        certificates: PathBuf,
    },
    /// `docker system dial-stdio` over the `ssh` program: `ssh://[USER@]HOST[:PORT]`.
    Ssh {
        /// The destination as the `ssh` program takes it.
        destination: String,
    },
}

/// Why an endpoint is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The text has none of the known forms.
    #[error("\"{0}\" is no Docker endpoint")]
    Unknown(String),
    /// `tcp://` without certificates: whoever reaches the port is root on that host.
    #[error("\"{0}\" gives root on that host to anyone who reaches the port")]
    TcpWithoutTls(String),
}

impl EndpointError {
    /// What would be right.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Unknown(_) => {
                "write \"local\", \"unix:///var/run/docker.sock\", \"ssh://user@host\" or \"tcp://host:2376\""
            }
            Self::TcpWithoutTls(_) => {
                "set docker_certificates to a folder with ca.pem, cert.pem and key.pem, or use \"ssh://user@host\""
            }
        }
    }
}

impl DockerEndpoint {
    /// Reads an endpoint as it stands in a topology.
    ///
    /// # Errors
    /// [`EndpointError`] says what is wrong with the text.
    pub fn parse(text: &str, certificates: Option<PathBuf>) -> Result<Self, EndpointError> {
        let unknown = || EndpointError::Unknown(text.to_owned());
        if text == "local" {
            return Ok(Self::Local);
        }
        if let Some(path) = text.strip_prefix("unix://") {
            return if path.starts_with('/') { Ok(Self::Unix(path.into())) } else { Err(unknown()) };
        }
        if let Some(authority) = text.strip_prefix("tcp://") {
            let (host, port) = authority.rsplit_once(':').ok_or_else(unknown)?;
            if host.is_empty() || !port.parse::<u16>().is_ok_and(|port| port > 0) {
                return Err(unknown());
            }
            let certificates = certificates.ok_or_else(|| EndpointError::TcpWithoutTls(text.to_owned()))?;
            return Ok(Self::Tcp { authority: authority.to_owned(), certificates });
        }
        if let Some(destination) = text.strip_prefix("ssh://") {
            // A leading dash would be read by the ssh program as an option.
            if destination.is_empty() || destination.starts_with('-') || destination.contains('/') {
                return Err(unknown());
            }
            return Ok(Self::Ssh { destination: destination.to_owned() });
        }
        Err(unknown())
    }
}

impl fmt::Display for DockerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { authority, .. } => write!(f, "tcp://{authority}"),
            Self::Ssh { destination } => write!(f, "ssh://{destination}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_and_refuses_the_rest() {
        for good in ["local", "unix:///var/run/docker.sock", "ssh://root@vm2", "ssh://vm2:2222"] {
            let endpoint = DockerEndpoint::parse(good, None).unwrap();
            assert_eq!(endpoint.to_string(), good);
        }
        let tls = DockerEndpoint::parse("tcp://vm2:2376", Some("certs".into())).unwrap();
        assert_eq!(tls.to_string(), "tcp://vm2:2376");
        for bad in ["", "vm2", "http://vm2", "unix://docker.sock", "ssh://", "ssh://-oProxyCommand=x", "tcp://vm2"] {
            assert!(matches!(DockerEndpoint::parse(bad, Some("c".into())), Err(EndpointError::Unknown(_))), "{bad}");
        }
        assert!(matches!(DockerEndpoint::parse("tcp://vm2:2375", None), Err(EndpointError::TcpWithoutTls(_))));
    }
}
