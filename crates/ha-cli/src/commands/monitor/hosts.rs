//! The room on the hosts, which is looked at less often than the rest: a program is run inside a container for it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join;
use ha_core::Cluster;
use ha_core::health::{DiskTrend, HostReport, Report as Health};
use ha_core::observe::HostObservation;
use ha_core::values::NodeName;

/// Time from one look at the hosts to the next, unless looks are rarer anyway.
const EVERY: Duration = Duration::from_secs(10);

pub(super) struct Hosts {
    begun: Instant,
    looked: Option<Instant>,
    trends: BTreeMap<NodeName, DiskTrend>,
    known: BTreeMap<NodeName, HostReport>,
}

impl Hosts {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), looked: None, trends: BTreeMap::new(), known: BTreeMap::new() }
    }

    /// One look at everything; between two looks at the hosts, what was seen of them last stands.
    pub(super) async fn look(&mut self, cluster: &Cluster) -> Health {
        let report = if self.looked.is_none_or(|at| at.elapsed() >= EVERY) {
            let (report, seen) = join(cluster.report(), cluster.hosts()).await;
            self.looked = Some(Instant::now());
            self.keep(self.begun.elapsed(), seen);
            report
        } else {
            cluster.report().await
        };
        report.with_hosts(self.known.clone())
    }

    fn keep(&mut self, at: Duration, seen: Vec<(NodeName, HostObservation)>) {
        for (node, seen) in seen {
            let trend = self.trends.entry(node.clone()).or_default();
            let mut report = HostReport::from(seen);
            if let Some(disk) = seen.disk {
                trend.add(at, disk);
                report.disk_full_in_seconds = trend.full_in().map(|time| time.as_secs());
            }
            self.known.insert(node, report);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_core::observe::Room;

    #[test]
    fn a_forecast_stands_while_the_disk_is_seen_and_is_made_for_each_node() {
        let mut hosts = Hosts::new();
        let [vm1, vm2]: [NodeName; 2] = ["vm1", "vm2"].map(|name| name.parse().unwrap());
        let room = |free: u64| HostObservation {
            disk: Some(Room { free_bytes: free << 30, total_bytes: 100 << 30 }),
            memory: None,
        };
        for (at, free) in [(0, 50), (300, 40), (600, 30)] {
            hosts.keep(Duration::from_secs(at), vec![(vm1.clone(), room(free)), (vm2.clone(), room(50))]);
        }
        assert_eq!(hosts.known[&vm1].disk_full_in_seconds, Some(900));
        assert_eq!(hosts.known[&vm2].disk_full_in_seconds, None);
        // A node that does not answer has no forecast, and its trend goes on when it is back.
        hosts.keep(Duration::from_secs(610), vec![(vm1.clone(), HostObservation::default())]);
        assert_eq!(hosts.known[&vm1], HostReport::default());
        hosts.keep(Duration::from_secs(900), vec![(vm1.clone(), room(20))]);
        assert!(hosts.known[&vm1].disk_full_in_seconds.is_some());
    }
}
