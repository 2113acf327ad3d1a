//! Frames that the switch loses: from whom, to whom, of which TCP port.

use std::collections::BTreeSet;

use super::claim::Claim;
use super::error::HostsError;
use super::run::run;
use super::switch::{MACHINE_PORT, SWITCH, inside, port};

/// An end of a link: a host, or the machine that everything runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The host of that number, from 1.
    Host(usize),
    /// The machine itself, where the tests run.
    Machine,
}

impl From<usize> for End {
    fn from(host: usize) -> Self {
        Self::Host(host)
    }
}

impl End {
    /// As the switch's packet filter matches it: also a port that stands in for the cable's, `vm1d` for `vm1`.
    fn ports(self) -> String {
        match self {
            Self::Host(host) => format!("{}+", port(host)),
            Self::Machine => format!("{MACHINE_PORT}+"),
        }
    }
}

/// What is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loss {
    /// Every frame from the one to the other.
    OneWay { from: End, to: End },
    /// Every frame between the two, in both directions, of connections to that TCP port on either.
    Port { one: End, other: End, port: u16 },
    /// Every frame from and to it.
    All(End),
}

impl Loss {
    fn is_between(self, a: End, b: End) -> bool {
        match self {
            Self::OneWay { from: one, to: other } | Self::Port { one, other, .. } => {
                (one, other) == (a, b) || (one, other) == (b, a)
            }
            Self::All(_) => false,
        }
    }

    /// The rules of the bridge's packet filter, without what is done with the frames.
    fn rules(self) -> Vec<Vec<String>> {
        let way = |from: End, to: End| vec!["-i".to_owned(), from.ports(), "-o".to_owned(), to.ports()];
        match self {
            Self::OneWay { from, to } => vec![way(from, to)],
            Self::All(end) => vec![vec!["-i".to_owned(), end.ports()], vec!["-o".to_owned(), end.ports()]],
            Self::Port { one, other, port } => {
                let mut rules = Vec::new();
                for (from, to) in [(one, other), (other, one)] {
                    for direction in ["--ip-dport", "--ip-sport"] {
                        let mut rule = way(from, to);
                        let number = port.to_string();
                        rule.extend(["-p", "IPv4", "--ip-proto", "tcp", direction, &number].map(str::to_owned));
                        rules.push(rule);
                    }
                }
                rules
            }
        }
    }
}

/// What is lost now.
#[derive(Debug, Default)]
pub(crate) struct Losses(BTreeSet<Loss>);

impl Losses {
    pub(crate) fn add(&mut self, claim: &Claim, loss: Loss) -> Result<(), HostsError> {
        if self.0.insert(loss) {
            apply(claim, "-A", loss)?;
        }
        Ok(())
    }

    /// Nothing is lost any more.
    pub(crate) fn clear(&mut self, claim: &Claim) -> Result<(), HostsError> {
        self.0.clear();
        run("healing every link", &mut inside(claim, SWITCH, "ebtables", ["-F", "FORWARD"])).map(drop)
    }

    /// Nothing that concerns only these two is lost any more.
    pub(crate) fn clear_between(&mut self, claim: &Claim, a: End, b: End) -> Result<(), HostsError> {
        self.remove(claim, |loss| loss.is_between(a, b))
    }

    /// It is no longer cut off from everybody.
    pub(crate) fn clear_all_of(&mut self, claim: &Claim, end: End) -> Result<(), HostsError> {
        self.remove(claim, |loss| loss == Loss::All(end))
    }

    fn remove(&mut self, claim: &Claim, which: impl Fn(Loss) -> bool) -> Result<(), HostsError> {
        for loss in self.0.iter().copied().filter(|loss| which(*loss)).collect::<Vec<_>>() {
            apply(claim, "-D", loss)?;
            self.0.remove(&loss);
        }
        Ok(())
    }
}

fn apply(claim: &Claim, operation: &str, loss: Loss) -> Result<(), HostsError> {
    for rule in loss.rules() {
        let mut filter = inside(claim, SWITCH, "ebtables", [operation, "FORWARD"]);
        filter.args(rule).args(["-j", "DROP"]);
        run(&format!("{operation} of the loss {loss:?}"), &mut filter)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_lost_whoever_serves_it() {
        let rules = Loss::Port { one: End::Host(1), other: End::Machine, port: 5432 }.rules();
        let rules: Vec<String> = rules.iter().map(|rule| rule.join(" ")).collect();
        let tcp = "-p IPv4 --ip-proto tcp";
        assert_eq!(
            rules,
            [
                format!("-i vm1+ -o machine+ {tcp} --ip-dport 5432"),
                format!("-i vm1+ -o machine+ {tcp} --ip-sport 5432"),
                format!("-i machine+ -o vm1+ {tcp} --ip-dport 5432"),
                format!("-i machine+ -o vm1+ {tcp} --ip-sport 5432"),
            ]
        );
    }

    #[test]
    fn a_link_has_no_direction_when_it_is_healed() {
        let (a, b, c) = (End::Host(1), End::Host(2), End::Machine);
        let one_way = Loss::OneWay { from: a, to: b };
        assert!(one_way.is_between(a, b) && one_way.is_between(b, a) && !one_way.is_between(a, c));
        assert!(!Loss::All(a).is_between(a, b));
    }
}
