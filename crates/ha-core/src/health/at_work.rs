//! A cluster that somebody's command is changing at this moment: what is wrong may be its doing, and every other command that changes
//! something is refused until it has ended.

use super::{Code, Finding, Report};
use crate::lock::AtWork;
use crate::values::NodeName;

/// Says first who is at work, and advises nothing that would be in its way.
pub(crate) fn settle(mut report: Report, at_work: &[AtWork]) -> Report {
    if at_work.is_empty() {
        return report;
    }
    let commands: Vec<_> = at_work.iter().map(command).collect();
    let wait =
        format!("wait until {} has ended, then look again: it may be about to change this", commands.join(" and "));
    for finding in report.findings.iter_mut().filter(|finding| changes_something(finding)) {
        finding.help = wait.clone().into();
    }
    report.findings.extend(at_work.iter().map(found));
    Finding::sort(&mut report.findings);
    report
}

fn found(at_work: &AtWork) -> Finding {
    let nodes: Vec<_> = at_work.nodes.iter().map(NodeName::as_str).collect();
    let nodes = nodes.join(" and ");
    let message = match &at_work.holder {
        Some(holder) => format!("a command is at work and holds the lock of {nodes}: {holder}"),
        None => format!("a command is at work and holds the lock of {nodes}; who gave it could not be read"),
    };
    let help = format!(
        "wait until {} has ended: every other command that changes something is refused until then; `ha-cli history` says how it ended",
        command(at_work),
    );
    Finding::new(Code::AtWork, None, message, help)
}

fn command(at_work: &AtWork) -> String {
    at_work.holder.as_ref().map_or_else(|| "it".to_owned(), |holder| format!("`{}`", holder.command))
}

/// Whether what it advises is a command that changes something, ha-cli's or another.
fn changes_something(finding: &Finding) -> bool {
    let text = finding.help.text.replace("`ha-cli ", "`");
    let verbs = ["up", "down", "switchover", "failover", "rejoin", "rebuild", "docker"];
    let named = |verb: &&str| text.split('`').skip(1).step_by(2).any(|it| it.split(' ').next() == Some(verb));
    !finding.help.remedies.is_empty() || verbs.iter().any(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::assess;
    use crate::lock::Holder;
    use crate::observe::UnobservedWhy;
    use crate::observe::fixtures::{healthy, name, pair, unobserved};
    use crate::ports::ContainerStatus;

    /// As the other tests of findings say them.
    const FOUND: &str = "- at-work";

    fn at_work(command: &str) -> AtWork {
        let holder = Holder {
            by: "alice@desk".to_owned(),
            pid: 4711,
            command: command.to_owned(),
            since: "2026-11-23T23:12:36.007Z".to_owned(),
        };
        AtWork { holder: Some(holder), nodes: vec![name("vm1"), name("vm2")] }
    }

    #[test]
    fn who_is_at_work_comes_first_and_nobody_is_sent_into_it() {
        let topology = pair();
        let mut seen = healthy(&topology);
        seen[0].postgres = Err(unobserved(UnobservedWhy::Refused, "refused"));
        seen[0].postgres_container.as_mut().unwrap().as_mut().unwrap().status = ContainerStatus::Exited { code: 0 };
        seen[1].postgres_container.as_mut().unwrap().as_mut().unwrap().name = "old".to_owned();
        seen[1].postgres.as_mut().unwrap().wal_log_hints = false;
        seen[1].postgres.as_mut().unwrap().data_checksums = false;
        let alone = assess(&topology, &seen);
        assert!(alone.findings.iter().any(|finding| !finding.help.remedies.is_empty()));
        assert_eq!(settle(alone.clone(), &[]), alone, "nobody is at work");
        let report = settle(alone.clone(), &[at_work("switchover")]);
        let [first, others @ ..] = &report.findings[..] else { panic!("{report:?}") };
        assert_eq!((first.code, &first.node), (Code::AtWork, &None));
        assert_eq!(format!("- {}", first.code), FOUND);
        for words in ["vm1 and vm2", "alice@desk", "`ha-cli switchover`", "4711", "2026-11-23T23:12:36.007Z"] {
            assert!(first.message.contains(words), "{first:?}");
        }
        assert_eq!(others.len(), alone.findings.len());
        for (now, before) in others.iter().zip(&alone.findings) {
            assert_eq!((now.code, &now.message), (before.code, &before.message));
            assert!(now.help.remedies.is_empty() && !now.help.contains("docker rename"), "{now:?}");
            let waits = now.help.contains("wait until `switchover` has ended");
            // What no command does stays as it is.
            assert_eq!(waits, before.code != Code::RewindImpossible, "{now:?}");
        }
        assert_eq!(report.state, alone.state);
    }

    #[test]
    fn a_whole_cluster_stays_healthy_while_somebody_is_at_work() {
        let topology = pair();
        let mut nameless = at_work("up");
        nameless.holder = None;
        let report = settle(assess(&topology, &healthy(&topology)), &[nameless, at_work("up")]);
        assert_eq!(report.state, crate::health::ClusterState::Healthy);
        assert_eq!(report.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::AtWork; 2]);
    }
}
