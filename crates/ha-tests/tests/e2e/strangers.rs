//! Two files, one name of a cluster: whoever comes second touches nothing of the first one's.

use ha_core::layout::Component;
use ha_tests::{Pair, PairOptions, engine_is_wanted};

use crate::host::docker;
use crate::site::Site;

/// Every command that changes something, as a script would run it.
const COMMANDS: [&[&str]; 8] = [
    &["up", "--yes"],
    &["down", "--yes"],
    &["down", "--volumes", "--yes"],
    &["switchover", "--yes"],
    &["failover", "--yes"],
    &["rejoin", "vm2", "--yes"],
    &["rebuild", "vm2", "--yes"],
    &["replication", "set", "strict", "--yes"],
];

#[tokio::test(flavor = "multi_thread")]
async fn of_one_name_are_told_apart_by_their_ids() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let site = Site::of(&pair);
    let before = started(&pair);

    // Made without an id, which a file that `setup` wrote has.
    site.edit(|text| text.replacen("[cluster]\n", "[cluster]\nid = \"0123456789abcdef\"\n", 1));
    for command in COMMANDS {
        let ran = site.run(command).ends_with(5);
        assert!(ran.err.contains("without an id") && ran.err.contains("0123456789abcdef"), "{ran:#?}");
    }
    assert_eq!(started(&pair), before, "something was touched");

    // Its own id, as `up` would write it down. With the next reload it stands on the volumes.
    let id = pair.cluster().settle_id().await.unwrap();
    site.edit(|text| text.replace("0123456789abcdef", id.as_str()));
    for profile in ["strict", "async"] {
        site.run(&["replication", "set", profile, "--yes"]).ends_with(0);
    }
    let kept = docker(&["exec", &pair.container(pair.primary(), Component::Postgres), "cat", "/ha/topology.json"]);
    assert!(kept.contains(&format!("\"id\": \"{id}\"")), "{kept}");

    site.edit(|text| text.replace(id.as_str(), "fedcba9876543210"));
    for command in COMMANDS {
        let ran = site.run(command).ends_with(5);
        assert!(ran.err.contains("belongs to another cluster") && ran.err.contains(id.as_str()), "{ran:#?}");
    }
    assert_eq!(started(&pair), before, "something was touched");
}

/// Since when each server's container runs.
fn started(pair: &Pair) -> Vec<String> {
    let of = |node: &ha_core::topology::Node| {
        let name = pair.container(node, Component::Postgres);
        docker(&["inspect", "-f", "{{.State.Running}} {{.State.StartedAt}}", &name])
    };
    pair.topology().nodes().iter().map(of).collect()
}
