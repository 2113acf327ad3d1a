//! What the benchmark is asked to do.

use std::fmt;

/// The fewest rounds whose median is worth writing down.
const ROUNDS: usize = 5;
const MOST_ROUNDS: usize = 50;
/// Of what `rejoin` and `rebuild` bring back, in MB.
const SIZES: [u32; 2] = [100, 1000];
const QUICK_SIZES: [u32; 1] = [50];
const LARGEST: u32 = 10_000;
const MOST_REALMS: usize = 1_000;
const MOST_CLIENTS: usize = 20_000;

/// One group of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    /// A whole pair, beside its parts by hand.
    Up,
    /// A Keycloak, with its class archive and without.
    Start,
    /// Commands with nothing to do, beside `docker ps`.
    Commands,
    /// The program itself.
    Binary,
    /// A row's way to the standby.
    Rows,
    /// A password's way to the read-only Keycloak.
    Follows,
    /// Tokens a second.
    Throughput,
    /// What many cached sessions cost.
    Sessions,
    /// A planned change of roles.
    Switchover,
    /// Requests through HAProxy while the roles change.
    Balancer,
    /// A primary that is killed, and replaced.
    Failover,
    /// An old primary that comes back by a rewind.
    Rejoin,
    /// A standby that gets a new copy.
    Rebuild,
    /// Commits that wait for a standby.
    Durability,
}

impl Figure {
    const ALL: [Self; 14] = [
        Self::Up,
        Self::Start,
        Self::Commands,
        Self::Binary,
        Self::Rows,
        Self::Follows,
        Self::Throughput,
        Self::Sessions,
        Self::Switchover,
        Self::Balancer,
        Self::Failover,
        Self::Rejoin,
        Self::Rebuild,
        Self::Durability,
    ];
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Start => "start",
            Self::Commands => "commands",
            Self::Binary => "binary",
            Self::Rows => "rows",
            Self::Follows => "follows",
            Self::Throughput => "throughput",
            Self::Sessions => "sessions",
            Self::Switchover => "switchover",
            Self::Balancer => "balancer",
            Self::Failover => "failover",
            Self::Rejoin => "rejoin",
            Self::Rebuild => "rebuild",
            Self::Durability => "durability",
        })
    }
}

/// The parsed command line.
#[derive(Debug)]
pub(crate) struct Arguments {
    only: Vec<Figure>,
    pub(crate) rounds: usize,
    /// The number of rounds is not the default.
    pub(crate) rounds_asked: bool,
    sizes: Vec<u32>,
    /// The realms that `throughput` logs in to, in turn.
    pub(crate) realms: usize,
    /// The clients that these have among them, besides the two of each that are used.
    pub(crate) clients: usize,
    pub(crate) quick: bool,
}

impl Arguments {
    /// # Errors
    /// The text to show instead: the help, after what is wrong.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self {
            only: Vec::new(),
            rounds: ROUNDS,
            rounds_asked: false,
            sizes: Vec::new(),
            realms: 1,
            clients: 0,
            quick: false,
        };
        let mut rest = arguments;
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "-h" | "--help" => return Err(help()),
                "--quick" => (parsed.quick, parsed.rounds) = (true, 1),
                "--rounds" => {
                    let number = rest.next().and_then(|text| text.parse().ok());
                    parsed.rounds_asked = true;
                    parsed.rounds = number
                        .filter(|number| (1..=MOST_ROUNDS).contains(number))
                        .ok_or_else(|| format!("--rounds takes a number from 1 to {MOST_ROUNDS}\n{}", help()))?;
                }
                "--megabytes" => {
                    let number = rest.next().and_then(|text| text.parse().ok());
                    parsed.sizes.push(
                        number
                            .filter(|number| (1..=LARGEST).contains(number))
                            .ok_or_else(|| format!("--megabytes takes a number from 1 to {LARGEST}\n{}", help()))?,
                    );
                }
                "--realms" => {
                    let number = rest.next().and_then(|text| text.parse().ok());
                    parsed.realms = number
                        .filter(|number| (1..=MOST_REALMS).contains(number))
                        .ok_or_else(|| format!("--realms takes a number from 1 to {MOST_REALMS}\n{}", help()))?;
                }
                "--clients" => {
                    let number = rest.next().and_then(|text| text.parse().ok());
                    parsed.clients = number
                        .filter(|number| *number <= MOST_CLIENTS)
                        .ok_or_else(|| format!("--clients takes a number from 0 to {MOST_CLIENTS}\n{}", help()))?;
                }
                "--only" => {
                    let name = rest.next().unwrap_or_default();
                    let figure = Figure::ALL.into_iter().find(|figure| figure.to_string() == name);
                    parsed.only.push(figure.ok_or_else(|| format!("\"{name}\" is no figure\n{}", help()))?);
                }
                other => return Err(format!("unknown argument: {other}\n{}", help())),
            }
        }
        Ok(parsed)
    }

    pub(crate) fn wants(&self, figure: Figure) -> bool {
        self.only.is_empty() || self.only.contains(&figure)
    }

    /// The rounds of a figure whose tail needs more of them, unless a number was asked for.
    pub(crate) fn rounds_of(&self, least: usize) -> usize {
        match (self.quick, self.rounds_asked) {
            (true, _) => 2,
            (_, true) => self.rounds,
            _ => self.rounds.max(least),
        }
    }

    /// How much data `rejoin` and `rebuild` bring back, in MB.
    pub(crate) fn sizes(&self) -> &[u32] {
        match (&self.sizes[..], self.quick) {
            ([], true) => &QUICK_SIZES,
            ([], false) => &SIZES,
            (sizes, _) => sizes,
        }
    }

    /// A count that `--quick` makes small: enough to see that the code works, not enough for a figure.
    pub(crate) const fn count(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

fn help() -> String {
    let figures: Vec<String> = Figure::ALL.iter().map(ToString::to_string).collect();
    format!(
        "usage: ha-bench [--rounds N] [--only FIGURE]... [--megabytes N]... [--realms N] [--clients N] [--quick]\n\n  \
         --rounds N       rounds of each figure, 1 to {MOST_ROUNDS} (default {ROUNDS}; 10 where roles change or nodes come back)\n  \
         --megabytes N    data that rejoin and rebuild bring back; may be repeated (default {} and {})\n  \
         --realms N       realms that throughput logs in to, in turn, 1 to {MOST_REALMS} (default 1)\n  \
         --clients N      clients that these have among them besides, 0 to {MOST_CLIENTS} (default 0)\n  \
         --only FIGURE    this one; may be repeated: {}\n  \
         --quick          one round with tiny counts: shows that it works, the numbers mean little",
        SIZES[0],
        SIZES[1],
        figures.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn everything_is_measured_unless_less_is_asked_for() {
        let all = parse("").unwrap();
        assert!(Figure::ALL.into_iter().all(|figure| all.wants(figure)));
        let two = parse("--only rows --only up --rounds 7").unwrap();
        assert!(two.wants(Figure::Up) && two.wants(Figure::Rows) && !two.wants(Figure::Binary));
        assert_eq!((two.rounds, two.rounds_of(10)), (7, 7));
        assert_eq!((all.rounds, all.rounds_of(10)), (5, 10));
        assert_eq!(all.sizes(), SIZES);
        assert_eq!(parse("--megabytes 5000 --megabytes 7").unwrap().sizes(), [5000, 7]);
        assert_eq!((all.realms, all.clients), (1, 0));
        let many = parse("--realms 300 --clients 5000").unwrap();
        assert_eq!((many.realms, many.clients), (300, 5000));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (line, named) in [
            ("--only rowz", "rowz"),
            ("--rounds 0", "--rounds"),
            ("--megabytes x", "--megabytes"),
            ("--realms 0", "--realms"),
            ("--clients 1000000", "--clients"),
            ("--fast", "--fast"),
        ] {
            assert!(parse(line).unwrap_err().lines().next().unwrap().contains(named), "{line}");
        }
    }
}
