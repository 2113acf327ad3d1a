//! Whoever holds a lock, and what is said of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::values::NodeName;

/// Who takes a lock, in words for whoever finds it taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// `user@host`.
    pub by: String,
    /// The process, on that host.
    pub pid: u32,
    /// What it does, `switchover`.
    pub command: String,
    /// Since when, RFC 3339 in UTC.
    pub since: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by, pid, command, since } = self;
        write!(f, "{by} (`ha-cli {command}`, process {pid} there, since {since})")
    }
}

/// Somebody's command that changes the cluster at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtWork {
    /// Who; `None` where that could not be read.
    pub holder: Option<Holder>,
    /// The nodes whose locks it holds.
    pub nodes: Vec<NodeName>,
}

/// A lock that somebody else holds. Those that were taken before it are released.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Taken {
    /// Where.
    pub node: NodeName,
    /// Who; `None` where that could not be read.
    pub holder: Option<Holder>,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.holder {
            Some(holder) => write!(f, "the lock is held by {holder}"),
            None => f.write_str("the lock is held by somebody whose name could not be read"),
        }
    }
}

/// The holder by what the program that holds the lock was told.
pub(crate) fn named(words: Option<&str>) -> Option<Holder> {
    serde_json::from_str(words?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_says_who_where_and_since_when() {
        let holder = Holder {
            by: "alice@desk".to_owned(),
            pid: 4711,
            command: "switchover".to_owned(),
            since: "2026-11-23T23:12:36.007Z".to_owned(),
        };
        let words = serde_json::to_string(&holder).unwrap();
        assert!(!words.contains('\n'), "it is one line");
        assert_eq!(named(Some(&words)), Some(holder.clone()));
        let taken = Taken { node: "vm1".parse().unwrap(), holder: Some(holder) };
        assert_eq!(
            taken.to_string(),
            "the lock is held by alice@desk (`ha-cli switchover`, process 4711 there, since 2026-11-23T23:12:36.007Z)"
        );
    }

    #[test]
    fn a_holder_who_cannot_be_read_has_no_name() {
        for words in [None, Some(""), Some("{\"by\":\"alice@desk\"}"), Some("alice")] {
            assert_eq!(named(words), None);
        }
        let taken = Taken { node: "vm1".parse().unwrap(), holder: None };
        assert!(taken.to_string().contains("could not be read"));
    }
}
