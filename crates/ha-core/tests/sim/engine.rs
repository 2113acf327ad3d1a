//! A Docker engine that is made up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use ha_core::ports::{
    Container, ContainerRuntime, ContainerSpec, ContainerStatus, EngineInfo, ExecOutput, ExecSpec, HostFile, Image,
    ImageBuild, LogLine, LogOptions, Progress, RestartPolicy, RuntimeError, Volume,
};

use crate::shared::Shared;
use crate::world::{Engine, Fake, VolumeContent, World};

pub(crate) struct FakeEngine {
    pub(crate) shared: Arc<Shared>,
    /// Its place in the world.
    pub(crate) at: usize,
}

fn broken() -> RuntimeError {
    RuntimeError::Broken { source: "the fake's connection was cut".into() }
}

fn missing(name: &str) -> RuntimeError {
    RuntimeError::NotFound { what: format!("container {name}") }
}

impl FakeEngine {
    async fn call<T: Send>(
        &self,
        effect: impl FnOnce(&mut World) -> Result<T, RuntimeError> + Send,
    ) -> Result<T, RuntimeError> {
        self.shared.gate.pass(|| effect(&mut self.shared.world()), || Err(broken())).await
    }

    async fn on_engine<T: Send>(
        &self,
        effect: impl FnOnce(&mut Engine) -> Result<T, RuntimeError> + Send,
    ) -> Result<T, RuntimeError> {
        self.call(|world| effect(&mut world.engines[self.at])).await
    }
}

fn image(id: &str) -> Image {
    Image {
        id: id.to_owned(),
        digests: Vec::new(),
        environment: Vec::new(),
        volumes: Vec::new(),
        labels: BTreeMap::new(),
        size_bytes: 1,
    }
}

fn volume(name: &str, content: &VolumeContent) -> Volume {
    Volume { name: name.to_owned(), labels: content.labels.clone(), mountpoint: format!("/volumes/{name}") }
}

#[async_trait]
impl ContainerRuntime for FakeEngine {
    async fn engine(&self) -> Result<EngineInfo, RuntimeError> {
        self.on_engine(|engine| {
            Ok(EngineInfo {
                id: engine.id.clone(),
                host: engine.id.clone(),
                version: "20.10.24".to_owned(),
                api_version: "1.41".to_owned(),
                kernel: String::new(),
                architecture: "x86_64".to_owned(),
                cpus: 2,
                memory_bytes: 4 << 30,
                root_dir: "/".to_owned(),
                clock_unix_ms: None,
                warnings: Vec::new(),
            })
        })
        .await
    }

    async fn find_image(&self, reference: &str) -> Result<Option<Image>, RuntimeError> {
        self.on_engine(|engine| Ok(engine.images.get(reference).cloned())).await
    }

    async fn pull_image(&self, reference: &str, _: Arc<dyn Progress>) -> Result<Image, RuntimeError> {
        self.on_engine(|engine| {
            let pulled = image(&format!("sha256:{reference}"));
            Ok(engine.images.entry(reference.to_owned()).or_insert(pulled).clone())
        })
        .await
    }

    async fn build_image(&self, build: &ImageBuild) -> Result<Image, RuntimeError> {
        self.on_engine(|engine| {
            let built = image(&format!("sha256:{}", build.tag));
            Ok(engine.images.entry(build.tag.clone()).or_insert(built).clone())
        })
        .await
    }

    async fn ensure_network(&self, name: &str, _: &BTreeMap<String, String>) -> Result<(), RuntimeError> {
        self.on_engine(|engine| {
            engine.networks.insert(name.to_owned());
            Ok(())
        })
        .await
    }

    async fn remove_network(&self, name: &str) -> Result<bool, RuntimeError> {
        self.on_engine(|engine| {
            if engine.containers.values().any(|it| it.spec.network.as_deref() == Some(name)) {
                return Err(RuntimeError::Refused { status: 403, message: "it has active endpoints".to_owned() });
            }
            Ok(engine.networks.remove(name))
        })
        .await
    }

    async fn find_volume(&self, name: &str) -> Result<Option<Volume>, RuntimeError> {
        self.on_engine(|engine| Ok(engine.volumes.get(name).map(|content| volume(name, content)))).await
    }

    async fn list_volumes(&self, labels: &BTreeMap<String, String>) -> Result<Vec<Volume>, RuntimeError> {
        self.on_engine(|engine| {
            let all = engine.volumes.iter().map(|(name, content)| volume(name, content));
            let has = |it: &Volume| labels.iter().all(|(key, value)| it.labels.get(key) == Some(value));
            Ok(all.filter(has).collect())
        })
        .await
    }

    async fn ensure_volume(&self, name: &str, labels: &BTreeMap<String, String>) -> Result<Volume, RuntimeError> {
        self.on_engine(|engine| {
            let new = VolumeContent { labels: labels.clone(), ..VolumeContent::default() };
            Ok(volume(name, engine.volumes.entry(name.to_owned()).or_insert(new)))
        })
        .await
    }

    async fn remove_volume(&self, name: &str) -> Result<bool, RuntimeError> {
        self.on_engine(|engine| {
            if engine.containers.values().any(|it| it.spec.mounts.iter().any(|mount| mount.volume == name)) {
                return Err(RuntimeError::Refused { status: 409, message: "volume is in use".to_owned() });
            }
            Ok(engine.volumes.remove(name).is_some())
        })
        .await
    }

    async fn find_container(&self, name: &str) -> Result<Option<Container>, RuntimeError> {
        self.on_engine(|engine| Ok(engine.containers.get(name).map(Fake::container))).await
    }

    async fn list_containers(&self, labels: &BTreeMap<String, String>) -> Result<Vec<Container>, RuntimeError> {
        self.on_engine(|engine| {
            let carries = |fake: &&Fake| labels.iter().all(|(key, value)| fake.spec.labels.get(key) == Some(value));
            Ok(engine.containers.values().filter(carries).map(Fake::container).collect())
        })
        .await
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<String, RuntimeError> {
        self.on_engine(|engine| {
            if engine.containers.contains_key(&spec.name) {
                return Err(RuntimeError::NameTaken { name: spec.name.clone() });
            }
            if !engine.images.values().any(|image| image.id == spec.image) {
                return Err(RuntimeError::NotFound { what: format!("image {}", spec.image) });
            }
            if spec.network.as_ref().is_some_and(|network| !engine.networks.contains(network)) {
                return Err(RuntimeError::NotFound { what: "network".to_owned() });
            }
            for mount in &spec.mounts {
                engine.volumes.entry(mount.volume.clone()).or_default();
            }
            let fake = Fake {
                spec: spec.clone(),
                status: ContainerStatus::Created,
                files: BTreeMap::new(),
                log: Vec::new(),
                upstream: None,
                ready: false,
            };
            engine.containers.insert(spec.name.clone(), fake);
            Ok(format!("id of {}", spec.name))
        })
        .await
    }

    async fn start_container(&self, name: &str) -> Result<(), RuntimeError> {
        self.on_engine(|engine| {
            let fake = engine.containers.get_mut(name).ok_or_else(|| missing(name))?;
            if fake.running() {
                return Ok(());
            }
            if fake.component() == "postgres" {
                engine.start_postgres(name);
            } else if fake.will_not_start() {
                fake.status = ContainerStatus::Exited { code: 2 };
            } else {
                fake.status = ContainerStatus::Running;
            }
            Ok(())
        })
        .await
    }

    async fn stop_container(&self, name: &str, _: Duration) -> Result<bool, RuntimeError> {
        self.on_engine(|engine| {
            let fake = engine.containers.get_mut(name).ok_or_else(|| missing(name))?;
            if !fake.running() {
                return Ok(false);
            }
            (fake.status, fake.ready) = (ContainerStatus::Exited { code: 0 }, false);
            Ok(true)
        })
        .await
    }

    async fn set_restart_policy(&self, name: &str, policy: RestartPolicy) -> Result<(), RuntimeError> {
        self.on_engine(|engine| {
            engine.containers.get_mut(name).ok_or_else(|| missing(name))?.spec.restart = policy;
            Ok(())
        })
        .await
    }

    async fn remove_container(&self, name: &str) -> Result<bool, RuntimeError> {
        self.on_engine(|engine| Ok(engine.containers.remove(name).is_some())).await
    }

    async fn wait_container(&self, name: &str, _: Duration) -> Result<i64, RuntimeError> {
        let code = self
            .call(|world| {
                world.finish_job(self.at, name);
                let fake = world.engines[self.at].containers.get(name).ok_or_else(|| missing(name))?;
                Ok(match fake.status {
                    ContainerStatus::Exited { code } => Some(code),
                    _ => None,
                })
            })
            .await?;
        match code {
            Some(code) => Ok(code),
            // It lives on: whoever waits has to have something else to wait for.
            None => std::future::pending().await,
        }
    }

    async fn put_files(&self, name: &str, files: &[HostFile]) -> Result<(), RuntimeError> {
        self.on_engine(|engine| {
            if !engine.containers.contains_key(name) {
                return Err(missing(name));
            }
            engine.put(name, files);
            Ok(())
        })
        .await
    }

    async fn read_file(&self, name: &str, path: &str) -> Result<Option<Vec<u8>>, RuntimeError> {
        self.on_engine(|engine| {
            if !engine.containers.contains_key(name) {
                return Err(missing(name));
            }
            Ok(engine.file(name, path))
        })
        .await
    }

    async fn read_links(&self, name: &str, _: &str) -> Result<BTreeMap<String, String>, RuntimeError> {
        // Nobody makes any here.
        self.on_engine(|engine| engine.containers.get(name).map(|_| BTreeMap::new()).ok_or_else(|| missing(name))).await
    }

    async fn exec(&self, name: &str, _: &ExecSpec, _: Duration) -> Result<ExecOutput, RuntimeError> {
        self.on_engine(|engine| {
            let upstream = engine.upstream(name);
            let fake = engine.containers.get_mut(name).ok_or_else(|| missing(name))?;
            fake.upstream = upstream;
            Ok(ExecOutput { exit_code: 0, stdout: Vec::new(), stderr: Vec::new() })
        })
        .await
    }

    async fn logs(&self, name: &str, options: &LogOptions) -> Result<ha_core::ports::LogStream, RuntimeError> {
        let follow = options.follow;
        let lines = self
            .call(|world| {
                if follow {
                    world.finish_job(self.at, name);
                }
                let fake = world.engines[self.at].containers.get(name).ok_or_else(|| missing(name))?;
                Ok(fake.log.clone())
            })
            .await?;
        Ok(futures_util::stream::iter(lines.into_iter().map(Ok::<LogLine, RuntimeError>)).boxed())
    }
}
