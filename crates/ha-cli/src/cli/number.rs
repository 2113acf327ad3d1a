//! Numbers and times on the command line.

use std::time::Duration;

/// A whole number in a range; the parsers of the language speak of its types.
pub(super) fn whole<const LEAST: u64, const MOST: u64>(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (LEAST..=MOST).contains(number));
    number.ok_or_else(|| format!("write a whole number from {LEAST} to {MOST}"))
}

/// From when on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Since {
    /// That long before now.
    Ago(Duration),
    /// Seconds since 1970.
    Unix(i64),
}

/// A time that has passed, or how long ago it was.
pub(super) fn since(text: &str) -> Result<Since, String> {
    let ago = duration(text).filter(|time| *time <= Duration::from_secs(10 * 366 * 86_400)).map(Since::Ago);
    let since = ago.or_else(|| unix(text).map(Since::Unix));
    since.ok_or_else(|| "write how long ago, such as 10m, 2h or 1d, or a time such as 2026-11-23T23:12:36Z".to_owned())
}

/// A number with `ms`, `s`, `m`, `h` or `d` after it; seconds without one.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

/// Seconds since 1970 of an RFC 3339 time in UTC.
fn unix(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = text.split_once(['T', ' '])?;
    let numbers = |text: &str, by: char| -> Option<[i64; 3]> {
        let parts: Vec<i64> = text
            .split(by)
            .map(|part| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten())
            .collect::<Option<_>>()?;
        parts.try_into().ok()
    };
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time.split('.').next()?, ':')?;
    let good = (1970..10_000).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !good || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Years begin in March here, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_long_ago_or_one_of_the_calendar() {
        assert_eq!(since("10m"), Ok(Since::Ago(Duration::from_secs(600))));
        assert_eq!(since("1d"), Ok(Since::Ago(Duration::from_secs(86_400))));
        // From `date -u -d @… +%FT%T`.
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_825_600, "2000-02-29T12:00:00"),
            (1_795_475_556, "2026-11-23 23:12:36.007Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(since(text), Ok(Since::Unix(seconds)), "{text}");
        }
        for wrong in
            ["", "yesterday", "10 fortnights", "-5m", "2026-11-23", "2026-13-01T00:00:00Z", "2026-11-23T25:00:00Z"]
        {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
