//! One row under way: a fresh pair, the writer, and what is seen.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ha_core::health::{Code, ReportedRole};
use ha_core::plan::{Failover, FailoverOptions, Loss, Refusal, RejoinMethod};
use ha_tests::hosts::Hosts;
use ha_tests::ledger::{Ledger, LedgerWriter, Verdict};
use ha_tests::servers::{Announced, NOTICED, Return, Servers, ServersOptions};

use tokio_postgres::NoTls;

use crate::watch::Watch;

const WRITES: u64 = 20;
/// Long enough for every timeout between the servers to pass.
pub(crate) const LONG: Duration = Duration::from_secs(15);
/// How long a writer may be quiet while it can write.
const QUIET: Duration = Duration::from_secs(2);

/// Dropping it makes the hosts whole, and removes the servers.
pub(crate) struct Case {
    pub(crate) hosts: Arc<Hosts>,
    pub(crate) strict: bool,
    writer: Option<LedgerWriter>,
    watch: Option<Watch>,
    announced: Vec<Announced>,
    /// A person has chosen between two histories.
    gave_up: bool,
    seen: Vec<String>,
    pub(crate) servers: Servers,
}

/// How a row ended.
pub(crate) struct Outcome {
    pub(crate) seen: String,
    pub(crate) lost: (usize, usize),
}

impl Drop for Case {
    fn drop(&mut self) {
        // The servers are removed next, which takes hosts that can be reached.
        make_whole(&self.hosts);
    }
}

/// Undoes what a row may have done to the hosts.
fn make_whole(hosts: &Hosts) {
    drop(hosts.heal());
    for host in 1..=hosts.count() {
        // One that is not frozen, or has no power, says so.
        drop(hosts.thaw(host));
        if let Err(error) = hosts.boot(host) {
            eprintln!("host {host} does not come back: {error}");
        }
        drop(hosts.free_disk(host));
    }
}

impl Case {
    pub(crate) fn start(hosts: &Arc<Hosts>, profile: &str) -> Self {
        let options = ServersOptions { slot_keep_mib: 128, ..ServersOptions::new(profile) };
        let servers = Servers::start(hosts, &options);
        servers.make_open("stray", "CREATE TABLE stray (n int)");
        let (writer, watch) = (Some(servers.writer()), Some(Watch::start(&servers)));
        let case = Self {
            hosts: Arc::clone(hosts),
            strict: profile == "strict",
            writer,
            watch,
            announced: Vec::new(),
            gave_up: false,
            seen: Vec::new(),
            servers,
        };
        case.goes_on();
        case
    }

    /// Adds to what is seen.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if self.seen.last() != Some(&text) {
            self.seen.push(text);
        }
    }

    fn writer(&self) -> &LedgerWriter {
        self.writer.as_ref().expect("the writer writes until the end")
    }

    #[track_caller]
    pub(crate) fn goes_on(&self) {
        let begun = Instant::now();
        assert!(self.servers.wait(self.writer().goes_on(WRITES, NOTICED)), "no writes for {:?}", begun.elapsed());
    }

    /// Lets time pass under a fault, and tells whether writes went on meanwhile.
    pub(crate) fn writes_for(&self, time: Duration) -> bool {
        let begun = Instant::now();
        let mut last = (self.writer().acknowledged(), Instant::now());
        let mut longest = Duration::ZERO;
        while begun.elapsed() < time {
            std::thread::sleep(Duration::from_millis(50));
            let acknowledged = self.writer().acknowledged();
            if acknowledged > last.0 {
                last = (acknowledged, Instant::now());
            }
            longest = longest.max(last.1.elapsed());
        }
        longest < QUIET
    }

    /// The standby is away, or its link: `async` goes on, `strict` waits.
    #[track_caller]
    pub(crate) fn writes_as_the_profile_says(&mut self, time: Duration) {
        let went_on = self.writes_for(time);
        assert_eq!(went_on, !self.strict, "writes went on: {went_on}");
        self.note(if went_on { "writes go on" } else { "writes wait" });
    }

    /// The engine's own program on a node's host.
    pub(crate) fn docker(&self, node: usize, arguments: &[&str]) -> String {
        let endpoint = self.hosts.docker(node + 1).unwrap().to_string();
        let output = Command::new("docker").args(["-H", &endpoint]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Kills a node's container: it stays so.
    pub(crate) fn kill(&self, node: usize) {
        self.docker(node, &["kill", &self.servers.container(node)]);
    }

    pub(crate) fn alone(&self) -> FailoverOptions {
        FailoverOptions { run_alone: self.strict, ..FailoverOptions::default() }
    }

    pub(crate) fn dead(&self) -> FailoverOptions {
        FailoverOptions { primary_is_dead: true, ..self.alone() }
    }

    /// What a failover would be refused for.
    #[track_caller]
    pub(crate) fn refused(&mut self, options: &FailoverOptions, why: &str) {
        let refusals: Vec<Refusal> = self.servers.failover(options).map(drop).unwrap_err();
        assert!(refusals.iter().any(|it| it.message.contains(why) || it.help.contains(why)), "{why}: {refusals:?}");
        self.note("failover is refused");
    }

    pub(crate) fn announce(&mut self, announced: Announced) {
        self.announced.push(announced);
    }

    pub(crate) fn fails_over(&mut self, options: &FailoverOptions) -> Failover {
        let begun = Instant::now();
        let (planned, announced) = self.servers.fail_over(options);
        self.announce(announced);
        self.note(format!("failover to {} in {:.0} s", planned.to, begun.elapsed().as_secs_f32()));
        self.goes_on();
        planned
    }

    /// Fails over to that node, and gives up what only the other holds.
    pub(crate) fn chooses(&mut self, to: usize) {
        let (to, other) = (self.servers.name(to).clone(), self.servers.name(1 - to).clone());
        let planned = self.fails_over(&FailoverOptions { to: Some(to), give_up: vec![other.clone()], ..self.alone() });
        assert!(matches!(planned.loss, Loss::GivenUp { .. }), "{:?}", planned.loss);
        self.note(format!("{other} is given up"));
        self.gave_up = true;
    }

    /// It starts, and never as a second primary.
    #[track_caller]
    pub(crate) fn is_no_primary(&mut self, node: usize) {
        assert_eq!(self.servers.role(node, NOTICED), ReportedRole::Standby, "{}", self.servers.name(node));
        self.note(format!("{} starts as a standby", self.servers.name(node)));
    }

    pub(crate) fn comes_back(&mut self, node: usize) -> Return {
        let way = self.servers.rejoin(node);
        let how = match &way {
            Return::ByItself => "follows by itself",
            Return::By { method: RejoinMethod::Start, .. } => "is started and follows",
            Return::By { method: RejoinMethod::Rewind, .. } => "comes back by a rewind",
            Return::By { method: RejoinMethod::BaseBackup { why, .. }, .. } => {
                &format!("comes back by a base backup ({why})")
            }
        };
        self.note(format!("{} {how}", self.servers.name(node)));
        way
    }

    #[track_caller]
    pub(crate) fn finds(&mut self, code: Code) {
        self.servers.finds(&[code]);
        let text = serde_json::to_string(&code).unwrap();
        self.note(format!("found: `{}`", text.trim_matches('"')));
    }

    /// Whether a node acknowledges a write to another table than the ledger.
    pub(crate) fn acknowledges(&self, node: usize) -> bool {
        let config = self.servers.config(node);
        let write = async move {
            let (client, connection) = config.connect(NoTls).await.ok()?;
            tokio::spawn(async move { drop(connection.await) });
            client.execute("INSERT INTO stray VALUES (1)", &[]).await.ok()
        };
        let limit = Duration::from_secs(4);
        self.servers.wait(async { tokio::time::timeout(limit, write).await }).is_ok_and(|written| written.is_some())
    }

    /// Uses up so many segments of WAL on a node.
    pub(crate) fn uses_wal(&self, node: usize, segments: usize) {
        for _ in 0..segments {
            self.servers.sql(node, "SELECT pg_logical_emit_message(false, 'x', 'x')");
            self.servers.sql(node, "SELECT pg_switch_wal()");
        }
        // While a host is gone that WAL is sent to, it may take a minute.
        drop(self.servers.try_sql(node, "CHECKPOINT"));
    }

    /// The pair becomes whole with that primary, and everything is there.
    pub(crate) fn ends(mut self, primary: usize) -> Outcome {
        self.servers.settles(primary);
        self.goes_on();
        let writer = self.writer.take().expect("the writer writes until the end");
        let ledger = self.servers.wait(writer.stop());
        let verdicts = |case: &Self| [0, 1].map(|node| case.servers.judge(&ledger, node));
        let same = self.servers.until(NOTICED, || Some(verdicts(&self)).filter(|[one, other]| one == other));
        let [verdict, _] = same.unwrap_or_else(|| panic!("the nodes differ: {:?}", verdicts(&self)));
        self.judge(&ledger, &verdict);
        let watch = self.watch.take().expect("somebody looks until the end");
        let doubles = watch.doubles();
        assert!(doubles.is_empty(), "two primaries of one generation: {doubles:?}");
        self.note(format!("healthy, generations: {}", watch.generations()));
        let lost = (verdict.lost.len(), ledger.acknowledged.len());
        Outcome { seen: std::mem::take(&mut self.seen).join("; "), lost }
    }

    fn judge(&self, ledger: &Ledger, verdict: &Verdict) {
        let Verdict { lost, phantom, twice } = verdict;
        assert!(phantom.is_empty() && twice.is_empty(), "{verdict:?}");
        assert!(!self.strict || self.gave_up || lost.is_empty(), "lost with `strict`: {lost:?}");
        let covered = |at| self.announced.iter().any(|announced| announced.covers(at));
        let unannounced: Vec<_> =
            ledger.acknowledged.iter().filter(|(row, at)| lost.contains(row) && !covered(*at)).collect();
        assert!(unannounced.is_empty(), "lost and not announced: {unannounced:?}, of {:?}", self.announced);
    }
}
