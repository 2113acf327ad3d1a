//! When the disks will be full, which only somebody can tell who watches.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ha_core::health::{DiskTrend, Report as Health};
use ha_core::observe::Room;
use ha_core::values::NodeName;

/// From one look that counts for the trend to the next: the trend keeps so many of them, and they are to reach far back.
const EVERY: Duration = Duration::from_secs(10);

pub(super) struct Disks {
    begun: Instant,
    last: Option<Duration>,
    trends: BTreeMap<NodeName, DiskTrend>,
}

impl Disks {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), last: None, trends: BTreeMap::new() }
    }

    /// The report with its forecasts.
    pub(super) fn foretell(&mut self, report: Health) -> Health {
        let seen: Vec<_> = report.nodes.iter().filter_map(|node| Some((node.name.clone(), node.host.disk?))).collect();
        let full_in = self.full_in(self.begun.elapsed(), &seen);
        report.with_forecasts(full_in)
    }

    /// A disk that is not seen has no forecast, and its trend goes on when it is back.
    fn full_in<'n>(&mut self, now: Duration, seen: &'n [(NodeName, Room)]) -> Vec<(&'n NodeName, Duration)> {
        if self.last.is_none_or(|last| now.saturating_sub(last) >= EVERY) {
            self.last = Some(now);
            for (node, disk) in seen {
                self.trends.entry(node.clone()).or_default().add(now, *disk);
            }
        }
        seen.iter().filter_map(|(node, _)| Some((node, self.trends.get(node)?.full_in()?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_is_made_for_each_disk_while_it_is_seen() {
        let [vm1, vm2]: [NodeName; 2] = ["vm1", "vm2"].map(|name| name.parse().unwrap());
        let mut disks = Disks::new();
        let mut look = |at, free: &[(&NodeName, u64)]| {
            let room = |free: u64| Room { free_bytes: free << 30, total_bytes: 1000 << 30 };
            let seen: Vec<_> = free.iter().map(|(node, free)| ((*node).clone(), room(*free))).collect();
            let told = disks.full_in(Duration::from_secs(at), &seen);
            told.into_iter().map(|(node, time)| (node.to_string(), time.as_secs())).collect::<Vec<_>>()
        };
        assert_eq!(look(0, &[(&vm1, 500), (&vm2, 500)]), []);
        assert_eq!(look(300, &[(&vm1, 400), (&vm2, 500)]), []);
        assert_eq!(look(600, &[(&vm1, 300), (&vm2, 500)]), [("vm1".to_owned(), 900)]);
        assert_eq!(
            look(605, &[(&vm1, 1), (&vm2, 1)]),
            [("vm1".to_owned(), 900)],
            "too soon after the last one to count"
        );
        assert_eq!(look(620, &[(&vm2, 500)]), []);
        assert_eq!(look(900, &[(&vm1, 200), (&vm2, 500)]), [("vm1".to_owned(), 600)]);
    }
}
