//! What is kept of past looks: the lag of each standby, and the last changes.

use std::collections::{BTreeMap, VecDeque};

use ha_core::health::{Change, Report, ReportedRole};
use ha_core::values::NodeName;

use crate::hooks::HookReport;

/// Looks whose lag is kept: a minute and two at the usual interval.
const LOOKS: usize = 60;
/// Changes that are kept.
const CHANGES: usize = 8;

#[derive(Debug, Default)]
pub(super) struct History {
    lags: BTreeMap<NodeName, VecDeque<Lag>>,
    changes: VecDeque<(String, Change)>,
    trouble: Option<(String, String)>,
}

/// How far behind a standby was at one look; `None` is not known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lag {
    pub(super) bytes: Option<u64>,
    pub(super) seconds: Option<f64>,
}

impl History {
    pub(super) fn add(&mut self, time: &str, report: &Report, changes: &[Change]) {
        for node in &report.nodes {
            // A primary has no lag; one that cannot be asked is a gap in the line of the standby that it was.
            let known = self.lags.contains_key(&node.name);
            if node.role == ReportedRole::Primary || (node.role == ReportedRole::Unknown && !known) {
                self.lags.remove(&node.name);
                continue;
            }
            let replication = node.replication.as_ref();
            let lag = Lag {
                bytes: replication.and_then(|replication| replication.lag_bytes),
                seconds: replication.and_then(|replication| replication.lag_seconds),
            };
            let lags = self.lags.entry(node.name.clone()).or_default();
            lags.push_back(lag);
            if lags.len() > LOOKS {
                lags.pop_front();
            }
        }
        for change in changes {
            self.changes.push_back((time.to_owned(), change.clone()));
            if self.changes.len() > CHANGES {
                self.changes.pop_front();
            }
        }
    }

    /// A program that was notified did not do well.
    pub(super) fn trouble(&mut self, time: &str, report: &HookReport) {
        self.trouble = Some((time.to_owned(), report.to_string()));
    }

    /// The last time that a program that was notified did not do well.
    pub(super) const fn last_trouble(&self) -> Option<&(String, String)> {
        self.trouble.as_ref()
    }

    /// Each standby with its lags, oldest first.
    pub(super) fn lags(&self) -> impl Iterator<Item = (&NodeName, &VecDeque<Lag>)> {
        self.lags.iter()
    }

    /// The last changes, newest first.
    pub(super) fn changes(&self) -> impl Iterator<Item = &(String, Change)> {
        self.changes.iter().rev()
    }
}

/// A line of bars, one a look: the height is the number of digits, from nothing to a gigabyte and more, so that a lag of
/// a few bytes and one of a megabyte can both be seen; `·` where it was not known.
pub(super) fn sparkline(lags: &VecDeque<Lag>) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let bar = |bytes: u64| match bytes {
        0 => BARS[0],
        1..1024 => BARS[1],
        1024..16_384 => BARS[2],
        16_384..262_144 => BARS[3],
        262_144..4_194_304 => BARS[4],
        4_194_304..67_108_864 => BARS[5],
        67_108_864..1_073_741_824 => BARS[6],
        _ => BARS[7],
    };
    lags.iter().map(|lag| lag.bytes.map_or('·', bar)).collect()
}

/// The worst of the known ones.
pub(super) fn worst(lags: &VecDeque<Lag>) -> Lag {
    let seconds = lags.iter().filter_map(|lag| lag.seconds).max_by(f64::total_cmp);
    Lag { bytes: lags.iter().filter_map(|lag| lag.bytes).max(), seconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_a_gap_and_no_zero() {
        let lag = |bytes| Lag { bytes, seconds: None };
        let lags: VecDeque<_> = [Some(0), Some(5), None, Some(2000), Some(1 << 20), Some(1 << 40)].map(lag).into();
        assert_eq!(sparkline(&lags), "▁▂·▃▅█");
        assert_eq!(worst(&lags), lag(Some(1 << 40)));
        assert_eq!(worst(&[lag(None)].into()), lag(None));
    }
}
