//! Why a server that does not run has ended, by its own log.

use futures_util::StreamExt;

use crate::observe::NodeObservation;
use crate::ports::{ContainerRuntime, ContainerStatus, LogOptions};

/// A crash at the end of recovery takes a dozen lines, and what follows from it some more.
const LINES: u32 = 60;

/// Looks into the log where a server does not answer and its container tells of an end that nobody asked for.
pub(super) async fn last_words(runtime: &dyn ContainerRuntime, observation: &NodeObservation) -> Option<String> {
    let container = observation.postgres_container.as_ref().ok()?.as_ref()?;
    // Whether it ended by itself right at its start, as it does with 1.
    let at_start = match container.status {
        ContainerStatus::Restarting | ContainerStatus::Exited { code: 1 | 78 } => true,
        ContainerStatus::Running if container.restarts > 2 => true,
        ContainerStatus::Exited { code } if code != 0 => false,
        ContainerStatus::Running
        | ContainerStatus::Exited { .. }
        | ContainerStatus::Created
        | ContainerStatus::Paused
        | ContainerStatus::Dead => return None,
    };
    if observation.postgres.is_ok() {
        return None;
    }
    let options = LogOptions { tail: Some(LINES), ..LogOptions::default() };
    let lines = runtime.logs(&container.name, &options).await.ok()?;
    let lines: Vec<_> = lines.filter_map(async |line| line.ok().map(|line| line.text)).collect().await;
    of_log(&lines, at_start)
}

/// The last cause that is told of, with the server's hint. A client's error is none: the startup process ended of it, or, at a start,
/// nothing was written any more.
fn of_log(lines: &[String], at_start: bool) -> Option<String> {
    let cause = |line: &String| Some(line[line.find("FATAL:").or_else(|| line.find("PANIC:"))?..].to_owned());
    let guard = |line: &String| line.contains("ha-cli guard: not started").then(|| line.clone());
    // What was told to a client, or follows from an end that has a cause of its own, explains nothing.
    let explains = |text: &String| {
        !["the database system is", "terminating connection", "could not connect", "could not receive data"]
            .iter()
            .any(|follows| text.contains(follows))
    };
    let ends_it = |at: usize, words: &String| {
        let further =
            |line: &&String| !["HINT:", "CONTEXT:", "DETAIL:", "STATEMENT:"].iter().any(|more| line.contains(more));
        let mut after = lines[at + 1..].iter().filter(further);
        let next = after.next();
        let startup = |line: &String| line.contains("startup process") && line.contains("exited");
        words.contains("PANIC:") || words.contains("guard") || next.is_some_and(startup) || (at_start && next.is_none())
    };
    let told = |at, line| {
        let words = cause(line).or_else(|| guard(line)).filter(explains)?;
        ends_it(at, &words).then_some((at, words))
    };
    let (at, words) = lines.iter().enumerate().rev().find_map(|(at, line)| told(at, line))?;
    let hint = lines[at + 1..].iter().take(2).find_map(|line| Some(line[line.find("HINT:")?..].to_owned()));
    let one_line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(one_line([words].into_iter().chain(hint).collect::<Vec<_>>().join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(log: &str) -> Option<String> {
        of_log(&log.lines().map(str::to_owned).collect::<Vec<_>>(), true)
    }

    #[test]
    fn the_cause_is_told_with_its_hint_and_what_follows_from_it_is_not() {
        let log = "\
2026-11-30 LOG:  started streaming WAL from primary at 0/3000000 on timeline 1
2026-11-30 FATAL:  directory \"/tmp/ts\" does not exist
2026-11-30 HINT:  Create this directory for the tablespace before restarting the server.
2026-11-30 CONTEXT:  WAL redo at 0/3493FD8 for Tablespace/CREATE: 16388 \"/tmp/ts\"
2026-11-30 LOG:  startup process (PID 29) exited with exit code 1
2026-11-30 FATAL:  the database system is starting up
2026-11-30 FATAL:  terminating connection due to unexpected postmaster exit
2026-11-30 LOG:  database system is shut down";
        let wanted = "FATAL: directory \"/tmp/ts\" does not exist HINT: Create this directory for the tablespace before restarting the server.";
        assert_eq!(said(log).as_deref(), Some(wanted));
        let guard = "ha-cli guard: not started: the data directory is empty";
        assert_eq!(said(guard).as_deref(), Some(guard));
        assert_eq!(said("LOG:  database system is shut down"), None);
        let conf = "LOG:  syntax error\nFATAL:  configuration file \"/ha/config/postgresql.conf\" contains errors";
        assert_eq!(
            said(conf).as_deref(),
            Some("FATAL: configuration file \"/ha/config/postgresql.conf\" contains errors")
        );
        let client = "FATAL:  role \"nobody\" does not exist\nLOG:  checkpoint starting: time";
        assert_eq!(said(client), None);
        assert_eq!(
            of_log(&["FATAL:  role \"nobody\" does not exist".to_owned()], false),
            None,
            "and then it was killed"
        );
    }
}
