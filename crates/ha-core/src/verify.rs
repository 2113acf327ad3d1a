//! Proving that data arrives: a realm and a user made on the primary, seen on every standby, used for a login there.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{Either, FusedFuture, join_all, select};
use serde::Serialize;

use crate::cluster::Cluster;
use crate::layout::SERVICE_CLIENT;
use crate::observe::PostgresRole;
use crate::ports::{Clock, KeycloakError, PostgresError, ProbeError, Row, TokenGrant, UserSpec};
use crate::topology::Node;
use crate::values::{Lsn, NodeName, Secret};

/// The first part of the name of every realm made here.
const PREFIX: &str = "ha-verify-";
/// The client that the user logs in with.
const CLIENT: &str = "ha-verify";
/// Realms of this sort that are older were left by a run that was killed.
const ABANDONED_AFTER: Duration = Duration::from_secs(600);
/// How often it is looked whether something has arrived.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// One proof. [`run`](Self::run) it, and [`clean_up`](Self::clean_up) after it whatever became of it.
#[derive(Debug, Clone)]
pub struct Verification {
    realm: String,
    started_unix: u64,
    password: Secret,
    arrival_limit: Duration,
}

/// What was proven, with the time each part took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerifyReport {
    /// The realm that was made and is removed again.
    pub realm: String,
    /// The primary.
    pub primary: NodeName,
    /// From the first request until realm, client and user were acknowledged, in seconds.
    pub written_seconds: f64,
    /// Each standby.
    pub standbys: Vec<Arrival>,
}

/// When what was written arrived at one standby. Times count from the acknowledgement of the last write, in seconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Arrival {
    /// The standby.
    pub node: NodeName,
    /// Its PostgreSQL had replayed it.
    pub postgres_seconds: f64,
    /// Its Keycloak served the realm.
    pub keycloak_seconds: f64,
    /// What the login there took, from the request to the token.
    pub login_seconds: f64,
    /// WAL that it had not replayed at the end, in bytes.
    pub lag_bytes: u64,
}

/// Why the proof failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// There is no primary, or more than one, or no standby.
    #[error("{0}")]
    NotAPair(String),
    /// Something was to be written on the primary.
    #[error("{node}: failed to {what}")]
    Write {
        /// Where.
        node: NodeName,
        /// What.
        what: &'static str,
        /// What came back.
        #[source]
        source: KeycloakError,
    },
    /// It did not arrive in time.
    #[error("{node}: what was written did not arrive in its {part} within {} s; {last}", limit.as_secs())]
    NotArrived {
        /// Where.
        node: NodeName,
        /// `PostgreSQL` or `Keycloak`.
        part: &'static str,
        /// How long was waited.
        limit: Duration,
        /// What was last seen.
        last: String,
    },
    /// The WAL was replayed and the row is not there.
    #[error("{node}: its PostgreSQL has replayed the WAL, and the realm is not in the table: it is another database")]
    RowMissing {
        /// Where.
        node: NodeName,
    },
    /// The login on the standby failed.
    #[error("{node}: the login failed")]
    Login {
        /// Where.
        node: NodeName,
        /// What came back.
        #[source]
        source: KeycloakError,
    },
    /// A server could not be read.
    #[error("{node}: its PostgreSQL could not be read")]
    Probe {
        /// Where.
        node: NodeName,
        /// What came back.
        #[source]
        source: ProbeError,
    },
    /// A server could not be asked for the row.
    #[error("{node}: its PostgreSQL could not be asked for the row")]
    Row {
        /// Where.
        node: NodeName,
        /// What came back.
        #[source]
        source: PostgresError,
    },
}

impl Verification {
    /// A proof of its own name. `unix_seconds` is the time of day, by which a later run tells what a killed one left;
    /// `random` makes name and password unique and must come from a good source: at least 32 characters of `[a-z0-9]`.
    #[must_use]
    pub fn new(unix_seconds: u64, random: &str) -> Self {
        let (name, password) = random.split_at(random.len().min(8));
        Self {
            realm: format!("{PREFIX}{unix_seconds}-{name}"),
            started_unix: unix_seconds,
            password: Secret::new(format!("{password}-Aa1")),
            arrival_limit: Duration::from_secs(30),
        }
    }

    /// Makes a realm and a user through the primary's Keycloak, waits for them on every standby, logs in there.
    ///
    /// # Errors
    /// The first thing that was not as it should be.
    pub async fn run(&self, cluster: &Cluster, clock: &dyn Clock) -> Result<VerifyReport, VerifyError> {
        let report = self.run_until(cluster, clock, std::future::pending()).await?;
        Ok(report.expect("nothing stopped it"))
    }

    /// The same until `stop` is ready; `None` where that came first.
    ///
    /// A write that is under way then is waited for: Keycloak goes on with it whether somebody waits or not, and
    /// [`clean_up`](Self::clean_up) would look too early to find what it makes.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_until(
        &self,
        cluster: &Cluster,
        clock: &dyn Clock,
        stop: impl Future<Output = ()>,
    ) -> Result<Option<VerifyReport>, VerifyError> {
        let mut stop = pin!(stop.fuse());
        let Some(primary) = first(self.the_primary(cluster), &mut stop).await else { return Ok(None) };
        let primary = primary?;
        let begun = clock.now();
        if !self.write(cluster, &primary, &mut stop).await? {
            return Ok(None);
        }
        let acknowledged = clock.now();
        let Some(arrivals) = first(self.arrivals(cluster, clock, &primary, acknowledged), &mut stop).await else {
            return Ok(None);
        };
        Ok(Some(VerifyReport {
            realm: self.realm.clone(),
            written_seconds: (acknowledged.saturating_sub(begun)).as_secs_f64(),
            standbys: arrivals?,
            primary,
        }))
    }

    /// The realm that is made.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    async fn arrivals(
        &self,
        cluster: &Cluster,
        clock: &dyn Clock,
        primary: &NodeName,
        acknowledged: Duration,
    ) -> Result<Vec<Arrival>, VerifyError> {
        let standbys: Vec<&Node> = cluster.topology().peers_of(primary).collect();
        let written = self.observe(cluster, primary).await?;
        let target = written.write_lsn.ok_or_else(|| VerifyError::NotAPair(format!("{primary} became a standby")))?;
        let arrivals =
            join_all(standbys.iter().map(|node| self.arrival(cluster, clock, &node.name, target, acknowledged))).await;
        arrivals.into_iter().collect()
    }

    /// Removes what [`run`](Self::run) made, however far it came, and what killed runs left long ago.
    ///
    /// # Errors
    /// It could not be removed; the name of the realm is in the message.
    pub async fn clean_up(&self, cluster: &Cluster) -> Result<(), VerifyError> {
        let primary = self.the_primary(cluster).await?;
        let keycloak = &cluster.ports().keycloak;
        let failed = |source| VerifyError::Write { node: primary.clone(), what: "remove what verify made", source };
        let token = self.service_token(cluster, &primary).await.map_err(failed)?;
        keycloak.delete_realm(&primary, &token, &self.realm).await.map_err(failed)?;
        for realm in keycloak.realms_starting_with(&primary, &token, PREFIX).await.map_err(failed)? {
            if self.is_abandoned(&realm) {
                keycloak.delete_realm(&primary, &token, &realm).await.map_err(failed)?;
            }
        }
        Ok(())
    }

    fn is_abandoned(&self, realm: &str) -> bool {
        let made = realm.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()).and_then(|it| it.parse().ok());
        made.is_some_and(|made: u64| made + ABANDONED_AFTER.as_secs() < self.started_unix)
    }

    async fn the_primary(&self, cluster: &Cluster) -> Result<NodeName, VerifyError> {
        let observations = cluster.observe().await;
        let mut primaries = observations
            .iter()
            .filter(|seen| seen.postgres.as_ref().is_ok_and(|postgres| postgres.role == PostgresRole::Primary));
        match (primaries.next(), primaries.next()) {
            (Some(one), None) => Ok(one.node.clone()),
            (None, _) => Err(VerifyError::NotAPair("no primary was found".to_owned())),
            (Some(a), Some(b)) => Err(VerifyError::NotAPair(format!("{} and {} are both primaries", a.node, b.node))),
        }
    }

    async fn service_token(&self, cluster: &Cluster, primary: &NodeName) -> Result<Secret, KeycloakError> {
        let grant = TokenGrant::ClientCredentials {
            client_id: SERVICE_CLIENT.to_owned(),
            client_secret: cluster.secrets().keycloak_client_secret.clone(),
        };
        cluster.ports().keycloak.token(primary, "master", &grant).await
    }

    /// Whether all was written; else `stop` came first, and nothing is under way any more.
    async fn write(
        &self,
        cluster: &Cluster,
        primary: &NodeName,
        stop: &mut (impl FusedFuture<Output = ()> + Unpin),
    ) -> Result<bool, VerifyError> {
        let keycloak = &cluster.ports().keycloak;
        let failed = |what| move |source| VerifyError::Write { node: primary.clone(), what, source };
        let token = self.service_token(cluster, primary).await.map_err(failed("log in as the service client"))?;
        if is_over(stop) {
            return Ok(false);
        }
        keycloak.create_realm(primary, &token, &self.realm).await.map_err(failed("create a realm"))?;
        // Whoever makes a realm is made its administrator: a token from before does not say so yet.
        let token = self.service_token(cluster, primary).await.map_err(failed("log in as the service client"))?;
        if is_over(stop) {
            return Ok(false);
        }
        keycloak.create_public_client(primary, &token, &self.realm, CLIENT).await.map_err(failed("create a client"))?;
        if is_over(stop) {
            return Ok(false);
        }
        let user = UserSpec {
            username: CLIENT.to_owned(),
            password: self.password.clone(),
            email: "ha-verify@example.invalid".to_owned(),
            first_name: "HA".to_owned(),
            last_name: "Verify".to_owned(),
        };
        keycloak.ensure_user(primary, &token, &self.realm, &user).await.map_err(failed("create a user"))?;
        Ok(!is_over(stop))
    }

    async fn observe(
        &self,
        cluster: &Cluster,
        node: &NodeName,
    ) -> Result<crate::observe::PostgresObservation, VerifyError> {
        let seen = cluster.ports().probe.observe(node, cluster.limits().observe).await;
        seen.map_err(|source| VerifyError::Probe { node: node.clone(), source })
    }

    async fn arrival(
        &self,
        cluster: &Cluster,
        clock: &dyn Clock,
        node: &NodeName,
        target: Lsn,
        acknowledged: Duration,
    ) -> Result<Arrival, VerifyError> {
        let since = || clock.now().saturating_sub(acknowledged);
        loop {
            let seen = self.observe(cluster, node).await?;
            if seen.replay_lsn.is_some_and(|replayed| replayed >= target) {
                break;
            }
            if since() > self.arrival_limit {
                let last = seen.replay_lsn.map_or_else(
                    || "it has replayed nothing".to_owned(),
                    |lsn| format!("it has replayed up to {lsn} of {target}"),
                );
                return Err(self.not_arrived(node, "PostgreSQL", last));
            }
            clock.sleep(LOOK_EVERY).await;
        }
        let postgres_seconds = since().as_secs_f64();
        let keycloak = &cluster.ports().keycloak;
        loop {
            let last = match keycloak.realm_is_served(node, &self.realm).await {
                Ok(true) => break,
                Ok(false) => "it does not know the realm".to_owned(),
                Err(error) => error.to_string(),
            };
            if since() > self.arrival_limit {
                return Err(self.not_arrived(node, "Keycloak", last));
            }
            clock.sleep(LOOK_EVERY).await;
        }
        let keycloak_seconds = since().as_secs_f64();
        let login_begun = clock.now();
        let grant = TokenGrant::Password {
            client_id: CLIENT.to_owned(),
            username: CLIENT.to_owned(),
            password: self.password.clone(),
        };
        let login = keycloak.token(node, &self.realm, &grant).await;
        login.map_err(|source| VerifyError::Login { node: node.clone(), source })?;
        let login_seconds = clock.now().saturating_sub(login_begun).as_secs_f64();
        let row = Row { table: "realm", column: "name", value: self.realm.clone() };
        let row = cluster.ports().control.has_row(node, &cluster.keycloak_login(), &row).await;
        if !row.map_err(|source| VerifyError::Row { node: node.clone(), source })? {
            return Err(VerifyError::RowMissing { node: node.clone() });
        }
        let lag_bytes = self.lag(cluster, node).await?;
        Ok(Arrival { node: node.clone(), postgres_seconds, keycloak_seconds, login_seconds, lag_bytes })
    }

    async fn lag(&self, cluster: &Cluster, node: &NodeName) -> Result<u64, VerifyError> {
        let standby = self.observe(cluster, node).await?;
        Ok(match (standby.receive_lsn, standby.replay_lsn) {
            (Some(received), Some(replayed)) => received.bytes_since(replayed),
            _ => 0,
        })
    }

    fn not_arrived(&self, node: &NodeName, part: &'static str, last: String) -> VerifyError {
        VerifyError::NotArrived { node: node.clone(), part, limit: self.arrival_limit, last }
    }
}

/// What the work gives, unless `stop` is ready before.
async fn first<T>(work: impl Future<Output = T>, stop: &mut (impl FusedFuture<Output = ()> + Unpin)) -> Option<T> {
    match select(pin!(work), stop).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

fn is_over(stop: &mut (impl FusedFuture<Output = ()> + Unpin)) -> bool {
    stop.is_terminated() || stop.now_or_never().is_some()
}
