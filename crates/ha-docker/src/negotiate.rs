//! Agreeing on the version of the API, once, with the first call.
//!
//! Every answer to a ping names the newest version that the engine speaks (`Api-Version`), and costs it nothing. Its
//! own account of its versions costs the start of three programs, longer than most other calls take: it is asked for
//! only where pings do not settle it.

use bollard::errors::Error;
use ha_core::ports::{EngineInfo, RuntimeError};
use tokio::time::timeout;

use crate::clock;
use crate::connect::DockerRuntime;
use crate::task::Task;

/// The oldest API spoken: Docker 20.10.
const OLDEST: Api = Api(1, 41);
/// The newest one asked for, so that a later engine goes on answering in words that are known here. Docker 25 and
/// later know it, and Docker 29.0 knows none that is older.
const NEWEST: Api = Api(1, 44);

/// A version of Docker's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Api(u32, u32);

impl Api {
    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }
}

impl std::fmt::Display for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The version to speak with an engine that knows these; none when it is too old.
fn agreed(newest: Option<Api>, oldest: Option<Api>) -> Option<Api> {
    let newest = newest.filter(|newest| *newest >= OLDEST)?;
    Some(newest.min(NEWEST).max(oldest.unwrap_or(OLDEST)))
}

impl DockerRuntime {
    /// Makes sure that a version is agreed upon. Not bounded: whoever calls it is.
    pub(crate) async fn negotiated(&self) -> Result<(), RuntimeError> {
        // Only one of those who ask gets in.
        let ask = async {
            // Whoever asked before may have been given up in the middle.
            self.versions.agree_on(None);
            match self.pinged().await? {
                Some(newest) if (OLDEST..=NEWEST).contains(&newest) => self.agree_on(newest),
                Some(newest) if newest > NEWEST && self.takes_newest().await? => {}
                _ => self.agree_on(self.asked().await?),
            }
            Ok(())
        };
        self.negotiation.get_or_try_init(|| ask).await.copied()
    }

    /// The newest version that the engine speaks, if it is one that tells with every answer.
    async fn pinged(&self) -> Result<Option<Api>, RuntimeError> {
        let pinged = self.docker.ping().await;
        pinged.map_err(|error| self.failed(Task::new("pinging", "the engine", ""), error))?;
        Ok(self.versions.newest().and_then(Api::parse))
    }

    fn agree_on(&self, version: Api) {
        self.versions.agree_on(Some(version.to_string()));
    }

    /// Whether a later engine still takes [`NEWEST`]; agreed upon then. Its settings may say otherwise
    /// (`DOCKER_MIN_API_VERSION`, `min-api-version`).
    async fn takes_newest(&self) -> Result<bool, RuntimeError> {
        self.agree_on(NEWEST);
        let refused = match self.docker.ping().await {
            Ok(_) => return Ok(true),
            Err(Error::DockerResponseServerError { status_code: 400, .. }) => Ok(false),
            Err(error) => Err(self.failed(Task::new("pinging", "the engine", ""), error)),
        };
        self.versions.agree_on(None);
        refused
    }

    async fn asked(&self) -> Result<Api, RuntimeError> {
        let task = Task::new("asking", "the engine's version", "");
        let said = self.docker.version().await.map_err(|error| self.failed(task, error))?;
        let api = |text: &Option<String>| text.as_deref().and_then(Api::parse);
        agreed(api(&said.api_version), api(&said.min_api_version)).ok_or_else(|| {
            let known = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
            RuntimeError::EngineTooOld {
                endpoint: self.endpoint.to_string(),
                version: known(said.version),
                api_version: known(said.api_version),
            }
        })
    }

    pub(crate) async fn negotiated_in_time(&self) -> Result<(), RuntimeError> {
        let task = Task::new("asking", "the engine's version", "");
        let negotiated = timeout(self.call_limit, self.negotiated()).await;
        negotiated.unwrap_or_else(|_| Err(task.timed_out(self.call_limit)))
    }

    pub(crate) async fn engine_info(&self) -> Result<EngineInfo, RuntimeError> {
        let task = Task::new("asking", "the engine about itself", "");
        let info = self.call(task, self.docker.info()).await?;
        Ok(EngineInfo {
            id: info.id.unwrap_or_default(),
            host: info.name.unwrap_or_default(),
            version: info.server_version.unwrap_or_default(),
            api_version: self.versions.newest().unwrap_or_default().to_owned(),
            kernel: info.kernel_version.unwrap_or_default(),
            architecture: info.architecture.unwrap_or_default(),
            cpus: info.ncpu.and_then(|count| count.try_into().ok()).unwrap_or_default(),
            memory_bytes: info.mem_total.and_then(|bytes| bytes.try_into().ok()).unwrap_or_default(),
            root_dir: info.docker_root_dir.unwrap_or_default(),
            clock_unix_ms: info.system_time.as_deref().and_then(clock::unix_ms),
            warnings: info.warnings.unwrap_or_default(),
        })
    }

    /// The log driver that the engine uses where none is named. Asked once: it changes with a restart of the engine
    /// only, and matters only to containers made after that.
    pub(crate) async fn default_log_driver(&self) -> Result<Option<&str>, RuntimeError> {
        let task = Task::new("asking", "the engine about itself", "");
        let ask = || async { Ok(self.call(task, self.docker.info()).await?.logging_driver) };
        Ok(self.log_driver.get_or_try_init(ask).await?.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_on_a_version_both_know() {
        let table = [
            // 20.10, 24.0, 28.2, 29.0, and one to come that knows only newer ones.
            ("1.41", Some("1.12"), Some("1.41")),
            ("1.43", Some("1.12"), Some("1.43")),
            ("1.50", Some("1.24"), Some("1.44")),
            ("1.52", Some("1.44"), Some("1.44")),
            ("1.60", Some("1.50"), Some("1.50")),
            // 19.03, and nonsense.
            ("1.40", Some("1.12"), None),
            ("one", None, None),
        ];
        for (newest, oldest, expected) in table {
            let agreed = agreed(Api::parse(newest), oldest.and_then(Api::parse)).map(|api| api.to_string());
            assert_eq!(agreed.as_deref(), expected, "{newest}");
        }
    }
}
