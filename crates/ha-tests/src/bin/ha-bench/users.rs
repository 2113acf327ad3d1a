//! Two writers that know both addresses and never stop: one of rows, one of users through the Keycloaks.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ha_tests::keycloak::Site;
use ha_tests::ledger::{Ledger, LedgerWriter, longest_gap};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::Error;
use crate::world::World;

const REALM: &str = "bench-writer";
const CLIENT: &str = "writer";
const SECRET: &str = "the secret of the writer";
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
const TRY_AGAIN: Duration = Duration::from_millis(5);
/// Until both get on again.
pub(crate) const SETTLED_LIMIT: Duration = Duration::from_secs(60);
/// The writer of users ends by itself after that, as the one of rows does.
const LIFE: Duration = Duration::from_secs(1800);
/// Acknowledgements before a change and after it, so that the gap has two ends.
const ENOUGH: usize = 30;

/// Both.
pub(crate) struct Writers {
    rows: LedgerWriter,
    users: UserWriter,
}

impl Writers {
    pub(crate) async fn start(world: &World) -> Result<Self, Error> {
        let token = token(world).await?;
        Ok(Self { rows: LedgerWriter::start(&world.pair).await?, users: UserWriter::start(world, token) })
    }

    /// Both get on.
    pub(crate) async fn settled(&self) -> Result<(), Error> {
        let (goal, begun) = (self.users.count() + ENOUGH, Instant::now());
        if !self.rows.goes_on(ENOUGH as u64, SETTLED_LIMIT).await {
            return Err("no rows are written".into());
        }
        while self.users.count() < goal {
            if begun.elapsed() > SETTLED_LIMIT {
                return Err("no users are made".into());
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
        Ok(())
    }

    /// The longest time without an acknowledged row.
    pub(crate) fn row_gap(&self, from: Instant, to: Instant) -> Duration {
        self.rows.longest_gap_in(from, to)
    }

    /// The longest time without an acknowledged user.
    pub(crate) fn user_gap(&self, from: Instant, to: Instant) -> Duration {
        longest_gap(&self.users.times(), from, to)
    }

    /// When the last row before that was acknowledged; `from` where there is none since then.
    pub(crate) fn last_row(&self, from: Instant, before: Instant) -> Instant {
        last(&self.rows.times(), from, before)
    }

    /// The same of the users.
    pub(crate) fn last_user(&self, from: Instant, before: Instant) -> Instant {
        last(&self.users.times(), from, before)
    }

    /// Ends both; returns what became of the rows.
    pub(crate) async fn stop(self) -> Ledger {
        self.users.stop().await;
        self.rows.stop().await
    }
}

fn last(times: &[Instant], from: Instant, before: Instant) -> Instant {
    times.iter().copied().filter(|at| (from..=before).contains(at)).max().unwrap_or(from)
}

/// A realm whose client may make users; its token is good for the whole figure, and on both nodes.
async fn token(world: &World) -> Result<String, Error> {
    let realm = json!({
        "realm": REALM, "enabled": true, "accessTokenLifespan": 3600,
        "clients": [{ "clientId": CLIENT, "secret": SECRET, "serviceAccountsEnabled": true }],
        "users": [{
            "username": format!("service-account-{CLIENT}"), "enabled": true, "serviceAccountClientId": CLIENT,
            "clientRoles": { "realm-management": ["manage-users"] },
        }],
    });
    world.admin(Method::POST, "/realms", Some(&realm)).await?;
    let form = [("grant_type", "client_credentials"), ("client_id", CLIENT), ("client_secret", SECRET)];
    let request = world.primary.post(&format!("/realms/{REALM}/protocol/openid-connect/token")).form(&form);
    let token = world.primary.send(request).await?.expect(200)?.field("access_token")?;
    world.pair.wait_replayed().await?;
    Ok(token)
}

/// Makes users through whichever node takes them.
struct UserWriter {
    stop: Arc<AtomicBool>,
    times: Arc<Mutex<Vec<Instant>>>,
    task: JoinHandle<()>,
}

impl UserWriter {
    fn start(world: &World, token: String) -> Self {
        let (stop, times) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let sites = [world.primary.clone(), world.standby.clone()];
        let task = tokio::spawn(write(sites, token, Arc::clone(&stop), Arc::clone(&times)));
        Self { stop, times, task }
    }

    fn times(&self) -> Vec<Instant> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self) -> usize {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.task.await);
    }
}

static NUMBER: AtomicUsize = AtomicUsize::new(0);

async fn write(sites: [Site; 2], token: String, stop: Arc<AtomicBool>, times: Arc<Mutex<Vec<Instant>>>) {
    let path = format!("/admin/realms/{REALM}/users");
    let mut at = 0;
    let begun = Instant::now();
    while !stop.load(Ordering::Relaxed) && begun.elapsed() < LIFE {
        let user = json!({ "username": format!("made-{}", NUMBER.fetch_add(1, Ordering::Relaxed)), "enabled": true });
        let request = sites[at].request(Method::POST, &path).bearer_auth(&token).json(&user);
        match timeout(ANSWER_LIMIT, sites[at].send(request)).await {
            Ok(Ok(answer)) if answer.status == 201 => {
                times.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
            }
            _ => {
                at = 1 - at;
                tokio::time::sleep(TRY_AGAIN).await;
            }
        }
    }
}
