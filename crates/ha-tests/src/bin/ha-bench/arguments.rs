//! What the benchmark is asked to do.

use std::fmt;

/// The fewest rounds whose median is worth writing down.
const ROUNDS: usize = 5;
const MOST_ROUNDS: usize = 50;

/// One group of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    /// A whole pair, beside its parts by hand.
    Up,
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
}

impl Figure {
    const ALL: [Self; 8] = [
        Self::Up,
        Self::Commands,
        Self::Binary,
        Self::Rows,
        Self::Follows,
        Self::Throughput,
        Self::Sessions,
        Self::Switchover,
    ];
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Commands => "commands",
            Self::Binary => "binary",
            Self::Rows => "rows",
            Self::Follows => "follows",
            Self::Throughput => "throughput",
            Self::Sessions => "sessions",
            Self::Switchover => "switchover",
        })
    }
}

/// The parsed command line.
#[derive(Debug)]
pub(crate) struct Arguments {
    only: Vec<Figure>,
    pub(crate) rounds: usize,
    pub(crate) quick: bool,
}

impl Arguments {
    /// # Errors
    /// The text to show instead: the help, after what is wrong.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self { only: Vec::new(), rounds: ROUNDS, quick: false };
        let mut rest = arguments;
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "-h" | "--help" => return Err(help()),
                "--quick" => (parsed.quick, parsed.rounds) = (true, 1),
                "--rounds" => {
                    let number = rest.next().and_then(|text| text.parse().ok());
                    parsed.rounds = number
                        .filter(|number| (1..=MOST_ROUNDS).contains(number))
                        .ok_or_else(|| format!("--rounds takes a number from 1 to {MOST_ROUNDS}\n{}", help()))?;
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

    /// A count that `--quick` makes small: enough to see that the code works, not enough for a figure.
    pub(crate) const fn count(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

fn help() -> String {
    let figures: Vec<String> = Figure::ALL.iter().map(ToString::to_string).collect();
    format!(
        "usage: ha-bench [--rounds N] [--only FIGURE]... [--quick]\n\n  \
         --rounds N       rounds of each figure, 1 to {MOST_ROUNDS} (default {ROUNDS})\n  \
         --only FIGURE    this one; may be repeated: {}\n  \
         --quick          one round with tiny counts: shows that it works, the numbers mean little",
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
        assert_eq!(two.rounds, 7);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (line, named) in [("--only rowz", "rowz"), ("--rounds 0", "--rounds"), ("--fast", "--fast")] {
            assert!(parse(line).unwrap_err().lines().next().unwrap().contains(named), "{line}");
        }
    }
}
