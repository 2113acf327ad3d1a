//! Writers that never stop, and a check of what became of what they wrote: every acknowledged row, or user, must be there,
//! nothing that was never attempted, nothing twice.

mod progress;
mod rows;
mod users;

pub use progress::Ledger;
pub use users::Users;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_postgres::Config;

use self::progress::{Progress, TRY_AGAIN};
use crate::keycloak::Site;
use crate::pair::{Pair, PairError};

/// The table that rows are written to.
pub const TABLE: &str = "ledger";
/// Makes it.
pub const MAKE_TABLE: &str = "CREATE TABLE ledger (n bigint NOT NULL)";

/// Writes what is numbered, one after the other, to whichever node takes writes: it knows all addresses.
pub struct LedgerWriter {
    progress: Progress,
    task: JoinHandle<()>,
}

/// What is wrong with the rows that are there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Acknowledged, and not there.
    pub lost: Vec<i64>,
    /// There, and never attempted.
    pub phantom: Vec<i64>,
    /// There more than once.
    pub twice: Vec<i64>,
}

impl LedgerWriter {
    /// Makes the table on the pair's first primary and begins to write rows, as Keycloak's role.
    ///
    /// # Errors
    /// The table could not be made.
    pub async fn start(pair: &Pair) -> Result<Self, PairError> {
        let client = pair.connect(pair.primary()).await?;
        client.batch_execute(MAKE_TABLE).await?;
        let servers = pair.topology().nodes().iter().map(|node| {
            let mut config = pair.config();
            config.host(node.address.to_string()).port(node.postgres_port);
            config
        });
        Ok(Self::begin(servers.collect()))
    }

    /// Begins to write rows on servers that have the table already; each is named by a configuration of its own, with who
    /// connects to what. Needs a tokio runtime.
    #[must_use]
    pub fn begin(servers: Vec<Config>) -> Self {
        let progress = Progress::begin();
        Self { task: tokio::spawn(rows::write(servers, progress.clone())), progress }
    }

    /// Begins to make users through these Keycloaks, with a pause after each. Needs a tokio runtime.
    #[must_use]
    pub fn begin_users(users: Users, sites: Vec<Site>, pause: Duration) -> Self {
        let progress = Progress::begin();
        Self { task: tokio::spawn(users::write(users, sites, pause, progress.clone())), progress }
    }

    /// How many are acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.progress.so_far().acknowledged.len() as u64
    }

    /// When each so far was acknowledged.
    #[must_use]
    pub fn times(&self) -> Vec<Instant> {
        self.progress.so_far().acknowledged.iter().map(|(_, at)| *at).collect()
    }

    /// As [`longest_gap`], of those so far.
    #[must_use]
    pub fn longest_gap_in(&self, from: Instant, to: Instant) -> Duration {
        longest_gap(&self.times(), from, to)
    }

    /// Waits until so many more are acknowledged; `false` when they are not within `limit`.
    pub async fn goes_on(&self, more: u64, limit: Duration) -> bool {
        let (goal, begun) = (self.acknowledged() + more, Instant::now());
        while self.acknowledged() < goal && begun.elapsed() < limit {
            sleep(TRY_AGAIN).await;
        }
        self.acknowledged() >= goal
    }

    /// Ends it.
    ///
    /// # Panics
    /// When the writer itself did.
    pub async fn stop(self) -> Ledger {
        self.progress.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("the writer ends in good order");
        std::mem::take(&mut *self.progress.so_far())
    }
}

/// The longest time between two acknowledgements that follow each other, of those from `from` to `to`; zero without two.
#[must_use]
pub fn longest_gap(times: &[Instant], from: Instant, to: Instant) -> Duration {
    let within: Vec<&Instant> = times.iter().filter(|at| (from..=to).contains(*at)).collect();
    within.windows(2).map(|pair| pair[1].duration_since(*pair[0])).max().unwrap_or_default()
}

impl Ledger {
    /// Compares what is there with what was written.
    #[must_use]
    pub fn judge(&self, rows: &[i64]) -> Verdict {
        let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
        for row in rows {
            *counts.entry(*row).or_default() += 1;
        }
        let there: BTreeSet<i64> = counts.keys().copied().collect();
        Verdict {
            lost: self.acknowledged.iter().map(|(row, _)| *row).filter(|row| !there.contains(row)).collect(),
            phantom: there.iter().copied().filter(|row| !(1..=self.attempted).contains(row)).collect(),
            twice: counts.into_iter().filter(|(_, count)| *count > 1).map(|(row, _)| row).collect(),
        }
    }

    /// Compares what a node has with what was written.
    ///
    /// # Errors
    /// The node could not be read.
    pub async fn judge_node(&self, pair: &Pair, node: &ha_core::topology::Node) -> Result<Verdict, PairError> {
        let client = pair.connect(node).await?;
        let rows = client.query(&format!("SELECT n FROM {TABLE}"), &[]).await?;
        let rows: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        Ok(self.judge(&rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_lost_what_was_never_written_and_what_is_there_twice() {
        let now = Instant::now();
        let at = |milliseconds| now + Duration::from_millis(milliseconds);
        let ledger = Ledger { attempted: 5, acknowledged: vec![(1, at(0)), (2, at(10)), (4, at(300)), (5, at(310))] };
        // 3 was attempted and not acknowledged: it may be there or not.
        assert_eq!(ledger.judge(&[1, 2, 3, 4, 5]), Verdict::default());
        assert_eq!(ledger.judge(&[1, 2, 4, 5]), Verdict::default());
        assert_eq!(ledger.judge(&[1, 4, 4, 6]), Verdict { lost: vec![2, 5], phantom: vec![6], twice: vec![4] });
        let times: Vec<Instant> = ledger.acknowledged.iter().map(|(_, at)| *at).collect();
        assert_eq!(longest_gap(&times, now, at(1000)), Duration::from_millis(290));
        assert_eq!(longest_gap(&times, at(300), at(1000)), Duration::from_millis(10));
        assert_eq!(longest_gap(&times, at(20), at(30)), Duration::ZERO);
    }
}
