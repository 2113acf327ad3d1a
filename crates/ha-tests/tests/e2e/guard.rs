//! The guard in a server's entrypoint, whoever starts the container.

use ha_core::layout::Component;
use ha_core::plan::RefusalKind;
use ha_tests::{Pair, PairOptions, engine_is_wanted};

use crate::host::{docker, on_volumes, said};
use crate::up;

#[tokio::test(flavor = "multi_thread")]
async fn starts_no_server_on_data_that_is_not_this_nodes() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let name = pair.topology().cluster.name.to_string();
    let system = up::system_identifiers(&pair).await.remove(0);
    let container = pair.container(pair.primary(), Component::Postgres);

    // An empty disk: the image's own entrypoint would make a new cluster on it.
    docker(&["stop", &container]);
    on_volumes(&name, "vm1", "mv /data/pgdata /state/aside");
    docker(&["start", &container]);
    said(&container, "the data directory is empty, but this node belongs to the cluster with system identifier");
    docker(&["stop", &container]);
    assert_eq!(on_volumes(&name, "vm1", "ls -A /data"), "", "nothing was made");
    let refusal = up::refusal(pair.cluster()).await;
    assert_eq!(refusal.kind, RefusalKind::Unsafe);

    // A database of somebody else's.
    on_volumes(
        &name,
        "vm1",
        "install -d -o postgres /data/pgdata; gosu postgres initdb -D /data/pgdata >/dev/null; \
         pg_controldata /data/pgdata | grep 'system identifier'",
    );
    docker(&["start", &container]);
    said(&container, &format!("this node belongs to the cluster with system identifier {system}"));
    said(&container, "not started: the data has system identifier");
    docker(&["stop", &container]);

    // Its own again.
    on_volumes(&name, "vm1", "rm -rf /data/pgdata; mv /state/aside /data/pgdata");
    pair.up(false).await.unwrap();
    up::replicates(&pair, "back").await;
}
