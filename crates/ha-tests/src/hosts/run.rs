//! Programs that the rig runs on the machine, each with a limit in time.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::error::HostsError;

/// For what the kernel does at once; a loaded machine needs longer than an idle one.
pub(crate) const QUICK: Duration = Duration::from_secs(30);
/// For what reads and writes images.
pub(crate) const LONG: Duration = Duration::from_secs(300);
/// How often a condition is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Runs a program to its end and returns what it wrote, whatever its exit status.
pub(crate) fn output(
    what: &str,
    command: &mut Command,
    stdin: Option<&str>,
    limit: Duration,
) -> Result<Output, HostsError> {
    let failed = |command: &Command, outcome: String| HostsError::Program {
        what: what.to_owned(),
        command: shown(command),
        outcome,
    };
    command
        .stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, so that what it started can be ended with it.
        .process_group(0);
    let mut child = command.spawn().map_err(|error| failed(command, error.to_string()))?;
    if let (Some(text), Some(mut pipe)) = (stdin, child.stdin.take()) {
        // A program that ends before it has read everything says why by its exit status.
        drop(pipe.write_all(text.as_bytes()));
    }
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || drop(sender.send(child.wait_with_output())));
    match ended.recv_timeout(limit) {
        Ok(output) => output.map_err(|error| failed(command, error.to_string())),
        Err(_) => {
            if let Some(group) = group {
                let _ended = kill_process_group(group, Signal::KILL);
            }
            Err(HostsError::TimedOut { what: what.to_owned(), limit, detail: format!(": `{}`", shown(command)) })
        }
    }
}

/// Runs a program that has to succeed, and returns its standard output.
pub(crate) fn run(what: &str, command: &mut Command) -> Result<String, HostsError> {
    succeed(what, command, None, QUICK)
}

/// The same with input and another limit.
pub(crate) fn succeed(
    what: &str,
    command: &mut Command,
    stdin: Option<&str>,
    limit: Duration,
) -> Result<String, HostsError> {
    let output = output(what, command, stdin, limit)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(HostsError::Program {
        what: what.to_owned(),
        command: shown(command),
        outcome: format!("{}: {}", output.status, complaint.trim()),
    })
}

/// A command with its arguments.
pub(crate) fn command<'a>(program: &str, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// Looks until there is an answer, at most for `limit`.
pub(crate) fn wait_for<T>(
    what: impl FnOnce() -> String,
    limit: Duration,
    mut look: impl FnMut() -> Option<T>,
) -> Result<T, HostsError> {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if began.elapsed() >= limit {
            return Err(HostsError::TimedOut { what: what(), limit, detail: String::new() });
        }
        thread::sleep(LOOK_AGAIN);
    }
}

fn shown(command: &Command) -> String {
    let words: Vec<_> =
        [command.get_program()].into_iter().chain(command.get_args()).map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_says_what_and_why() {
        let error = run("trying", &mut command("sh", ["-c", "echo no room >&2; exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "trying: `sh -c echo no room >&2; exit 3` ended with exit status: 3: no room");
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_what_it_started() {
        let limit = Duration::from_millis(100);
        let began = Instant::now();
        let error = succeed("trying", &mut command("sh", ["-c", "sleep 60 & wait"]), None, limit).unwrap_err();
        assert!(matches!(error, HostsError::TimedOut { .. }), "{error:?}");
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn input_reaches_the_program() {
        assert_eq!(succeed("trying", &mut Command::new("cat"), Some("x\n"), QUICK).unwrap(), "x\n");
    }
}
