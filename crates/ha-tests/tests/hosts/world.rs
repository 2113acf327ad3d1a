//! The hosts that tests share, made when the first one asks for them.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ha_core::ports::{ContainerRuntime, ContainerSpec, ExecOutput, ExecSpec};
use ha_docker::DockerRuntime;
use ha_tests::PairOptions;
use ha_tests::hosts::{Hosts, HostsError, HostsOptions};
use libtest_mimic::Failed;
use tokio::runtime::Runtime;

/// How long something may take that is about to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// A disk for the images and a small database.
const DISK_MIB: u64 = 1024;

/// Hosts and a place to run futures.
pub(crate) struct World {
    pub(crate) hosts: Arc<Hosts>,
    runtime: Runtime,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Worlds {
    pair: OnceLock<Result<Arc<World>, String>>,
    disk: OnceLock<Result<Arc<World>, String>>,
}

impl Worlds {
    pub(crate) fn pair(&self) -> Result<Arc<World>, Failed> {
        get(&self.pair, &HostsOptions::new(2).image(image()))
    }

    pub(crate) fn disk(&self) -> Result<Arc<World>, Failed> {
        get(&self.disk, &HostsOptions::new(2).image(image()).disk(DISK_MIB))
    }
}

fn get(place: &OnceLock<Result<Arc<World>, String>>, options: &HostsOptions) -> Result<Arc<World>, Failed> {
    let start = || {
        let began = Instant::now();
        let hosts = Hosts::start(options).map_err(|error| told(&error))?;
        println!("{} host(s) after {:.1} s", hosts.count(), began.elapsed().as_secs_f32());
        let runtime = Runtime::new().expect("a runtime needs threads only");
        Ok(Arc::new(World { hosts: Arc::new(hosts), runtime }))
    };
    Ok(place.get_or_init(start).clone()?)
}

/// An error with all that it comes from.
pub(crate) fn told(error: &HostsError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

/// PostgreSQL's image, for its shell.
pub(crate) fn image() -> String {
    PairOptions::default().postgres_image
}

impl World {
    pub(crate) fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// The engine of a host, by its socket.
    pub(crate) fn engine(&self, host: usize) -> DockerRuntime {
        DockerRuntime::at(&self.hosts.docker(host).unwrap()).unwrap()
    }

    /// The id of a host's engine.
    pub(crate) fn engine_id(&self, host: usize) -> String {
        self.wait(self.engine(host).engine()).unwrap().id
    }

    /// Starts a container, removed again when dropped.
    pub(crate) fn container(&self, host: usize, spec: &ContainerSpec) -> Started<'_> {
        let name = spec.name.clone();
        let engine = self.engine(host);
        self.wait(async {
            engine.remove_container(&name).await.unwrap();
            engine.create_container(spec).await.unwrap();
            engine.start_container(&name).await.unwrap();
        });
        Started { world: self, host, name }
    }
}

/// A container that runs a shell script.
pub(crate) fn shell(name: &str, script: &str) -> ContainerSpec {
    ContainerSpec {
        name: name.to_owned(),
        image: image(),
        user: Some("root".to_owned()),
        entrypoint: Some(vec!["bash".to_owned(), "-c".to_owned()]),
        command: vec![script.to_owned()],
        init: true,
        ..ContainerSpec::default()
    }
}

/// A container.
pub(crate) struct Started<'w> {
    world: &'w World,
    host: usize,
    pub(crate) name: String,
}

impl Started<'_> {
    /// Runs a shell script in it.
    pub(crate) fn run(&self, script: &str) -> ExecOutput {
        let exec = ExecSpec { argv: ["bash", "-c", script].map(str::to_owned).to_vec(), ..ExecSpec::default() };
        self.world.wait(self.world.engine(self.host).exec(&self.name, &exec, PATIENCE)).unwrap()
    }

    /// Runs a shell script in it that has to succeed, and returns what it printed.
    #[track_caller]
    pub(crate) fn says(&self, script: &str) -> String {
        let output = self.run(script);
        assert_eq!(output.exit_code, 0, "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        // The hosts are about to be removed, with whatever cannot be removed here.
        drop(self.world.wait(self.world.engine(self.host).remove_container(&self.name)));
    }
}

/// Waits until a condition holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
