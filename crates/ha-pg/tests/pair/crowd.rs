//! Every connection that can be taken is taken, on both servers, and the tool still sees and acts.

use std::sync::Arc;

use ha_core::ports::{PostgresControl as _, ReplicationProbe as _};
use ha_core::topology::Node;
use ha_core::values::Secret;
use ha_pg::{Engines, Probe};
use tokio_postgres::{Client, Config, NoTls};

use crate::engine::sql;
use crate::pair::{
    KEYCLOAK_CONNECTIONS, KEYCLOAK_PASSWORD, LIMIT, PROBE_PASSWORD, Pair, engines, login, until, vm1, vm2,
    with_pair_alone,
};

fn config(node: &Node, role: &str, password: &str, database: &str) -> Config {
    let mut config = Config::new();
    config.host(node.address.to_string()).port(node.postgres_port).connect_timeout(LIMIT);
    config.user(role).password(password).dbname(database);
    config
}

/// Connects until it is refused.
async fn take_all(config: &Config) -> (Vec<Client>, String) {
    let mut taken = Vec::new();
    loop {
        match config.connect(NoTls).await {
            Ok((client, connection)) => {
                tokio::spawn(async move { drop(connection.await) });
                taken.push(client);
            }
            Err(error) => {
                let refused = error.as_db_error().unwrap_or_else(|| panic!("{error:?}"));
                assert_eq!(refused.code().code(), "53300", "{refused}");
                return (taken, refused.message().to_owned());
            }
        }
        assert!(taken.len() < 100, "there is no end");
    }
}

/// The sessions that a server has of a role.
fn sessions(pair: &Pair, role: &str) -> [String; 2] {
    let ask = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}'");
    [pair.primary(), pair.standby()].map(|container| sql(&container, "postgres", &ask))
}

async fn both_are_seen(probe: &Probe, what: &str) {
    for node in [vm1(), vm2()] {
        probe.observe(&node, LIMIT).await.unwrap_or_else(|error| panic!("{node}, {what}: {error:?}"));
    }
}

#[test]
fn keycloaks_role_cannot_take_the_connections_of_others() {
    with_pair_alone(async |pair| {
        let everybody = Probe::new(Arc::clone(&pair.topology), Secret::new(PROBE_PASSWORD), Engines::new());
        let mut taken = Vec::new();
        for node in pair.topology.nodes() {
            let (mine, why) = take_all(&config(node, "keycloak", KEYCLOAK_PASSWORD, "keycloak")).await;
            assert!(why.contains("too many connections for role"), "{why}");
            taken.push(mine);
        }
        assert_eq!(taken.iter().map(Vec::len).collect::<Vec<_>>(), [KEYCLOAK_CONNECTIONS as usize; 2]);
        both_are_seen(&everybody, "over the network").await;
        // What asks as Keycloak's role waits its turn, and says why it has none.
        let row = ha_core::ports::Row { table: "realm", column: "name", value: String::new() };
        let none = pair.control().has_row(&vm1(), &login(), &row).await.unwrap_err().to_string();
        assert!(none.contains("too many connections for role"), "{none}");
        drop(taken);
        until("they are free again", async || sessions(pair, "keycloak") == ["0", "0"]).await;
    });
}

#[test]
fn where_all_ordinary_connections_are_taken_the_probe_has_its_own_and_then_the_engine() {
    with_pair_alone(async |pair| {
        let run = |statement: &str| sql(&pair.primary(), "postgres", statement);
        run("CREATE ROLE crowd LOGIN PASSWORD 'crowd'; GRANT CONNECT ON DATABASE postgres TO crowd");
        until("the role has arrived", async || {
            sql(&pair.standby(), "postgres", "SELECT count(*) FROM pg_roles WHERE rolname = 'crowd'") == "1"
        })
        .await;
        let over_network = Probe::new(Arc::clone(&pair.topology), Secret::new(PROBE_PASSWORD), Engines::new());
        let both_ways = Probe::new(Arc::clone(&pair.topology), Secret::new(PROBE_PASSWORD), engines());
        let mut taken = Vec::new();
        for node in pair.topology.nodes() {
            taken.extend(take_all(&config(node, "crowd", "crowd", "postgres")).await.0);
        }
        both_are_seen(&over_network, "by what is reserved").await;
        // A node that is brought back reads from its primary over an ordinary connection, too.
        let rewind = config(&pair.topology.nodes()[0], "ha_replication", crate::pair::REPLICATION_PASSWORD, "postgres");
        drop(rewind.connect(NoTls).await.unwrap());
        // Those that are reserved are taken as well.
        for node in pair.topology.nodes() {
            taken.extend(take_all(&config(node, "ha_probe", PROBE_PASSWORD, "postgres")).await.0);
        }
        let full = over_network.observe(&vm1(), LIMIT).await.unwrap_err();
        assert!(full.to_string().contains("53300") || full.to_string().contains("reserved"), "{full}");
        both_are_seen(&both_ways, "through the engine").await;
        pair.control().checkpoint(&vm2(), LIMIT).await.unwrap();
        drop(taken);
        until("they are free again", async || sessions(pair, "crowd") == ["0", "0"]).await;
        run("REVOKE ALL ON DATABASE postgres FROM crowd; DROP ROLE crowd");
    });
}
