//! Bridge networks.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{Network, NetworkCreateRequest};
use bollard::query_parameters::{InspectNetworkOptions, ListNetworksOptionsBuilder};
use ha_core::ports::RuntimeError;

use crate::connect::DockerRuntime;
use crate::convert;
use crate::task::Task;

impl DockerRuntime {
    pub(crate) async fn make_network(&self, name: &str, labels: &BTreeMap<String, String>) -> Result<(), RuntimeError> {
        let task = Task::new("looking for", "network", name);
        let found = self.find(task, self.docker.inspect_network(name, None::<InspectNetworkOptions>)).await?;
        if found.is_some() {
            return Ok(());
        }
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            labels: Some(convert::hash(labels)),
            ..NetworkCreateRequest::default()
        };
        match self.call(Task::new("making", "network", name), self.docker.create_network(request)).await {
            Ok(made) => self.settle_twins(name, &made.id).await,
            // Newer engines refuse a second one of the name; then there is one, which is all that is wanted.
            Err(RuntimeError::Refused { status: 409, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Engines before 25 make two networks of one name when two ask at a time, and then the name means neither. All who
    /// asked keep the oldest and remove their own.
    async fn settle_twins(&self, name: &str, ours: &str) -> Result<(), RuntimeError> {
        let filters = HashMap::from([("name", vec![name])]);
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let task = Task::new("looking for", "network", name);
        let mut twins = self.call(task, self.docker.list_networks(Some(options))).await?;
        // The engine's filter also takes names that only contain it.
        twins.retain(|network| network.name.as_deref() == Some(name));
        let age = |a: &&Network, b: &&Network| (&a.created, &a.id).cmp(&(&b.created, &b.id));
        let oldest = twins.iter().min_by(age).and_then(|network| network.id.as_deref());
        if oldest.is_none_or(|oldest| oldest == ours) {
            return Ok(());
        }
        let task = Task::new("removing", "network", ours);
        self.find(task, self.docker.remove_network(ours)).await.map(|_| ())
    }

    pub(crate) async fn destroy_network(&self, name: &str) -> Result<bool, RuntimeError> {
        let task = Task::new("removing", "network", name);
        Ok(self.find(task, self.docker.remove_network(name)).await?.is_some())
    }
}
