//! The read-only node's PostgreSQL is promoted, and later made a standby again. The cases after each are about one and the
//! same event, which the first of them brings about.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ha_core::layout::{Component, PGDATA};
use ha_core::ports::{ContainerRuntime as _, ExecSpec};
use ha_core::topology::Node;
use libtest_mimic::Failed;
use reqwest::Method;
use serde_json::json;

use crate::check::{LOOK_AGAIN, Reader, ensure, ensure_eq, ensure_refused, is_denied, until};
use crate::outcome::Outcome;
use crate::protections::lock_out::locked_for_good;
use crate::realm::{ALICE, Realm, Tokens, claims, password_of, user};
use crate::role;
use crate::story::{Demoted, Directory, Promoted};
use crate::world::{PATIENCE, World, count, told};

/// From the return of `pg_promote()` to the first accepted write.
const BOUND: Duration = Duration::from_secs(1);
/// From the moment at which a restarted PostgreSQL takes queries to the role that its Keycloak tells.
const AGAIN_BOUND: Duration = Duration::from_secs(9);
/// A user who may make users of the realm.
const KEEPER: &str = "keeper";
const STOP_LIMIT: Duration = Duration::from_secs(60);

impl Promoted {
    fn realm(&self, world: &Arc<World>) -> Realm {
        Realm { name: self.realm.clone(), world: Arc::clone(world) }
    }
}

async fn promoted(world: &Arc<World>) -> Result<&Promoted, Failed> {
    let promote = async || promote(world).await.map_err(|error| error.message().unwrap_or("it failed").to_owned());
    world.story.promoted.get_or_init(promote).await.as_ref().map_err(|error| format!("the promotion: {error}").into())
}

async fn demoted(world: &Arc<World>) -> Result<(&Promoted, &Demoted), Failed> {
    let promoted = promoted(world).await?;
    let demote = async || {
        demote(world, &promoted.realm(world)).await.map_err(|error| error.message().unwrap_or("it failed").to_owned())
    };
    let demoted = world.story.demoted.get_or_init(demote).await.as_ref();
    Ok((promoted, demoted.map_err(|error| Failed::from(format!("the demotion: {error}")))?))
}

const SYNCHRONISED_EVERY: Duration = Duration::from_secs(1);

impl Directory {
    /// Made while both Keycloaks run: neither has its timers from its own start.
    async fn make(world: &Arc<World>) -> Result<Self, Failed> {
        let realm = Realm::plain(world, "directory").await?;
        let id = world.read(&world.primary, &realm.admin("")).await?["id"].as_str().unwrap_or_default().to_owned();
        let component = json!({
            "name": "directory", "providerId": "ldap", "providerType": "org.keycloak.storage.UserStorageProvider",
            "parentId": id,
            "config": {
                "enabled": ["true"], "importEnabled": ["true"], "editMode": ["READ_ONLY"], "vendor": ["other"],
                "connectionUrl": ["ldap://127.0.0.1:1"], "usersDn": ["ou=people,dc=example,dc=org"], "authType": ["none"],
                "usernameLDAPAttribute": ["uid"], "rdnLDAPAttribute": ["uid"], "uuidLDAPAttribute": ["entryUUID"],
                "userObjectClasses": ["inetOrgPerson"], "searchScope": ["1"],
                "fullSyncPeriod": ["-1"], "changedSyncPeriod": [SYNCHRONISED_EVERY.as_secs().to_string()],
            },
        });
        realm.change(Method::POST, "/components", component).await?;
        Ok(Self { name: realm.name, id })
    }

    /// How often that node has tried.
    async fn tries(&self, world: &World, node: &Node) -> Result<usize, Failed> {
        let log = world.log(node).await?;
        let of_it = |line: &&String| line.contains(&self.name) || line.contains(&self.id);
        Ok(log.iter().filter(|line| line.contains("users-sync in realm")).filter(of_it).count())
    }
}

async fn promote(world: &Arc<World>) -> Result<Promoted, Failed> {
    let directory = Directory::make(world).await?;
    let locked = locked_for_good(world, "locked").await?;
    until(PATIENCE, "the read-write node synchronises", async || {
        Ok(directory.tries(world, world.pair.primary()).await? > 1)
    })
    .await?;
    ensure_eq!(directory.tries(world, world.pair.standby()).await?, 0, "synchronisations of the read-only node");
    // Who administers all realms has the roles of all of them, and to expand these takes Keycloak seconds after this
    // suite: that is no matter of the promotion.
    let mut keeper = user(KEEPER);
    keeper["clientRoles"] = json!({ "realm-management": ["manage-users"] });
    let realm = Realm::make(
        world,
        "promoted",
        json!({ "eventsEnabled": true, "eventsListeners": ["jboss-logging"], "users": [keeper] }),
    )
    .await?;
    let own = realm.login(&world.standby, ALICE).await?;
    let other = realm.login(&world.primary, ALICE).await?;
    world.caught_up().await?;
    for made in [&own, &other] {
        ensure!(realm.refreshes(&world.standby, made).await?, "a session does not refresh before the promotion");
    }
    let keeper = realm.login(&world.standby, KEEPER).await?.access;
    let path = format!("/admin{}", realm.admin("/users"));
    let write = async |name: &str| {
        world.standby.send(world.standby.request(Method::POST, &path).bearer_auth(&keeper).json(&user(name))).await
    };
    ensure_refused(&write("early").await?, 405, Reader::Program)?;
    let started_before = started_at(world).await?;

    let runtime = world.pair.runtime();
    for component in [Component::Keycloak, Component::Postgres] {
        let name = world.pair.container(world.pair.primary(), component);
        runtime.stop_container(&name, STOP_LIMIT).await.map_err(told)?;
    }
    let done = world.pair.superuser(world.pair.standby(), "SELECT pg_promote()").await.map_err(told)?;
    let returned = Instant::now();
    ensure_eq!(done, "t", "pg_promote()");
    // Both at the same time: each is measured on its own.
    let watch = {
        let site = world.standby.clone();
        tokio::spawn(async move {
            let mut read_only_until = Duration::ZERO;
            loop {
                let begun = returned.elapsed();
                if role::of(&site).await? == "read-write" {
                    return Ok::<_, Failed>((read_only_until, returned.elapsed()));
                }
                read_only_until = begun;
                ensure!(returned.elapsed() < PATIENCE, "the role is not read-write after {} s", PATIENCE.as_secs());
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        })
    };
    // What each try got, and when: told when the first write came too late.
    let mut tries = Vec::new();
    let mut refused_until = Duration::ZERO;
    loop {
        let begun = returned.elapsed();
        let answer = write("first").await?;
        tries.push(format!("{} after {} ms", answer.status, returned.elapsed().as_millis()));
        if answer.status == 201 {
            break;
        }
        refused_until = begun;
        ensure_refused(&answer, if answer.status == 405 { 405 } else { 503 }, Reader::Program)?;
        ensure!(returned.elapsed() < PATIENCE, "no write is accepted {} s after the promotion", PATIENCE.as_secs());
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let first_write = returned.elapsed();
    let (read_only_until, role_changed) = watch.await??;
    let (realm, locked) = (realm.name, locked.name);
    Ok(Promoted {
        realm,
        own,
        other,
        locked,
        directory,
        tries,
        refused_until,
        read_only_until,
        first_write,
        role_changed,
        started_before,
    })
}

async fn demote(world: &Arc<World>, realm: &Realm) -> Result<Demoted, Failed> {
    let stored = realm.login(&world.standby, ALICE).await?;
    until(PATIENCE, "the session is stored", async || Ok(rows_of(world, &stored).await? == 1)).await?;
    let (runtime, node) = (world.pair.runtime(), world.pair.standby());
    let name = world.pair.container(node, Component::Postgres);
    let signal = ExecSpec {
        argv: vec!["touch".to_owned(), format!("{PGDATA}/standby.signal")],
        user: Some("postgres".to_owned()),
        ..ExecSpec::default()
    };
    ensure_eq!(runtime.exec(&name, &signal, PATIENCE).await.map_err(told)?.exit_code, 0, "touch");
    runtime.stop_container(&name, STOP_LIMIT).await.map_err(told)?;
    runtime.start_container(&name).await.map_err(told)?;
    until(STOP_LIMIT, "PostgreSQL is a standby again", async || {
        Ok(world.pair.superuser(node, "SELECT pg_is_in_recovery()").await.is_ok_and(|answer| answer == "t"))
    })
    .await?;
    let began = Instant::now();
    // Its container may have another address than before, and had none for a while: Java must not remember either.
    until(AGAIN_BOUND, "the role is read-only", async || Ok(role::of(&world.standby).await? == "read-only")).await?;
    let role_changed = began.elapsed();
    // Pooled connections of before fail once each, when they are next used.
    until(PATIENCE, "logins work", async || {
        Ok(realm.grant(&world.standby, ALICE, &password_of(ALICE)).await?.status == 200)
    })
    .await?;
    Ok(Demoted { stored, role_changed, first_login: began.elapsed() })
}

async fn started_at(world: &World) -> Result<String, Failed> {
    let name = world.pair.container(world.pair.standby(), Component::Keycloak);
    let container = world.pair.runtime().find_container(&name).await.map_err(told)?;
    container.and_then(|container| container.started_at).ok_or_else(|| "no such container".into())
}

/// How many rows the session of a token has on this node.
async fn rows_of(world: &World, made: &Tokens) -> Result<i64, Failed> {
    let session = claims(&made.access)?["sid"].as_str().unwrap_or_default().to_owned();
    // A connection for each: the server was restarted, or will be.
    let client = world.pair.connect(world.pair.standby()).await.map_err(told)?;
    count(&client, "SELECT count(*) FROM offline_user_session WHERE user_session_id = $1", &session).await
}

pub(crate) async fn writes_are_accepted_within_a_second(world: Arc<World>) -> Outcome {
    let promoted = promoted(&world).await?;
    let (refused, read_only) = (promoted.refused_until, promoted.read_only_until);
    ensure!(
        refused <= BOUND,
        "a write begun {} ms later was refused; tries: {:?}",
        refused.as_millis(),
        promoted.tries
    );
    ensure!(read_only <= BOUND, "asked {} ms later, the role was still read-only", read_only.as_millis());
    let path = promoted.realm(&world).admin("/users?exact=true&username=");
    ensure_eq!(world.read(&world.standby, &format!("{path}first")).await?[0]["username"], "first", "what was written");
    ensure_eq!(world.read(&world.standby, &format!("{path}early")).await?, json!([]), "what was refused before");
    role::ensure_is(&world.standby, "read-write").await
}

pub(crate) async fn it_is_the_same_process(world: Arc<World>) -> Outcome {
    let promoted = promoted(&world).await?;
    ensure_eq!(started_at(&world).await?, promoted.started_before, "Keycloak was restarted");
    Ok(())
}

pub(crate) async fn sessions_and_events_are_stored_again(world: Arc<World>) -> Outcome {
    let promoted = promoted(&world).await?;
    let made = promoted.realm(&world).login(&world.standby, ALICE).await?;
    until(PATIENCE, "a new session has its row", async || Ok(rows_of(&world, &made).await? == 1)).await?;
    let session = claims(&made.access)?["sid"].clone();
    until(PATIENCE, "its event is stored", async || {
        let events = world.read(&world.standby, &promoted.realm(&world).admin("/events?type=LOGIN")).await?;
        Ok(events.as_array().into_iter().flatten().any(|event| event["sessionId"] == session))
    })
    .await
}

/// Those made here stay usable on this node, without a row of their own; those of the primary were never lost.
pub(crate) async fn earlier_sessions_go_on(world: Arc<World>) -> Outcome {
    let promoted = promoted(&world).await?;
    let realm = promoted.realm(&world);
    for (made, rows, whose) in [(&promoted.own, 0, "made here"), (&promoted.other, 1, "made on the primary")] {
        ensure!(realm.refreshes(&world.standby, made).await?, "a session {whose} does not refresh");
        ensure_eq!(rows_of(&world, made).await?, rows, "rows of a session {whose}");
    }
    ensure_eq!(realm.logout(&world.standby, &promoted.own).await?.status, 204, "the logout of one made here");
    ensure!(is_denied(&realm.refresh(&world.standby, &promoted.own).await?), "it lives on");
    Ok(())
}

pub(crate) async fn what_was_refused_is_done(world: Arc<World>) -> Outcome {
    let promoted = promoted(&world).await?;
    let realm = promoted.realm(&world);
    ensure_eq!(
        realm.logout(&world.standby, &promoted.other).await?.status,
        204,
        "the logout of one made on the primary"
    );
    ensure!(!realm.refreshes(&world.standby, &promoted.other).await?, "it lives on");
    let more = [("scope", "openid offline_access")];
    let answer = realm.grant_with(&world.standby, ALICE, &password_of(ALICE), &more).await?;
    ensure_eq!(answer.status, 200, "an offline session: {}", answer.shown());
    Ok(())
}

pub(crate) async fn lock_outs_are_stored(world: Arc<World>) -> Outcome {
    let promoted = promoted(&world).await?;
    let realm = Realm { name: promoted.locked.clone(), world: Arc::clone(&world) };
    until(PATIENCE, "the user is disabled in the database", async || {
        let users = world.read(&world.standby, &realm.admin(&format!("/users?username={ALICE}&exact=true"))).await?;
        Ok(users[0]["enabled"] == false && users[0]["attributes"]["disabledReason"][0] == "permanentLockout")
    })
    .await?;
    ensure!(!realm.lets_in(&world.standby, ALICE, &password_of(ALICE)).await?, "let in");
    let user =
        world.read(&world.standby, &realm.admin(&format!("/users?username={ALICE}&exact=true"))).await?[0].clone();
    let path = realm.admin(&format!("/users/{}", user["id"].as_str().unwrap_or_default()));
    world.try_change(&world.standby, Method::PUT, &path, &json!({ "enabled": true })).await?.expect(204)?;
    ensure!(realm.lets_in(&world.standby, ALICE, &password_of(ALICE)).await?, "unlocked, and still not let in");
    Ok(())
}

pub(crate) async fn background_work_begins(world: Arc<World>) -> Outcome {
    let promoted = promoted(&world).await?;
    until(PATIENCE, "the promoted node synchronises", async || {
        Ok(promoted.directory.tries(&world, world.pair.standby()).await? > 1)
    })
    .await
}

/// Its client is to ask again, whatever Keycloak itself makes of the connections that broke.
pub(crate) async fn a_broken_connection_is_told(world: Arc<World>) -> Outcome {
    // All but the extension's own.
    const BREAK: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
        WHERE usename = 'select' AND application_name NOT LIKE 'keycloak-ha-standby%'";
    let realm = promoted(&world).await?.realm(&world);
    let path = format!("/admin{}", realm.admin("/users"));
    let keeper = realm.login(&world.standby, KEEPER).await?.access;
    let broken = world.pair.superuser(world.pair.standby(), BREAK).await.map_err(told)?;
    ensure!(broken != "0", "Keycloak had no connections");
    let failed = AtomicUsize::new(0);
    until(PATIENCE, "a write after the connections broke", async || {
        let request = world.standby.request(Method::POST, &path).bearer_auth(&keeper).json(&user("anew"));
        let answer = world.standby.send(request).await?;
        if answer.status == 201 {
            return Ok(true);
        }
        failed.fetch_add(1, Ordering::Relaxed);
        ensure_eq!(answer.status, 503, "{}", answer.shown());
        ensure_eq!(answer.header("retry-after"), Some("1"), "when to ask again");
        ensure_eq!(answer.field("error")?, "database_unavailable", "{}", answer.shown());
        Ok(false)
    })
    .await?;
    let failed = failed.into_inner();
    ensure!(failed > 0, "no request met a broken connection, so that this proves nothing");
    let log = world.log(world.pair.standby()).await?;
    let told =
        log.iter().filter(|line| line.contains("its connection to the database broke, answered 503: POST ")).count();
    ensure_eq!(told, failed, "lines about it");
    let otherwise: Vec<_> = log.iter().filter(|line| line.contains("terminating connection due to")).collect();
    ensure!(otherwise.is_empty(), "lines tell of it otherwise: {otherwise:#?}");
    Ok(())
}

pub(crate) async fn a_standby_again_refuses_again(world: Arc<World>) -> Outcome {
    let (promoted, demoted) = demoted(&world).await?;
    let realm = promoted.realm(&world);
    let synchronised = promoted.directory.tries(&world, world.pair.standby()).await?;
    let since = Instant::now();
    role::ensure_is(&world.standby, "read-only").await?;
    let path = realm.admin("/users");
    let answer = world.try_change(&world.standby, Method::POST, &path, &user("late")).await?;
    ensure_refused(&answer, 405, Reader::Program)?;
    let made = realm.login(&world.standby, ALICE).await?;
    ensure!(realm.refreshes(&world.standby, &made).await?, "a session made here does not refresh");
    ensure_eq!(rows_of(&world, &made).await?, 0, "rows of a session made here");
    ensure!(realm.refreshes(&world.standby, &demoted.stored).await?, "a session stored before does not refresh");
    ensure_refused(&realm.logout(&world.standby, &demoted.stored).await?, 503, Reader::Program)?;
    // Nothing tells that something does not happen.
    tokio::time::sleep((4 * SYNCHRONISED_EVERY).saturating_sub(since.elapsed())).await;
    let now = promoted.directory.tries(&world, world.pair.standby()).await?;
    ensure_eq!(now, synchronised, "synchronisations of a node that is read-only again");
    ensure_eq!(started_at(&world).await?, promoted.started_before, "Keycloak was restarted");
    Ok(())
}
