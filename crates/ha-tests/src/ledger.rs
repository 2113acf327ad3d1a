//! A writer that never stops, and a check of what became of what it wrote: every acknowledged row must be there, nothing
//! that was never attempted, nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::select_ok;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls};

use crate::pair::{Pair, PairError};

/// The table that rows are written to.
pub const TABLE: &str = "ledger";
/// Makes it.
pub const MAKE_TABLE: &str = "CREATE TABLE ledger (n bigint NOT NULL)";
/// A row that is not acknowledged in that time has an unknown outcome; the writer goes on with the next.
const ROW_LIMIT: Duration = Duration::from_secs(3);
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// Between two tries while nobody takes writes.
const TRY_AGAIN: Duration = Duration::from_millis(5);
/// The writer ends by itself after that.
const LIFE: Duration = Duration::from_secs(1800);

/// Writes numbered rows, one after the other, to whichever node takes writes: it knows all addresses, as an application
/// with libpq's `target_session_attrs=read-write` does.
pub struct LedgerWriter {
    stop: Arc<AtomicBool>,
    written: Arc<Mutex<Ledger>>,
    task: JoinHandle<()>,
}

/// What was written, as far as the writer knows.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// The numbers that were sent; they begin with 1.
    pub attempted: i64,
    /// Each number that the server acknowledged, and when.
    pub acknowledged: Vec<(i64, Instant)>,
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
    /// Makes the table on the pair's first primary and begins. It writes as Keycloak's role does.
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

    /// Begins on servers that have the table already; each is named by a configuration of its own, with who connects to
    /// what. Needs a tokio runtime.
    #[must_use]
    pub fn begin(mut servers: Vec<Config>) -> Self {
        for config in &mut servers {
            config.connect_timeout(CONNECT_LIMIT).target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let task = tokio::spawn(write(servers, Arc::clone(&stop), Arc::clone(&written)));
        Self { stop, written, task }
    }

    fn so_far(&self) -> MutexGuard<'_, Ledger> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many rows are acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.so_far().acknowledged.len() as u64
    }

    /// When each row so far was acknowledged.
    #[must_use]
    pub fn times(&self) -> Vec<Instant> {
        self.so_far().acknowledged.iter().map(|(_, at)| *at).collect()
    }

    /// As [`longest_gap`], of the rows so far.
    #[must_use]
    pub fn longest_gap_in(&self, from: Instant, to: Instant) -> Duration {
        longest_gap(&self.times(), from, to)
    }

    /// Waits until so many more rows are acknowledged; `false` when they are not within `limit`.
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
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("the writer ends in good order");
        std::mem::take(&mut *self.written.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn write(servers: Vec<Config>, stop: Arc<AtomicBool>, written: Arc<Mutex<Ledger>>) {
    let ledger = || written.lock().unwrap_or_else(PoisonError::into_inner);
    let mut client: Option<Client> = None;
    let begun = Instant::now();
    while !stop.load(Ordering::Relaxed) && begun.elapsed() < LIFE {
        let Some(connected) = &client else {
            client = connect(&servers).await;
            if client.is_none() {
                sleep(TRY_AGAIN).await;
            }
            continue;
        };
        let number = {
            let mut ledger = ledger();
            ledger.attempted += 1;
            ledger.attempted
        };
        let values: [&(dyn ToSql + Sync); 1] = [&number];
        let insert = connected.execute("INSERT INTO ledger VALUES ($1)", &values);
        match timeout(ROW_LIMIT, insert).await {
            Ok(Ok(1)) => ledger().acknowledged.push((number, Instant::now())),
            // Refused, broken off, or silent: this connection is of no more use, and the row's outcome is not known.
            _ => client = None,
        }
    }
}

/// The first that takes writes. All are tried at the same time: a frozen host completes the handshake and says nothing more,
/// and must not keep the writer from the others.
async fn connect(servers: &[Config]) -> Option<Client> {
    let tries = servers.iter().map(|config| {
        Box::pin(async { timeout(CONNECT_LIMIT, config.connect(NoTls)).await.ok().and_then(Result::ok).ok_or(()) })
    });
    let ((client, connection), _others) = select_ok(tries).await.ok()?;
    tokio::spawn(async move { drop(connection.await) });
    Some(client)
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
