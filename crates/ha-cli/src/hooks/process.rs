//! One program, in a process group of its own, within its limit.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use ha_core::hooks::{HookCall, VARIABLES};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How much of what a hook writes is kept: its end, where a program says why it gives up.
const KEPT_BYTES: usize = 4096;
/// For what is left in the pipe when the program has ended: what it started may still hold the pipe open.
const DRAIN_LIMIT: Duration = Duration::from_millis(100);
/// A killed process is gone at once, unless the kernel is stuck in a call for it.
const REAP_LIMIT: Duration = Duration::from_secs(1);

/// How a hook ended.
#[derive(Debug)]
pub enum HookEnd {
    /// It said that all is well.
    Done,
    /// It said that something is not.
    Failed(ExitStatus),
    /// There was nothing to run, or it may not be run.
    NotStarted(io::Error),
    /// It took too long and was killed.
    TimedOut,
    /// Somebody did not want to wait for it, and it was killed.
    Interrupted,
}

/// Runs it, and returns how it ended and what it wrote last. Dropped, it kills what it runs.
pub(super) async fn run(call: &HookCall) -> (HookEnd, String) {
    let (mut child, mut pipe) = match start(call) {
        Ok(started) => started,
        Err(error) => return (HookEnd::NotStarted(error), String::new()),
    };
    // Declared after the child, so that on a drop the group is killed before its leader can be reaped: until then its
    // number cannot be another's.
    let mut group = Group::of(&child);
    let mut output = Tail::default();
    let ended = timeout(call.limit, until_exit(&mut child, &mut pipe, &mut output)).await;
    let end = match ended {
        Ok(Ok(status)) => {
            group.leave();
            if status.success() { HookEnd::Done } else { HookEnd::Failed(status) }
        }
        Ok(Err(error)) => HookEnd::NotStarted(error),
        Err(_) => {
            group.kill();
            drop(timeout(REAP_LIMIT, child.wait()).await);
            HookEnd::TimedOut
        }
    };
    drop(timeout(DRAIN_LIMIT, async { while output.read(&mut pipe).await {} }).await);
    (end, output.into_text())
}

fn start(call: &HookCall) -> io::Result<(Child, Receiver)> {
    // One pipe for both streams keeps the order in which things were said.
    let (reader, writer) = io::pipe()?;
    let pipe = Receiver::from_owned_fd(reader.into())?;
    let mut command = Command::new(&call.command.program);
    command.args(&call.command.arguments).stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command.envs(call.environment.iter().map(|(name, value)| (name, value))).process_group(0);
    Ok((command.spawn()?, pipe))
}

async fn until_exit(child: &mut Child, pipe: &mut Receiver, output: &mut Tail) -> io::Result<ExitStatus> {
    let mut open = true;
    loop {
        tokio::select! {
            status = child.wait() => return status,
            more = output.read(pipe), if open => open = more,
        }
    }
}

/// A hook and all that it started: killed when dropped, unless it is left alone.
struct Group(Option<Pid>);

impl Group {
    fn of(leader: &Child) -> Self {
        Self(leader.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    fn leave(&mut self) {
        self.0 = None;
    }

    fn kill(&mut self) {
        if let Some(group) = self.0.take() {
            // It may have ended this very moment.
            kill_process_group(group, Signal::KILL).unwrap_or_default();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The end of what was written.
#[derive(Default)]
struct Tail(Vec<u8>);

impl Tail {
    /// Whether there may be more.
    async fn read(&mut self, pipe: &mut Receiver) -> bool {
        let mut piece = [0; KEPT_BYTES];
        let Ok(length @ 1..) = pipe.read(&mut piece).await else { return false };
        self.0.extend_from_slice(&piece[..length]);
        let too_much = self.0.len().saturating_sub(KEPT_BYTES);
        self.0.drain(..too_much);
        true
    }

    fn into_text(self) -> String {
        String::from_utf8_lossy(&self.0).trim_end().to_owned()
    }
}
