//! The programs in `examples/`, run as a person would run them.

use std::path::PathBuf;
use std::process::{Command, Output};

use ha_tests::{Pair, PairOptions, engine_is_wanted};

/// A program that cargo has built beside this test.
fn example(name: &str) -> Command {
    let mut path: PathBuf = std::env::current_exe().expect("a running program has a file");
    path.pop();
    path.pop();
    path.push("examples");
    path.push(name);
    assert!(path.exists(), "{} is not built: cargo build -p ha-tests --examples", path.display());
    Command::new(path)
}

fn text(output: &Output) -> String {
    let streams = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{}: {}", output.status, streams.concat());
    streams.concat()
}

#[test]
fn a_throwaway_pair_serves_a_test_of_ones_own() {
    if !engine_is_wanted() {
        return;
    }
    let said = text(&example("throwaway_pair").output().unwrap());
    assert!(said.contains("read back from the standby: 100"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lag_of_an_existing_pair_is_watched() {
    if !engine_is_wanted() {
        return;
    }
    let pair = Pair::start(PairOptions::postgres_only()).await.unwrap();
    let address = |node: &ha_core::topology::Node| format!("{}:{}", node.address, node.postgres_port);
    let mut program = example("watch_lag");
    program
        .args([address(pair.primary()), address(pair.standby()), "2".to_owned()])
        .env("PROBE_PASSWORD", pair.cluster().secrets().probe_password.expose());
    let said = text(&tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap());
    assert_eq!(said.lines().filter(|line| line.ends_with("bytes behind")).count(), 2, "{said}");
}
