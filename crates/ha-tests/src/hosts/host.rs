//! One host's life: on, frozen, off.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;

use super::cgroup::{Group, Hierarchies, kill};
use super::claim::Claim;
use super::disk;
use super::error::HostsError;
use super::latency::Latency;
use super::run::{QUICK, wait_for};
use super::switch::{self, port};

const INIT: &str = include_str!("init.sh");
/// How long an engine may take to start, and to stop its containers.
const ENGINE_LIMIT: Duration = Duration::from_secs(90);
/// How long an engine that runs may take to say so.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// A host of the rig.
pub(crate) struct Host {
    pub(crate) number: usize,
    /// `vm1`: its host name, and its part of the rig's names.
    pub(crate) name: String,
    /// Sockets and state, as the machine and the host see them.
    run: PathBuf,
    /// Its disk.
    pub(crate) data: PathBuf,
    group: Group,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    init: Option<Child>,
    latency: Latency,
}

impl Host {
    /// The description only; nothing is made.
    pub(crate) fn new(claim: &Claim, hierarchies: &Hierarchies, number: usize) -> Self {
        let name = port(number);
        Self {
            number,
            run: claim.run_dir().join(&name),
            data: claim.data_dir().join(&name),
            group: hierarchies.group(claim.name_of(&name)),
            state: Mutex::default(),
            name,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panic left half done is what the state says: a child, or none.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The socket of its engine.
    pub(crate) fn socket(&self) -> PathBuf {
        self.run.join("docker.sock")
    }

    /// Its engine's data while it is off, unless it has a disk of its own.
    pub(crate) fn engine_data(&self) -> PathBuf {
        self.data.join("docker")
    }

    /// Makes its folders: the first trace of it.
    pub(crate) fn make_folders(&self) -> Result<(), HostsError> {
        for folder in [&self.run, &self.engine_data(), &self.data.join("etc-docker")] {
            fs::create_dir_all(folder).map_err(HostsError::file("making", folder))?;
        }
        Ok(())
    }

    /// The first process, by its id on the machine, if the host is on.
    pub(crate) fn init(&self) -> Option<i32> {
        let id = fs::read_to_string(self.run.join("init.pid")).ok()?.trim().parse().ok()?;
        // The number may be another process's by now.
        self.group.processes().contains(&id).then_some(id)
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.group.is_frozen()
    }

    pub(crate) fn set_frozen(&self, frozen: bool) -> Result<(), HostsError> {
        self.group.set_frozen(frozen)
    }

    /// Switches it on and waits until its engine answers. What was on before goes off first.
    pub(crate) fn boot(&self, claim: &Claim, switch: &Group, machine_root: &Path) -> Result<(), HostsError> {
        self.go_dark(claim)?;
        switch::connect(claim, self.number)?;
        self.group.make()?;
        self.group.set_frozen(false)?;
        let mut state = self.state();
        state.latency.apply(claim, switch, self.number)?;
        state.init = Some(self.spawn(claim, machine_root)?);
        drop(state);
        self.wait_for_engine()
    }

    fn spawn(&self, claim: &Claim, machine_root: &Path) -> Result<Child, HostsError> {
        let script = self.run.join("init.sh");
        fs::write(&script, INIT).map_err(HostsError::file("writing", &script))?;
        let log_path = self.log();
        let open = File::options().create(true).append(true).open(&log_path);
        let log = open.map_err(HostsError::file("opening", &log_path))?;
        let also = log.try_clone().map_err(HostsError::file("opening", &log_path))?;
        Command::new("sh")
            .args(["-c", &format!("{}exec \"$@\"", self.group.join()), "sh", "nsenter"])
            .arg(format!("--net={}", claim.namespace_path(&self.name).display()))
            .args(["unshare", "--mount", "--pid", "--fork", "--uts", "--ipc", "bash"])
            .arg(script)
            .arg(&self.name)
            .args([&self.run, &self.data])
            .arg(self.group.parent())
            .arg(machine_root)
            .env_remove("DOCKER_HOST")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(also)
            .process_group(0)
            .spawn()
            .map_err(HostsError::file("starting", "/bin/sh"))
    }

    /// Waits until the engine answers.
    pub(crate) fn wait_for_engine(&self) -> Result<(), HostsError> {
        let socket = self.socket();
        let answered = wait_for(String::new, ENGINE_LIMIT, || {
            let ended = self.state().init.as_mut().and_then(|init| init.try_wait().ok().flatten());
            (ended.is_some() || answers(&socket)).then_some(ended)
        });
        match answered {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(HostsError::Program {
                what: format!("switching on host {}", self.number),
                command: "init.sh".to_owned(),
                outcome: format!("{status}: {}", self.last_words()),
            }),
            Err(_) => Err(HostsError::TimedOut {
                what: format!("waiting for the engine of host {}", self.number),
                limit: ENGINE_LIMIT,
                detail: format!("; its log ends with: {}", self.last_words()),
            }),
        }
    }

    fn log(&self) -> PathBuf {
        self.data.join("engine.log")
    }

    fn last_words(&self) -> String {
        let log = fs::read(self.log()).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = text.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }

    /// Off at once: first it is silent, then its disk is cut off if it has one of its own, then everything dies.
    pub(crate) fn power_off(&self, claim: &Claim) -> Result<(), HostsError> {
        self.state().latency.suspend(claim, self.number)?;
        switch::unplug(claim, self.number)?;
        if let Some(init) = self.init()
            && disk::image(&self.data).exists()
        {
            disk::cut_off(self.number, init)?;
        }
        self.go_dark(claim)
    }

    /// Off in good order: the engine stops its containers, each within its own time.
    pub(crate) fn shut_down(&self, claim: &Claim) -> Result<(), HostsError> {
        if let Some(init) = self.init() {
            self.group.set_frozen(false)?;
            kill(init, Signal::TERM);
            let what = || format!("shutting down host {}", self.number);
            wait_for(what, ENGINE_LIMIT, || self.init().is_none().then_some(()))?;
        }
        self.go_dark(claim)
    }

    /// Ends all that is there of it, as far as it came, but its disk.
    pub(crate) fn go_dark(&self, claim: &Claim) -> Result<(), HostsError> {
        self.state().latency.suspend(claim, self.number)?;
        switch::unplug(claim, self.number)?;
        if let Some(init) = self.init() {
            // All other processes of its namespace die with it, at the same moment.
            kill(init, Signal::KILL);
            self.group.set_frozen(false)?;
            self.wait_for_the_end();
        }
        self.group.remove()?;
        if let Some(mut init) = self.state().init.take() {
            // It is dead, and waits for this only.
            drop(init.wait());
        }
        disk::wait_until_free(&self.data)?;
        switch::disconnect(claim, self.number)?;
        for file in ["docker.sock", "init.pid", STOPPED] {
            drop(fs::remove_file(self.run.join(file)));
        }
        Ok(())
    }

    /// `unshare` ends by itself once it has seen the first process end. Killed, it would leave that one, dead as it is, to
    /// the machine's first process, which may take its time.
    fn wait_for_the_end(&self) {
        let ended = || match self.state().init.as_mut() {
            Some(child) => child.try_wait().ok().flatten().map(drop),
            None => Some(()),
        };
        // What does not end is killed next.
        drop(wait_for(String::new, QUICK, ended));
    }

    /// Late frames, from now on and after every boot.
    pub(crate) fn set_latency(&self, claim: &Claim, switch: &Group, delay: Duration) -> Result<(), HostsError> {
        let mut state = self.state();
        state.latency.suspend(claim, self.number)?;
        state.latency.delay = delay;
        if self.init().is_some() { state.latency.apply(claim, switch, self.number) } else { Ok(()) }
    }

    /// Ends the engine alone, and waits until it is gone.
    pub(crate) fn end_engine(&self, signal: Signal, for_good: bool) -> Result<(), HostsError> {
        let flag = self.run.join(STOPPED);
        if for_good {
            fs::write(&flag, "").map_err(HostsError::file("writing", &flag))?;
        }
        let engines = self.group.processes_named("dockerd");
        engines.iter().for_each(|id| kill(*id, signal));
        let what = || format!("ending the engine of host {}", self.number);
        wait_for(what, ENGINE_LIMIT, || {
            let left = self.group.processes_named("dockerd");
            engines.iter().all(|id| !left.contains(id)).then_some(())
        })
    }

    /// Lets the engine start again after [`Self::end_engine`] for good, and waits until it answers.
    pub(crate) fn start_engine(&self) -> Result<(), HostsError> {
        let flag = self.run.join(STOPPED);
        if flag.exists() {
            fs::remove_file(&flag).map_err(HostsError::file("removing", &flag))?;
        }
        self.wait_for_engine()
    }

    /// The programs that its engine is made of, from its next start on; without a folder, the machine's.
    pub(crate) fn set_programs(&self, folder: Option<&Path>) -> Result<(), HostsError> {
        let path = self.data.join("engine-programs");
        let text = folder.map(|folder| folder.display().to_string()).unwrap_or_default();
        fs::write(&path, text).map_err(HostsError::file("writing", &path))
    }

    /// What its engine finds in `daemon.json`.
    pub(crate) fn set_engine_settings(&self, settings: &str) -> Result<(), HostsError> {
        let path = self.data.join("etc-docker/daemon.json");
        fs::write(&path, settings).map_err(HostsError::file("writing", &path))
    }

    /// What the engine is given beside the rig's own options, from its next start on.
    pub(crate) fn set_engine_options(&self, options: &[&str]) -> Result<(), HostsError> {
        let path = self.data.join("engine-options");
        let text: String = options.iter().map(|option| format!("{option}\n")).collect();
        fs::write(&path, text).map_err(HostsError::file("writing", &path))
    }

    /// A program in the host: it is frozen, and dies, with it. `init` is the host's first process.
    pub(crate) fn command(&self, init: i32, program: &str) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{}exec \"$@\"", self.group.join()), "sh", "nsenter", "--target", &init.to_string()])
            .args(["--mount", "--net", "--pid", "--uts", "--ipc", "--", program])
            .env_remove("DOCKER_HOST");
        command
    }
}

/// While this file is there, an engine that has ended is not started again.
const STOPPED: &str = "engine-stopped";

/// Whether an engine answers (`GET /_ping`).
fn answers(socket: &Path) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.set_write_timeout(Some(ANSWER_LIMIT))?;
        stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok(answer.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}
