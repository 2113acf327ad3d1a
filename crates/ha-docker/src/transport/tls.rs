//! TCP with mutual TLS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::failure::Failure;
use super::link::Link;
use crate::connect_error::ConnectError;

/// An engine behind TLS, with the client's own key.
pub(crate) struct TlsTarget {
    host: String,
    port: u16,
    server: ServerName<'static>,
    connector: TlsConnector,
}

impl TlsTarget {
    /// Reads the certificates; no connection is made.
    pub(crate) fn load(authority: &str, folder: &Path) -> Result<Self, ConnectError> {
        let address = || ConnectError::Address { authority: authority.to_owned() };
        let (host, port) = authority.rsplit_once(':').ok_or_else(address)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).to_owned();
        let port = port.parse().map_err(|_| address())?;
        let server = ServerName::try_from(host.clone()).map_err(|_| address())?;
        let config = client_config(folder)?;
        Ok(Self { host, port, server, connector: TlsConnector::from(Arc::new(config)) })
    }

    pub(crate) async fn connect(&self) -> Result<Link, Failure> {
        let at = format!("{}:{}", self.host, self.port);
        let tcp = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(|error| Failure::unreachable(format!("connecting to {at}: {error}")))?;
        // Without this, small requests wait for delayed acknowledgements. Failing to set it only costs time.
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        self.connector.connect(self.server.clone(), tcp).await.map(Link::new).map_err(|error| {
            Failure::find(&error).unwrap_or_else(|| Failure::unreachable(format!("TLS handshake with {at}: {error}")))
        })
    }
}

fn client_config(folder: &Path) -> Result<ClientConfig, ConnectError> {
    let broken = |path: PathBuf, source: rustls::Error| ConnectError::Certificates { path, source: Box::new(source) };
    let mut roots = RootCertStore::empty();
    let authority = folder.join("ca.pem");
    for certificate in certificates(&authority)? {
        roots.add(certificate).map_err(|source| broken(authority.clone(), source))?;
    }
    let key = folder.join("key.pem");
    let private = PrivateKeyDer::from_pem_file(&key).map_err(|source| unreadable(&key, source))?;
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|source| broken(folder.to_owned(), source))?
        .with_root_certificates(roots)
        .with_client_auth_cert(certificates(&folder.join("cert.pem"))?, private)
        .map_err(|source| broken(key, source))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let found: Vec<_> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|source| unreadable(path, source))?;
    if found.is_empty() {
        return Err(unreadable(path, pem::Error::NoItemsFound));
    }
    Ok(found)
}

fn unreadable(path: &Path, source: pem::Error) -> ConnectError {
    ConnectError::Certificates { path: path.to_owned(), source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_certificates_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let Err(ConnectError::Certificates { path, .. }) = TlsTarget::load("vm2:2376", folder.path()) else {
            panic!("loaded nothing and was content");
        };
        assert_eq!(path, folder.path().join("ca.pem"));
    }

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), "not a certificate\n").unwrap();
        assert!(matches!(
            TlsTarget::load("vm2:2376", folder.path()),
            Err(ConnectError::Certificates { path, .. }) if path.ends_with("ca.pem")
        ));
    }
}
