//! `monitor` on a pair of the story.

use crate::host::docker;
use crate::site::Site;
use crate::site::until;

pub(crate) fn tells_each_look_and_each_change(site: &Site) {
    let ran = site.run(&["monitor", "--interval", "100ms", "--count", "3", "--output", "json"]).ends_with(0);
    let looks: Vec<serde_json::Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(looks.len(), 3, "{ran:#?}");
    for look in &looks {
        assert_eq!(look["state"], "healthy", "{look}");
        assert!(look["time"].as_str().unwrap().starts_with("20"), "{look}");
        assert_eq!(look["nodes"][1]["replication"]["state"], "streaming", "{look}");
    }

    let mut watching = site.start(&["monitor", "--interval", "100ms"]);
    assert!(watching.prints(|line| line.contains("watching")), "{}", watching.so_far());
    let keycloak = format!("{}-vm2-keycloak", site.cluster);
    docker(&["pause", &keycloak]);
    assert!(watching.prints(|line| line.contains("- ") && line.contains("degraded")), "{}", watching.so_far());
    // Its silence may be seen before its engine tells why.
    assert!(watching.prints(|line| line.contains("[keycloak-stopped]")), "{}", watching.so_far());
    docker(&["unpause", &keycloak]);
    assert!(watching.prints(|line| line.contains("+ ") && line.contains("healthy")), "{}", watching.so_far());
    watching.signal("INT");
    watching.end().ends_with(130);
    until(site, 0);
}
