//! On what it was measured.

use ha_core::ports::ContainerRuntime as _;
use ha_docker::DockerRuntime;
use ha_tests::PairOptions;

use crate::error::Error;
use crate::program;

/// One line: processors, memory, kernel, versions, and how busy the machine was before it began.
pub(crate) async fn line() -> Result<String, Error> {
    let engine = DockerRuntime::local().engine().await?;
    let version = program::ha_cli(&["--version"]).run().await?.succeeded()?;
    let images = PairOptions::default();
    let load = load();
    let load = load.split(' ').next().unwrap_or_default();
    Ok(format!(
        "Machine: {} cores, {:.1} GiB, {}, Linux {}, Docker {}; {}; {}, {}; load before: {load}.",
        engine.cpus,
        engine.memory_bytes as f64 / f64::from(1 << 30),
        engine.architecture,
        engine.kernel,
        engine.version,
        version.out.trim(),
        images.postgres_image,
        images.keycloak_image,
    ))
}

/// The load averages of the last 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_else(|_| "unknown".to_owned());
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
