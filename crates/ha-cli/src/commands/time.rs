//! The time of day, RFC 3339 in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

pub(super) fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    rfc3339(since.as_secs(), since.subsec_millis())
}

/// The hour of a time as [`now`] gives it: `23:12:36`.
pub(super) fn hour(time: &str) -> &str {
    time.get(11..19).unwrap_or(time)
}

/// A time as [`now`] gives it, in a file's name: `20261123T231236Z`.
pub(super) fn stamp(time: &str) -> String {
    let seconds = time.split('.').next().unwrap_or(time);
    let digits: String = seconds.chars().filter(|c| !matches!(c, '-' | ':' | 'Z')).collect();
    digits + "Z"
}

/// Years begin in March here, so that the leap day is the last of its year.
fn rfc3339(seconds: u64, millis: u32) -> String {
    let (days, of_day) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        // From `date -u -d @… +%FT%T`.
        let table = [
            (0, "1970-01-01T00:00:00.007Z"),
            (951_825_600, "2000-02-29T12:00:00.007Z"),
            (1_795_475_556, "2026-11-23T23:12:36.007Z"),
            (4_107_542_399, "2100-02-28T23:59:59.007Z"),
            (4_107_542_400, "2100-03-01T00:00:00.007Z"),
        ];
        for (seconds, expected) in table {
            assert_eq!(rfc3339(seconds, 7), expected);
        }
        assert_eq!(hour("2026-11-23T23:12:36.007Z"), "23:12:36");
        assert_eq!(stamp("2026-11-23T23:12:36.007Z"), "20261123T231236Z");
    }
}
