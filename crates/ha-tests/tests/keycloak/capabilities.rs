//! The table of capabilities in the documents, from what was seen.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::case::{Case, Word};
use crate::cases;

const BEFORE: &str = "# What a read-only Keycloak can do

Written by the test suite from what it saw on real pairs (`HA_CAPABILITIES=docs/capabilities.md`, see
[testing](../crates/ha-tests/tests/keycloak/main.rs)); not by hand. Each line is one or several tests, against the
Keycloak of a hot standby.

*works*: as on the primary. *follows*: changed on the primary, it is so here at most 1 s after the standby's PostgreSQL has
replayed the change, also while the primary is written to 25 times a second. *held*: protects as on the primary, by what this
node counts itself. *refused*: a clear answer (405 or 503; JSON for
programs, a page for browsers), one line in the log, nothing changed. What lies behind each decision is in
[the standby extension](standby-extension.md).
";

#[derive(Default)]
pub(crate) struct Table {
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    versions: Vec<String>,
    /// Version and capability, to whether all of its cases have passed.
    passed: BTreeMap<(String, &'static str), bool>,
}

impl Table {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add_version(&self, version: &str) {
        self.seen().versions.push(version.to_owned());
    }

    pub(crate) fn saw(&self, version: &str, capability: &'static str, _: Word, passed: bool) {
        let mut seen = self.seen();
        let all = seen.passed.entry((version.to_owned(), capability)).or_insert(true);
        *all &= passed;
    }

    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        std::fs::write(path, self.text())
    }

    fn text(&self) -> String {
        let seen = self.seen();
        let mut versions = seen.versions.clone();
        versions.sort();
        let mut text = BEFORE.to_owned();
        for (title, cases) in cases::chapters() {
            let rows = rows(&cases);
            if rows.is_empty() {
                continue;
            }
            write!(text, "\n## {title}\n\n| |").expect("a String takes everything");
            for version in &versions {
                write!(text, " {version} |").expect("a String takes everything");
            }
            text.push_str("\n|---|");
            text.push_str(&"---|".repeat(versions.len()));
            text.push('\n');
            for (capability, word) in rows {
                write!(text, "| {capability} |").expect("a String takes everything");
                for version in &versions {
                    let cell = match seen.passed.get(&(version.clone(), capability)) {
                        Some(true) => word.text(),
                        Some(false) => "**fails**",
                        None => "not tried",
                    };
                    write!(text, " {cell} |").expect("a String takes everything");
                }
                text.push('\n');
            }
        }
        text
    }
}

/// Each capability once, in the order of the cases.
fn rows(cases: &[Case]) -> Vec<(&'static str, Word)> {
    let mut rows: Vec<(&'static str, Word)> = Vec::new();
    for Case { capability, .. } in cases {
        if let Some(row) = capability
            && !rows.contains(row)
        {
            rows.push(*row);
        }
    }
    rows
}
