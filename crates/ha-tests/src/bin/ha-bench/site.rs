//! A pair that the program itself makes, in a folder of its own.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ha_tests::keycloak::Site as Keycloak;
use ha_tests::{PairOptions, Removal, free_port, fresh_name};

use crate::error::Error;
use crate::program::{Program, Ran, ha_cli};

/// Most time until both Keycloaks answer after `up` says that it is done.
const READY_LIMIT: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A cluster's file, and whatever was made from it. Dropping it removes both.
pub(crate) struct Site {
    folder: PathBuf,
    keycloaks: [Keycloak; 2],
    _removal: Removal,
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Site {
    /// Writes the cluster's file; nothing runs yet.
    pub(crate) async fn make() -> Result<Self, Error> {
        let cluster = fresh_name();
        let folder = std::env::temp_dir().join(&cluster);
        let ports = [free_port()?, free_port()?, free_port()?, free_port()?];
        let public = format!("http://127.0.0.1:{}", ports[2]);
        let keycloak = |port: u16| Keycloak::new(&format!("http://127.0.0.1:{port}"), &public);
        let keycloaks = [keycloak(ports[2])?, keycloak(ports[3])?];
        let removal = Removal::of(&cluster, vec!["vm1".to_owned(), "vm2".to_owned()]);
        std::fs::create_dir_all(&folder)?;
        let site = Self { folder, keycloaks, _removal: removal };
        let images = PairOptions::default();
        let [primary, standby, first, second] =
            [("vm1", 0), ("vm2", 1), ("vm1", 2), ("vm2", 3)].map(|(node, at)| format!("{node}={}", ports[at]));
        #[rustfmt::skip]
        let setup = [
            "setup", "--demo", "--non-interactive", "--cluster-name", &cluster, "--public-url", &public,
            "--postgres-image", &images.postgres_image, "--keycloak-image", &images.keycloak_image,
            "--postgres-port", &primary, "--postgres-port", &standby,
            "--keycloak-port", &first, "--keycloak-port", &second,
        ];
        site.run(&setup).await?.succeeded()?;
        Ok(site)
    }

    /// Makes one and waits until it is healthy.
    pub(crate) async fn running() -> Result<Self, Error> {
        let site = Self::make().await?;
        site.up().await?;
        let begun = Instant::now();
        loop {
            let health = site.run(&["health", "all"]).await?;
            if health.is_success() {
                return Ok(site);
            }
            if begun.elapsed() > READY_LIMIT {
                health.succeeded()?;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Brings it up; returns the seconds until the program has ended and both Keycloaks serve.
    pub(crate) async fn up(&self) -> Result<f64, Error> {
        let begun = Instant::now();
        self.run(&["up", "--yes"]).await?.succeeded()?;
        for keycloak in &self.keycloaks {
            wait_served(keycloak, "/realms/master", READY_LIMIT).await?;
        }
        Ok(begun.elapsed().as_secs_f64())
    }

    /// `ha-cli` with those arguments, on this cluster.
    pub(crate) fn program(&self, arguments: &[&str]) -> Program {
        ha_cli(arguments).within(&self.folder)
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<Ran, Error> {
        self.program(arguments).run().await
    }
}

/// Waits until a path is answered with success.
pub(crate) async fn wait_served(keycloak: &Keycloak, path: &str, limit: Duration) -> Result<(), Error> {
    let begun = Instant::now();
    loop {
        let answer = keycloak.send(keycloak.get(path)).await;
        match answer {
            Ok(answer) if answer.is_success() => return Ok(()),
            _ if begun.elapsed() < limit => tokio::time::sleep(LOOK_EVERY).await,
            Ok(answer) => return Err(format!("{path} is not served after {limit:?}: {}", answer.shown()).into()),
            Err(error) => return Err(error.into()),
        }
    }
}
