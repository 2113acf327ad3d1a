//! Names of one's own, removed also when a test fails.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use ha_core::ports::{ContainerRuntime, ContainerSpec};
use ha_core::topology::DockerEndpoint;
use ha_docker::DockerRuntime;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const LABEL: &str = "ha-docker-test";

static COUNT: AtomicU32 = AtomicU32::new(0);

/// The engine under test; `None`, said out loud, where there is none to be.
pub(crate) fn engine() -> Option<DockerRuntime> {
    if std::env::var_os("HA_TEST_NO_ENGINE").is_some_and(|value| value == "1") {
        println!("skipped: no engine");
        return None;
    }
    Some(connect())
}

/// The engine of this machine, or the one that `HA_TEST_DOCKER` names, on this machine too.
fn connect() -> DockerRuntime {
    let endpoint = std::env::var("HA_TEST_DOCKER").unwrap_or_else(|_| "local".to_owned());
    let certificates = std::env::var_os("HA_TEST_DOCKER_CERTIFICATES").map(Into::into);
    let endpoint = DockerEndpoint::parse(&endpoint, certificates).expect("HA_TEST_DOCKER is an endpoint");
    DockerRuntime::at(&endpoint).expect("HA_TEST_DOCKER can be used")
}

pub(crate) fn image() -> String {
    std::env::var("HA_POSTGRES_IMAGE").unwrap_or_else(|_| "postgres:17".to_owned())
}

/// A name that nobody else uses, under which a container, a volume, a network and an image may be made.
pub(crate) struct Owned {
    pub(crate) name: String,
    pub(crate) runtime: DockerRuntime,
}

impl Owned {
    pub(crate) fn new(runtime: &DockerRuntime) -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("hatest-docker-{}-{number}", std::process::id());
        Self { name, runtime: runtime.clone() }
    }

    pub(crate) fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(LABEL.to_owned(), self.name.clone())])
    }

    /// A container that runs a shell script.
    pub(crate) fn shell(&self, script: &str) -> ContainerSpec {
        ContainerSpec {
            name: self.name.clone(),
            image: image(),
            entrypoint: Some(vec!["sh".to_owned(), "-c".to_owned()]),
            command: vec![script.to_owned()],
            labels: self.labels(),
            init: true,
            ..ContainerSpec::default()
        }
    }

    /// A container that stays until it is stopped.
    pub(crate) async fn running(&self) {
        self.started(&self.shell("exec sleep 600")).await;
    }

    pub(crate) async fn started(&self, spec: &ContainerSpec) {
        self.runtime.create_container(spec).await.expect("the container is made");
        self.runtime.start_container(&spec.name).await.expect("the container starts");
    }
}

impl Drop for Owned {
    /// A failed test's runtime may be on its way down: a runtime of one's own, on a thread of its own.
    fn drop(&mut self) {
        let name = self.name.clone();
        let cleaned = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let engine = connect();
                let removed = [
                    engine.remove_container(&name).await.err(),
                    engine.remove_volume(&name).await.err(),
                    engine.remove_network(&name).await.err(),
                ];
                for error in removed.into_iter().flatten() {
                    eprintln!("{name} is left behind: {error}");
                }
            });
        });
        if cleaned.join().is_err() {
            eprintln!("{} is left behind", self.name);
        }
    }
}

/// Waits until a condition holds, and fails after [`PATIENCE`].
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "{what} did not happen");
}
