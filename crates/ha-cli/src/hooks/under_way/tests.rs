use super::*;
use crate::cli::OutputFormat;
use crate::hooks::HooksOnPromotion;
use crate::output::Color;
use ha_core::hooks::VARIABLES;
use ha_core::plan::{Action, Plan};
use ha_core::steps::{StepEvent, Watcher};
use ha_core::topology::{NodeSpec, TopologySpec};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What was printed to standard error.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn printer(&self) -> Printer {
        Printer::new(OutputFormat::Human, Color::default(), Box::new(Vec::new()), Box::new(self.clone()))
    }
}

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn shell(script: &str) -> Option<Vec<String>> {
    Some(vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()])
}

fn topology(promote: Option<Vec<String>>, demote: Option<Vec<String>>, timeout_seconds: u32) -> Topology {
    let mut spec = TopologySpec::new("sso", "https://sso.example.org")
        .node(NodeSpec::primary("vm1", "192.0.2.11"))
        .node(NodeSpec::standby("vm2", "192.0.2.12").ports(5433, 3124));
    spec.hooks.on_promote = promote;
    spec.hooks.on_demote = demote;
    spec.hooks.timeout_seconds = timeout_seconds;
    spec.validate().unwrap()
}

fn change() -> RoleChange {
    RoleChange { old_primary: Some("vm1".parse().unwrap()), new_primary: "vm2".parse().unwrap(), generation: None }
}

/// Runs both and returns how they went, with everything that was said.
async fn run_both(topology: &Topology) -> (Vec<HookReport>, String) {
    let said = Said::default();
    let under_way = HooksUnderWay::start(topology, &[HookEvent::Promote, HookEvent::Demote], &change());
    let reports = under_way.finish(&said.printer()).await;
    (reports, said.text())
}

/// Whether a process still runs, be it as a zombie that nobody has reaped yet.
fn runs(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[tokio::test]
async fn a_program_gets_the_facts_and_an_empty_input() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("promote"), folder.path().join("demote"));
    let script = |path: &Path| shell(&format!("{{ env; echo \"input: $(cat)\"; }} > {}", path.display()));
    let (reports, said) = run_both(&topology(script(&one), script(&two), 10)).await;
    assert!(reports.iter().all(HookReport::went_well), "{reports:?}");
    assert!(!said.contains("warning"), "{said}");
    for (path, event, node) in [(one, "promote", "vm2"), (two, "demote", "vm1")] {
        let text = read(&path);
        let mut told: Vec<_> = text.lines().filter(|line| line.starts_with("HA_")).collect();
        told.sort_unstable();
        let expected = format!(
            "HA_CLUSTER=sso\nHA_EVENT={event}\nHA_NEW_PRIMARY=vm2\nHA_NEW_PRIMARY_ADDRESS=192.0.2.12\n\
             HA_NEW_PRIMARY_KEYCLOAK_PORT=3124\nHA_NEW_PRIMARY_POSTGRES_PORT=5433\nHA_NODE={node}\nHA_OLD_PRIMARY=vm1"
        );
        // Whoever runs the tests may have variables such as HA_LOG, which belong to the program and stay.
        let ours = |line: &&&str| VARIABLES.iter().any(|name| line.starts_with(&format!("{name}=")));
        assert_eq!(told.iter().filter(ours).copied().collect::<Vec<_>>().join("\n"), expected);
        assert!(text.contains("input: \n"), "{text}");
        assert!(text.contains("PATH="), "the environment of ha-cli is handed on");
    }
}

#[tokio::test]
async fn a_failing_hook_is_shown_with_its_code_and_its_words_in_their_order() {
    let script = "echo one; echo two >&2; printf '\\033[31mthree\\n'; exit 3";
    let (reports, said) = run_both(&topology(shell(script), shell("kill -TERM $$"), 10)).await;
    let warning = "warning: on_promote (sh) ended with exit code 3\n    one\n    two\n    <U+001B>[31mthree\n";
    assert!(said.contains(warning), "{said}");
    assert!(said.contains("warning: on_demote (sh) was ended by signal 15\n"), "{said}");
    let json = reports[0].to_json();
    assert_eq!((json["done"].as_bool(), json["problem"].as_str()), (Some(false), Some("ended with exit code 3")));
    assert_eq!(json["output"].as_str(), Some("one\ntwo\n\u{1b}[31mthree"));
}

#[tokio::test]
async fn a_missing_program_is_shown() {
    let missing = Some(vec!["/nowhere/at/all".to_owned()]);
    let (reports, said) = run_both(&topology(missing, shell("exit 0"), 10)).await;
    assert!(said.contains("warning: on_promote (/nowhere/at/all) could not be run: No such file"), "{said}");
    assert!(!reports[0].went_well() && reports[1].went_well());
}

#[tokio::test]
async fn over_time_a_grandchild_is_killed_as_well_and_what_was_said_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let script = format!("echo slow; sh -c 'sleep 300 & echo $! > {0}; wait' & wait", pids.display());
    let begun = Instant::now();
    let (_, said) = run_both(&topology(shell(&script), None, 1)).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let warning = "warning: on_promote (sh) took more than 1 s and was killed with all that it started\n    slow\n";
    assert!(said.contains(warning), "{said}");
    let grandchild = read(&pids).trim().to_owned();
    assert!(!grandchild.is_empty(), "it was never started");
    eventually("the grandchild is still there", || !runs(&grandchild)).await;
}

#[tokio::test]
async fn dropped_it_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let script = format!("sleep 300 & echo $! > {}; wait", pids.display());
    let under_way = HooksUnderWay::start(&topology(shell(&script), None, 60), &[HookEvent::Promote], &change());
    eventually("it was never started", || read(&pids).ends_with('\n')).await;
    drop(under_way);
    let grandchild = read(&pids).trim().to_owned();
    eventually("it is still there", || !runs(&grandchild)).await;
}

/// Each waits for a file that the other makes: one after the other they would never end.
#[tokio::test]
async fn hooks_run_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let script = |make: &Path, wait: &Path| {
        shell(&format!("touch {}; until [ -e {} ]; do sleep 0.01; done", make.display(), wait.display()))
    };
    let (reports, _) = run_both(&topology(script(&one, &two), script(&two, &one), 10)).await;
    assert!(reports.iter().all(HookReport::went_well), "{reports:?}");
}

#[tokio::test]
async fn what_it_leaves_running_is_neither_waited_for_nor_killed() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let script = format!("sleep 60 & echo $! > {}; echo started", pids.display());
    let begun = Instant::now();
    let (reports, _) = run_both(&topology(shell(&script), None, 30)).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!((reports[0].went_well(), reports[0].output.as_str()), (true, "started"));
    let left = read(&pids).trim().to_owned();
    assert!(runs(&left), "it was killed");
    std::process::Command::new("kill").arg(&left).status().unwrap();
}

#[tokio::test]
async fn only_the_end_of_much_output_is_kept() {
    let script = "i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done; exit 1";
    let (reports, said) = run_both(&topology(shell(script), None, 30)).await;
    assert!(reports[0].output.len() <= 4096 && reports[0].output.ends_with("line 4999"), "{}", reports[0].output);
    assert_eq!(said.lines().filter(|line| line.starts_with("    line ")).count(), 20);
}

struct Events(Mutex<usize>);

impl Watcher for Events {
    fn event(&self, _: StepEvent<'_>) {
        *self.0.lock().unwrap() += 1;
    }
}

#[tokio::test]
async fn they_are_started_by_the_promotion_and_by_nothing_else() {
    let topology = topology(shell("exit 0"), shell("exit 0"), 10);
    let mut plan = Plan::default();
    for node in topology.nodes() {
        plan.add(&node.name, Action::Checkpoint, []);
        plan.add(&node.name, Action::Promote, []);
    }
    let events = Arc::new(Events(Mutex::new(0)));
    let both = [HookEvent::Promote, HookEvent::Demote];
    let watcher = HooksOnPromotion::new(&topology, &both, change(), Arc::clone(&events) as _);
    let printer = Said::default().printer();
    for step in plan.steps.iter().filter(|step| step.node.as_str() == "vm1" || step.action != Action::Promote) {
        watcher.event(StepEvent::Started(step));
        watcher.event(StepEvent::Done(step));
    }
    watcher.event(StepEvent::Started(&plan.steps[3]));
    assert!(watcher.finish(&printer).await.is_empty(), "vm2 was not promoted");
    watcher.event(StepEvent::Done(&plan.steps[3]));
    assert_eq!(watcher.finish(&printer).await.len(), 2);
    assert_eq!(*events.0.lock().unwrap(), 8, "every event is handed on");
}
