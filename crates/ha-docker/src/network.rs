//! Bridge networks.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{Network, NetworkCreateRequest};
use bollard::query_parameters::ListNetworksOptionsBuilder;
use ha_core::ports::RuntimeError;

use crate::connect::DockerRuntime;
use crate::convert;
use crate::task::Task;

impl DockerRuntime {
    /// Makes the network unless it is there, and leaves one of its name.
    ///
    /// Engines before 25 make two networks of one name when two ask at a time, and then the name means neither. All who
    /// ask keep the oldest; one who was killed between making and looking again leaves a twin to the next who asks.
    pub(crate) async fn make_network(&self, name: &str, labels: &BTreeMap<String, String>) -> Result<(), RuntimeError> {
        if self.remove_twins(name).await? {
            return Ok(());
        }
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            labels: Some(convert::hash(labels)),
            ..NetworkCreateRequest::default()
        };
        match self.call(Task::new("making", "network", name), self.docker.create_network(request)).await {
            Ok(_) => self.remove_twins(name).await.map(|_| ()),
            // Newer engines refuse a second one of the name; then there is one, which is all that is wanted.
            Err(RuntimeError::Refused { status: 409, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes all networks of that name but the oldest; `false` when there is none at all.
    pub(crate) async fn remove_twins(&self, name: &str) -> Result<bool, RuntimeError> {
        let found = self.networks(name).await?;
        let Some((_, twins)) = found.split_first() else { return Ok(false) };
        self.remove_networks(twins).await?;
        Ok(true)
    }

    /// Removes every network of that name; `false` when there was none.
    pub(crate) async fn destroy_network(&self, name: &str) -> Result<bool, RuntimeError> {
        let found = self.networks(name).await?;
        self.remove_networks(&found).await?;
        Ok(!found.is_empty())
    }

    /// The networks of that name, the oldest first.
    async fn networks(&self, name: &str) -> Result<Vec<Network>, RuntimeError> {
        let filters = HashMap::from([("name", vec![name])]);
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let task = Task::new("looking for", "network", name);
        let mut found = self.call(task, self.docker.list_networks(Some(options))).await?;
        // The engine's filter also takes names that only contain it.
        found.retain(|network| network.name.as_deref() == Some(name));
        found.sort_by(|a, b| (&a.created, &a.id).cmp(&(&b.created, &b.id)));
        Ok(found)
    }

    async fn remove_networks(&self, networks: &[Network]) -> Result<(), RuntimeError> {
        for id in networks.iter().filter_map(|network| network.id.as_deref()) {
            // By its id, which is never ambiguous; somebody else may have removed it by now.
            self.find(Task::new("removing", "network", id), self.docker.remove_network(id)).await?;
        }
        Ok(())
    }
}

/// The network that an engine did not know which of two to take, as it says of one made twice at the same moment.
pub(crate) fn ambiguous_network(message: &str) -> Option<&str> {
    let (name, rest) = message.split_once("network ")?.1.split_once(' ')?;
    rest.starts_with("is ambiguous").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_made_twice_is_named() {
        let said = "network eu-prod-net is ambiguous (2 matches found on name)";
        assert_eq!(ambiguous_network(said), Some("eu-prod-net"));
        assert_eq!(ambiguous_network("network eu-prod-net not found"), None);
        assert_eq!(ambiguous_network("driver failed programming external connectivity"), None);
    }
}
