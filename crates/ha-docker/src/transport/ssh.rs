//! `docker system dial-stdio` over the `ssh` program.
//!
//! The program is used rather than an SSH library, since it reads the user's own configuration, agent and known hosts.
//! Host keys must be known already, and nothing is asked for. One connection (the master) is kept, and each stream to
//! the engine is a session within it: a handshake takes 0.3 to 1 s, a session a few milliseconds.
//!
//! Nothing stays behind: every process reads its standard input, whose end closes with this process, killed or not.

use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll, ready};

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use super::failure::Failure;
use super::link::Link;

/// Nobody is there to answer a question; a dead host is noticed within half a minute.
const OPTIONS: [&str; 5] = [
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "ConnectTimeout=10",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=3",
];
/// As much of what `ssh` complains of is kept.
const COMPLAINT_BYTES: usize = 4096;

/// An engine behind SSH.
pub(crate) struct SshTarget {
    destination: String,
    master: Mutex<Option<Master>>,
}

/// The connection in which the streams are sessions. Killed when dropped, and then its folder removed.
struct Master {
    process: Child,
    _input: ChildStdin,
    folder: TempDir,
}

impl SshTarget {
    pub(crate) fn new(destination: &str) -> Self {
        Self { destination: destination.to_owned(), master: Mutex::new(None) }
    }

    pub(crate) async fn connect(&self) -> Result<Link, Failure> {
        let control = self.master().await?;
        // Should the master die in between, `ssh` connects by itself.
        let mut command = self.command(&control, "no", &["docker", "system", "dial-stdio"]);
        let mut process = command.spawn().map_err(|error| not_started(&error))?;
        let (input, output, errors) = pipes(&mut process)?;
        Ok(Link::new(SshStream {
            _process: process,
            input: Some(input),
            output,
            errors,
            silent: true,
            complaint: vec![],
        }))
    }

    /// The control socket of a master that lives; starts one if need be.
    async fn master(&self) -> Result<String, Failure> {
        let mut master = self.master.lock().await;
        if let Some(living) = master.as_mut()
            && matches!(living.process.try_wait(), Ok(None))
        {
            return Ok(living.control());
        }
        *master = None;
        let started = self.start_master().await?;
        Ok(master.insert(started).control())
    }

    /// A master is ready when `cat` on the other side has sent back a byte.
    async fn start_master(&self) -> Result<Master, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("ha-ssh-")
            .tempdir()
            .map_err(|error| Failure::unreachable(format!("a folder for ssh's control socket: {error}")))?;
        let mut process =
            self.command(&control(&folder), "yes", &["cat"]).spawn().map_err(|error| not_started(&error))?;
        let (mut input, mut output, mut errors) = pipes(&mut process)?;
        let echoed = async {
            input.write_all(b"\n").await?;
            input.flush().await?;
            output.read_u8().await
        };
        if echoed.await.is_err() {
            let mut complaint = vec![];
            // What was read until an error is all there is to tell.
            let _read = (&mut errors).take(COMPLAINT_BYTES as u64).read_to_end(&mut complaint).await;
            return Err(classify(&complaint));
        }
        Ok(Master { process, _input: input, folder })
    }

    fn command(&self, control: &str, master: &str, remote: &[&str]) -> Command {
        let mut command = Command::new("ssh");
        command.arg("-T");
        for option in OPTIONS {
            command.args(["-o", option]);
        }
        command
            .args(["-o", &format!("ControlMaster={master}"), "-o", "ControlPersist=no", "-S", control])
            .args(["--", &format!("ssh://{}", self.destination)])
            .args(remote)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C goes to the whole foreground group; what we still have to do then needs the connection.
            .process_group(0)
            .kill_on_drop(true);
        command
    }
}

impl Master {
    fn control(&self) -> String {
        control(&self.folder)
    }
}

fn control(folder: &TempDir) -> String {
    folder.path().join("s").display().to_string()
}

fn not_started(error: &io::Error) -> Failure {
    Failure::unreachable(format!("starting the ssh program: {error}"))
}

fn pipes(process: &mut Child) -> Result<(ChildStdin, ChildStdout, ChildStderr), Failure> {
    match (process.stdin.take(), process.stdout.take(), process.stderr.take()) {
        (Some(input), Some(output), Some(errors)) => Ok((input, output, errors)),
        _ => Err(Failure::unreachable("the ssh program has no pipes")),
    }
}

/// What `ssh`, or the `docker` program behind it, meant.
fn classify(complaint: &[u8]) -> Failure {
    let text = String::from_utf8_lossy(complaint).trim().to_owned();
    let lower = text.to_ascii_lowercase();
    let message = if text.is_empty() { "ssh ended without a word".to_owned() } else { text };
    let any = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    if any(&["host key verification failed", "remote host identification has changed", "host key is known"]) {
        Failure::untrusted(message)
    } else if any(&["permission denied", "too many authentication failures"]) {
        Failure::denied(message)
    } else {
        Failure::unreachable(message)
    }
}

/// One session: the standard streams of an `ssh` process.
struct SshStream {
    _process: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
    errors: ChildStderr,
    /// Nothing has come yet, so that an end means that `docker` did not run over there.
    silent: bool,
    complaint: Vec<u8>,
}

impl SshStream {
    fn poll_complaint(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.complaint.len() < COMPLAINT_BYTES {
            let mut space = [0; 512];
            let mut buf = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut self.errors).poll_read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                break;
            }
            self.complaint.extend_from_slice(buf.filled());
        }
        Poll::Ready(Err(io::Error::other(classify(&self.complaint))))
    }
}

impl AsyncRead for SshStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.output).poll_read(cx, buf))?;
        if buf.filled().len() > before || buf.remaining() == 0 {
            self.silent = false;
        } else if self.silent {
            return self.poll_complaint(cx);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_write(cx, buf),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A pipe ends when it is closed; `dial-stdio` then ends its half of the engine's socket, and no more.
        self.input = None;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::FailureKind;

    #[test]
    fn tells_a_stranger_from_a_refusal_from_silence() {
        let table: [(&str, FailureKind); 7] = [
            (
                "No ED25519 host key is known for vm2 and you have requested strict checking.\r\nHost key verification failed.\r\n",
                FailureKind::Untrusted,
            ),
            ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @", FailureKind::Untrusted),
            ("root@vm2: Permission denied (publickey,password).", FailureKind::Denied),
            (
                "Got permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
                FailureKind::Denied,
            ),
            ("ssh: connect to host vm2 port 22: Connection refused", FailureKind::Unreachable),
            ("bash: line 1: docker: command not found", FailureKind::Unreachable),
            ("", FailureKind::Unreachable),
        ];
        for (complaint, kind) in table {
            assert_eq!(classify(complaint.as_bytes()).kind, kind, "{complaint}");
        }
    }
}
