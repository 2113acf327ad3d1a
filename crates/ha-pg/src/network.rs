//! Observing over the network, as a role that may read statistics and nothing else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use futures_util::future::join3;
use ha_core::layout::{MAINTENANCE_DATABASE, PROBE_ROLE};
use ha_core::observe::{ClockReading, HostObservation, PostgresObservation};
use ha_core::ports::{ProbeError, ReplicationProbe};
use ha_core::topology::{Node, Topology};
use ha_core::values::{NodeName, Secret};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use crate::error::{Asked, is_cut};
use crate::proven::Proven;
use crate::sql::{HOST, LOOK, Looked, OBSERVE, WRONG_ROLE, parse};

/// Ends a statement on the server whose client is gone without a word.
const STATEMENT_LIMIT: Duration = Duration::from_secs(30);
/// What a session states itself, so that nobody who may give settings to a database or a role has a say in it. A backslash takes
/// the meaning from a blank.
const SESSION: &str = "-c role=none -c search_path=pg_catalog -c local_preload_libraries= -c row_security=on \
    -c default_transaction_isolation=read\\ committed -c default_transaction_read_only=on \
    -c default_transaction_deferrable=off -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 \
    -c idle_session_timeout=0 -c standard_conforming_strings=on -c DateStyle=ISO -c client_min_messages=warning";
/// Most time for what a server tells of its host, and no more than half of that for the whole look; usual are a few
/// milliseconds.
const HOST_LIMIT: Duration = Duration::from_secs(1);

/// Asks each server at its node's address as [`PROBE_ROLE`] in the superuser's own database, [`MAINTENANCE_DATABASE`].
///
/// A server that does not prove by SCRAM-SHA-256 that it knows the role's secret is told nothing and believed nothing.
///
/// By default every observation makes a connection of its own. With [`keep_connections`](Self::keep_connections) the
/// connection stays open for the next one, which saves the handshake and the password's hashing; a connection that was
/// cut meanwhile is replaced without a word.
pub struct NetworkProbe {
    topology: Arc<Topology>,
    password: Secret,
    kept: Option<Mutex<BTreeMap<NodeName, Session>>>,
}

/// An open connection and the task that moves its bytes.
struct Session {
    client: Client,
    driver: tokio::task::AbortHandle,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Left to itself, the task would wait for the answer of a frozen server.
        self.driver.abort();
    }
}

/// Why the network gave no observation.
pub(crate) enum NetworkFailure {
    /// No connection came about: perhaps there is no way from this machine.
    NoConnection(ProbeError),
    /// The server was reached, and this is what it did.
    Answered(ProbeError),
}

impl NetworkFailure {
    pub(crate) fn into_error(self) -> ProbeError {
        match self {
            Self::NoConnection(error) | Self::Answered(error) => error,
        }
    }
}

impl NetworkProbe {
    /// A probe of the servers of `topology`.
    #[must_use]
    pub const fn new(topology: Arc<Topology>, password: Secret) -> Self {
        Self { topology, password, kept: None }
    }

    /// The same probe, which keeps one connection to each node between observations.
    #[must_use]
    pub fn keep_connections(mut self) -> Self {
        self.kept = Some(Mutex::default());
        self
    }

    /// Like [`observe`](ReplicationProbe::observe), but gives up after `connect_limit` when no connection came about by
    /// then.
    pub(crate) async fn attempt(
        &self,
        node: &NodeName,
        connect_limit: Duration,
        timeout: Duration,
    ) -> Result<PostgresObservation, NetworkFailure> {
        let Some(target) = self.topology.node(node) else {
            let asked = Asked { endpoint: node.as_str(), role: PROBE_ROLE, limit: timeout };
            return Err(NetworkFailure::Answered(asked.other("the topology has no such node")));
        };
        let started = Instant::now();
        let endpoint = endpoint(target);
        let asked = Asked { endpoint: &endpoint, role: PROBE_ROLE, limit: timeout };
        let deadline = started + timeout;

        if let Some(session) = self.take_kept(node) {
            match timeout_at(deadline, query(&session.client, timeout)).await {
                Err(_) => return Err(NetworkFailure::Answered(asked.timed_out())),
                Ok(Err(QueryError::Postgres(error))) if is_cut(&error) || session.client.is_closed() => {}
                Ok(answer) => return self.finish(node, session, answer, asked),
            }
        }

        let connect_asked = Asked { limit: connect_limit.min(timeout), ..asked };
        let open = async |database: &str| {
            let stream =
                timeout_at(started + connect_asked.limit, TcpStream::connect((target.address, target.postgres_port)))
                    .await
                    .map_err(|_| NetworkFailure::NoConnection(connect_asked.timed_out()))?
                    .map_err(|error| NetworkFailure::NoConnection(connect_asked.connecting(error)))?;
            let session = timeout_at(deadline, self.log_in(stream, database)).await;
            session
                .map_err(|_| asked.timed_out())
                .and_then(|session| session.map_err(|error| asked.logging_in(error)))
                .map_err(NetworkFailure::Answered)
        };
        let session = match open(MAINTENANCE_DATABASE).await {
            // A server that an earlier version has set up lets the role in to Keycloak's database, and to no other.
            Err(failure @ NetworkFailure::Answered(ProbeError::NotAdmitted { .. })) => {
                open(&self.topology.postgres.database).await.map_err(|_| failure)?
            }
            session => session?,
        };
        let answer = timeout_at(deadline, query(&session.client, timeout))
            .await
            .map_err(|_| NetworkFailure::Answered(asked.timed_out()))?;
        self.finish(node, session, answer, asked)
    }

    async fn log_in(&self, stream: TcpStream, database: &str) -> Result<Session, tokio_postgres::Error> {
        // Small requests that wait for each other's answers: Nagle's algorithm only delays them.
        stream.set_nodelay(true).unwrap_or_else(|error| tracing::debug!(%error, "no TCP_NODELAY"));
        let options = format!("{SESSION} -c statement_timeout={}", STATEMENT_LIMIT.as_millis());
        let (client, connection) = Config::new()
            .user(PROBE_ROLE)
            .password(self.password.expose())
            .dbname(database)
            .application_name("ha-cli")
            .options(&options)
            .connect_raw(Proven::new(stream), NoTls)
            .await?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a probe's connection ended");
            }
        });
        Ok(Session { client, driver: driver.abort_handle() })
    }

    fn finish(
        &self,
        node: &NodeName,
        session: Session,
        answer: Result<Answer, QueryError>,
        asked: Asked<'_>,
    ) -> Result<PostgresObservation, NetworkFailure> {
        let error = match answer {
            Ok(Answer { seen, idle }) => {
                if let Some(kept) = self.kept.as_ref().filter(|_| idle) {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).insert(node.clone(), session);
                }
                return Ok(seen);
            }
            Err(QueryError::Postgres(error)) => asked.talking(error),
            Err(QueryError::Answer(error)) => asked.other(error),
            Err(QueryError::Empty) => asked.other("the server's answer has no row"),
        };
        Err(NetworkFailure::Answered(error))
    }

    fn take_kept(&self, node: &NodeName) -> Option<Session> {
        self.kept.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).remove(node)
    }
}

#[async_trait]
impl ReplicationProbe for NetworkProbe {
    async fn observe(&self, node: &NodeName, timeout: Duration) -> Result<PostgresObservation, ProbeError> {
        self.attempt(node, timeout, timeout).await.map_err(NetworkFailure::into_error)
    }
}

fn endpoint(node: &Node) -> String {
    std::net::SocketAddr::new(node.address, node.postgres_port).to_string()
}

enum QueryError {
    Postgres(tokio_postgres::Error),
    Answer(serde_json::Error),
    Empty,
}

/// What a session was told.
struct Answer {
    seen: PostgresObservation,
    /// Whether it can be asked again: nothing is still to come.
    idle: bool,
}

/// Asks once, and once more when the server was promoted in between.
async fn query(client: &Client, limit: Duration) -> Result<Answer, QueryError> {
    // The simple protocol needs one round trip and no prepared statement; all questions share it.
    let before_ms = unix_ms();
    let observe = async { (client.simple_query(&OBSERVE).await, unix_ms()) };
    let beside = HOST_LIMIT.min(limit / 2);
    let ((mut answer, mut after_ms), host, looked) =
        join3(observe, ask_host(client, beside), ask_more(client, beside)).await;
    if answer.as_ref().is_err_and(|error| error.code().is_some_and(|code| code.code() == WRONG_ROLE)) {
        answer = client.simple_query(&OBSERVE).await;
        after_ms = unix_ms();
    }
    let messages = answer.map_err(QueryError::Postgres)?;
    let text = first_column(&messages).next().ok_or(QueryError::Empty)?;
    let mut seen = parse(text).map_err(QueryError::Answer)?;
    let idle = host.is_some() && looked.is_some();
    seen.host = host.unwrap_or_default();
    seen.clock = seen.clock_unix_ms.map(|theirs| ClockReading::between(before_ms, theirs, after_ms));
    looked.unwrap_or_default().add_to(&mut seen);
    Ok(Answer { seen, idle })
}

/// What the server tells of its host, `None` where it did not answer. It is asked by itself, since whatever is wrong there, as
/// a disk that keeps silent, is no reason to know nothing of the server.
async fn ask_host(client: &Client, limit: Duration) -> Option<HostObservation> {
    match timeout(limit, client.simple_query(HOST)).await {
        Ok(Ok(messages)) => {
            let lines: Vec<_> = first_column(&messages).collect();
            Some(HostObservation::parse(&lines.join("\n")))
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "the server cannot tell of its host");
            Some(HostObservation::default())
        }
        Err(_) => None,
    }
}

/// What only a function of the superuser's may see, `None` where it did not answer. An earlier version has made none.
async fn ask_more(client: &Client, limit: Duration) -> Option<Looked> {
    match timeout(limit, client.simple_query(LOOK)).await {
        Ok(Ok(messages)) => Some(first_column(&messages).next().map(Looked::parse).unwrap_or_default()),
        Ok(Err(error)) => {
            tracing::debug!(%error, "the server does not tell of verifiers and unlogged tables");
            Some(Looked::default())
        }
        Err(_) => None,
    }
}

/// This machine's clock, in milliseconds since 1970.
pub(crate) fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn first_column(messages: &[SimpleQueryMessage]) -> impl Iterator<Item = &str> {
    messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    })
}
