//! A server's control file, read out of its container.

use super::failure::runtime_failure;
use crate::layout::PGDATA;
use crate::observe::{CONTROL_FILE, ControlFile, Unobserved, UnobservedWhy};
use crate::ports::ContainerRuntime;

/// The control file in a container's data directory.
pub(crate) async fn control_file(runtime: &dyn ContainerRuntime, container: &str) -> Result<ControlFile, Unobserved> {
    let failed = |message: String| Unobserved { why: UnobservedWhy::Failed, message };
    let path = format!("{PGDATA}/{CONTROL_FILE}");
    let bytes = runtime.read_file(container, &path).await.map_err(|error| runtime_failure(&error))?;
    let bytes = bytes.ok_or_else(|| failed(format!("{path} is missing in {container}")))?;
    ControlFile::parse(&bytes).map_err(|error| failed(error.to_string()))
}
