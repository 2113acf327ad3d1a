//! Frames from and to a host that are late.
//!
//! By the kernel's `netem` where it has it; else a process between the cable and the switch holds the frames.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::cgroup::Group;
use super::claim::Claim;
use super::error::HostsError;
use super::run::{QUICK, command, output, run, wait_for};
use super::switch::{SWITCH, inside, plug, port};

const DELAY: &str = include_str!("delay.py");

/// How late a host's frames are.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    /// Each way.
    pub(crate) delay: Duration,
    holder: Option<Child>,
}

impl Latency {
    /// Puts it into force, after whatever was before.
    pub(crate) fn apply(&mut self, claim: &Claim, switch: &Group, host: usize) -> Result<(), HostsError> {
        self.suspend(claim, host)?;
        if self.delay.is_zero() || self.by_kernel(claim, host)? {
            return Ok(());
        }
        self.by_process(claim, switch, host)
    }

    /// Frames are on time again, as long as the host is off or until [`Self::apply`].
    pub(crate) fn suspend(&mut self, claim: &Claim, host: usize) -> Result<(), HostsError> {
        let port = port(host);
        if let Some(mut holder) = self.holder.take() {
            drop(holder.kill());
            drop(holder.wait());
            let gone = || (!has_link(claim, &stand_in(host))).then_some(());
            wait_for(|| format!("removing the delay of host {host}"), QUICK, gone)?;
            plug(claim, &port)?;
        } else if !self.delay.is_zero() {
            for (part, interface) in [(SWITCH, port.as_str()), (port.as_str(), "eth0")] {
                let mut remove = inside(claim, part, "tc", ["qdisc", "del", "dev", interface, "root"]);
                // There may be none: the host is off, or was off when the latency was set.
                drop(output("removing a delay", &mut remove, None, QUICK)?);
            }
        }
        Ok(())
    }

    fn by_kernel(&self, claim: &Claim, host: usize) -> Result<bool, HostsError> {
        let port = port(host);
        let delay = format!("{}us", self.delay.as_micros());
        for (part, interface) in [(SWITCH, port.as_str()), (port.as_str(), "eth0")] {
            let arguments = ["qdisc", "replace", "dev", interface, "root", "netem", "delay", &delay];
            if !output("delaying frames", &mut inside(claim, part, "tc", arguments), None, QUICK)?.status.success() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn by_process(&mut self, claim: &Claim, switch: &Group, host: usize) -> Result<(), HostsError> {
        let (port, stand_in, namespace) = (port(host), stand_in(host), claim.name_of(SWITCH));
        let what = format!("delaying the frames of host {host}");
        let script = file(claim);
        fs::write(&script, DELAY).map_err(HostsError::file("writing", &script))?;
        run(&what, &mut command("ip", ["-n", &namespace, "link", "set", &port, "nomaster", "up"]))?;
        let log_path = claim.run_dir().join(format!("delay-{port}.log"));
        let log = fs::File::create(&log_path).map_err(HostsError::file("writing", &log_path))?;
        let mut holder = Command::new("sh");
        holder
            .args(["-c", &format!("{}exec \"$@\"", switch.join()), "sh", "ip", "netns", "exec", &namespace, "python3"])
            .arg(&script)
            .args([&port, &stand_in, &(self.delay.as_secs_f64() * 1000.0).to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0);
        let failed =
            |outcome: String| HostsError::Program { what: what.clone(), command: "python3 delay.py".into(), outcome };
        let mut child = holder.spawn().map_err(|error| failed(error.to_string()))?;
        let there = wait_for(
            || what.clone(),
            QUICK,
            || {
                let ended = child.try_wait().ok().flatten();
                (ended.is_some() || has_link(claim, &stand_in)).then_some(ended)
            },
        )?;
        if let Some(status) = there {
            let complaint = fs::read_to_string(&log_path).unwrap_or_default();
            return Err(failed(format!("{status}: {}", complaint.trim())));
        }
        self.holder = Some(child);
        plug(claim, &stand_in)
    }
}

impl Drop for Latency {
    fn drop(&mut self) {
        if let Some(mut holder) = self.holder.take() {
            drop(holder.kill());
            drop(holder.wait());
        }
    }
}

/// The port that is in the bridge while a process holds what comes through the cable.
fn stand_in(host: usize) -> String {
    format!("{}d", port(host))
}

fn has_link(claim: &Claim, name: &str) -> bool {
    let mut look = command("ip", ["-n", &claim.name_of(SWITCH), "link", "show", name]);
    output("looking for a port", &mut look, None, QUICK).is_ok_and(|output| output.status.success())
}

fn file(claim: &Claim) -> PathBuf {
    claim.run_dir().join("delay.py")
}
