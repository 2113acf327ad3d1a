//! The table that is left of a run.

use std::fmt::Write as _;

/// One fault in one profile.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Its place in the table.
    pub(crate) place: usize,
    pub(crate) fault: &'static str,
    pub(crate) profile: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) seen: String,
    /// How many acknowledged rows are lost, of how many; nothing where it did not come so far.
    pub(crate) lost: Option<(usize, usize)>,
    pub(crate) seconds: u64,
}

const HEAD: &str = "# Fault matrix

What becomes of a pair on two hosts when something breaks under a writer that never stops. Written by
`scripts/test.sh --matrix`; each line is a test of `crates/ha-tests/tests/matrix`, on the rig of [testing](testing.md), with disks that
lose at a power cut what was not synchronised. It fails, and says so here, when an acknowledged row is lost that was not
announced (with `strict`: any), when a row is there that was never written or is there twice, when two nodes accept writes
in one generation, or when the pair is not whole at the end. `generations` counts those in which a look, every 50 ms over the network,
saw a primary.

| fault | profile | expected | seen | acknowledged rows lost | s |
| --- | --- | --- | --- | --- | --- |
";

const TAIL: &str = "
Not in it: a device that loses or reorders what it had acknowledged, and what else the rig does not do; Keycloak (`e2e`); three
nodes (`hosts/three.rs`), so that a failover during a base backup is one that is refused here; many writes to a primary that hung and was taken for
dead: a single one stands for them.
";

/// As markdown.
pub(crate) fn markdown(mut lines: Vec<Line>) -> String {
    lines.sort_by_key(|line| line.place);
    let mut text = HEAD.to_owned();
    for line in lines {
        let lost = line.lost.map_or_else(|| "not known".to_owned(), |(lost, of)| format!("{lost} of {of}"));
        let Line { fault, profile, expected, seen, seconds, .. } = line;
        let seen = seen.replace('|', "\\|").replace('\n', " ");
        writeln!(text, "| {fault} | `{profile}` | {expected} | {seen} | {lost} | {seconds} |").unwrap();
    }
    text + TAIL
}
