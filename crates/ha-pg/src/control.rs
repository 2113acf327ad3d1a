//! Administering a server through the engine of its host.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ha_core::layout::{Component, container_name};
use ha_core::observe::{ControlFile, Shortage};
use ha_core::ports::{DatabaseLogin, PostgresControl, PostgresError, Provision, Row, RuntimeError};
use ha_core::topology::Topology;
use ha_core::values::{Lsn, NodeName, Secret, SlotName};

use crate::promoter::{Promoter, WRITE_LINEAGE};
use crate::psql::{self, PsqlError, set};
use crate::server::{Goal, Server};
use crate::shutdown::ShutdownWatch;
use crate::{Engines, provision, scram, shortage};

/// Most time for a call that takes no limit: creating a database copies some megabytes, on a slow disk slowly.
const LIMIT: Duration = Duration::from_secs(60);
/// For a look that others wait for.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// Runs SQL as the superuser on the server's local socket, inside its container.
pub struct EngineControl {
    topology: Arc<Topology>,
    engines: Engines,
    /// Sessions that wait for a promotion.
    promoters: Mutex<BTreeMap<NodeName, Promoter>>,
    /// Sessions that wait for a shutdown.
    watches: Mutex<BTreeMap<NodeName, ShutdownWatch>>,
}

impl EngineControl {
    /// Control of the servers of `topology` whose engines are at hand.
    #[must_use]
    pub const fn new(topology: Arc<Topology>, engines: Engines) -> Self {
        Self { topology, engines, promoters: Mutex::new(BTreeMap::new()), watches: Mutex::new(BTreeMap::new()) }
    }

    fn server(&self, node: &NodeName) -> Result<Server<'_>, PostgresError> {
        let runtime = self
            .engines
            .get(node)
            .ok_or_else(|| RuntimeError::NotFound { what: format!("engine of {node} that this machine can reach") })?;
        Ok(Server { runtime: &**runtime, container: container_name(&self.topology, node, Component::Postgres) })
    }
}

#[async_trait]
impl PostgresControl for EngineControl {
    async fn wait_ready(&self, node: &NodeName, timeout: Duration) -> Result<(), PostgresError> {
        self.server(node)?.wait(Goal::Ready, timeout).await
    }

    async fn provision(&self, node: &NodeName, wanted: &Provision) -> Result<(), PostgresError> {
        let server = self.server(node)?;
        let what = "make roles, database and slots";
        let answer = server.run(&provision::ask(wanted), LIMIT).await.map_err(|error| refused(what, error))?;
        let before: provision::Before = serde_json::from_str(&answer)
            .map_err(|error| PostgresError::Refused { what: what.to_owned(), message: error.to_string() })?;
        if before.in_recovery {
            return Err(PostgresError::InRecovery);
        }
        if let Some(message) = before.obstacle(wanted) {
            return Err(PostgresError::Refused { what: what.to_owned(), message });
        }
        server.run(&provision::script(wanted, &before), LIMIT).await.map_err(|error| refused(what, error))?;
        // Its owner may have made anything of that database, and keeps nobody from the rest by it.
        let inside = psql::enter(&wanted.database.name, LIMIT) + &provision::inside(wanted);
        let why = match server.run(&inside, LIMIT).await {
            Ok(said) => provision::what_lacks(&said).map(str::to_owned),
            Err(PsqlError::Runtime(error)) => return Err(error.into()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(why) = why {
            tracing::warn!(%node, "the read-only Keycloak has to compare all that it caches: no pg_walinspect for it: {why}");
        }
        Ok(())
    }

    async fn password_fits(
        &self,
        node: &NodeName,
        role: &str,
        password: &Secret,
    ) -> Result<Option<bool>, PostgresError> {
        let script = set("role", role) + "SELECT rolpassword FROM pg_authid WHERE rolname = :'role';\n";
        let answer = self.server(node)?.run(&script, LIMIT).await.map_err(|error| refused("show a verifier", error))?;
        // No line: no role. An empty one: a role without a password.
        Ok(answer.strip_suffix('\n').map(|verifier| scram::fits(verifier, password)))
    }

    async fn note_set_up(&self, node: &NodeName, text: &str) -> Result<(), PostgresError> {
        let script =
            set("text", text) + "SELECT format('ALTER DATABASE postgres SET \"ha.set_up\" = %L', :'text') \\gexec\n";
        let done = self.server(node)?.run(&script, LIMIT).await;
        done.map(drop).map_err(|error| refused("write down that all is set up", error))
    }

    async fn has_row(&self, node: &NodeName, login: &DatabaseLogin, row: &Row) -> Result<bool, PostgresError> {
        // The session's search_path holds nothing of Keycloak's: the table is named with its schema.
        let script = psql::log_in(login, LIMIT)
            + &set("table", row.table)
            + &set("column", row.column)
            + &set("value", &row.value)
            + "SELECT EXISTS (SELECT FROM public.:\"table\" WHERE :\"column\" = :'value');\n";
        let answer = self.server(node)?.run(&script, LIMIT).await.map_err(|error| refused("look for a row", error))?;
        Ok(answer.trim() == "t")
    }

    async fn unlogged_tables(&self, node: &NodeName, login: &DatabaseLogin) -> Result<Vec<String>, PostgresError> {
        // From the catalog alone: on a standby an unlogged table cannot be read, nor does anybody have to.
        let script = psql::log_in(login, LOOK_LIMIT)
            + "SELECT pg_catalog.json_agg(name) FROM (\
               SELECT pg_catalog.format('%I.%I', space.nspname, class.relname) AS name \
               FROM pg_catalog.pg_class AS class JOIN pg_catalog.pg_namespace AS space ON space.oid = class.relnamespace \
               WHERE class.relpersistence = 'u' AND class.relkind = 'r' ORDER BY 1 LIMIT 20) AS named;\n";
        let (server, what) = (self.server(node)?, "name unlogged tables");
        let answer = server.run(&script, LOOK_LIMIT).await.map_err(|error| refused(what, error))?;
        // A name may hold everything, line ends too. Of none the aggregate is NULL.
        let names: Option<Vec<String>> = match answer.trim() {
            "" => None,
            json => serde_json::from_str(json)
                .map_err(|error| PostgresError::Refused { what: what.to_owned(), message: error.to_string() })?,
        };
        Ok(names.unwrap_or_default())
    }

    async fn wait_replayed(&self, node: &NodeName, target: Lsn, timeout: Duration) -> Result<(), PostgresError> {
        self.server(node)?.wait(Goal::Replayed(target), timeout).await
    }

    async fn checkpoint(&self, node: &NodeName, timeout: Duration) -> Result<(), PostgresError> {
        let done = self.server(node)?.run("CHECKPOINT;\n", timeout).await;
        done.map(drop).map_err(|error| refused("write a checkpoint", error))
    }

    async fn prepare_promotion(&self, node: &NodeName, timeout: Duration) -> Result<(), PostgresError> {
        let server = self.server(node)?;
        let mut promoter = Promoter::open(server.runtime, &server.container, timeout).await?;
        let short = if promoter.replay_stands().await? { shortage::of(&server, LIMIT).await? } else { Vec::new() };
        if !short.is_empty() {
            return Err(PostgresError::Refused {
                what: "be promoted".to_owned(),
                message: format!(
                    "its replay has stopped, since its primary had more of {}, and it would end; `ha-cli up {node}` starts it with as \
                     much, where ha.toml has that: else write it there first",
                    Shortage::list(&short)
                ),
            });
        }
        self.promoters.lock().unwrap_or_else(PoisonError::into_inner).insert(node.clone(), promoter);
        Ok(())
    }

    async fn promote(&self, node: &NodeName, timeout: Duration) -> Result<(), PostgresError> {
        let what = "be promoted";
        let prepared = self.promoters.lock().unwrap_or_else(PoisonError::into_inner).remove(node);
        if let Some(promoter) = prepared {
            match promoter.promote(timeout).await {
                Ok(()) => return Ok(()),
                // Whatever it came to, the ordinary way finds out.
                Err(error) => tracing::debug!(%node, %error, "the prepared session did not promote"),
            }
        }
        let seconds = timeout.as_secs().max(1);
        let script = format!(
            "SELECT CASE WHEN pg_is_in_recovery() THEN pg_promote(true, {seconds}) ELSE true END;\n{WRITE_LINEAGE}\n"
        );
        // The server keeps the limit; it may take a moment more to say so.
        let answer = self.server(node)?.run(&script, timeout + LIMIT).await.map_err(|error| refused(what, error))?;
        if answer.trim() == "t" {
            return Ok(());
        }
        let message = format!("it has not ended its recovery within {seconds} s");
        Err(PostgresError::Refused { what: what.to_owned(), message })
    }

    async fn watch_shutdown(&self, node: &NodeName) -> Result<(), PostgresError> {
        let server = self.server(node)?;
        let watch = ShutdownWatch::open(server.runtime, &server.container).await?;
        self.watches.lock().unwrap_or_else(PoisonError::into_inner).insert(node.clone(), watch);
        Ok(())
    }

    async fn await_shutdown(&self, node: &NodeName, timeout: Duration) -> Result<ControlFile, PostgresError> {
        let watch = self.watches.lock().unwrap_or_else(PoisonError::into_inner).remove(node);
        let none = || RuntimeError::NotFound { what: format!("session that watches the server of {node}") };
        watch.ok_or_else(none)?.ended(timeout).await
    }

    async fn ensure_slots(&self, node: &NodeName, slots: &[SlotName]) -> Result<(), PostgresError> {
        let script = names_of(slots)
            + "SELECT pg_create_physical_replication_slot(name, true) FROM unnest(:'slots'::name[]) AS name \
               WHERE name NOT IN (SELECT slot_name FROM pg_replication_slots);\n";
        let done = self.server(node)?.run(&script, LIMIT).await;
        done.map(drop).map_err(|error| refused("make replication slots", error))
    }

    async fn drop_unused_slots(&self, node: &NodeName, slots: &[SlotName]) -> Result<(), PostgresError> {
        let script = names_of(slots)
            + "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots \
               WHERE slot_type = 'physical' AND NOT active AND slot_name = ANY (:'slots'::name[]);\n";
        let done = self.server(node)?.run(&script, LIMIT).await;
        done.map(drop).map_err(|error| refused("drop replication slots", error))
    }
}

/// The names as an array's text; they hold nothing that would have to be quoted there.
fn names_of(slots: &[SlotName]) -> String {
    let names: Vec<_> = slots.iter().map(SlotName::as_str).collect();
    set("slots", &format!("{{{}}}", names.join(",")))
}

fn refused(what: &str, error: PsqlError) -> PostgresError {
    match error {
        PsqlError::Runtime(error) => error.into(),
        // read_only_sql_transaction: a standby.
        PsqlError::Server { sqlstate, .. } if sqlstate == "25006" => PostgresError::InRecovery,
        // lock_not_available: whoever holds it may hold it for ever.
        PsqlError::Server { sqlstate, message } if sqlstate == "55P03" => PostgresError::Refused {
            what: what.to_owned(),
            message: format!(
                "{message}: another session holds a lock that this needs; {HOLDERS} shows the oldest first"
            ),
        },
        other => PostgresError::Refused { what: what.to_owned(), message: other.to_string() },
    }
}

/// Who may hold a lock, for a person to ask as a superuser.
const HOLDERS: &str =
    "`SELECT pid, usename, datname, state FROM pg_stat_activity WHERE backend_xid IS NOT NULL ORDER BY xact_start`";

#[cfg(test)]
mod tests;
