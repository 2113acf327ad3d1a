//! Settings are tried before anything stops for them.

use std::time::Duration;

use super::StepError;
use super::at::At;
use super::database::image;
use super::one_off::{self, Job};
use super::server::share;
use crate::layout;
use crate::ports::HostFile;

/// In the job's own files, not in a volume.
const TRIED_CONF: &str = "/tmp/ha-try.conf";
/// For a server on an empty database: a second, as a rule.
const START_SECONDS: u64 = 60;
/// `initdb` before it included.
const LIMIT: Duration = Duration::from_secs(START_SECONDS + 120);

/// Starts a server with the node's new settings beside the one that runs, on a database of no worth.
pub(super) async fn try_out(at: &At<'_>) -> Result<(), StepError> {
    let topology = at.cluster.topology();
    let image = image(at).await?;
    // One that a killed run left may have been asked about other settings.
    at.runtime.remove_container(&layout::one_off_name(topology, &at.node.name, "try")).await?;
    let conf = layout::postgresql_conf(topology, at.node, share(at).await?);
    let job = Job {
        name: "try",
        script: layout::TRY_SCRIPT,
        arguments: vec![START_SECONDS.to_string(), TRIED_CONF.to_owned()],
        files: vec![HostFile::new(TRIED_CONF, conf, 0o644)],
        limit: LIMIT,
    };
    match one_off::run(at.cluster, at.node, at.runtime, &image, job, |_| {}).await {
        Ok(_) => Ok(()),
        Err(StepError::Job { message, .. }) => Err(StepError::Settings(message)),
        Err(other) => Err(other),
    }
}
