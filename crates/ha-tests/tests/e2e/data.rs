//! Data that is not what it should be: of another cluster, of nobody, gone, or made with other passwords.

use ha_core::layout::Component;
use ha_core::plan::{Action, FailoverOptions, RefusalKind};
use ha_core::values::Secret;
use ha_tests::{Pair, PairOptions, engine_is_wanted};

use crate::host::{docker, on_volumes};
use crate::up;

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_is_no_database_is_left_alone() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::prepare(PairOptions::postgres_only()).await.unwrap();
    let name = pair.topology().cluster.name.to_string();
    on_volumes(&name, "vm1", "echo precious >/data/thesis.txt");
    let refusal = up::refusal(pair.cluster()).await;
    assert_eq!(refusal.kind, RefusalKind::Unsafe);
    assert_eq!(refusal.node.unwrap().as_str(), "vm1");
    assert!(refusal.message.contains("no database of ha-cli's: thesis.txt"), "{}", refusal.message);
    assert!(refusal.help.contains("nothing was touched"), "{}", refusal.help);
    assert_eq!(on_volumes(&name, "vm1", "cat /data/thesis.txt; ls -A /data"), "precious\nthesis.txt");
    // Out of the way, the same goes on.
    on_volumes(&name, "vm1", "rm /data/thesis.txt");
    pair.up(false).await.unwrap();
    up::replicates(&pair, "room").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_clusters_data_is_left_alone() {
    if !engine_is_wanted() {
        return;
    }
    let other = Pair::start(PairOptions { standbys: 1, ..PairOptions::postgres_only() }).await.unwrap();
    let system = up::system_identifiers(&other).await.remove(0);
    let pair = Pair::prepare(PairOptions::postgres_only()).await.unwrap();
    let name = pair.topology().cluster.name.to_string();
    // The other one's data lands in a volume of this name, as when a disk is moved or a backup restored wrongly.
    let from = format!("{}-vm1-data:/from:ro", other.topology().cluster.name);
    docker(&["stop", &other.container(other.primary(), Component::Postgres)]);
    let to = format!("{name}-vm1-data:/to");
    docker(&[
        "run",
        "--rm",
        "--network",
        "none",
        "-u",
        "root",
        "-v",
        &from,
        "-v",
        &to,
        "--entrypoint",
        "cp",
        &crate::host::postgres_image(),
        "-a",
        "/from/pgdata",
        "/to/pgdata",
    ]);
    let before = on_volumes(&name, "vm1", "cksum /data/pgdata/global/pg_control");
    let refusal = up::refusal(pair.cluster()).await;
    assert_eq!(refusal.kind, RefusalKind::Unsafe);
    assert!(refusal.message.contains(&system), "{}", refusal.message);
    assert!(refusal.message.contains("which this node was not given"), "{}", refusal.message);
    assert_eq!(on_volumes(&name, "vm1", "cksum /data/pgdata/global/pg_control"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_disks_and_other_passwords() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    up::replicates(&pair, "kept").await;

    // Other passwords than the data was made with: said before anything is changed.
    let mut secrets = pair.cluster().secrets().clone();
    secrets.keycloak_db_password = Secret::new("not-the-one-it-was-made-with");
    let other = up::variant(&pair, pair.topology().clone(), secrets);
    let refusal = up::refusal(&other).await;
    assert_eq!(refusal.kind, RefusalKind::Mismatch);
    assert!(refusal.message.contains("other passwords for select"), "{}", refusal.message);
    assert!(!format!("{refusal:?}").contains("not-the-one"), "{refusal:?}");
    pair.connect(pair.primary()).await.expect("the right password still does");

    // The standby's disk is lost: its data is copied anew.
    let name = pair.topology().cluster.name.to_string();
    let standby = pair.container(pair.standby(), Component::Postgres);
    docker(&["rm", "-f", &standby]);
    docker(&["volume", "rm", &format!("{name}-vm2-data")]);
    let plan = up::plan(pair.cluster()).await.unwrap();
    assert!(plan.steps.iter().any(|step| matches!(step.action, Action::CopyDatabase { .. })), "{plan:?}");
    assert!(plan.steps.iter().all(|step| step.node.as_str() == "vm2"), "the primary is left alone: {plan:?}");
    up::run(pair.cluster(), &plan).await.unwrap();
    assert_eq!(pair.superuser(pair.standby(), "SELECT n FROM kept").await.unwrap(), "42");

    // The primary's: a new database would be a second cluster.
    let primary = pair.container(pair.primary(), Component::Postgres);
    docker(&["rm", "-f", &primary]);
    docker(&["volume", "rm", &format!("{name}-vm1-data")]);
    let refusal = up::refusal(pair.cluster()).await;
    assert_eq!(refusal.kind, RefusalKind::Unsafe);
    assert!(refusal.message.contains("its disk was lost"), "{}", refusal.message);
    assert!(refusal.help.contains("`ha-cli failover`"), "{}", refusal.help);
    assert_eq!(pair.superuser(pair.standby(), "SELECT n FROM kept").await.unwrap(), "42", "what is left is kept");

    // As the refusal says: the standby takes over, and the node with the new disk gets a copy.
    let failover = pair.cluster().plan_failover(&FailoverOptions::default()).await.unwrap();
    up::run(pair.cluster(), &failover.plan).await.unwrap();
    let plan = up::plan(pair.cluster()).await.unwrap();
    up::run(pair.cluster(), &plan).await.unwrap();
    assert_eq!(pair.superuser(pair.primary(), "SELECT n FROM kept").await.unwrap(), "42");
}
