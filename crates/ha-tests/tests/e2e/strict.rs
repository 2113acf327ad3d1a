//! The durability profile `strict`, through a real Keycloak.

use std::time::{Duration, Instant};

use ha_core::Limits;
use ha_core::layout::Component;
use ha_core::observe::{KeycloakMode, KeycloakState};
use ha_core::plan::{Action, FailoverOptions, Loss, SwitchoverOptions};
use ha_core::topology::Node;
use ha_tests::keycloak::Site;
use ha_tests::ledger::{LedgerWriter, Users, Verdict};
use ha_tests::{Pair, PairOptions, engine_is_wanted};

use crate::host::docker;
use crate::up::{PATIENCE, run};

const TOKEN: &str = "/realms/master/protocol/openid-connect/token";
const USERS: u64 = 30;

#[tokio::test(flavor = "multi_thread")]
async fn what_keycloak_acknowledges_is_on_the_standby() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions { durability: "strict".to_owned(), ..PairOptions::default() }).await.unwrap();
    a_planned_change_waits_until_the_target_is_warm(&pair).await;
    a_login_waits_for_the_standby(&pair).await;
    users_outlive_the_primary_that_made_them(&pair).await;
}

/// The first requests of a Keycloak's process take a second or two: nobody is to meet them in the middle of a change.
async fn a_planned_change_waits_until_the_target_is_warm(pair: &Pair) {
    let standby = &pair.standby().name;
    let observe = async || pair.cluster().ports().keycloak.observe(standby, PATIENCE).await;
    docker(&["restart", &pair.container(pair.standby(), Component::Keycloak)]);
    assert_ne!(observe().await.warm, Some(true));
    let mut planned = pair.cluster().plan_switchover(&SwitchoverOptions::default()).await.unwrap();
    planned.plan.steps.truncate(1);
    assert_eq!(planned.plan.steps[0].action, Action::AwaitKeycloak);
    run(pair.cluster(), &planned.plan).await.unwrap();
    let seen = observe().await;
    assert_eq!((seen.state, seen.mode, seen.warm), (KeycloakState::Ready, KeycloakMode::ReadOnly, Some(true)));
    // One that does not become ready is told, and nothing is begun.
    docker(&["pause", &pair.container(pair.standby(), Component::Keycloak)]);
    let limits = Limits { keycloak_warm: Duration::from_secs(3), ..Limits::default() };
    let failed = run(&pair.cluster().clone().with_limits(limits), &planned.plan).await.unwrap_err();
    docker(&["unpause", &pair.container(pair.standby(), Component::Keycloak)]);
    let error = failed.failures[0].error.to_string();
    assert!(error.contains("is not ready after 3 s"), "{error}");
}

/// Keycloak 26.7 alone acknowledges a session before it is on any disk. Here not even one standby that is away makes it:
/// the login waits.
async fn a_login_waits_for_the_standby(pair: &Pair) {
    assert_eq!(pair.superuser(pair.primary(), "SHOW synchronous_standby_names").await.unwrap(), "ANY 1 (\"vm2\")");
    // What else a first login writes is written.
    for _ in 0..2 {
        assert_eq!(login(pair, Duration::from_secs(60)).await.unwrap(), 200);
    }
    let standby = pair.container(pair.standby(), Component::Postgres);
    docker(&["pause", &standby]);
    let waited = login(pair, Duration::from_secs(4)).await;
    docker(&["unpause", &standby]);
    assert!(waited.as_ref().is_err_and(reqwest::Error::is_timeout), "it was answered: {waited:?}");
    let deadline = Instant::now() + Duration::from_secs(60);
    while login(pair, Duration::from_secs(10)).await.ok() != Some(200) {
        assert!(Instant::now() < deadline, "logins go on when the standby is back");
    }
}

/// Killed while it makes users as fast as it can: each that was acknowledged is on the new primary.
async fn users_outlive_the_primary_that_made_them(pair: &Pair) {
    let public = &pair.topology().cluster.public_url;
    let site = |node: &Node| Site::new(&format!("http://{}:{}", node.address, node.keycloak_port), public).unwrap();
    let sites = [site(pair.primary()), site(pair.standby())];
    let token = sites[0].send(sites[0].post(TOKEN).form(&administrator(pair))).await.unwrap();
    let users = Users::make(&sites[0], &token.field("access_token").unwrap(), "ledger").await.unwrap();
    pair.wait_replayed().await.unwrap();
    a_wait_that_was_cancelled_is_no_success(pair, &sites[0], &token.field("access_token").unwrap()).await;
    let writer = LedgerWriter::begin_users(users.clone(), sites.to_vec(), Duration::ZERO);
    assert!(writer.goes_on(USERS, PATIENCE).await, "users are made");
    // The last commits before the end are on the primary's disk only, and their waits are cancelled.
    let standby = pair.container(pair.standby(), Component::Postgres);
    docker(&["pause", &standby]);
    for _ in 0..3 {
        cancel_a_wait(pair).await;
    }
    docker(&["kill", &pair.container(pair.primary(), Component::Postgres)]);
    docker(&["unpause", &standby]);
    let options = FailoverOptions { run_alone: true, ..FailoverOptions::default() };
    let planned = pair.cluster().plan_failover(&options).await.unwrap();
    assert!(matches!(planned.loss, Loss::None { .. }), "{:?}", planned.loss);
    run(pair.cluster(), &planned.plan).await.unwrap();
    assert!(writer.goes_on(USERS, PATIENCE).await, "users are made again");
    let ledger = writer.stop().await;
    let there = users.on(&sites[1]).await.unwrap();
    assert_eq!(ledger.judge(&there), Verdict::default());
    assert!(there.len() as u64 >= 2 * USERS);
}

/// PostgreSQL answers such a COMMIT with success, and a warning.
async fn a_wait_that_was_cancelled_is_no_success(pair: &Pair, site: &Site, token: &str) {
    let standby = pair.container(pair.standby(), Component::Postgres);
    docker(&["pause", &standby]);
    let user = serde_json::json!({ "username": "of-unknown-outcome", "enabled": true });
    let request = site.post("/admin/realms/ledger/users").bearer_auth(token).json(&user);
    let cancel = async {
        loop {
            cancel_a_wait(pair).await;
        }
    };
    let answer = tokio::select! { answer = site.send(request) => answer, () = cancel => unreachable!("it goes on") };
    docker(&["unpause", &standby]);
    let answer = answer.unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (503, None), "{}", answer.shown());
    assert_eq!(answer.field("error").unwrap(), "outcome_unknown");
    let log = docker(&["logs", &pair.container(pair.primary(), Component::Keycloak)]);
    assert!(log.contains("its commit may be on this server's disk only, answered 503: POST"), "{log}");
}

/// Of a session of Keycloak's: as somebody may do who finds it hanging.
async fn cancel_a_wait(pair: &Pair) {
    let cancel = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'select'";
    let deadline = Instant::now() + Duration::from_secs(60);
    while pair.superuser(pair.primary(), cancel).await.unwrap() == "0" {
        assert!(Instant::now() < deadline, "a commit waits for the standby");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn administrator(pair: &Pair) -> [(&str, &str); 4] {
    [
        ("grant_type", "password"),
        ("client_id", "admin-cli"),
        ("username", pair.topology().keycloak.admin.as_str()),
        ("password", pair.cluster().secrets().keycloak_admin_password.expose()),
    ]
}

async fn login(pair: &Pair, limit: Duration) -> Result<u16, reqwest::Error> {
    let node = pair.primary();
    let url = format!("http://{}:{}{TOKEN}", node.address, node.keycloak_port);
    let client = reqwest::Client::builder().timeout(limit).build()?;
    Ok(client.post(url).form(&administrator(pair)).send().await?.status().as_u16())
}
