//! Opens connections to one endpoint.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::Uri;
use tokio::net::UnixStream;
use tower_service::Service;

use super::failure::Failure;
use super::link::Link;
use super::{SshTarget, TlsTarget};

/// Where connections go to.
#[derive(Clone)]
pub(crate) enum Connector {
    Unix(PathBuf),
    Tls(Arc<TlsTarget>),
    Ssh(Arc<SshTarget>),
}

impl Service<Uri> for Connector {
    type Response = Link;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Link, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            match connector {
                Self::Unix(path) => unix(&path).await,
                Self::Tls(target) => target.connect().await,
                Self::Ssh(target) => target.connect().await,
            }
        })
    }
}

async fn unix(path: &Path) -> Result<Link, Failure> {
    UnixStream::connect(path).await.map(Link::new).map_err(|error| {
        let message = format!("connecting to {}: {error}", path.display());
        match error.kind() {
            io::ErrorKind::PermissionDenied => Failure::denied(message),
            _ => Failure::unreachable(message),
        }
    })
}
