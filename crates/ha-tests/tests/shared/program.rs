//! `ha-cli` itself, run as a person or a script runs it; for every suite that does.

#[path = "../../../ha-cli/tests/shared/schema.rs"]
mod schema;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// Most time for one run of the program, the first start of two Keycloaks on a busy machine included.
const LIMIT: Duration = Duration::from_secs(400);

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) took: Duration,
}

impl Ran {
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}

/// The program: `HA_CLI`, else the one beside these tests.
pub(crate) fn program() -> PathBuf {
    let named = std::env::var_os("HA_CLI").map(PathBuf::from);
    let program = named.unwrap_or_else(|| {
        let tests = std::env::current_exe().unwrap();
        tests.parent().and_then(Path::parent).unwrap().join("ha-cli")
    });
    assert!(program.exists(), "{} is missing: cargo build -p ha-cli", program.display());
    program
}

/// The program in a folder, with nothing of this process's environment but the way to programs and to Docker.
pub(crate) fn command<S: AsRef<OsStr>>(folder: &Path, arguments: &[S]) -> Command {
    let mut command = Command::new(program());
    command.current_dir(folder).env_clear().env("HOME", folder).stdin(Stdio::null());
    for kept in ["DOCKER_HOST", "PATH"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command.args(arguments);
    command
}

/// A run under way, its outputs read so that it never waits for a reader.
pub(crate) struct Running {
    child: Process,
    arguments: Vec<String>,
    begun: Instant,
    out: Lines,
    err: Lines,
}

/// Ends with the test, also one that fails.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What comes out of a pipe, line by line, read by a thread of its own.
struct Lines {
    from: Receiver<String>,
    /// What has been taken.
    text: String,
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (sender, from) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { from, text: String::new() }
    }

    fn take(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Waits for a line like that; `false` when the pipe is closed or the time is over without.
    fn until(&mut self, deadline: Instant, wanted: impl Fn(&str) -> bool) -> bool {
        while let Ok(line) = self.from.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.take(&line);
            if wanted(&line) {
                return true;
            }
        }
        false
    }

    /// What is there already.
    fn so_far(&mut self) -> &str {
        while let Ok(line) = self.from.try_recv() {
            self.take(&line);
        }
        &self.text
    }

    /// All of it, once the program has ended.
    fn rest(mut self) -> String {
        while let Ok(line) = self.from.recv() {
            self.take(&line);
        }
        self.text
    }
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (Lines::of(child.stdout.take().unwrap()), Lines::of(child.stderr.take().unwrap()));
        let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
        Self { child: Process(child), arguments, begun: Instant::now(), out, err }
    }

    /// Waits until it says such a line on standard error; `false` when it ends without.
    pub(crate) fn says(&mut self, wanted: impl Fn(&str) -> bool) -> bool {
        self.err.until(self.begun + LIMIT, wanted)
    }

    /// The same of standard output.
    pub(crate) fn prints(&mut self, wanted: impl Fn(&str) -> bool) -> bool {
        self.out.until(self.begun + LIMIT, wanted)
    }

    /// What it has said so far, on both.
    pub(crate) fn so_far(&mut self) -> String {
        format!("{}{}", self.out.so_far(), self.err.so_far())
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.0.id().to_string()]).status().unwrap();
        assert!(status.success(), "the program had ended already: {}", self.err.text);
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ran {
        let status = self.wait();
        let took = self.begun.elapsed();
        let (out, err) = (self.out.rest(), self.err.rest());
        assert!(status.signal().is_none_or(|signal| signal == 9), "ended by a signal: {status}: {err}");
        if status.code().is_some() {
            schema::check(&self.arguments, &out);
        }
        Ran { code: status.code(), out, err, took }
    }

    #[track_caller]
    fn wait(&mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.child.0.try_wait().unwrap() {
                return status;
            }
            if self.begun.elapsed() > LIMIT {
                panic!("it hangs; so far it said: {}", self.so_far());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
