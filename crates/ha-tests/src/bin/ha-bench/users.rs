//! Two writers that know both addresses and never stop: one of rows, one of users through the Keycloaks.

use std::time::{Duration, Instant};

use ha_core::topology::Node;
use ha_tests::keycloak::Site;
use ha_tests::ledger::{Ledger, LedgerWriter, Users, Verdict};

use crate::error::Error;
use crate::world::World;

/// Until both get on again.
pub(crate) const SETTLED_LIMIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Acknowledgements before a change and after it, so that the gap has two ends.
const ENOUGH: u64 = 30;

/// Both.
pub(crate) struct Writers {
    rows: LedgerWriter,
    users: LedgerWriter,
    realm: Users,
}

/// What both wrote, and what became of it.
pub(crate) struct Written {
    pub(crate) rows: (Ledger, Verdict),
    pub(crate) users: (Ledger, Verdict),
}

impl Writers {
    pub(crate) async fn start(world: &World) -> Result<Self, Error> {
        let realm = Users::make(&world.primary, &world.token().await?, "bench-writer").await?;
        world.pair.wait_replayed().await?;
        let sites = vec![world.primary.clone(), world.standby.clone()];
        let users = LedgerWriter::begin_users(realm.clone(), sites, Duration::ZERO);
        Ok(Self { rows: LedgerWriter::start(&world.pair).await?, users, realm })
    }

    /// Both get on.
    pub(crate) async fn settled(&self) -> Result<(), Error> {
        let (rows, users) =
            tokio::join!(self.rows.goes_on(ENOUGH, SETTLED_LIMIT), self.users.goes_on(ENOUGH, SETTLED_LIMIT));
        match (rows, users) {
            (false, _) => Err("no rows are written".into()),
            (_, false) => Err("no users are made".into()),
            _ => Ok(()),
        }
    }

    /// The longest time without an acknowledged row.
    pub(crate) fn row_gap(&self, from: Instant, to: Instant) -> Duration {
        self.rows.longest_gap_in(from, to)
    }

    /// The longest time without an acknowledged user.
    pub(crate) fn user_gap(&self, from: Instant, to: Instant) -> Duration {
        self.users.longest_gap_in(from, to)
    }

    /// When the last row before that was acknowledged; `from` where there is none since then.
    pub(crate) fn last_row(&self, from: Instant, before: Instant) -> Instant {
        last(&self.rows.times(), from, before)
    }

    /// The same of the users.
    pub(crate) fn last_user(&self, from: Instant, before: Instant) -> Instant {
        last(&self.users.times(), from, before)
    }

    /// Ends both, and looks what a node has of it, which may take a moment to answer.
    pub(crate) async fn stop(self, world: &World, node: &Node, keycloak: &Site) -> Result<Written, Error> {
        let (users, rows) = (self.users.stop().await, self.rows.stop().await);
        let begun = Instant::now();
        loop {
            let seen = async {
                let numbers = self.realm.on(keycloak).await?;
                Ok::<_, Error>((rows.judge_node(&world.pair, node).await?, users.judge(&numbers)))
            };
            match seen.await {
                Ok((of_rows, of_users)) => return Ok(Written { rows: (rows, of_rows), users: (users, of_users) }),
                Err(error) if begun.elapsed() > SETTLED_LIMIT => return Err(error),
                Err(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }
}

fn last(times: &[Instant], from: Instant, before: Instant) -> Instant {
    times.iter().copied().filter(|at| (from..=before).contains(at)).max().unwrap_or(from)
}
