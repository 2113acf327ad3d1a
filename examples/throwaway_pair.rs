//! A test of one's own that needs real streaming replication: a pair comes up for it, and is gone afterwards.
//!
//! ```text
//! cargo run -p ha-tests --example throwaway_pair
//! ```

#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use ha_tests::{Pair, PairOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pair = Pair::start(PairOptions::postgres_only()).await?;

    let primary = pair.connect(pair.primary()).await?;
    primary
        .batch_execute("CREATE TABLE account (id int PRIMARY KEY, balance int); INSERT INTO account VALUES (1, 100)")
        .await?;
    pair.wait_replayed().await?;

    let standby = pair.connect(pair.standby()).await?;
    let balance: i32 = standby.query_one("SELECT balance FROM account WHERE id = 1", &[]).await?.get(0);
    assert_eq!(balance, 100, "what was committed on the primary is read on the standby");
    let refused = standby.execute("UPDATE account SET balance = 0", &[]).await;
    assert!(refused.is_err(), "a standby takes no writes");

    println!("read back from the standby: {balance}");
    Ok(())
}
