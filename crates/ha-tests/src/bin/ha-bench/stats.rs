//! Medians and percentiles, and how they are written.

use std::time::Duration;

/// What was measured, in one unit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value below which that part of the samples lies (nearest rank); NaN without samples.
    pub(crate) fn percentile(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank, at most the length")]
        let rank = (part * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
    }

    /// The one in the middle, or the mean of the two there.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let half = sorted.len() / 2;
        match sorted.len() {
            0 => f64::NAN,
            length if length % 2 == 1 => sorted[half],
            _ => f64::midpoint(sorted[half - 1], sorted[half]),
        }
    }

    /// `median (min–max) unit`.
    pub(crate) fn spread(&self, digits: usize, unit: &str) -> String {
        let (low, high) = (self.percentile(0.0), self.percentile(1.0));
        format!("{:.digits$} ({low:.digits$}–{high:.digits$}) {unit}", self.median())
    }

    /// `p50 …, p95 …, max … unit of N`, where there are too few for a 99th percentile.
    pub(crate) fn few(&self, digits: usize, unit: &str) -> String {
        format!(
            "p50 {:.digits$}, p95 {:.digits$}, max {:.digits$} {unit}, of {}",
            self.percentile(0.5),
            self.percentile(0.95),
            self.percentile(1.0),
            self.len()
        )
    }

    /// `p50 …, p99 …, max … unit of N`.
    pub(crate) fn tail(&self, digits: usize, unit: &str) -> String {
        format!(
            "p50 {:.digits$}, p99 {:.digits$}, max {:.digits$} {unit}, of {}",
            self.percentile(0.5),
            self.percentile(0.99),
            self.percentile(1.0),
            self.len()
        )
    }
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle() {
        assert!((Samples(vec![9.0, 1.0, 2.0]).median() - 2.0).abs() < 1e-9);
        assert!((Samples(vec![4.0, 1.0, 2.0, 9.0]).median() - 3.0).abs() < 1e-9);
        assert!(Samples::default().median().is_nan());
    }

    #[test]
    fn percentiles_are_samples() {
        let hundred = Samples((1..=100).map(f64::from).collect());
        for (part, value) in [(0.0, 1.0), (0.5, 50.0), (0.99, 99.0), (1.0, 100.0)] {
            assert!((hundred.percentile(part) - value).abs() < 1e-9, "{part}");
        }
        assert!(Samples::default().percentile(0.5).is_nan());
    }

    #[test]
    fn both_ends_are_shown() {
        assert_eq!(Samples(vec![3.0, 1.0, 2.0]).spread(1, "s"), "2.0 (1.0–3.0) s");
    }
}
