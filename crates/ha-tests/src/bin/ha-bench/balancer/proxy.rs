//! A HAProxy for the length of a measurement.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use ha_tests::free_port;
use ha_tests::keycloak::Site;
use tokio::process::{Child, Command};

use crate::error::Error;
use crate::folder::Folder;

const LIMIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Ends with it.
pub(crate) struct Proxy {
    /// For everybody.
    pub(crate) port: u16,
    statistics: Site,
    _child: Child,
}

impl Proxy {
    /// With the configuration that the program prints.
    pub(crate) async fn start(folder: &Folder) -> Result<Self, Error> {
        let [port, readers, statistics] = [free_port()?, free_port()?, free_port()?];
        let [everybody, readers, shown] = [port, readers, statistics].map(|port| format!("127.0.0.1:{port}"));
        #[rustfmt::skip]
        let print = ["haproxy", "--bind", &everybody, "--bind-read-only", &readers, "--bind-statistics", &shown];
        let printed = folder.run(&print).await?.succeeded()?.out;
        let file: PathBuf = folder.path("haproxy.cfg");
        std::fs::write(&file, printed)?;
        let child = Command::new("haproxy")
            .args(["-db", "-f"])
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("haproxy does not start ({error}): scripts/build-tools.sh hosts installs it"))?;
        let url = format!("http://{shown}");
        Ok(Self { port, statistics: Site::new(&url, &url)?, _child: child })
    }

    /// Waits until it has a node of each role.
    pub(crate) async fn finds_both_roles(&self) -> Result<(), Error> {
        let begun = Instant::now();
        loop {
            let metrics = self.statistics.send(self.statistics.get("/metrics")).await.map(|answer| answer.text);
            let has = |backend| {
                let line = format!("haproxy_backend_active_servers{{proxy=\"{backend}\"}} 1");
                metrics.as_ref().is_ok_and(|text| text.lines().any(|found| found == line))
            };
            if has("read_write") && has("read_only") {
                return Ok(());
            }
            if begun.elapsed() > LIMIT {
                return Err("HAProxy finds no node of each role".into());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
