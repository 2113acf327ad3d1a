//! Two servers, without Keycloak, with so much data in the database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ha_core::layout::Component;
use ha_core::plan::{FailoverOptions, Plan};
use ha_core::topology::Node;
use ha_tests::{Pair, PairOptions};

use crate::error::Error;
use crate::program::Program;
use crate::report::say;
use crate::steps::StepTimes;

/// Rows of one kilobyte at a time: some 20 MB.
const BATCH: i64 = 20_000;
/// The fewest bytes that a row takes: more batches than that come to is an endless loop.
const ROW: i64 = 1000;
/// Rows that one change writes to, spread over the whole table.
const CHANGED: i64 = 1000;
const CHECKPOINT_LIMIT: Duration = Duration::from_secs(120);
const ARRIVED_LIMIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(crate) struct Filled {
    pub(crate) pair: Pair,
    rows: i64,
}

impl Filled {
    /// Makes the pair and fills it; returns when the standby has all of it, and both have it on disk.
    pub(crate) async fn start(megabytes: u32) -> Result<Self, Error> {
        say(&format!("a pair with {megabytes} MB is made"));
        let pair = Pair::start(PairOptions::postgres_only()).await?;
        let goal = i64::from(megabytes) * 1_000_000;
        let client = pair.connect(pair.primary()).await?;
        client
            .batch_execute("CREATE TABLE filling (n bigint PRIMARY KEY, mark int NOT NULL, text text NOT NULL)")
            .await?;
        // Short of where PostgreSQL would begin to compress it.
        let insert =
            "INSERT INTO filling SELECT n, 0, repeat(md5(n::text), 31) FROM generate_series($1::bigint, $2) AS n";
        let insert = client.prepare(insert).await?;
        let size = client.prepare("SELECT pg_database_size(current_database())").await?;
        let mut rows = 0;
        while client.query_one(&size, &[]).await?.get::<_, i64>(0) < goal {
            if rows * ROW > goal + BATCH * ROW {
                return Err(format!("{rows} rows do not make {megabytes} MB").into());
            }
            client.execute(&insert, &[&(rows + 1), &(rows + BATCH)]).await?;
            rows += BATCH;
            // Else whoever reads a row first marks its page, and with checksums that page goes into the WAL as a whole.
            client.batch_execute("VACUUM filling").await?;
            pair.wait_replayed().await?;
        }
        for node in pair.topology().nodes() {
            pair.cluster().ports().control.checkpoint(&node.name, CHECKPOINT_LIMIT).await?;
        }
        Ok(Self { pair, rows })
    }

    /// Writes a mark into rows all over the table, the same ones each time.
    pub(crate) async fn change(&self, node: &Node, mark: i32) -> Result<(), Error> {
        let client = self.pair.connect(node).await?;
        client.execute("UPDATE filling SET mark = $1 WHERE n % $2 = 0", &[&mark, &self.spread()]).await?;
        Ok(())
    }

    const fn spread(&self) -> i64 {
        self.rows / CHANGED
    }

    /// Waits until a node has all rows, and that mark in those that are marked.
    pub(crate) async fn has_arrived(&self, node: &Node, mark: i32) -> Result<(), Error> {
        let client = self.pair.connect(node).await?;
        let count = "SELECT count(*), count(*) FILTER (WHERE n % $1 = 0 AND mark <> $2) FROM filling";
        let begun = Instant::now();
        loop {
            let seen = client.query_one(count, &[&self.spread(), &mark]).await?;
            let (rows, wrong): (i64, i64) = (seen.get(0), seen.get(1));
            if (rows, wrong) == (self.rows, 0) {
                return Ok(());
            }
            if begun.elapsed() > ARRIVED_LIMIT {
                return Err(format!(
                    "{} has {rows} rows of {}, {wrong} of them of another branch",
                    node.name, self.rows
                )
                .into());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub(crate) async fn run(&self, plan: &Plan) -> Result<Arc<StepTimes>, Error> {
        let times = Arc::new(StepTimes::default());
        self.pair.cluster().run(plan, Arc::clone(&times) as _).await?;
        Ok(times)
    }

    /// The standby stops to receive, the primary goes on and is killed, and the standby takes its place and goes on as well:
    /// each has a branch of its own then.
    pub(crate) async fn part(&self, old: &Node, new: &Node, mark: i32) -> Result<(), Error> {
        let pair = &self.pair;
        pair.superuser(new, "ALTER SYSTEM SET primary_conninfo = ''").await?;
        pair.superuser(new, "SELECT pg_reload_conf()").await?;
        let begun = Instant::now();
        while pair.superuser(old, "SELECT count(*) FROM pg_stat_replication").await? != "0" {
            if begun.elapsed() > ARRIVED_LIMIT {
                return Err(format!("{} still receives", new.name).into());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.change(old, -mark).await?;
        Program::new("docker", &["kill", &pair.container(old, Component::Postgres)]).run().await?.succeeded()?;
        pair.superuser(new, "ALTER SYSTEM RESET primary_conninfo").await?;
        let planned = pair.cluster().plan_failover(&FailoverOptions::default()).await;
        let planned = planned.map_err(|refusals| format!("failover is refused: {refusals:?}"))?;
        self.run(&planned.plan).await?;
        self.change(new, mark).await
    }
}
