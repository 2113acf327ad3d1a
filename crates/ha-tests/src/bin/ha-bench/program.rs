//! Programs run from their start to their end, as a person runs them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use crate::error::Error;

/// Most time for one run; `up` on a busy machine takes longest.
const LIMIT: Duration = Duration::from_secs(400);
/// How often the memory of a running program is read.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A program to be run.
pub(crate) struct Program {
    told: String,
    command: Command,
}

/// What a run left behind.
pub(crate) struct Ran {
    told: String,
    code: Option<i32>,
    pub(crate) out: String,
    err: String,
    /// From before its start until its end was known.
    pub(crate) took: Duration,
}

/// The release binary that `HA_CLI` names, else the one beside this program.
pub(crate) fn ha_cli_path() -> PathBuf {
    std::env::var_os("HA_CLI").map_or_else(
        || {
            let own = std::env::current_exe().unwrap_or_default();
            own.with_file_name("ha-cli")
        },
        PathBuf::from,
    )
}

pub(crate) fn ha_cli(arguments: &[&str]) -> Program {
    Program::new(ha_cli_path(), arguments)
}

impl Program {
    pub(crate) fn new(path: impl AsRef<OsStr>, arguments: &[&str]) -> Self {
        let name = Path::new(path.as_ref()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut command = Command::new(path.as_ref());
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        Self { told: format!("{name} {}", arguments.join(" ")), command }
    }

    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    fn no_start(&self, error: &std::io::Error) -> Error {
        format!("{} does not start: {error}", self.told).into()
    }

    /// Runs it to its end.
    pub(crate) async fn run(mut self) -> Result<Ran, Error> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let begun = Instant::now();
        let output = tokio::time::timeout(LIMIT, self.command.output()).await;
        let took = begun.elapsed();
        let output = output
            .map_err(|_| format!("{} has not ended within {} s", self.told, LIMIT.as_secs()))?
            .map_err(|error| self.no_start(&error))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        Ok(Ran { told: self.told, code: output.status.code(), out, err, took })
    }

    /// Runs it to its end and returns the most memory it ever held (`VmHWM`), in KiB, as last read before its end.
    ///
    /// Read from `/proc` rather than from the usage of ended children: that counts what the program held that forked them.
    pub(crate) async fn peak_kib(mut self) -> Result<f64, Error> {
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        let begun = Instant::now();
        let mut child = self.command.spawn().map_err(|error| self.no_start(&error))?;
        let status = child.id().map(|id| format!("/proc/{id}/status")).unwrap_or_default();
        let mut peak = None;
        loop {
            peak = high_water_kib(&status).or(peak);
            if let Ok(ended) = tokio::time::timeout(LOOK_EVERY, child.wait()).await {
                let ended = ended?;
                if !ended.success() {
                    return Err(format!("{} failed: {ended}", self.told).into());
                }
                return peak.ok_or_else(|| format!("the memory of {} could not be read", self.told).into());
            }
            if begun.elapsed() > LIMIT {
                return Err(format!("{} has not ended within {} s", self.told, LIMIT.as_secs()).into());
            }
        }
    }
}

fn high_water_kib(status: &str) -> Option<f64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

impl Ran {
    pub(crate) const fn is_success(&self) -> bool {
        matches!(self.code, Some(0))
    }

    /// The same, if it ended well.
    pub(crate) fn succeeded(self) -> Result<Self, Error> {
        if self.is_success() {
            return Ok(self);
        }
        let said = if self.err.trim().is_empty() { self.out.trim() } else { self.err.trim() };
        Err(format!("{} ended with {:?}: {said}", self.told, self.code).into())
    }
}
