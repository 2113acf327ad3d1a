//! The way between two nodes: whether, how fast, how much.

use super::check::Verdict;
use super::facts::{Bandwidth, Expected, Known, PeerFacts, Reach, RoundTrip};
use super::words::{bits, millis};
use crate::topology::Durability;

/// With `strict`, every commit waits for at least one round trip.
const ROUND_TRIP_STRICT: f64 = 0.005;
const ROUND_TRIP: f64 = 0.050;
/// 10 GB then take half an hour to copy.
const BANDWIDTH_LOW: f64 = 50e6 / 8.0;
/// A cluster under load writes about that much WAL: the standby would never catch up.
const BANDWIDTH_TOO_LOW: f64 = 5e6 / 8.0;

pub(super) fn reach(facts: &PeerFacts) -> Verdict {
    let PeerFacts { peer, endpoint, expected, reach, .. } = facts;
    let firewall =
        format!("let this host reach {endpoint}/tcp: firewalls on both hosts and between them, security groups");
    match (reach, expected) {
        (Reach::LetIn, _) => Verdict::ok(format!("{endpoint} lets replication in")),
        (Reach::Listener, _) => Verdict::ok(format!(
            "{endpoint} can be reached (tried with a listener in the place of {peer}'s PostgreSQL, which does not run)"
        )),
        (Reach::NotReady(message), _) => Verdict::warning(
            format!("{endpoint} answers and is not ready: {message}"),
            format!("wait; `ha-cli logs {peer} --component postgres` shows what it is at"),
        ),
        (Reach::Denied(message), _) => Verdict::error(
            format!("{endpoint} answers and does not let replication in: {message}"),
            format!(
                "no entry in pg_hba.conf: name the network from which this host comes as `admit` of {peer}, then `ha-cli up`; \
                 a wrong password: the secrets of this file are not those of the cluster"
            ),
        ),
        (Reach::Unproven(message), _) => Verdict::error(
            format!(
                "what answers at {endpoint} has not proven that it is {peer}'s PostgreSQL, and was told no password: {message}"
            ),
            format!("find out what listens there: another host with {peer}'s address, or a proxy"),
        ),
        (Reach::Refused, Expected::Postgres | Expected::Listener) => {
            Verdict::error(format!("{endpoint} refuses connections from here, although it is open there"), firewall)
        }
        (Reach::Refused, Expected::Unknown) => Verdict::unknown(format!(
            "{endpoint}: the host answers, nothing listens there, and its engine cannot be asked from here to put a listener"
        ))
        .help(format!("look again when {peer}'s PostgreSQL runs, or from a machine that reaches both engines")),
        (Reach::Silent(message), Expected::Postgres) => Verdict::error(
            format!("no answer from {endpoint}: {message}"),
            format!("{firewall}; or it hangs: `ha-cli health {peer}`"),
        ),
        (Reach::Silent(message), Expected::Listener | Expected::Unknown) => {
            Verdict::error(format!("no answer from {endpoint}: {message}"), firewall)
        }
        (Reach::NotTried(why), _) => Verdict::unknown(why.0.clone()),
    }
}

pub(super) fn round_trip(speed: &Known<(RoundTrip, Known<Bandwidth>)>, durability: Durability) -> Verdict {
    let seconds = match speed {
        Ok((RoundTrip(seconds), _)) => *seconds,
        Err(why) => return Verdict::unknown(why.0.clone()),
    };
    let (limit, what) = match durability {
        Durability::Strict => (ROUND_TRIP_STRICT, "every commit waits for at least one of these (durability strict)"),
        Durability::Async => (ROUND_TRIP, "the standby is always that far behind, and a base backup is slow"),
    };
    let found = millis(seconds);
    if seconds > limit {
        return Verdict::warning(
            format!("{found}: {what}"),
            "put the hosts nearer to each other, or see what the network is busy with",
        );
    }
    Verdict::ok(found)
}

pub(super) fn bandwidth(speed: &Known<(RoundTrip, Known<Bandwidth>)>) -> Verdict {
    let value = match speed {
        Ok((_, Ok(Bandwidth(value)))) => *value,
        Ok((_, Err(why))) | Err(why) => return Verdict::unknown(why.0.clone()),
    };
    let found = bits(value);
    let help = "WAL and base backups go this way: see what limits it (the network's shaping, a VPN, a saturated host)";
    if value < BANDWIDTH_TOO_LOW {
        Verdict::error(found, help)
    } else if value < BANDWIDTH_LOW {
        Verdict::warning(found, help)
    } else {
        Verdict::ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::CheckResult::{Error, Ok as Good, Unknown, Warning};
    use super::super::facts::NotKnown;
    use super::*;
    use crate::observe::fixtures::name;

    #[test]
    fn silence_is_a_firewall_and_a_refusal_only_where_something_listens() {
        use Expected::{Listener, Postgres};
        let text = || "words".to_owned();
        let table = [
            (Reach::LetIn, Postgres, Good),
            (Reach::Listener, Listener, Good),
            (Reach::NotReady(text()), Postgres, Warning),
            (Reach::Denied(text()), Postgres, Error),
            (Reach::Unproven(text()), Postgres, Error),
            (Reach::Refused, Postgres, Error),
            (Reach::Refused, Listener, Error),
            (Reach::Refused, Expected::Unknown, Unknown),
            (Reach::Silent(text()), Listener, Error),
            (Reach::Silent(text()), Expected::Unknown, Error),
            (Reach::NotTried(NotKnown(text())), Listener, Unknown),
        ];
        for (how, expected_there, expected) in table {
            let facts = PeerFacts {
                peer: name("vm2"),
                endpoint: "192.0.2.12:5433".into(),
                expected: expected_there,
                reach: how,
                speed: None,
            };
            let verdict = reach(&facts);
            assert_eq!(verdict.result, expected, "{facts:?}");
            assert!(verdict.result == Good || verdict.help.is_some() || facts.expected == Listener, "{facts:?}");
        }
    }

    #[test]
    fn speed_is_judged_by_what_it_is_for() {
        let speed = |seconds, bytes| Ok((RoundTrip(seconds), Ok(Bandwidth(bytes))));
        let table = [
            (speed(0.0004, 100e6), Durability::Strict, Good, Good),
            (speed(0.010, 100e6), Durability::Strict, Warning, Good),
            (speed(0.010, 5e6), Durability::Async, Good, Warning),
            (speed(0.080, 0.1e6), Durability::Async, Warning, Error),
            (Err(NotKnown("no".into())), Durability::Async, Unknown, Unknown),
            (Ok((RoundTrip(0.001), Err(NotKnown("no".into())))), Durability::Async, Good, Unknown),
        ];
        for (speed, durability, trip, band) in table {
            assert_eq!((round_trip(&speed, durability).result, bandwidth(&speed).result), (trip, band), "{speed:?}");
        }
    }
}
