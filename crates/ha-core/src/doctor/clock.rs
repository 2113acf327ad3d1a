//! Clocks: tokens carry times, and a node that lives in another second refuses those of its peer.

use super::check::Verdict;
use super::facts::Known;
use crate::observe::{ClockReading, ahead};
use crate::values::NodeName;

pub(super) fn clock(own: &Known<ClockReading>, others: &[(&NodeName, &Known<ClockReading>)]) -> Verdict {
    let own = match own {
        Ok(reading) => reading,
        Err(why) => return Verdict::unknown(why.0.clone()),
    };
    let mut wrong = Vec::new();
    if let Some(difference) = own.apart_from(ClockReading::OWN) {
        wrong.push(format!("{} this machine", ahead(difference)));
    }
    for (name, other) in others.iter().filter_map(|(name, other)| Some((name, other.as_ref().ok()?))) {
        if let Some(difference) = own.apart_from(*other) {
            wrong.push(format!("{} {name}", ahead(difference)));
        }
    }
    if wrong.is_empty() {
        let within = own.ahead_ms.abs() + own.uncertainty_ms;
        return Verdict::ok(format!("within {within} ms of this machine's"));
    }
    Verdict::warning(
        wrong.join(", "),
        "synchronise the clocks of all hosts (chrony, systemd-timesyncd): a token from the future is refused",
    )
}

#[cfg(test)]
mod tests {
    use super::super::check::CheckResult;
    use super::super::facts::NotKnown;
    use super::*;
    use crate::observe::fixtures::name;

    fn reading(ahead_ms: i64, uncertainty_ms: i64) -> Known<ClockReading> {
        Ok(ClockReading { ahead_ms, uncertainty_ms })
    }

    #[test]
    fn warns_of_more_than_a_second_and_of_nothing_that_the_measurement_may_have_made_up() {
        let other = name("vm2");
        let table = [
            (reading(0, 5), reading(0, 5), None),
            (reading(900, 5), reading(100, 5), None),
            (reading(1500, 800), reading(1500, 5), None),
            (reading(1500, 5), reading(1500, 5), Some("1.5 s ahead of this machine")),
            (reading(-3000, 5), reading(0, 5), Some("3.0 s behind this machine, 3.0 s behind vm2")),
            (reading(700, 5), reading(-700, 5), Some("1.4 s ahead of vm2")),
            (reading(0, 5), Err(NotKnown("no".into())), None),
        ];
        for (own, second, expected) in table {
            let verdict = clock(&own, &[(&other, &second)]);
            match expected {
                None => assert_eq!(verdict.result, CheckResult::Ok, "{own:?} {second:?}"),
                Some(words) => {
                    assert_eq!((verdict.result, verdict.found.as_str()), (CheckResult::Warning, words));
                }
            }
        }
        let unknown = clock(&Err(NotKnown("no".into())), &[]);
        assert_eq!(unknown.result, CheckResult::Unknown);
    }
}
