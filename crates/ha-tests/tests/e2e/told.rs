//! What a Keycloak tells of itself over its database, seen by the story of one pair.

use std::time::{Duration, Instant};

use crate::host::docker;
use crate::site::Site;

/// Its extension tells, once garbage has been collected, which a start alone brings about.
pub(crate) fn how_full_each_heap_is(site: &Site) {
    let begun = Instant::now();
    loop {
        let report = site.run(&["status", "--output", "json"]).ends_with(0).json();
        let percents = [0, 1].map(|index| report["nodes"][index]["keycloak"]["heap_percent"].as_u64());
        if percents.iter().all(Option::is_some) {
            assert!(percents.iter().flatten().all(|&percent| percent < 90), "{report}");
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{report}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The right is taken away by hand: health says so, and `up` gives it again.
pub(crate) fn that_the_wal_may_not_be_read(site: &Site) {
    let primary = format!("{}-vm1-postgres", site.cluster);
    let revoke = "REVOKE USAGE ON SCHEMA ha FROM keycloak";
    docker(&["exec", "-u", "postgres", &primary, "psql", "-X", "-d", "keycloak", "-c", revoke]);
    until(site, &["wal-unreadable"]);
    let mended = site.run(&["up", "--yes"]).ends_with(0);
    assert!(mended.err.contains("set up roles"), "{mended:?}");
    until(site, &[]);
    assert!(site.run(&["up"]).ends_with(0).out.contains("nothing to do"));
}

/// Until those are the findings of health.
fn until(site: &Site, codes: &[&str]) {
    let begun = Instant::now();
    loop {
        let report = site.run(&["health", "--output", "json"]).json();
        let found = report["findings"].as_array().unwrap();
        // The machine's own room is not the pair's.
        let found: Vec<_> =
            found.iter().filter_map(|it| it["code"].as_str()).filter(|it| !it.ends_with("-low")).collect();
        if found == codes {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{report}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
