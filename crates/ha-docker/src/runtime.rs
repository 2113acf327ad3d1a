//! The port, one line a call; how each is done stands in the module of its subject.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ha_core::ports::{
    ByteStream, Container, ContainerRuntime, ContainerSpec, EngineInfo, ExecOutput, ExecSession, ExecSpec, HostFile,
    Image, ImageBuild, LogOptions, LogStream, Progress, RestartPolicy, RuntimeError, Volume,
};

use crate::connect::DockerRuntime;

#[async_trait]
impl ContainerRuntime for DockerRuntime {
    async fn engine(&self) -> Result<EngineInfo, RuntimeError> {
        self.engine_info().await
    }

    async fn find_image(&self, reference: &str) -> Result<Option<Image>, RuntimeError> {
        self.image(reference).await
    }

    async fn pull_image(&self, reference: &str, progress: Arc<dyn Progress>) -> Result<Image, RuntimeError> {
        self.pull(reference, progress).await
    }

    async fn registry_has(&self, reference: &str) -> Result<(), RuntimeError> {
        self.in_registry(reference).await
    }

    async fn build_image(&self, build: &ImageBuild) -> Result<Image, RuntimeError> {
        self.build(build).await
    }

    async fn ensure_network(&self, name: &str, labels: &BTreeMap<String, String>) -> Result<(), RuntimeError> {
        self.make_network(name, labels).await
    }

    async fn remove_network(&self, name: &str) -> Result<bool, RuntimeError> {
        self.destroy_network(name).await
    }

    async fn find_volume(&self, name: &str) -> Result<Option<Volume>, RuntimeError> {
        self.volume(name).await
    }

    async fn list_volumes(&self, labels: &BTreeMap<String, String>) -> Result<Vec<Volume>, RuntimeError> {
        self.volumes(labels).await
    }

    async fn ensure_volume(&self, name: &str, labels: &BTreeMap<String, String>) -> Result<Volume, RuntimeError> {
        self.make_volume(name, labels).await
    }

    async fn remove_volume(&self, name: &str) -> Result<bool, RuntimeError> {
        self.destroy_volume(name).await
    }

    async fn find_container(&self, name: &str) -> Result<Option<Container>, RuntimeError> {
        self.container(name).await
    }

    async fn list_containers(&self, labels: &BTreeMap<String, String>) -> Result<Vec<Container>, RuntimeError> {
        self.containers(labels).await
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<String, RuntimeError> {
        self.create(spec).await
    }

    async fn start_container(&self, name: &str) -> Result<(), RuntimeError> {
        self.start(name).await
    }

    async fn stop_container(&self, name: &str, timeout: Duration) -> Result<bool, RuntimeError> {
        self.stop(name, timeout).await
    }

    async fn set_restart_policy(&self, name: &str, policy: RestartPolicy) -> Result<(), RuntimeError> {
        self.restart_by(name, policy).await
    }

    async fn remove_container(&self, name: &str) -> Result<bool, RuntimeError> {
        self.remove(name).await
    }

    async fn wait_container(&self, name: &str, timeout: Duration) -> Result<i64, RuntimeError> {
        self.wait(name, timeout).await
    }

    async fn put_files(&self, name: &str, files: &[HostFile]) -> Result<(), RuntimeError> {
        self.write_files(name, files).await
    }

    async fn read_file(&self, name: &str, path: &str) -> Result<Option<Vec<u8>>, RuntimeError> {
        self.fetch_file(name, path).await
    }

    async fn read_links(&self, name: &str, path: &str) -> Result<BTreeMap<String, String>, RuntimeError> {
        self.links(name, path).await
    }

    async fn exec(&self, name: &str, exec: &ExecSpec, timeout: Duration) -> Result<ExecOutput, RuntimeError> {
        self.run_inside(name, exec, timeout).await
    }

    async fn open_exec(&self, name: &str, exec: &ExecSpec) -> Result<Box<dyn ExecSession>, RuntimeError> {
        self.talk_inside(name, exec).await
    }

    async fn exec_stream(&self, name: &str, exec: &ExecSpec, silence: Duration) -> Result<ByteStream, RuntimeError> {
        self.stream_inside(name, exec, silence).await
    }

    async fn read_folder(&self, name: &str, path: &str, silence: Duration) -> Result<ByteStream, RuntimeError> {
        self.stream_folder(name, path, silence).await
    }

    async fn logs(&self, name: &str, options: &LogOptions) -> Result<LogStream, RuntimeError> {
        self.log_lines(name, options).await
    }
}
