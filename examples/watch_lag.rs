//! Watches how far the standbys of an existing pair are behind, with nothing but the probe's password.
//!
//! ```text
//! PROBE_PASSWORD=… cargo run -p ha-tests --example watch_lag -- PRIMARY:PORT STANDBY:PORT [LOOKS]
//! ```

#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ha_core::observe::PostgresRole;
use ha_core::ports::ReplicationProbe;
use ha_core::topology::{NodeSpec, TopologySpec};
use ha_core::values::Secret;
use ha_pg::NetworkProbe;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [primary, standby, rest @ ..] = &arguments[..] else {
        return Err("usage: watch_lag PRIMARY:PORT STANDBY:PORT [LOOKS]".into());
    };
    let (primary, standby): (SocketAddr, SocketAddr) = (primary.parse()?, standby.parse()?);
    let looks: usize = rest.first().map_or(Ok(usize::MAX), |text| text.parse())?;

    let mut spec = TopologySpec::new("watched", "https://sso.example.org")
        .node(NodeSpec::primary("one", primary.ip().to_string()).ports(primary.port(), 1))
        .node(NodeSpec::standby("two", standby.ip().to_string()).ports(standby.port(), 2));
    // Only so that both may stand on loopback.
    spec.cluster.demo = true;
    let topology = Arc::new(spec.validate().map_err(|problems| format!("{problems:?}"))?);
    let password = Secret::new(std::env::var("PROBE_PASSWORD")?);
    let probe = NetworkProbe::new(Arc::clone(&topology), password).keep_connections();

    let mut every_second = tokio::time::interval(Duration::from_secs(1));
    for _ in 0..looks {
        every_second.tick().await;
        let mut written = None;
        let mut replayed = None;
        for node in topology.nodes() {
            // A node that does not answer is no reason to stop watching.
            match probe.observe(&node.name, Duration::from_secs(2)).await {
                Ok(seen) if seen.role == PostgresRole::Primary => written = seen.write_lsn,
                Ok(seen) => replayed = seen.replay_lsn,
                Err(error) => println!("{}: {error}", node.name),
            }
        }
        match (written, replayed) {
            (Some(written), Some(replayed)) => println!("{} bytes behind", written.bytes_since(replayed)),
            _ => println!("not known"),
        }
    }
    Ok(())
}
