//! Settings of the kernel that matter, and only those.
//!
//! Left out on purpose: TCP keepalives (a container has its own network namespace with the kernel's defaults, and both
//! libpq and the servers are told theirs), System V shared memory (PostgreSQL needs next to none since 9.3),
//! `vm.dirty_*` (checkpoints are spread, and the disk's speed is measured).

use super::check::Verdict;
use super::facts::Kernel;
use crate::ports::EngineInfo;

/// Linux's own default; more than that swaps a server out for the sake of the page cache.
const SWAPPINESS: u8 = 60;

pub(super) fn overcommit(kernel: &Kernel) -> Verdict {
    match kernel.overcommit {
        None => Verdict::unknown("/proc/sys/vm/overcommit_memory could not be read"),
        Some(0) => Verdict::ok("vm.overcommit_memory is 0"),
        Some(1) => Verdict::warning(
            "vm.overcommit_memory is 1: the kernel refuses no memory, and kills a process when there is none",
            "set it to 0 (`sysctl vm.overcommit_memory=0`, and a file in /etc/sysctl.d): a killed PostgreSQL process \
             takes every connection with it",
        ),
        Some(2) => Verdict::warning(
            "vm.overcommit_memory is 2: a JVM reserves much more than it uses, and may be refused it",
            "set it to 0, or see that vm.overcommit_ratio leaves at least twice the heap",
        ),
        Some(other) => Verdict::unknown(format!("vm.overcommit_memory is {other}, which no known kernel has")),
    }
}

pub(super) fn swapping(kernel: &Kernel, swap_bytes: Option<u64>) -> Verdict {
    match (kernel.swappiness, swap_bytes) {
        (_, Some(0)) => Verdict::ok("the host has no swap"),
        (None, _) => Verdict::unknown("/proc/sys/vm/swappiness could not be read"),
        (Some(value), _) if value > SWAPPINESS => Verdict::warning(
            format!("vm.swappiness is {value}: a JVM whose heap lies in swap stands still while it collects garbage"),
            "set it to 10 (`sysctl vm.swappiness=10`, and a file in /etc/sysctl.d)",
        ),
        (Some(value), _) => Verdict::ok(format!("vm.swappiness is {value}")),
    }
}

pub(super) fn huge_pages(kernel: &Kernel) -> Verdict {
    match kernel.huge_pages.as_deref() {
        None => Verdict::unknown("/sys/kernel/mm/transparent_hugepage/enabled could not be read"),
        Some("always") => Verdict::warning(
            "transparent huge pages are on for every program: PostgreSQL's processes grow, and stall while pages are put together",
            "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, at every boot (transparent_hugepage=madvise)",
        ),
        Some(word) => Verdict::ok(format!("transparent huge pages: {word}")),
    }
}

/// The engine sets this at its start and warns when somebody took it back: then no published port works.
pub(super) fn forwarding(info: &EngineInfo) -> Verdict {
    if info.warnings.iter().any(|warning| warning.to_ascii_lowercase().contains("ipv4 forwarding is disabled")) {
        return Verdict::error(
            "IPv4 forwarding is off: no packet from another host reaches a container",
            "sysctl net.ipv4.ip_forward=1, and a file in /etc/sysctl.d that keeps it",
        );
    }
    Verdict::ok("the engine misses nothing")
}

#[cfg(test)]
mod tests {
    use super::super::check::CheckResult;
    use super::*;
    use crate::observe::fixtures;

    #[test]
    fn each_setting_is_judged_by_what_it_does_to_these_two_servers() {
        let kernel = |overcommit, swappiness, huge_pages: Option<&str>| Kernel {
            overcommit,
            swappiness,
            huge_pages: huge_pages.map(str::to_owned),
        };
        use CheckResult::{Ok, Unknown, Warning};
        let table = [
            (kernel(Some(0), Some(60), Some("madvise")), Some(1 << 30), [Ok, Ok, Ok]),
            (kernel(Some(1), Some(61), Some("always")), Some(1 << 30), [Warning, Warning, Warning]),
            (kernel(Some(2), Some(100), Some("never")), Some(0), [Warning, Ok, Ok]),
            (kernel(Some(7), Some(10), None), None, [Unknown, Ok, Unknown]),
            (kernel(None, None, None), None, [Unknown, Unknown, Unknown]),
        ];
        for (kernel, swap, expected) in table {
            let found = [overcommit(&kernel), swapping(&kernel, swap), huge_pages(&kernel)].map(|v| v.result);
            assert_eq!(found, expected, "{kernel:?}");
        }
    }

    #[test]
    fn forwarding_is_what_the_engine_says() {
        let mut info = fixtures::engine("x");
        assert_eq!(forwarding(&info).result, CheckResult::Ok);
        info.warnings = vec!["WARNING: IPv4 forwarding is disabled".into()];
        assert_eq!(forwarding(&info).result, CheckResult::Error);
    }
}
