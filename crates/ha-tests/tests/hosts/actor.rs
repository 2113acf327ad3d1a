//! This program in a role, in a host or on the machine: told and heard line by line.

use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use ha_tests::hosts::Hosts;

use crate::world::PATIENCE;

/// The first argument of a program that plays a role.
pub(crate) const ROLE: &str = "--role";

/// How long an answer may take before it counts as silence.
const SOON: Duration = Duration::from_millis(500);
/// The same after a link was healed: TCP waits ever longer before it tries again.
const AFTER_HEALING: Duration = Duration::from_secs(15);

/// Ended when dropped.
pub(crate) struct Actor {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

/// Where an actor plays.
#[derive(Clone, Copy)]
pub(crate) enum Stage<'h> {
    Host(&'h Hosts, usize),
    Machine,
}

impl Actor {
    pub(crate) fn on(stage: Stage<'_>, role: &[&str]) -> Self {
        let program = std::env::current_exe().unwrap();
        Self::by(
            match stage {
                Stage::Host(hosts, host) => hosts.command(host, program).unwrap(),
                Stage::Machine => Command::new(program),
            },
            role,
        )
    }

    /// With a command that runs this program.
    pub(crate) fn by(mut command: Command, role: &[&str]) -> Self {
        command.arg(ROLE).args(role).stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, input, lines }
    }

    /// Serves on a host's port, over TCP and UDP.
    pub(crate) fn echo(hosts: &Hosts, host: usize, port: u16) -> Self {
        let actor = Self::on(Stage::Host(hosts, host), &["echo", &port.to_string()]);
        assert_eq!(actor.hears(PATIENCE).as_deref(), Some("listening"));
        actor
    }

    fn talk(stage: Stage<'_>, to: IpAddr, port: u16, limit: Duration) -> Self {
        Self::on(stage, &["talk", &format!("{to}:{port}"), &limit.as_millis().to_string()])
    }

    /// Is connected.
    #[track_caller]
    pub(crate) fn connected(stage: Stage<'_>, to: IpAddr, port: u16) -> Self {
        let actor = Self::talk(stage, to, port, PATIENCE);
        assert_eq!(actor.hears(2 * PATIENCE).as_deref(), Some("connected"));
        actor
    }

    /// What becomes of an attempt to connect that is not to succeed.
    pub(crate) fn attempt(stage: Stage<'_>, to: IpAddr, port: u16) -> String {
        Self::talk(stage, to, port, SOON).hears(PATIENCE).unwrap_or_default()
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The next line, if one comes in time.
    pub(crate) fn hears(&self, limit: Duration) -> Option<String> {
        self.lines.recv_timeout(limit).ok()
    }

    /// Tells it something and waits for what it has to say.
    #[track_caller]
    pub(crate) fn says(&mut self, line: &str) -> String {
        self.tell(line);
        self.hears(PATIENCE).expect("an actor answers")
    }

    /// How long a word takes to the other side and back.
    #[track_caller]
    pub(crate) fn round_trip(&mut self) -> Duration {
        let said = self.says(&AFTER_HEALING.as_millis().to_string());
        let micros = said.strip_prefix("answered ").unwrap_or_else(|| panic!("it was {said}")).parse().unwrap();
        Duration::from_micros(micros)
    }

    /// Nothing comes back, and nobody says that the connection has ended.
    #[track_caller]
    pub(crate) fn is_stalled(&mut self) {
        assert_eq!(self.says(&SOON.as_millis().to_string()), "silent");
    }

    /// Ends it by SIGKILL, without a chance to tidy up.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it by itself, and waits for that.
    pub(crate) fn end(mut self) {
        drop(self.input.take());
        self.child.wait().unwrap();
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // It ends with its input. One that is in a host may be frozen, or dead already.
        drop(self.input.take());
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
