//! What a server ran with, kept for the case that it does not come up with what is new.

use super::at::At;
use super::{StepError, ready};
use crate::layout::{Component, LABEL_IMAGE, LABEL_SPEC};
use crate::ports::{ContainerSpec, HostFile};

/// Image, mark and files of a server, or of a Keycloak, that is about to be replaced.
pub(super) struct Former {
    component: Component,
    image: String,
    mark: Option<String>,
    files: Vec<HostFile>,
}

impl Former {
    /// Of the container of that name; none where there is none, or not all of its files are there.
    pub(super) async fn of(
        at: &At<'_>,
        component: Component,
        name: &str,
        files: &[HostFile],
    ) -> Result<Option<Self>, StepError> {
        let Some(container) = at.runtime.find_container(name).await? else { return Ok(None) };
        let mut former = Vec::new();
        for file in files {
            let Some(content) = at.runtime.read_file(name, &file.path).await? else { return Ok(None) };
            former.push(HostFile { content, ..file.clone() });
        }
        let mark = container.labels.get(LABEL_SPEC).cloned();
        Ok(Some(Self { component, image: container.image_id, mark, files: former }))
    }

    /// Puts it back in the place of what did not come up, and tells what became of that. Its mark is the old one, so that
    /// the next `up` knows that the new settings are still to come.
    pub(super) async fn put_back(
        self,
        at: &At<'_>,
        spec: ContainerSpec,
        permit: Option<HostFile>,
        why: StepError,
    ) -> StepError {
        let (name, component) = (spec.name.clone(), self.component);
        let (why, log) = match why {
            StepError::NotReady { detail, log, .. } => (detail, log),
            other => (other.to_string(), ready::last_lines(at, &name).await),
        };
        let outcome = async {
            at.runtime.stop_container(&name, at.cluster.limits.stop).await?;
            at.runtime.remove_container(&name).await?;
            let mut spec = spec;
            spec.labels.insert(LABEL_IMAGE.to_owned(), self.image.clone());
            spec.image = self.image;
            match self.mark {
                Some(mark) => drop(spec.labels.insert(LABEL_SPEC.to_owned(), mark)),
                None => drop(spec.labels.remove(LABEL_SPEC)),
            }
            at.runtime.create_container(&spec).await?;
            let files: Vec<_> = self.files.into_iter().chain(permit).collect();
            at.runtime.put_files(&name, &files).await?;
            at.runtime.start_container(&name).await?;
            match component {
                Component::Postgres => {
                    at.cluster.ports.control.wait_ready(&at.node.name, at.cluster.limits.postgres_ready).await?;
                }
                Component::Keycloak => ready::wait_ready(at, &name).await?,
            }
            Ok::<_, StepError>(())
        };
        match outcome.await {
            Ok(()) => StepError::PutBack { why, log },
            Err(error) => StepError::Changed(format!(
                "it does not come up with what is new ({why}), nor with what it had before ({error}); `ha-cli logs {} \
                 --component {component}` shows why",
                at.node.name
            )),
        }
    }
}
