//! A row that the primary has acknowledged: when does the standby's PostgreSQL show it?

use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::error::Error;
use crate::report::{Row, say};
use crate::stats::Samples;
use crate::world::World;

/// Of each round; five rounds make the 500 that a 99th percentile needs.
const ROWS: usize = 100;
const LIMIT: Duration = Duration::from_secs(10);

pub(crate) async fn run(arguments: &Arguments, world: &World) -> Result<Vec<Row>, Error> {
    let primary = world.pair.connect(world.pair.primary()).await?;
    let standby = world.pair.connect(world.pair.standby()).await?;
    primary.batch_execute("CREATE TABLE ha_bench (n bigint PRIMARY KEY)").await?;
    world.pair.wait_replayed().await?;
    let insert = primary.prepare("INSERT INTO ha_bench VALUES ($1)").await?;
    let look = standby.prepare("SELECT FROM ha_bench WHERE n = $1").await?;
    let mut delays = Samples::default();
    let count = arguments.rounds * arguments.count(ROWS, 20);
    for number in 0..i64::try_from(count)? {
        primary.execute(&insert, &[&number]).await?;
        let acknowledged = Instant::now();
        // One connection asks again as soon as it is answered: the answer's own way is part of what is measured.
        while standby.query_opt(&look, &[&number]).await?.is_none() {
            if acknowledged.elapsed() > LIMIT {
                return Err(format!("row {number} has not arrived within {} s", LIMIT.as_secs()).into());
            }
        }
        delays.push(acknowledged.elapsed().as_secs_f64() * 1000.0);
    }
    primary.batch_execute("DROP TABLE ha_bench").await?;
    say(&format!("rows: {count} seen"));
    Ok(vec![Row::new("row acknowledged on the primary → visible on the standby's PostgreSQL", delays.tail(2, "ms"))])
}
