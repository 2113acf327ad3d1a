//! `monitor`

use std::time::Duration;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::number::{duration, whole};

/// `monitor`
#[derive(Debug, Args)]
#[command(
    after_help = "On a terminal the picture is drawn anew in its place. Elsewhere the first look is printed, then a \
                        line for each change. With --output json every look is one object on one line, that of `status` \
                        with its time.\n\nThe exit code is that of the last look: 0 healthy, 3 degraded, 4 down; after ctrl-c 130"
)]
pub struct MonitorArgs {
    /// Time from one look to the next: 2s, 500ms, 1m
    #[arg(long, default_value = "2s", value_name = "TIME", value_parser = interval)]
    pub interval: Duration,

    /// End after so many looks; without it, ctrl-c ends it
    #[arg(long, value_name = "N", value_parser = whole::<1, 1_000_000_000>)]
    pub count: Option<u64>,

    /// Run a program whenever the health of the cluster changes: PROGRAM, without arguments, or else `on_health` of
    /// ha.toml. It finds the facts in its environment, and holds up no look
    #[arg(long, value_name = "PROGRAM", num_args = 0..=1, value_parser = NonEmptyStringValueParser::new())]
    pub notify: Option<Option<String>>,
}

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A time from one look to the next.
fn interval(text: &str) -> Result<Duration, String> {
    let time = duration(text).filter(|time| (SHORTEST..=LONGEST).contains(time));
    time.ok_or_else(|| "write a time such as 2s, 500ms or 1m, from 100ms to 24h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_and_refuses_what_would_flood_or_never_look() {
        let table = [
            ("2s", Some(2000)),
            ("2", Some(2000)),
            ("0.5s", Some(500)),
            ("500ms", Some(500)),
            ("1m", Some(60_000)),
            ("24h", Some(86_400_000)),
            ("25h", None),
            ("99ms", None),
            ("0", None),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("1e9s", None),
            ("2 days", None),
            ("1.2.3s", None),
        ];
        for (text, expected) in table {
            assert_eq!(interval(text).ok().map(|time| time.as_millis()), expected, "{text}");
        }
    }
}
