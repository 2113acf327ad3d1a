//! Tries an endpoint: says which engine answers there, and how long the first and the next calls take.
//!
//! `cargo run -p ha-docker --example endpoint -- ssh://user@host`, or `tcp://host:2376 FOLDER` with a folder that holds
//! `ca.pem`, `cert.pem` and `key.pem`; without arguments, the engine of this machine.
#![expect(clippy::print_stdout, reason = "a program for a person")]

use std::error::Error;
use std::time::Instant;

use ha_core::ports::ContainerRuntime;
use ha_core::topology::DockerEndpoint;
use ha_docker::DockerRuntime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let endpoint = arguments.next().unwrap_or_else(|| "local".to_owned());
    let endpoint = DockerEndpoint::parse(&endpoint, arguments.next().map(Into::into))?;
    let runtime = DockerRuntime::at(&endpoint)?;
    for call in ["first", "second", "third"] {
        let before = Instant::now();
        let engine = runtime.engine().await.inspect_err(|error| println!("{error}: {:?}", error.source()))?;
        println!("{call} call: Docker {} on {}, {:.1?}", engine.version, engine.host, before.elapsed());
    }
    for call in ["first", "second"] {
        let before = Instant::now();
        let found = runtime.find_container("no-such-container").await?;
        println!("{call} look for a container: {found:?}, {:.1?}", before.elapsed());
    }
    Ok(())
}
