//! One line of the history.

use serde::{Deserialize, Serialize};

use crate::values::NodeName;

/// The schema of the entries that are written and read. Fields are added to it, never renamed.
pub const SCHEMA: u32 = 1;

/// What happened at one moment to one operation. One JSON object on a line of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// [`SCHEMA`].
    pub schema: u32,
    /// When, RFC 3339 in UTC with milliseconds (`2026-11-23T23:12:36.007Z`), so that the order of the texts is the order in
    /// time.
    pub at: String,
    /// Which operation, a random text.
    pub operation: String,
    /// What happened.
    pub event: Event,
    /// The command, `switchover`.
    pub command: String,
    /// Who gave it, `user@host`.
    pub by: String,
    /// The cluster's generation then, where it was known.
    pub generation: Option<u64>,
    /// The nodes that it was about.
    pub nodes: Vec<NodeName>,
    /// How it ended, of [`Event::Ended`].
    pub outcome: Option<Outcome>,
    /// How long it took, of [`Event::Ended`].
    pub seconds: Option<f64>,
    /// What else there is to say.
    pub detail: Option<String>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// It was about to change something.
    Begun,
    /// It changes nothing any more.
    Ended,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Everything was done.
    Done,
    /// A step failed.
    Failed,
    /// It would not have been safe to go on.
    Refused,
    /// Somebody broke it off.
    Interrupted,
}

/// What was found in a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parsed {
    /// The entries, in the file's order.
    pub entries: Vec<Entry>,
    /// Lines that are none: torn by a crash, or written by a later version.
    pub unreadable: usize,
}

/// The entries as they are written, each with the end of its line.
#[must_use]
pub fn lines(entries: &[Entry]) -> Vec<u8> {
    let mut text = Vec::new();
    for entry in entries {
        // JSON escapes the ends of lines within texts.
        text.extend(serde_json::to_vec(entry).expect("plain values serialise"));
        text.push(b'\n');
    }
    text
}

/// Reads a file of entries. A line that cannot be read is counted and passed over.
#[must_use]
pub fn parse(file: &[u8]) -> Parsed {
    let mut parsed = Parsed::default();
    for line in file.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        match serde_json::from_slice::<Entry>(line) {
            Ok(entry) if entry.schema == SCHEMA => parsed.entries.push(entry),
            _ => parsed.unreadable += 1,
        }
    }
    parsed
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn entry(operation: &str, event: Event, at: &str) -> Entry {
        Entry {
            schema: SCHEMA,
            at: at.to_owned(),
            operation: operation.to_owned(),
            event,
            command: "switchover".to_owned(),
            by: "alice@desk".to_owned(),
            generation: None,
            nodes: vec!["vm1".parse().unwrap(), "vm2".parse().unwrap()],
            outcome: (event == Event::Ended).then_some(Outcome::Done),
            seconds: (event == Event::Ended).then_some(1.5),
            detail: None,
        }
    }

    #[test]
    fn a_line_is_an_object_with_every_field() {
        let mut ended = entry("7f", Event::Ended, "2026-11-23T23:12:36.007Z");
        ended.detail = Some("two\nlines".to_owned());
        assert_eq!(
            String::from_utf8(lines(&[ended.clone()])).unwrap(),
            "{\"schema\":1,\"at\":\"2026-11-23T23:12:36.007Z\",\"operation\":\"7f\",\"event\":\"ended\",\
             \"command\":\"switchover\",\"by\":\"alice@desk\",\"generation\":null,\"nodes\":[\"vm1\",\"vm2\"],\
             \"outcome\":\"done\",\"seconds\":1.5,\"detail\":\"two\\nlines\"}\n"
        );
        assert_eq!(parse(&lines(&[ended.clone()])), Parsed { entries: vec![ended], unreadable: 0 });
    }

    #[test]
    fn torn_foreign_and_later_lines_are_counted_and_passed_over() {
        let good = entry("7f", Event::Begun, "2026-11-23T23:12:36.007Z");
        let line = lines(std::slice::from_ref(&good));
        let later = String::from_utf8(line.clone()).unwrap().replace("\"schema\":1", "\"schema\":2");
        let more = String::from_utf8(line.clone()).unwrap().replace("\"schema\":1", "\"schema\":1,\"added\":[true]");
        let file = [&line[..40], b"\n\n", &line, later.as_bytes(), b"\xff\xfe\n", more.as_bytes(), &line[..9]].concat();
        assert_eq!(parse(&file), Parsed { entries: vec![good.clone(), good], unreadable: 4 });
        assert_eq!(parse(b""), Parsed::default());
    }
}
