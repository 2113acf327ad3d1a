//! The servers of the made-up world, as the other ports see them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ha_core::layout::{Component, REPLICATION_ROLE, container_name, synchronous_standby_names};
use ha_core::observe::{
    HostObservation, KeycloakMode, KeycloakObservation, KeycloakState, PostgresObservation, PostgresRole, Sender,
    ServiceClient, SlotObservation, WalReceiver,
};
use ha_core::ports::{
    Clock, DatabaseLogin, KeycloakAdmin, KeycloakError, Login, PostgresControl, PostgresError, ProbeError, Provision,
    ReplicationProbe, Row, RuntimeError, TokenGrant, UserSpec,
};
use ha_core::values::{Lsn, NodeName, PromotionRecord, Secret, ServerVersion, SlotName, SystemIdentifier, TimelineId};

use crate::shared::Shared;
use crate::world::{Database, World};

/// Where all that was ever written ends.
const END: Lsn = Lsn::new(0x300_0000);

impl Shared {
    /// The database behind a node's server, if it runs, and whether it is a standby.
    fn server(&self, world: &mut World, node: &NodeName) -> Option<(u64, bool)> {
        let name = container_name(&self.topology, node, Component::Postgres);
        world.server(self.engine_of(node), &name)
    }

    fn upstream(&self, world: &World, node: &NodeName) -> Option<String> {
        let name = container_name(&self.topology, node, Component::Postgres);
        world.engines[self.engine_of(node)].containers.get(&name)?.upstream.clone()
    }

    /// To every standby that has an upstream.
    fn senders(&self, world: &mut World) -> Vec<Sender> {
        let nodes = self.topology.nodes().iter().map(|node| &node.name);
        let follow = nodes.filter(|node| {
            self.server(world, node).is_some_and(|(_, standby)| standby) && self.upstream(world, node).is_some()
        });
        let sender = |node: &NodeName| Sender {
            name: node.to_string(),
            state: "streaming".to_owned(),
            sync_state: "async".to_owned(),
            flush_lsn: Some(END),
            replay_lsn: Some(END),
            replay_lag_seconds: None,
        };
        follow.map(sender).collect()
    }

    fn primary<'w>(&self, world: &'w mut World, node: &NodeName) -> Result<&'w mut Database, PostgresError> {
        match self.server(world, node) {
            Some((_, true)) => Err(PostgresError::InRecovery),
            Some((system, false)) => Ok(world.databases.get_mut(&system).expect("a server has a database")),
            None => Err(PostgresError::Exited { code: 78, log: "the guard did not start it".to_owned() }),
        }
    }
}

#[async_trait]
impl ReplicationProbe for Shared {
    async fn observe(&self, node: &NodeName, timeout: Duration) -> Result<PostgresObservation, ProbeError> {
        let endpoint = node.to_string();
        let silent = || Err(ProbeError::TimedOut { endpoint: node.to_string(), after: timeout });
        self.gate
            .pass(
                || {
                    let mut world = self.world();
                    let Some((system, standby)) = self.server(&mut world, node) else {
                        return Err(ProbeError::ConnectionRefused { endpoint });
                    };
                    let senders = if standby { Vec::new() } else { self.senders(&mut world) };
                    let database = &world.databases[&system];
                    if database.roles.get("ha_probe").map(String::as_str) != Some(self.secrets.probe_password.expose())
                    {
                        return Err(ProbeError::WrongPassword { endpoint, role: "ha_probe".to_owned() });
                    }
                    let slots = database.slots.iter().map(|name| SlotObservation {
                        name: name.clone(),
                        active: true,
                        wal_status: None,
                        restart_lsn: None,
                        retained_bytes: None,
                        safe_wal_bytes: None,
                    });
                    Ok(PostgresObservation {
                        system_identifier: SystemIdentifier(system),
                        timeline: TimelineId(1),
                        version: ServerVersion(170_006),
                        role: if standby { PostgresRole::Standby } else { PostgresRole::Primary },
                        write_lsn: (!standby).then_some(END),
                        receive_lsn: None,
                        flush_lsn: standby.then_some(END),
                        replay_lsn: None,
                        replay_paused: None,
                        replay_age_seconds: None,
                        // Whoever has an upstream receives all of it at once.
                        receiver: self.upstream(&world, node).filter(|_| standby).map(|_| WalReceiver {
                            status: "streaming".to_owned(),
                            slot: None,
                            host: None,
                            port: None,
                            silent_seconds: None,
                        }),
                        upstream: self.upstream(&world, node).filter(|_| standby),
                        senders,
                        slots: slots.filter(|_| !standby).collect(),
                        synchronous_standby_names: synchronous_standby_names(&self.topology, node),
                        data_checksums: true,
                        wal_log_hints: true,
                        prepared_transactions: 0,
                        unmade: Vec::new(),
                        made_with: None,
                        oldest_wal_lsn: None,
                        prepared: Vec::new(),
                        transactions: Vec::new(),
                        logins: Vec::new(),
                        verifiers_as_set: std::collections::BTreeMap::new(),
                        unlogged_relations: 0,
                        unlogged_tables: Vec::new(),
                        clock_unix_ms: None,
                        clock: None,
                        probe_refused: None,
                        tablespaces: Vec::new(),
                        wal_bytes: None,
                        durable: Vec::new(),
                        overridden: Vec::new(),
                        databases: Vec::new(),
                        standby_limits: std::collections::BTreeMap::new(),
                        pending_restart: Vec::new(),
                        collation_mismatch: false,
                        lineage: None,
                        set_up: database.set_up.clone(),
                        keycloak_heap_percent: None,
                        keycloak_wal_unread: false,
                        host: HostObservation::default(),
                        promotion: Some(PromotionRecord {
                            generation: 1,
                            id: "6f9619ff-8b86-d011-b42d-00cf4fc964ff".parse().expect("a UUID"),
                            primary: self.topology.initial_primary().name.clone(),
                            run_alone: false,
                            ancestors: Vec::new(),
                        }),
                    })
                },
                silent,
            )
            .await
    }
}

fn cut() -> PostgresError {
    RuntimeError::Broken { source: "the fake's connection was cut".into() }.into()
}

#[async_trait]
impl PostgresControl for Shared {
    async fn wait_ready(&self, node: &NodeName, _: Duration) -> Result<(), PostgresError> {
        let wait = || match self.server(&mut self.world(), node) {
            Some(_) => Ok(()),
            None => Err(PostgresError::Exited { code: 78, log: "the guard did not start it".to_owned() }),
        };
        self.gate.pass(wait, || Err(cut())).await
    }

    async fn provision(&self, node: &NodeName, provision: &Provision) -> Result<(), PostgresError> {
        let make = || {
            let mut world = self.world();
            let database = self.primary(&mut world, node)?;
            for role in &provision.roles {
                database.roles.insert(role.name.clone(), role.password.expose().to_owned());
            }
            database.slots.extend(provision.slots.iter().map(ToString::to_string));
            database.exists = true;
            Ok(())
        };
        self.gate.pass(make, || Err(cut())).await
    }

    async fn password_fits(
        &self,
        node: &NodeName,
        role: &str,
        password: &Secret,
    ) -> Result<Option<bool>, PostgresError> {
        let compare = || {
            let mut world = self.world();
            let database = self.primary(&mut world, node)?;
            Ok(database.roles.get(role).map(|known| known == password.expose()))
        };
        self.gate.pass(compare, || Err(cut())).await
    }

    async fn note_set_up(&self, node: &NodeName, text: &str) -> Result<(), PostgresError> {
        let note = || {
            self.primary(&mut self.world(), node)?.set_up = Some(text.to_owned());
            Ok(())
        };
        self.gate.pass(note, || Err(cut())).await
    }

    async fn has_row(&self, node: &NodeName, _: &DatabaseLogin, row: &Row) -> Result<bool, PostgresError> {
        assert_eq!((row.table, row.column), ("client", "client_id"));
        let look = || Ok(self.primary(&mut self.world(), node)?.clients.contains_key(&row.value));
        self.gate.pass(look, || Err(cut())).await
    }

    async fn unlogged_tables(&self, _: &NodeName, _: &DatabaseLogin) -> Result<Vec<String>, PostgresError> {
        panic!("no relation is unlogged");
    }

    async fn wait_replayed(&self, _: &NodeName, _: Lsn, _: Duration) -> Result<(), PostgresError> {
        // All that was ever written is there.
        Ok(())
    }

    async fn checkpoint(&self, _: &NodeName, _: Duration) -> Result<(), PostgresError> {
        panic!("up writes no checkpoint");
    }

    async fn prepare_promotion(&self, _: &NodeName, _: Duration) -> Result<(), PostgresError> {
        panic!("up promotes nobody");
    }

    async fn promote(&self, _: &NodeName, _: Duration) -> Result<(), PostgresError> {
        panic!("up promotes nobody");
    }

    async fn ensure_slots(&self, _: &NodeName, _: &[SlotName]) -> Result<(), PostgresError> {
        panic!("up makes slots only together with the roles");
    }

    async fn drop_unused_slots(&self, _: &NodeName, _: &[SlotName]) -> Result<(), PostgresError> {
        panic!("up drops no slot");
    }
}

fn no_answer() -> KeycloakError {
    KeycloakError::TimedOut { url: "http://fake".to_owned(), after: Duration::from_secs(1) }
}

fn denied() -> KeycloakError {
    KeycloakError::Denied { url: "http://fake".to_owned(), status: 401, message: "invalid_client".to_owned() }
}

impl Shared {
    /// A Keycloak that was started becomes ready: the read-write one makes its schema, the read-only one needs it.
    fn boot(&self, world: &mut World, node: &NodeName) -> Result<(), KeycloakError> {
        let name = container_name(&self.topology, node, Component::Keycloak);
        let at = self.engine_of(node);
        let started = world.engines[at].containers.get(&name).is_some_and(|it| it.running());
        let server = self.server(world, node);
        let (Some((system, standby)), true) = (server, started) else { return Err(no_answer()) };
        let conf = world.engines[at].file(&name, "/opt/keycloak/conf/keycloak.conf").unwrap_or_default();
        let conf = String::from_utf8(conf).expect("text");
        let database = world.databases.get_mut(&system).expect("a server has a database");
        let password = database.roles.get(&self.topology.postgres.user);
        if !database.exists || !password.is_some_and(|password| conf.contains(&format!("db-password={password}\n"))) {
            return Err(no_answer());
        }
        if !database.schema {
            if standby {
                return Err(no_answer());
            }
            database.schema = true;
            let secret = conf.split("bootstrap-admin-client-secret=").nth(1).and_then(|rest| rest.lines().next());
            if let Some(secret) = secret {
                database.clients.insert("ha-bootstrap".to_owned(), secret.to_owned());
            }
        }
        world.engines[at].containers.get_mut(&name).expect("it runs").ready = true;
        Ok(())
    }

    /// A change in Keycloak's database, which only a ready Keycloak on a primary makes.
    async fn change<T: Send>(
        &self,
        node: &NodeName,
        effect: impl FnOnce(&mut Database) -> T + Send,
    ) -> Result<T, KeycloakError> {
        let change = || {
            let mut world = self.world();
            let name = container_name(&self.topology, node, Component::Keycloak);
            let ready = world.engines[self.engine_of(node)].containers.get(&name).is_some_and(|it| it.ready);
            match self.server(&mut world, node) {
                Some((system, false)) if ready => {
                    Ok(effect(world.databases.get_mut(&system).expect("a server has a database")))
                }
                _ => Err(no_answer()),
            }
        };
        self.gate.pass(change, || Err(no_answer())).await
    }
}

#[async_trait]
impl Clock for Shared {
    fn now(&self) -> Duration {
        // Passes with every question, so that whoever waits for something comes to an end.
        static SECONDS: AtomicU64 = AtomicU64::new(0);
        Duration::from_secs(SECONDS.fetch_add(1, Ordering::Relaxed))
    }

    async fn sleep(&self, _: Duration) {}
}

#[async_trait]
impl KeycloakAdmin for Shared {
    async fn observe(&self, node: &NodeName, _: Duration) -> KeycloakObservation {
        let look = || {
            let mut world = self.world();
            let name = container_name(&self.topology, node, Component::Keycloak);
            let server = self.server(&mut world, node);
            let fake = world.engines[self.engine_of(node)].containers.get(&name);
            let (state, mode) = match fake.filter(|it| it.running()).map(|it| (it.ready, server)) {
                None => (KeycloakState::Stopped, KeycloakMode::Unknown),
                Some((true, Some((_, false)))) => (KeycloakState::Ready, KeycloakMode::ReadWrite),
                Some((true, Some((_, true)))) => (KeycloakState::Ready, KeycloakMode::ReadOnly),
                Some(_) => (KeycloakState::Starting, KeycloakMode::Unknown),
            };
            KeycloakObservation { state, mode, warm: None, service_client: None, detail: None }
        };
        self.gate.pass(look, || KeycloakObservation::unreachable("cut")).await
    }

    async fn service_client(&self, _: &NodeName, _: &str, _: &Secret, _: Duration) -> Option<ServiceClient> {
        None
    }

    async fn mend_service_client(&self, _: &NodeName, _: &Secret, _: &str, _: &Secret) -> Result<(), KeycloakError> {
        panic!("nothing is known of the client here, and so nothing is mended")
    }

    async fn wait_ready(&self, node: &NodeName, _: Duration) -> Result<(), KeycloakError> {
        self.gate.pass(|| self.boot(&mut self.world(), node), || Err(no_answer())).await
    }

    async fn token(&self, node: &NodeName, _: &str, grant: &TokenGrant) -> Result<Secret, KeycloakError> {
        let TokenGrant::ClientCredentials { client_id, client_secret } = grant else { panic!("up logs no user in") };
        let fits = |database: &mut Database| {
            let known = database.clients.get(client_id).map(String::as_str) == Some(client_secret.expose());
            if known { Ok(Secret::new("token")) } else { Err(denied()) }
        };
        self.change(node, fits).await?
    }

    async fn login(&self, _: &NodeName, _: &str, _: &TokenGrant) -> Result<Login, KeycloakError> {
        panic!("up proves no login");
    }

    async fn ensure_user(
        &self,
        node: &NodeName,
        _: &Secret,
        _: &str,
        user: &UserSpec,
    ) -> Result<String, KeycloakError> {
        self.change(node, |database| {
            database.admin.get_or_insert_with(|| user.username.clone());
            "id".to_owned()
        })
        .await
    }

    async fn grant_realm_roles(
        &self,
        node: &NodeName,
        _: &Secret,
        _: &str,
        _: &str,
        roles: &[String],
    ) -> Result<(), KeycloakError> {
        let roles = format!("{roles:?}");
        self.change(node, |database| {
            let user = database.admin.as_mut().expect("roles are granted to a user that exists");
            if !user.ends_with(&roles) {
                user.push_str(&roles);
            }
        })
        .await
    }

    async fn ensure_service_client(
        &self,
        node: &NodeName,
        _: &Secret,
        _: &str,
        client_id: &str,
        secret: &Secret,
        _: &[String],
    ) -> Result<(), KeycloakError> {
        self.change(node, |database| {
            drop(database.clients.insert(client_id.to_owned(), secret.expose().to_owned()));
        })
        .await
    }

    async fn delete_client(
        &self,
        node: &NodeName,
        _: &Secret,
        _: &str,
        client_id: &str,
    ) -> Result<bool, KeycloakError> {
        self.change(node, |database| database.clients.remove(client_id).is_some()).await
    }

    async fn create_realm(&self, _: &NodeName, _: &Secret, _: &str) -> Result<(), KeycloakError> {
        panic!("up makes no realm");
    }

    async fn delete_realm(&self, _: &NodeName, _: &Secret, _: &str) -> Result<bool, KeycloakError> {
        panic!("up removes no realm");
    }

    async fn realm_is_served(&self, _: &NodeName, _: &str) -> Result<bool, KeycloakError> {
        panic!("up looks for no realm");
    }

    async fn realms_starting_with(&self, _: &NodeName, _: &Secret, _: &str) -> Result<Vec<String>, KeycloakError> {
        panic!("up lists no realms");
    }

    async fn create_public_client(&self, _: &NodeName, _: &Secret, _: &str, _: &str) -> Result<(), KeycloakError> {
        panic!("up makes no public client");
    }
}

/// So that the fakes and the layout keep meaning the same role.
const _: () = assert!(REPLICATION_ROLE.len() == "ha_replication".len());
