//! The hosts.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use ha_core::topology::DockerEndpoint;

use super::availability;
use super::cgroup::{Group, Hierarchies};
use super::claim::Claim;
use super::disk;
use super::engine::Engine;
use super::error::{HostsError, Unavailable};
use super::host::Host;
use super::images::Source;
use super::links::Losses;
use super::removal;
use super::run::output;
use super::switch::{self, MOST_HOSTS, SWITCH};

/// What hosts are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostsOptions {
    count: usize,
    images: Vec<String>,
    disk_mib: Option<u64>,
    engine: Engine,
}

impl HostsOptions {
    /// So many hosts, at least 1 and at most 9, without images. Their engine is this machine's, or the one whose programs are in
    /// the folder that `HA_TEST_ENGINE` names; with `HA_TEST_ENGINE_STORE=containerd`, images are kept by containerd.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self { count: count.clamp(1, MOST_HOSTS), images: vec![], disk_mib: None, engine: Engine::asked_for() }
    }

    /// With an image of this machine's engine on every host.
    #[must_use]
    pub fn image(mut self, reference: impl Into<String>) -> Self {
        self.images.push(reference.into());
        self
    }

    /// With a disk of that size for each host's engine: an ext4 file system on a loop device, which can be full, and which
    /// loses at a [`Hosts::power_off`] what was not synchronised. It holds the images too, as real copies.
    #[must_use]
    pub fn disk(mut self, mib: u64) -> Self {
        self.disk_mib = Some(mib);
        self
    }

    /// With this machine's engine and Docker's own store of images, whatever the environment says.
    #[must_use]
    pub fn machines_engine(mut self) -> Self {
        self.engine = Engine::default();
        self
    }

    /// Whether this machine can have such hosts.
    ///
    /// # Errors
    /// Why not. Whoever skips a test for that should say so.
    pub fn available(&self) -> Result<(), Unavailable> {
        self.engine.available()?;
        availability::check(self.disk_mib.is_some())
    }
}

/// Running hosts, numbered from 1. Dropping it removes everything that was made for them.
pub struct Hosts {
    pub(super) claim: Claim,
    hosts: Vec<Host>,
    pub(super) switch: Group,
    machine_root: PathBuf,
    pub(super) losses: Mutex<Losses>,
}

impl Hosts {
    /// Makes the hosts and waits until every engine answers: a second or two, longer with disks of their own.
    ///
    /// # Errors
    /// What was in the way. Nothing is left behind then.
    pub fn start(options: &HostsOptions) -> Result<Self, HostsError> {
        options.available()?;
        let hierarchies = Hierarchies::of_this_machine()?;
        let source = Source::look(&options.images)?;
        let claim = Claim::take(removal::remove)?;
        // From here on, dropping it removes what there is by then.
        let hosts = Self {
            hosts: (1..=options.count).map(|number| Host::new(&claim, &hierarchies, number)).collect(),
            switch: hierarchies.group(claim.name_of(SWITCH)),
            machine_root: source.root.clone(),
            losses: Mutex::default(),
            claim,
        };
        hosts.make(&source, options)?;
        Ok(hosts)
    }

    fn make(&self, source: &Source, options: &HostsOptions) -> Result<(), HostsError> {
        for folder in [self.claim.run_dir(), self.shared_folder()] {
            fs::create_dir_all(&folder).map_err(HostsError::file("making", &folder))?;
        }
        switch::make(&self.claim)?;
        self.switch.make()?;
        thread::scope(|scope| {
            let started: Vec<_> =
                self.hosts.iter().map(|host| scope.spawn(|| self.make_one(host, source, options))).collect();
            // All are waited for before the first error is told, so that nothing is made behind the removal's back.
            let ended: Vec<_> = started.into_iter().map(thread::ScopedJoinHandle::join).collect();
            ended.into_iter().try_for_each(|end| end.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    }

    fn make_one(&self, host: &Host, source: &Source, options: &HostsOptions) -> Result<(), HostsError> {
        host.make_folders()?;
        host.set_programs(options.engine.programs.as_deref())?;
        host.set_engine_settings(options.engine.settings())?;
        let linked = !options.engine.containerd_store && source.can_be_linked();
        if linked {
            source.link_into(&host.engine_data(), &host.data.join("aside"))?;
        }
        if let Some(mib) = options.disk_mib {
            disk::make(&host.data, &host.engine_data(), options.engine.disk_mib(mib))?;
        }
        host.boot(&self.claim, &self.switch, &self.machine_root)?;
        if linked { Ok(()) } else { source.load_into(&host.socket()) }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.hosts.len()
    }

    pub(super) fn host(&self, number: usize) -> Result<&Host, HostsError> {
        let no_such = HostsError::NoSuchHost { number, count: self.count() };
        number.checked_sub(1).and_then(|index| self.hosts.get(index)).ok_or(no_such)
    }

    /// The host's first process, for what can only be done while it is on.
    pub(super) fn running(&self, number: usize, what: &str) -> Result<(&Host, i32), HostsError> {
        let host = self.host(number)?;
        let off = || HostsError::Off { what: what.to_owned(), number };
        let init = host.init().ok_or_else(off)?;
        Ok((host, init))
    }

    /// A host's address on the network that the hosts and this machine share.
    ///
    /// # Errors
    /// There is no such host.
    pub fn address(&self, host: usize) -> Result<IpAddr, HostsError> {
        Ok(self.claim.host_address(self.host(host)?.number))
    }

    /// This machine's address on that network.
    #[must_use]
    pub fn machine_address(&self) -> IpAddr {
        self.claim.machine_address()
    }

    /// A host's engine, by its Unix socket: the same after a reboot, and beside the network.
    ///
    /// # Errors
    /// There is no such host.
    pub fn docker(&self, host: usize) -> Result<DockerEndpoint, HostsError> {
        Ok(DockerEndpoint::Unix(self.host(host)?.socket()))
    }

    /// A folder that this machine and every host see at the same path, removed with the hosts.
    #[must_use]
    pub fn shared_folder(&self) -> PathBuf {
        self.claim.data_dir().join("shared")
    }

    /// What the names of all that belongs to these hosts begin with: network namespaces, control groups, the interface.
    #[must_use]
    pub fn name(&self) -> String {
        self.claim.name()
    }

    /// Switches a host on and waits until its engine answers. A host that is on is left alone.
    ///
    /// # Errors
    /// The engine does not answer in time.
    pub fn boot(&self, host: usize) -> Result<(), HostsError> {
        let host = self.host(host)?;
        if host.init().is_some() {
            return host.wait_for_engine();
        }
        host.boot(&self.claim, &self.switch, &self.machine_root)
    }

    /// Takes a host's power: its cable is silent first, then every process dies at once. Peers see no end of a connection.
    /// `/run`, the packet filter and the control groups are new after [`Self::boot`]; the disk stays. Of a disk of its own
    /// ([`HostsOptions::disk`]) only what was synchronised; else the page cache survives, unlike in a power cut.
    ///
    /// # Errors
    /// Something of it does not go.
    pub fn power_off(&self, host: usize) -> Result<(), HostsError> {
        self.host(host)?.power_off(&self.claim)
    }

    /// Shuts a host down in good order: its engine stops the containers.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn shut_down(&self, host: usize) -> Result<(), HostsError> {
        self.host(host)?.shut_down(&self.claim)
    }

    /// Whether a host is on; a frozen one is.
    ///
    /// # Errors
    /// There is no such host.
    pub fn is_on(&self, host: usize) -> Result<bool, HostsError> {
        Ok(self.host(host)?.init().is_some())
    }

    /// A program to run in a host, in all its namespaces: the caller adds arguments, environment and pipes. It is frozen
    /// with the host and dies with it.
    ///
    /// # Errors
    /// The host is off or frozen.
    pub fn command(&self, host: usize, program: impl AsRef<Path>) -> Result<Command, HostsError> {
        let program = program.as_ref().to_string_lossy();
        let what = format!("running {program}");
        let (host, init) = self.running(host, &what)?;
        if host.is_frozen() {
            return Err(HostsError::Frozen { what, number: host.number });
        }
        Ok(host.command(init, &program))
    }

    /// Runs a program in a host to its end, at most a minute. That it fails is no error of this call.
    ///
    /// # Errors
    /// The host is off or frozen, or the program does not end.
    pub fn exec(&self, host: usize, argv: &[&str]) -> Result<Output, HostsError> {
        let Some((program, arguments)) = argv.split_first() else {
            return Err(HostsError::Program {
                what: format!("running nothing on host {host}"),
                command: String::new(),
                outcome: "no program was named".to_owned(),
            });
        };
        let mut command = self.command(host, program)?;
        command.args(arguments);
        output(&format!("running {program} on host {host}"), &mut command, None, EXEC_LIMIT)
    }

    /// Removes everything, as dropping does, and says what did not go.
    ///
    /// # Errors
    /// Something of it did not go; the next hosts' start tries again.
    pub fn remove(self) -> Result<(), HostsError> {
        self.remove_all()
    }

    fn remove_all(&self) -> Result<(), HostsError> {
        // Those that know their own child processes first; then whatever goes by the number, which also says what does not go.
        for host in &self.hosts {
            drop(host.go_dark(&self.claim));
        }
        removal::remove(&self.claim)
    }
}

/// How long [`Hosts::exec`] waits.
const EXEC_LIMIT: Duration = Duration::from_secs(60);

impl Drop for Hosts {
    #[expect(clippy::print_stderr, reason = "what is left behind must be told, and a drop cannot fail")]
    fn drop(&mut self) {
        if let Err(error) = self.remove_all() {
            eprintln!("{} is left behind, in part: {error}", self.name());
        }
    }
}
