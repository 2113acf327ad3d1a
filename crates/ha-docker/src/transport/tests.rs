//! Requests over connections that end when they should not.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, capture_connection};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{AlertDescription, Error as TlsError, RootCertStore, ServerConfig, ServerConnection};
use tower_service::Service;

use super::link::Link;
use super::*;

/// No test takes as long, unless it would take for ever.
const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn requests_name_the_agreed_version() {
    let uri: Uri = "http://docker/containers/json?all=true".parse().unwrap();
    assert_eq!(versioned(&uri, "1.41").unwrap(), "http://docker/v1.41/containers/json?all=true");
}

/// hyper's task for a connection and the request run side by side: the refusal is heard after hyper has found the
/// connection ready, and before the request is given to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_before_the_request_is_on_its_way_is_told() {
    let engine = Engine::start();
    let (ended, end) = channel();
    let hold = Hold { judge: engine.judge.clone(), end: Arc::new(Mutex::new(end)) };
    let connector = Watching {
        connector: Connector::Tls(Arc::new(engine.strangers_target())),
        parts: Arc::new(Mutex::new(Some((hold, ended)))),
    };
    let mut request = ping();
    // hyper copies what goes with the connection to this in between, which is where `Hold` waits.
    let _captured = capture_connection(&mut request);
    let sent = sender(connector, Arc::default())(request);
    let error = tokio::time::timeout(LIMIT, sent).await.unwrap().unwrap_err();
    engine.refused();
    assert_eq!(kind(&error), Some(FailureKind::Denied), "{error:?}");
}

/// Who hangs up makes writing fail, which can be noticed before the last words that came first.
#[tokio::test]
async fn a_refusal_that_is_read_after_writing_failed_is_told() {
    let sent = sender(HangsUp, Arc::default())(ping());
    let error = tokio::time::timeout(LIMIT, sent).await.unwrap().unwrap_err();
    assert_eq!(kind(&error), Some(FailureKind::Denied), "{error:?}");
}

fn ping() -> BollardRequest {
    hyper::Request::builder().uri("http://docker/_ping").body(bollard::body_full("".into())).unwrap()
}

fn kind(error: &Error) -> Option<FailureKind> {
    match error {
        Error::IOError { err } => Failure::find(err).map(|failure| failure.kind),
        _ => None,
    }
}

/// Speaks TLS as an engine with `--tlsverify` does, and looks at the client's certificate when it is told to.
struct Engine {
    folder: TempDir,
    authority: String,
    judge: Sender<()>,
    thread: JoinHandle<io::Result<(usize, usize)>>,
}

impl Engine {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (ours, strangers) = (authority("ours"), authority("strangers"));
        let server = folder.path().join("server");
        let client = folder.path().join("client");
        certify(&ours, "127.0.0.1", &ours, &server);
        certify(&strangers, "client", &ours, &client);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let (judge, told) = channel();
        let config = Arc::new(server_config(&server));
        let thread = std::thread::spawn(move || {
            let (mut tcp, _) = listener.accept()?;
            tcp.set_read_timeout(Some(LIMIT))?;
            let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
            while !tls.wants_write() {
                tls.read_tls(&mut tcp)?;
                tls.process_new_packets().map_err(io::Error::other)?;
            }
            while tls.wants_write() {
                tls.write_tls(&mut tcp)?;
            }
            told.recv_timeout(LIMIT).map_err(io::Error::other)?;
            tls.complete_io(&mut tcp)
        });
        Self { folder, authority, judge, thread }
    }

    fn strangers_target(&self) -> TlsTarget {
        TlsTarget::load(&self.authority, &self.folder.path().join("client")).unwrap()
    }

    /// That it was the certificate which it did not like.
    fn refused(self) {
        let error = self.thread.join().unwrap().unwrap_err();
        assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    }
}

fn authority(name: &str) -> (Issuer<'static, KeyPair>, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), pem)
}

/// The folder of somebody whom `signer` vouches for and who trusts `trusted`.
fn certify(
    signer: &(Issuer<'static, KeyPair>, String),
    name: &str,
    trusted: &(Issuer<'static, KeyPair>, String),
    folder: &Path,
) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &signer.0).unwrap();
    std::fs::create_dir(folder).unwrap();
    for (file, pem) in
        [("ca.pem", trusted.1.clone()), ("cert.pem", certificate.pem()), ("key.pem", key.serialize_pem())]
    {
        std::fs::write(folder.join(file), pem).unwrap();
    }
}

fn server_config(folder: &Path) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let certificate = |file: &str| CertificateDer::from_pem_file(folder.join(file)).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate("ca.pem")).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate("cert.pem")], PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap())
        .unwrap()
}

type Parts = (Hold, Sender<()>);

/// Opens a connection that is watched.
#[derive(Clone)]
struct Watching {
    connector: Connector,
    /// What the one connection takes along.
    parts: Arc<Mutex<Option<Parts>>>,
}

impl Service<Uri> for Watching {
    type Response = Watched;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Watched, Failure>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (hold, ended) = self.parts.lock().unwrap().take().unwrap();
        let opened = self.connector.call(uri);
        Box::pin(async move { Ok(Watched { link: opened.await?, hold: Mutex::new(Some(hold)), _ended: ended }) })
    }
}

/// A connection whose end is known, for then there are no more senders.
struct Watched {
    link: Link,
    hold: Mutex<Option<Hold>>,
    _ended: Sender<()>,
}

impl Connection for Watched {
    fn connected(&self) -> Connected {
        self.link.connected().extra(self.hold.lock().unwrap().take())
    }
}

impl Read for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_read(cx, buf)
    }
}

impl Write for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.link).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_shutdown(cx)
    }
}

/// When it is copied, has the engine look at the certificate, and waits until the connection has ended.
struct Hold {
    judge: Sender<()>,
    end: Arc<Mutex<Receiver<()>>>,
}

impl Clone for Hold {
    fn clone(&self) -> Self {
        let Self { judge, end } = self;
        // It has looked already when this is not the first copy.
        let _told = judge.send(());
        assert_eq!(end.lock().unwrap().recv_timeout(LIMIT), Err(RecvTimeoutError::Disconnected), "no end");
        Self { judge: judge.clone(), end: Arc::clone(end) }
    }
}

/// Opens connections to somebody who refused and hung up, which shows when writing.
#[derive(Clone)]
struct HangsUp;

impl Service<Uri> for HangsUp {
    type Response = Link;
    type Error = Failure;
    type Future = std::future::Ready<Result<Link, Failure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        std::future::ready(Ok(Link::new(HungUp::Unnoticed)))
    }
}

enum HungUp {
    Unnoticed,
    Noticed,
    Readable,
}

impl AsyncRead for HungUp {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match *self {
            Self::Unnoticed => Poll::Pending,
            Self::Noticed => {
                *self = Self::Readable;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Readable => {
                let alert = TlsError::AlertReceived(AlertDescription::UnknownCA);
                Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, alert)))
            }
        }
    }
}

impl AsyncWrite for HungUp {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        *self = Self::Noticed;
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
