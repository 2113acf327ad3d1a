//! An engine over TCP with TLS, where both sides prove who they are.

use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ha_core::ports::{ContainerRuntime, RuntimeError};
use ha_core::topology::DockerEndpoint;
use ha_docker::{ConnectError, DockerRuntime};
use ha_tests::hosts::Hosts;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::world::World;

/// The port that Docker's documents give it.
const PORT: u16 = 2376;
const LIMIT: Duration = Duration::from_secs(2);

/// Who signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Writes a key and its certificate into a folder, as `key.pem` and `cert.pem`.
    fn sign(&self, names: Vec<String>, purpose: ExtendedKeyUsagePurpose, folder: &Path) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![purpose];
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
        fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    }

    /// A client's folder: signed by this authority, and trusting that one.
    fn client(&self, trusted: &Self, folder: PathBuf) -> PathBuf {
        self.sign(vec!["client".to_owned()], ExtendedKeyUsagePurpose::ClientAuth, &folder);
        fs::write(folder.join("ca.pem"), &trusted.pem).unwrap();
        folder
    }
}

/// The engine of host 1 on TCP too, until dropped.
struct Listening<'h> {
    hosts: &'h Hosts,
    authority: String,
}

impl<'h> Listening<'h> {
    fn on(hosts: &'h Hosts, signer: &Authority, folder: &Path) -> Self {
        let address = hosts.address(1).unwrap();
        signer.sign(vec![address.to_string()], ExtendedKeyUsagePurpose::ServerAuth, folder);
        fs::write(folder.join("ca.pem"), &signer.pem).unwrap();
        let authority = format!("{address}:{PORT}");
        let file = |option: &str, name: &str| format!("--{option}={}", folder.join(name).display());
        let options = [
            format!("--host=tcp://{authority}"),
            "--tlsverify".to_owned(),
            file("tlscacert", "ca.pem"),
            file("tlscert", "cert.pem"),
            file("tlskey", "key.pem"),
        ];
        hosts.restart_engine(1, &options.each_ref().map(String::as_str)).unwrap();
        Self { hosts, authority }
    }

    fn engine(&self, certificates: PathBuf) -> DockerRuntime {
        let endpoint = DockerEndpoint::Tcp { authority: self.authority.clone(), certificates };
        DockerRuntime::at(&endpoint).unwrap().with_call_limit(LIMIT)
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        drop(self.hosts.restart_engine(1, &[]));
    }
}

pub(crate) fn only_who_proves_itself_is_answered(world: &World) {
    let id = world.engine_id(1);
    let folder = world.hosts.shared_folder().join("tls");
    let (ours, strangers) = (Authority::new("ours"), Authority::new("strangers"));
    let listening = Listening::on(&world.hosts, &ours, &folder.join("server"));

    let engine = listening.engine(ours.client(&ours, folder.join("client")));
    assert_eq!(world.wait(engine.engine()).unwrap().id, id);

    // The engine's certificate is not signed by whom this client trusts.
    let misled = listening.engine(ours.client(&strangers, folder.join("misled")));
    let error = world.wait(misled.engine()).unwrap_err();
    assert!(matches!(error, RuntimeError::Untrusted { .. }), "{error:?}: {:?}", error.source());

    // The client's certificate is not signed by whom the engine trusts.
    let stranger = listening.engine(strangers.client(&ours, folder.join("stranger")));
    let error = world.wait(stranger.engine()).unwrap_err();
    assert!(matches!(error, RuntimeError::PermissionDenied { .. }), "{error:?}: {:?}", error.source());

    // Without a certificate ha-docker does not even try, and an engine that is asked all the same says nothing.
    let without = folder.join("without");
    fs::create_dir_all(&without).unwrap();
    fs::write(without.join("ca.pem"), &ours.pem).unwrap();
    let endpoint = DockerEndpoint::Tcp { authority: listening.authority.clone(), certificates: without.clone() };
    assert!(matches!(DockerRuntime::at(&endpoint), Err(ConnectError::Certificates { .. })));
    let refusal = ask_without_certificate(&listening.authority, &without.join("ca.pem")).unwrap_err().to_string();
    assert!(refusal.contains("Certificate"), "{refusal}");

    // A link that is cut is given up within the limit, on the connection that is there and on a new one.
    world.hosts.cut(ha_tests::hosts::End::Machine, 1).unwrap();
    for engine in [engine, listening.engine(folder.join("client"))] {
        let began = Instant::now();
        let error = world.wait(engine.engine()).unwrap_err();
        assert!(matches!(error, RuntimeError::TimedOut { .. }), "{error:?}");
        assert!(began.elapsed() < 2 * LIMIT, "{:?}", began.elapsed());
    }
    world.hosts.heal().unwrap();
}

/// What a client without a certificate is answered.
fn ask_without_certificate(authority: &str, roots: &Path) -> Result<String, Box<dyn Error>> {
    let mut trusted = RootCertStore::empty();
    trusted.add(CertificateDer::from_pem_file(roots)?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let host = authority.split(':').next().unwrap_or_default().to_owned();
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from(host)?)?;
    let tcp = TcpStream::connect(authority)?;
    tcp.set_read_timeout(Some(LIMIT))?;
    let mut stream = StreamOwned::new(connection, tcp);
    stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
