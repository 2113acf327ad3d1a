//! When a disk will be full. Pure: whoever watches brings the time.

use std::collections::VecDeque;
use std::time::Duration;

use crate::observe::Room;

/// Looks that are kept.
const LOOKS: usize = 180;
/// Over less time than this, any program that writes a file looks like a trend.
const SHORTEST: Duration = Duration::from_secs(300);
/// Beyond this, a forecast is worth nothing.
const FARTHEST_SECONDS: f64 = 30.0 * 86_400.0;

/// How the room on one disk has changed.
///
/// ```
/// use ha_core::health::DiskTrend;
/// use ha_core::observe::Room;
/// use std::time::Duration;
///
/// let mut trend = DiskTrend::default();
/// for minute in 0..=10 {
///     // A gibibyte a minute.
///     let room = Room { free_bytes: (100 - minute) << 30, total_bytes: 200 << 30 };
///     trend.add(Duration::from_secs(60 * minute), room);
/// }
/// assert_eq!(trend.full_in(), Some(Duration::from_secs(90 * 60)));
/// ```
#[derive(Debug, Clone, Default)]
pub struct DiskTrend {
    looks: VecDeque<(Duration, Room)>,
}

impl DiskTrend {
    /// Adds a look, made at that time of a clock that only goes forward. A disk of another size is another disk.
    pub fn add(&mut self, at: Duration, room: Room) {
        if self.looks.back().is_some_and(|(_, last)| last.total_bytes != room.total_bytes) {
            self.looks.clear();
        }
        self.looks.push_back((at, room));
        if self.looks.len() > LOOKS {
            self.looks.pop_front();
        }
    }

    /// When it is full, from the last look on; `None` while it does not fill, or nothing can be said yet.
    ///
    /// The rate is the lesser one of the two halves of the time that was watched: a file that was written once fills one
    /// of them and is no trend.
    #[must_use]
    pub fn full_in(&self) -> Option<Duration> {
        let (&first, &last) = (self.looks.front()?, self.looks.back()?);
        let watched = last.0.checked_sub(first.0)?;
        if watched < SHORTEST {
            return None;
        }
        let middle = *self.looks.iter().find(|(at, _)| *at >= first.0 + watched / 2)?;
        let rate = rate(first, middle)?.min(rate(middle, last)?);
        #[expect(clippy::cast_precision_loss, reason = "a forecast")]
        let seconds = last.1.free_bytes as f64 / rate;
        (rate > 0.0 && seconds < FARTHEST_SECONDS).then(|| Duration::from_secs_f64(seconds))
    }
}

/// Bytes a second by which it fills; negative where it empties.
fn rate(from: (Duration, Room), to: (Duration, Room)) -> Option<f64> {
    let seconds = to.0.checked_sub(from.0)?.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let taken = from.1.free_bytes as f64 - to.1.free_bytes as f64;
    (seconds > 0.0).then_some(taken / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GIB: u64 = 1 << 30;

    /// What is forecast, in seconds, from free gibibytes at seconds.
    fn forecast(looks: &[(u64, u64)]) -> Option<u64> {
        let mut trend = DiskTrend::default();
        for &(at, free) in looks {
            trend.add(Duration::from_secs(at), Room { free_bytes: free * GIB, total_bytes: 1000 * GIB });
        }
        trend.full_in().map(|time| time.as_secs())
    }

    #[test]
    fn only_what_goes_on_is_a_trend() {
        type Looks = &'static [(u64, u64)];
        let table: &[(&str, Looks, Option<u64>)] = &[
            ("nothing seen", &[], None),
            ("seen once", &[(0, 9)], None),
            ("too short", &[(0, 9), (100, 8), (299, 7)], None),
            ("fills evenly", &[(0, 100), (300, 90), (600, 80)], Some(2400)),
            ("fills ever faster", &[(0, 100), (300, 95), (600, 80)], Some(4800)),
            ("fills ever slower", &[(0, 100), (300, 80), (600, 75)], Some(4500)),
            ("a file was written, then none", &[(0, 100), (300, 50), (600, 50)], None),
            ("a file was written at the end", &[(0, 100), (300, 100), (600, 50)], None),
            ("empties", &[(0, 50), (300, 60), (600, 70)], None),
            ("full already", &[(0, 20), (300, 10), (600, 0)], Some(0)),
            ("two looks have no halves", &[(0, 100), (600, 50)], None),
            ("in a year", &[(0, 900), (43_200, 899), (86_400, 898)], None),
        ];
        for (what, looks, expected) in table {
            assert_eq!(forecast(looks), *expected, "{what}");
        }
    }

    #[test]
    fn a_disk_of_another_size_is_another_disk() {
        let mut trend = DiskTrend::default();
        for (at, free, total) in [(0, 100, 200), (300, 90, 200), (600, 80, 200), (700, 500, 900)] {
            trend.add(Duration::from_secs(at), Room { free_bytes: free * GIB, total_bytes: total * GIB });
        }
        assert_eq!(trend.full_in(), None);
    }

    #[test]
    fn old_looks_are_forgotten() {
        let mut trend = DiskTrend::default();
        // It filled, long ago; since then it has not.
        for at in 0..500_u64 {
            let free = if at < 200 { 900 - at } else { 700 };
            trend.add(Duration::from_secs(at * 10), Room { free_bytes: free * GIB, total_bytes: 1000 * GIB });
        }
        assert_eq!((trend.full_in(), trend.looks.len()), (None, LOOKS));
    }

    proptest! {
        #[test]
        fn no_looks_panic_and_no_forecast_is_beyond_a_month(
            looks in proptest::collection::vec((0u64..1_000_000, any::<u64>(), 0u64..3), 0..40),
        ) {
            let mut trend = DiskTrend::default();
            for (at, free_bytes, total_bytes) in looks {
                trend.add(Duration::from_secs(at), Room { free_bytes, total_bytes });
                prop_assert!(trend.full_in().is_none_or(|time| time.as_secs() <= 30 * 86_400));
            }
        }
    }
}
