//! The durability profile `strict`, through a real Keycloak.

use std::time::{Duration, Instant};

use ha_core::layout::Component;
use ha_tests::{Pair, PairOptions, engine_is_wanted};

use crate::host::docker;

/// Keycloak 26.7 alone acknowledges a session before it is on any disk. Here not even one standby that is away makes it:
/// the login waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_acknowledged_only_when_the_standby_has_its_session() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions { durability: "strict".to_owned(), ..PairOptions::default() }).await.unwrap();
    assert_eq!(pair.superuser(pair.primary(), "SHOW synchronous_standby_names").await.unwrap(), "ANY 1 (\"vm2\")");
    // What else a first login writes is written.
    for _ in 0..2 {
        assert_eq!(login(&pair, Duration::from_secs(60)).await.unwrap(), 200);
    }
    let standby = pair.container(pair.standby(), Component::Postgres);
    docker(&["pause", &standby]);
    let waited = login(&pair, Duration::from_secs(4)).await;
    docker(&["unpause", &standby]);
    assert!(waited.as_ref().is_err_and(reqwest::Error::is_timeout), "it was answered: {waited:?}");
    let deadline = Instant::now() + Duration::from_secs(60);
    while login(&pair, Duration::from_secs(10)).await.ok() != Some(200) {
        assert!(Instant::now() < deadline, "logins go on when the standby is back");
    }
}

async fn login(pair: &Pair, limit: Duration) -> Result<u16, reqwest::Error> {
    let node = pair.primary();
    let url = format!("http://{}:{}/realms/master/protocol/openid-connect/token", node.address, node.keycloak_port);
    let form = [
        ("grant_type", "password"),
        ("client_id", "admin-cli"),
        ("username", pair.topology().keycloak.admin.as_str()),
        ("password", pair.cluster().secrets().keycloak_admin_password.expose()),
    ];
    let client = reqwest::Client::builder().timeout(limit).build()?;
    Ok(client.post(url).form(&form).send().await?.status().as_u16())
}
