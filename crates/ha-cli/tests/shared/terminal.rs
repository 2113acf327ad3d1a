//! A program on a real terminal, made by `script` (bsdutils): what is typed goes to it, what it shows comes back.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Most time from the start of a program to its end.
const LIMIT: Duration = Duration::from_secs(120);

/// A program at work. Ends with the test, also one that fails.
pub(crate) struct Terminal {
    script: Child,
    keys: Option<ChildStdin>,
    shown: Receiver<String>,
    seen: String,
    /// What was waited for already.
    passed: usize,
    end: Instant,
}

impl Terminal {
    /// Starts what a shell makes of `line`, on a terminal of that size; `settings` are those of the process.
    pub(crate) fn start(line: &str, (columns, rows): (u16, u16), settings: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new("script");
        command
            .args(["--quiet", "--return", "--flush", "--command"])
            .arg(format!("stty cols {columns} rows {rows}; exec {line}"))
            .arg("/dev/null");
        settings(&mut command);
        command.env("TERM", "xterm").env("SHELL", "/bin/sh");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut script = command.spawn().unwrap();
        let keys = script.stdin.take();
        let mut screen = script.stdout.take().unwrap();
        let (sender, shown) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                if sender.send(String::from_utf8_lossy(&bytes[..count]).into_owned()).is_err() {
                    break;
                }
            }
        });
        Self { script, keys, shown, seen: String::new(), passed: 0, end: Instant::now() + LIMIT }
    }

    /// Types.
    pub(crate) fn types(&mut self, keys: &str) {
        self.keys.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the words are shown, after those that were waited for before.
    #[track_caller]
    pub(crate) fn shows(&mut self, words: &str) {
        loop {
            if let Some(at) = self.seen[self.passed..].find(words) {
                self.passed += at + words.len();
                return;
            }
            let left = self.end.saturating_duration_since(Instant::now());
            match self.shown.recv_timeout(left) {
                Ok(more) => self.seen.push_str(&more),
                Err(_) => panic!("no \"{words}\" in {:?}", self.seen),
            }
        }
    }

    /// Waits for its end; its exit code, and all that was shown.
    #[track_caller]
    pub(crate) fn ends(mut self) -> (Option<i32>, String) {
        // The terminal closes when the program has ended.
        loop {
            match self.shown.recv_timeout(self.end.saturating_duration_since(Instant::now())) {
                Ok(more) => self.seen.push_str(&more),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it goes on after {:?}", self.seen),
            }
        }
        drop(self.keys.take());
        (self.script.wait().unwrap().code(), std::mem::take(&mut self.seen))
    }
}

/// Waits for the end of a process that is nobody's here: its terminal was closed.
#[track_caller]
pub(crate) fn has_ended(pid: &str) {
    let begun = Instant::now();
    // One that nobody has asked for its end has no command line any more.
    while std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty()) {
        assert!(begun.elapsed() < LIMIT, "{pid} goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.script.kill());
        drop(self.script.wait());
    }
}
