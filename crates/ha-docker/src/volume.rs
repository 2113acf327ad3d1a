//! Named volumes.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{ListVolumesOptionsBuilder, RemoveVolumeOptions};
use ha_core::ports::{RuntimeError, Volume};

use crate::connect::DockerRuntime;
use crate::convert;
use crate::task::Task;

/// Unlinking a large database takes its time.
const REMOVAL_LIMIT: Duration = Duration::from_secs(300);

impl DockerRuntime {
    pub(crate) async fn volume(&self, name: &str) -> Result<Option<Volume>, RuntimeError> {
        let task = Task::new("looking for", "volume", name);
        Ok(self.find(task, self.docker.inspect_volume(name)).await?.map(convert::volume))
    }

    pub(crate) async fn volumes(&self, labels: &BTreeMap<String, String>) -> Result<Vec<Volume>, RuntimeError> {
        let filters = HashMap::from([("label", convert::pairs(labels))]);
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let task = Task::new("listing", "volumes", "");
        let found = self.call(task, self.docker.list_volumes(Some(options))).await?;
        let mut volumes: Vec<_> = found.volumes.unwrap_or_default().into_iter().map(convert::volume).collect();
        volumes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(volumes)
    }

    pub(crate) async fn make_volume(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<Volume, RuntimeError> {
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(convert::hash(labels)),
            ..VolumeCreateRequest::default()
        };
        // The engine returns the one that is there, with its own labels.
        let task = Task::new("making", "volume", name);
        Ok(convert::volume(self.call(task, self.docker.create_volume(request)).await?))
    }

    pub(crate) async fn destroy_volume(&self, name: &str) -> Result<bool, RuntimeError> {
        let task = Task::new("removing", "volume", name);
        let remove = async {
            let removed = self.docker.remove_volume(name, None::<RemoveVolumeOptions>).await;
            removed.map_err(|error| self.failed(task, error))
        };
        match self.patient(task, REMOVAL_LIMIT, remove).await {
            Ok(()) => Ok(true),
            Err(RuntimeError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
