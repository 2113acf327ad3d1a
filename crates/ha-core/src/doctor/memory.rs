//! Memory against what will run.

use super::check::Verdict;
use super::facts::{MemoryFact, Running};
use super::words::size;
use crate::layout::MachineShare;
use crate::topology::Topology;

const MIB: u64 = 1 << 20;
/// A process of PostgreSQL that serves Keycloak: caches of the catalogue, sorts, its stack.
const BACKEND: u64 = 6 * MIB;
/// PostgreSQL's other processes.
const SERVER: u64 = 96 * MIB;
/// A JVM beside its heap: classes, compiled code, threads, buffers.
const JVM: u64 = 400 * MIB;

/// What the node's two servers use when they are busy.
fn needed(topology: &Topology, share: MachineShare) -> (u64, u64) {
    let given = topology.postgres.settings.get("shared_buffers").and_then(|text| parse_size(text));
    let buffers = given.unwrap_or(share.shared_buffers_mib() * MIB);
    let postgres = buffers + SERVER + u64::from(topology.keycloak.pool_size) * BACKEND;
    let keycloak = share.heap_mib() * MIB + JVM;
    (postgres, keycloak)
}

/// A size as PostgreSQL writes it; a bare number counts blocks of 8 KiB.
fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "" => 8192,
        "B" => 1,
        "kB" => 1024,
        "MB" => MIB,
        "GB" => 1024 * MIB,
        "TB" => 1024 * 1024 * MIB,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

pub(super) fn memory(topology: &Topology, total: u64, fact: Option<MemoryFact>, running: Running) -> Verdict {
    let nodes = if topology.cluster.demo { topology.nodes().len() as u64 } else { 1 };
    let share = MachineShare::of_memory(total, nodes);
    let (postgres, keycloak) = needed(topology, share);
    let fact = fact.unwrap_or_default();
    let may_use = fact.limit_bytes.map_or(total, |limit| limit.min(total)) / nodes;
    let all = postgres + keycloak;
    let found = format!(
        "{} of {} will be used: {} by PostgreSQL, {} by Keycloak",
        size(all),
        size(may_use),
        size(postgres),
        size(keycloak)
    );
    let smaller = "give the host more memory, or lower `pool_size` and `shared_buffers` in the cluster's file";
    if all > may_use {
        return Verdict::error(format!("{found}: too little"), smaller);
    }
    // What does not run yet still has to be found.
    let to_come = if running.postgres { 0 } else { postgres } + if running.keycloak { 0 } else { keycloak };
    if let Some(available) = fact.available_bytes.filter(|&available| available < to_come) {
        return Verdict::warning(
            format!("{found}; only {} are free", size(available)),
            "see what else runs on the host (`ps -e -o rss,args --sort -rss | head`): the kernel kills when there is none left",
        );
    }
    // The kernel, the engine and the page cache that PostgreSQL counts on need room, too.
    if all > may_use / 5 * 4 {
        return Verdict::warning(format!("{found}: little is left for the page cache"), smaller);
    }
    Verdict::ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::check::CheckResult::{Error, Ok as Good, Warning};
    use super::*;
    use crate::observe::fixtures;

    const GIB: u64 = 1 << 30;
    const NONE: Running = Running { postgres: false, keycloak: false };
    const BOTH: Running = Running { postgres: true, keycloak: true };

    #[test]
    fn what_will_run_must_fit_into_what_is_there() {
        let pair = fixtures::pair();
        let demo = fixtures::demo();
        let fact = |available: Option<u64>, limit| {
            Some(MemoryFact { available_bytes: available, swap_bytes: Some(0), limit_bytes: limit })
        };
        let table = [
            (&pair, 8 * GIB, fact(Some(6 * GIB), None), NONE, Good),
            (&pair, 8 * GIB, None, NONE, Good),
            (&pair, 8 * GIB, fact(Some(GIB), None), NONE, Warning),
            // Our own servers are what uses it.
            (&pair, 8 * GIB, fact(Some(GIB), None), BOTH, Good),
            (&pair, GIB, fact(Some(GIB), None), BOTH, Error),
            (&pair, GIB * 3 / 2, fact(Some(GIB * 3 / 2), None), BOTH, Warning),
            (&pair, 8 * GIB, fact(Some(6 * GIB), Some(GIB)), NONE, Error),
            // Two nodes share one machine.
            (&demo, 2 * GIB, fact(Some(2 * GIB), None), BOTH, Error),
            (&demo, 16 * GIB, fact(Some(15 * GIB), None), NONE, Good),
        ];
        for (topology, total, fact, running, expected) in table {
            let verdict = memory(topology, total, fact, running);
            assert_eq!(verdict.result, expected, "{total} {fact:?} {running:?}: {}", verdict.found);
        }
    }

    #[test]
    fn own_settings_count() {
        let mut spec = fixtures::pair_spec();
        spec.postgres.settings.insert("shared_buffers".to_owned(), "16GB".to_owned());
        let topology = spec.validate().unwrap();
        assert_eq!(memory(&topology, 8 * GIB, None, NONE).result, Error);
    }

    #[test]
    fn reads_sizes_as_postgres_does() {
        let table = [
            ("128MB", Some(128 << 20)),
            ("1GB", Some(1 << 30)),
            ("16384", Some(16384 * 8192)),
            (" 64 kB ", Some(64 << 10)),
            ("much", None),
            ("99999999999999999999TB", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_size(text), expected, "{text}");
        }
    }
}
