//! The data of a server that was stopped, beside the primary that it is to follow.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::values::{Lsn, TimelineId};

/// What was found by starting a stopped server's data cut off from everybody, in recovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BranchObservation {
    /// The timeline that it is on.
    pub timeline: TimelineId,
    /// Where its WAL ends.
    pub end: Lsn,
    /// Where the primary's history left that timeline; absent when it did not, or never was on it.
    pub fork: Option<Lsn>,
    /// Whether both came to their common timeline by the same way; absent when they are on different ones.
    pub same_history: Option<bool>,
    /// What only this branch holds; absent when that is nothing.
    pub only_here: Option<OnlyHere>,
    /// Whether `pg_rewind` would do, or what it said; absent when it was not asked.
    #[serde(serialize_with = "in_words_of_json")]
    pub rewind: Option<Result<(), String>>,
}

/// `{"possible": false, "why": "…"}`
fn in_words_of_json<S: Serializer>(rewind: &Option<Result<(), String>>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Rewind<'a> {
        possible: bool,
        why: Option<&'a str>,
    }
    let answer = |answer: &'_ Result<(), String>| answer.as_ref().err().cloned();
    let whys = rewind.as_ref().map(answer);
    whys.as_ref().map(|why| Rewind { possible: why.is_none(), why: why.as_deref() }).serialize(serializer)
}

/// What transactions after the fork have written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct OnlyHere {
    /// How many; absent when the contents could not be read.
    pub transactions: Option<u64>,
    /// Keycloak's realms that they made or changed.
    pub realms: Vec<String>,
    /// Users that they made or changed, as `realm/username`.
    pub users: Vec<String>,
    /// Rows that they wrote, by table.
    pub tables: BTreeMap<String, u64>,
}

/// The data cannot be looked at: there is none, or it is half of one thing and half of another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BrokenBranch(pub String);

impl BranchObservation {
    /// Reads the facts that the inspection printed.
    ///
    /// # Errors
    /// The data is broken, or the facts are not understood.
    pub fn parse(facts: &BTreeMap<String, String>) -> Result<Self, BrokenBranch> {
        let fact = |key: &str| facts.get(key).map(|text| text.trim());
        let missing = |key: &str| BrokenBranch(format!("the inspection told no {key}"));
        if fact("broken").is_some() {
            return Err(BrokenBranch(fact("rewind").unwrap_or("it is broken").to_owned()));
        }
        let numbered = |prefix: &str| {
            let mut found: Vec<(u64, String)> = facts
                .iter()
                .filter_map(|(key, text)| Some((key.strip_prefix(prefix)?.parse().ok()?, text.clone())))
                .collect();
            found.sort();
            found.into_iter().map(|(_, text)| text).collect()
        };
        let tables =
            facts.iter().filter_map(|(key, text)| Some((key.strip_prefix("table.")?.to_owned(), text.parse().ok()?)));
        let only_here = (fact("diverged") == Some("yes")).then(|| OnlyHere {
            transactions: fact("transactions").and_then(|text| text.parse().ok()),
            realms: numbered("realm."),
            users: numbered("user."),
            tables: tables.collect(),
        });
        Ok(Self {
            timeline: TimelineId(fact("timeline").and_then(|it| it.parse().ok()).ok_or_else(|| missing("timeline"))?),
            end: fact("end").and_then(|it| it.parse().ok()).ok_or_else(|| missing("end"))?,
            fork: fact("fork").and_then(|it| it.parse().ok()),
            same_history: fact("same_history").map(|it| it == "yes"),
            only_here,
            rewind: fact("rewind").map(|it| if it == "possible" { Ok(()) } else { Err(it.to_owned()) }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(text: &str) -> BTreeMap<String, String> {
        text.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    #[test]
    fn reads_what_an_inspection_prints() {
        let found = BranchObservation::parse(&facts(
            "end=0/5000148\ntimeline=1\nfork=0/5000028\ndiverged=yes\ntransactions=3\nrealm.1=shop\nuser.2=shop/b=c\n\
             user.1=shop/a\ntable.user_entity=2\nrewind=possible",
        ))
        .unwrap();
        let json = serde_json::to_value(&found).unwrap();
        let only_here = found.only_here.unwrap();
        assert_eq!(
            (only_here.transactions, only_here.users),
            (Some(3), vec!["shop/a".to_owned(), "shop/b=c".to_owned()])
        );
        assert_eq!(json["rewind"], serde_json::json!({ "possible": true, "why": null }), "no Rust in it");
        assert_eq!((found.timeline, found.rewind), (TimelineId(1), Some(Ok(()))));
        let same = BranchObservation::parse(&facts("end=0/5\ntimeline=2\nsame_history=yes")).unwrap();
        assert_eq!((same.same_history, same.only_here, same.rewind), (Some(true), None, None));
        assert!(BranchObservation::parse(&facts("broken=yes\nrewind=there is no database")).is_err());
        assert!(BranchObservation::parse(&facts("timeline=2")).is_err());
    }
}
