//! The engine's clock, which it tells as text.

/// Milliseconds since 1970 of an RFC 3339 time such as `2026-11-23T23:12:36.123456789Z` or `…+01:00`.
pub(crate) fn unix_ms(text: &str) -> Option<i64> {
    let (date, time) = text.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let zone_at = time.find(['Z', '+', '-'])?;
    let (time, zone) = time.split_at(zone_at);
    let mut time = time.splitn(3, ':');
    let (hour, minute) = (time.next()?.parse::<i64>().ok()?, time.next()?.parse::<i64>().ok()?);
    let (second, fraction) = time.next().map(|second| second.split_once('.').unwrap_or((second, "")))?;
    let second = second.parse::<i64>().ok()?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let millis = format!("{fraction:0<3}").get(..3)?.parse::<i64>().ok()?;
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset(zone)?;
    Some(seconds * 1000 + millis)
}

/// Seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    Some(sign * (hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60))
}

/// Days since 1970-01-01 in the Gregorian calendar. Years begin in March, so that the leap day is the last of its year.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_engines_write() {
        // Expected values from `date -u -d … +%s`.
        let table = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:00:00.5Z", Some(951_825_600_500)),
            ("2026-11-23T23:12:36.123456789Z", Some(1_795_475_556_123)),
            ("2026-11-24T00:12:36.123456789+01:00", Some(1_795_475_556_123)),
            ("2026-11-23T18:42:36.000-04:30", Some(1_795_475_556_000)),
            ("2100-03-01T00:00:00Z", Some(4_107_542_400_000)),
            ("2026-13-01T00:00:00Z", None),
            ("2026-11-23", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(unix_ms(text), expected, "{text}");
        }
    }
}
