//! What a test waits for to be found, or to be no longer found.

use ha_core::health::{Code, Report};

/// The codes of what was found about the pair. Left out is that it has no Keycloak, and what is the machine's: how much room others
/// leave on it is no matter of the test.
#[must_use]
pub fn of_the_pair(report: &Report) -> Vec<Code> {
    let left_out = [Code::KeycloakMissing, Code::DiskLow, Code::MemoryLow];
    report.findings.iter().map(|finding| finding.code).filter(|code| !left_out.contains(code)).collect()
}
