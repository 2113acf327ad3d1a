//! What a commit costs that waits for a standby, beside one that does not.

use std::time::{Duration, Instant};

use ha_tests::{Pair, PairOptions};
use tokio_postgres::{Client, Statement};

use crate::arguments::Arguments;
use crate::error::Error;
use crate::report::{Row, say};
use crate::stats::{Samples, milliseconds};

/// Commits of each kind, and how many of one follow each other.
const COMMITS: usize = 2000;
const IN_A_ROW: usize = 50;
/// Not counted: a connection and its statement are slow at first.
const WARM: usize = 100;
const LIMIT: Duration = Duration::from_secs(10);

/// A pair, and one who writes to it.
struct Writer {
    client: Client,
    insert: Statement,
    next: i64,
    times: Samples,
    _pair: Pair,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<Vec<Row>, Error> {
    let (mut relaxed, mut strict) = (Writer::start("async").await?, Writer::start("strict").await?);
    let count = arguments.count(COMMITS, 100);
    while relaxed.times.len() < count {
        for writer in [&mut relaxed, &mut strict] {
            writer.write(IN_A_ROW).await?;
        }
    }
    say(&format!("durability: {count} commits of each kind"));
    let ratio = strict.times.median() / relaxed.times.median();
    Ok(vec![
        Row::new("commit of one row with `strict`; beside: with `async`", strict.times.few(2, "ms"))
            .beside(relaxed.times.few(2, "ms"), ratio),
    ])
}

impl Writer {
    async fn start(durability: &str) -> Result<Self, Error> {
        let options = PairOptions { durability: durability.to_owned(), ..PairOptions::postgres_only() };
        let pair = Pair::start(options).await?;
        let client = pair.connect(pair.primary()).await?;
        client.batch_execute("CREATE TABLE ha_bench (n bigint PRIMARY KEY)").await?;
        pair.wait_replayed().await?;
        let insert = client.prepare("INSERT INTO ha_bench VALUES ($1)").await?;
        let mut writer = Self { client, insert, next: 0, times: Samples::default(), _pair: pair };
        writer.write(WARM).await?;
        writer.times = Samples::default();
        Ok(writer)
    }

    async fn write(&mut self, count: usize) -> Result<(), Error> {
        for _ in 0..count {
            self.next += 1;
            let begun = Instant::now();
            tokio::time::timeout(LIMIT, self.client.execute(&self.insert, &[&self.next]))
                .await
                .map_err(|_| format!("a commit is not acknowledged within {} s", LIMIT.as_secs()))??;
            self.times.push(milliseconds(begun.elapsed()));
        }
        Ok(())
    }
}
