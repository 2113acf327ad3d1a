//! Listeners that behave as broken engines do, which real ones cannot be made to; and one that passes on and counts.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ha_core::topology::DockerEndpoint;
use ha_docker::DockerRuntime;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// How an engine's refusal begins.
pub(crate) const REFUSED: &str = "{\"message\":";

/// A socket of one's own, gone with the test.
pub(crate) struct Fake {
    pub(crate) socket: PathBuf,
    /// How many connections there were.
    pub(crate) connections: Arc<AtomicUsize>,
    _folder: TempDir,
    task: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    /// Accepts, and answers with what `answer` says to the path asked for; `None` is silence for ever, and what begins with
    /// [`REFUSED`] an error.
    pub(crate) fn answering(answer: impl Fn(&str) -> Option<String> + Clone + Send + Sync + 'static) -> Self {
        Self::with_header("", answer)
    }

    /// The same, and every answer tells of an API version.
    pub(crate) fn of_api(
        version: &str,
        answer: impl Fn(&str) -> Option<String> + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::with_header(&format!("Api-Version: {version}\r\n"), answer)
    }

    fn with_header(header: &str, answer: impl Fn(&str) -> Option<String> + Clone + Send + Sync + 'static) -> Self {
        let header = header.to_owned();
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, header.clone(), answer.clone()));
            }
        });
        Self { socket, connections, _folder: folder, task }
    }

    pub(crate) fn runtime(&self) -> DockerRuntime {
        DockerRuntime::at(&DockerEndpoint::Unix(self.socket.clone())).unwrap()
    }
}

async fn serve(mut stream: UnixStream, header: String, answer: impl Fn(&str) -> Option<String>) {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(read) = stream.read(&mut chunk).await {
        if read == 0 {
            return;
        }
        request.extend_from_slice(&chunk[..read]);
        if !request.windows(4).any(|four| four == b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8_lossy(&request).into_owned();
        request.clear();
        let path = text.split_whitespace().nth(1).unwrap_or_default();
        match answer(path) {
            Some(body) => {
                let status = if body.starts_with(REFUSED) { "400 Bad Request" } else { "200 OK" };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{header}Content-Length: {}\r\n\r\n",
                    body.len()
                );
                if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
                    return;
                }
            }
            None => std::future::pending().await,
        }
    }
}

/// A socket before the engine's own that knows how many connections are open.
pub(crate) struct Relay {
    fake: Fake,
    open: Arc<AtomicUsize>,
}

impl Relay {
    /// `None`, said out loud, where the engine is not behind a socket.
    pub(crate) fn to_engine(engine: &DockerRuntime) -> Option<Self> {
        let Some(engine) = engine.endpoint().strip_prefix("unix://").map(str::to_owned) else {
            println!("skipped: not a socket");
            return None;
        };
        let open = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&open);
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let task = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (engine, count) = (engine.clone(), Arc::clone(&count));
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    let mut far = UnixStream::connect(engine).await.unwrap();
                    // A side that hangs up in the middle is how some of these tests end.
                    let _bytes = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    count.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        Some(Self { fake: Fake { socket, connections: Arc::default(), _folder: folder, task }, open })
    }

    pub(crate) fn runtime(&self) -> DockerRuntime {
        self.fake.runtime()
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}
