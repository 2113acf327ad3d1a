//! What may happen to hosts and to the links between them.

use std::path::Path;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;

use super::error::HostsError;
use super::links::{End, Loss, Losses};
use super::rig::Hosts;
use super::run::{LONG, succeed};
use super::{disk, engine};

/// Links: frames are lost in the switch, so connections that are there stall, too, and nobody is told. What is cut stays cut
/// while a host is off and on again.
impl Hosts {
    fn losses(&self) -> MutexGuard<'_, Losses> {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, end: impl Into<End>) -> Result<End, HostsError> {
        let end = end.into();
        if let End::Host(number) = end {
            self.host(number)?;
        }
        Ok(end)
    }

    /// Nothing passes between the two any more.
    ///
    /// # Errors
    /// There is no such host, or the switch refuses.
    pub fn cut(&self, a: impl Into<End>, b: impl Into<End>) -> Result<(), HostsError> {
        let (a, b) = (self.end(a)?, self.end(b)?);
        let mut losses = self.losses();
        losses.add(&self.claim, Loss::OneWay { from: a, to: b })?;
        losses.add(&self.claim, Loss::OneWay { from: b, to: a })
    }

    /// Nothing from the one reaches the other any more; what the other sends still arrives.
    ///
    /// # Errors
    /// As for [`Self::cut`].
    pub fn cut_one_way(&self, from: impl Into<End>, to: impl Into<End>) -> Result<(), HostsError> {
        let loss = Loss::OneWay { from: self.end(from)?, to: self.end(to)? };
        self.losses().add(&self.claim, loss)
    }

    /// Nothing of connections to that TCP port, on either of the two, passes between them any more.
    ///
    /// # Errors
    /// As for [`Self::cut`].
    pub fn cut_port(&self, a: impl Into<End>, b: impl Into<End>, port: u16) -> Result<(), HostsError> {
        let loss = Loss::Port { one: self.end(a)?, other: self.end(b)?, port };
        self.losses().add(&self.claim, loss)
    }

    /// Nothing from or to it passes any more, to whomever.
    ///
    /// # Errors
    /// As for [`Self::cut`].
    pub fn isolate(&self, end: impl Into<End>) -> Result<(), HostsError> {
        let loss = Loss::All(self.end(end)?);
        self.losses().add(&self.claim, loss)
    }

    /// Every link is whole again. Latency stays.
    ///
    /// # Errors
    /// The switch refuses.
    pub fn heal(&self) -> Result<(), HostsError> {
        self.losses().clear(&self.claim)
    }

    /// Undoes what was cut between the two, whole, one way or by port. [`Self::isolate`] is undone by [`Self::rejoin`].
    ///
    /// # Errors
    /// As for [`Self::cut`].
    pub fn heal_between(&self, a: impl Into<End>, b: impl Into<End>) -> Result<(), HostsError> {
        let (a, b) = (self.end(a)?, self.end(b)?);
        self.losses().clear_between(&self.claim, a, b)
    }

    /// Undoes [`Self::isolate`]; what is cut between it and another stays so.
    ///
    /// # Errors
    /// As for [`Self::cut`].
    pub fn rejoin(&self, end: impl Into<End>) -> Result<(), HostsError> {
        let end = self.end(end)?;
        self.losses().clear_all_of(&self.claim, end)
    }

    /// Every frame from and to the host is late by `delay`, each way: a round trip takes twice as long more. Zero undoes
    /// it. It stays in force while the host is off and on again.
    ///
    /// # Errors
    /// There is no such host, or neither the kernel nor a process of the rig's can hold the frames.
    pub fn set_latency(&self, host: usize, delay: Duration) -> Result<(), HostsError> {
        self.host(host)?.set_latency(&self.claim, &self.switch, delay)
    }
}

/// Processes and engines.
impl Hosts {
    /// Stops every process of the host. Its kernel still completes TCP handshakes and acknowledges what arrives.
    ///
    /// # Errors
    /// The host is off, or the kernel does not do it in time.
    pub fn freeze(&self, host: usize) -> Result<(), HostsError> {
        self.running(host, "freezing")?.0.set_frozen(true)
    }

    /// Lets the processes go on.
    ///
    /// # Errors
    /// As for [`Self::freeze`].
    pub fn thaw(&self, host: usize) -> Result<(), HostsError> {
        self.running(host, "thawing")?.0.set_frozen(false)
    }

    /// Stops the engine alone, in good order, so that its containers stop too. It stays so until [`Self::start_engine`].
    ///
    /// # Errors
    /// The host is off, or the engine does not end in time.
    pub fn stop_engine(&self, host: usize) -> Result<(), HostsError> {
        self.running(host, "stopping the engine")?.0.end_engine(Signal::TERM, true)
    }

    /// Starts a stopped engine and waits until it answers; also waits for one that was killed.
    ///
    /// # Errors
    /// The host is off, or the engine does not answer in time.
    pub fn start_engine(&self, host: usize) -> Result<(), HostsError> {
        self.running(host, "starting the engine")?.0.start_engine()
    }

    /// Kills the engine alone. Its containers go on until it is back, after a second, as by a service manager: then it ends
    /// them, and starts again those whose policy says so (Docker takes `unless-stopped` for stopped by hand then).
    ///
    /// # Errors
    /// The host is off, or the engine does not die.
    pub fn kill_engine(&self, host: usize) -> Result<(), HostsError> {
        self.running(host, "killing the engine")?.0.end_engine(Signal::KILL, false)
    }

    /// From its next start on the engine is made of the programs of that folder, as after an upgrade; its data stay.
    ///
    /// # Errors
    /// There is no such host, or no engine in the folder.
    pub fn replace_engine(&self, host: usize, programs: &Path) -> Result<(), HostsError> {
        engine::has_programs(programs)?;
        self.host(host)?.set_programs(Some(programs))
    }

    /// Gives the engine further options of `dockerd`, instead of those given before, and starts it anew with them.
    ///
    /// # Errors
    /// The host is off, or the engine does not answer in time.
    pub fn restart_engine(&self, host: usize, options: &[&str]) -> Result<(), HostsError> {
        let (host, _) = self.running(host, "starting the engine anew")?;
        host.set_engine_options(options)?;
        host.end_engine(Signal::TERM, true)?;
        host.start_engine()
    }
}

/// Disks of hosts that have one of their own ([`HostsOptions::disk`](super::HostsOptions::disk)).
impl Hosts {
    /// Fills the disk, so that not a byte can be written any more.
    ///
    /// # Errors
    /// The host is off or has no disk of its own.
    pub fn fill_disk(&self, host: usize) -> Result<(), HostsError> {
        self.on_disk(host, "filling the disk", disk::FILL)
    }

    /// Takes the filling out again.
    ///
    /// # Errors
    /// As for [`Self::fill_disk`].
    pub fn free_disk(&self, host: usize) -> Result<(), HostsError> {
        self.on_disk(host, "freeing the disk", disk::FREE)
    }

    fn on_disk(&self, host: usize, what: &str, script: &str) -> Result<(), HostsError> {
        if !disk::image(&self.host(host)?.data).exists() {
            return Err(HostsError::NoDisk { what: what.to_owned(), number: host });
        }
        let mut shell = self.command(host, "sh")?;
        succeed(&format!("{what} of host {host}"), shell.args(["-c", script]), None, LONG).map(drop)
    }
}
