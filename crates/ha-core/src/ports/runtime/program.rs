//! Programs inside containers, and what they and their containers write.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use super::RuntimeError;

/// A program to run inside a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecSpec {
    /// Program and arguments: never a secret, since process lists show them.
    pub argv: Vec<String>,
    /// The user; the container's when absent.
    pub user: Option<String>,
    /// Environment: never a secret.
    pub environment: BTreeMap<String, String>,
    /// What it reads; the place for secrets.
    pub stdin: Option<Vec<u8>>,
}

/// What a program inside a container did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    /// Its exit code.
    pub exit_code: i64,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it complained of.
    pub stderr: Vec<u8>,
}

/// What part of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogOptions {
    /// At most that many of the last lines; all when absent.
    pub tail: Option<u32>,
    /// Goes on with what comes.
    pub follow: bool,
    /// Only what was written since then, seconds since 1970.
    pub since_unix: Option<i64>,
    /// With the engine's time of each line.
    pub timestamps: bool,
}

/// One line of a log, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Where it was written.
    pub stream: Stream,
    /// The text; with [`LogOptions::timestamps`] the time stands before it.
    pub text: String,
}

/// Where a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A program at work inside a container, line by line.
///
/// Dropping it closes the program's standard input, and so does the end of this process, however it ends: a program that
/// reads until the end of its input lives no longer than whoever talks to it. What the engine cannot know of, a host
/// that vanished without a word, it notices when its own connection to it is given up.
#[async_trait]
pub trait ExecSession: Send {
    /// Writes a line, to which the end is added.
    ///
    /// # Errors
    /// [`RuntimeError::Broken`] when the program does not read any more.
    async fn write_line(&mut self, line: &str) -> Result<(), RuntimeError>;

    /// The next line of the program's standard output, without its end; `None` once there will be no further one, since
    /// the program or its container has ended. What it complains of on standard error is left to the log of this process.
    ///
    /// # Errors
    /// [`RuntimeError::TimedOut`] after `timeout`: nothing is lost, and the same may be asked again.
    async fn read_line(&mut self, timeout: Duration) -> Result<Option<String>, RuntimeError>;
}
