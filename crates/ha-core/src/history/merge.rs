//! One history out of the nodes' copies.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Entry, Event, Outcome};
use crate::values::NodeName;

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Operation {
    /// Its id.
    pub operation: String,
    /// When it began; `None` where only its end was written down.
    pub begun: Option<String>,
    /// The command.
    pub command: String,
    /// Who gave it.
    pub by: String,
    /// The cluster's generation, where it was known.
    pub generation: Option<u64>,
    /// The nodes that it was about.
    pub nodes: Vec<NodeName>,
    /// Its end; `None` while it is at work, and for ever when it was killed.
    pub ended: Option<Ended>,
}

/// How and when an operation ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ended {
    /// When.
    pub at: String,
    /// How.
    pub outcome: Option<Outcome>,
    /// How long it took.
    pub seconds: Option<f64>,
    /// What else there is to say.
    pub detail: Option<String>,
}

impl Operation {
    /// When it began or, where that is not known, ended.
    #[must_use]
    pub fn when(&self) -> &str {
        self.begun.as_deref().or(self.ended.as_ref().map(|ended| ended.at.as_str())).unwrap_or_default()
    }
}

/// Puts what the nodes hold together: what several of them say counts once, and what only one says counts, too. Oldest
/// first.
#[must_use]
pub fn merge<'e>(nodes: impl IntoIterator<Item = &'e [Entry]>) -> Vec<Operation> {
    let mut by_id: BTreeMap<&str, (Option<&Entry>, Option<&Entry>)> = BTreeMap::new();
    for entry in nodes.into_iter().flatten() {
        let (begun, ended) = by_id.entry(&entry.operation).or_default();
        let known = match entry.event {
            Event::Begun => begun,
            Event::Ended => ended,
        };
        // Copies are the same. Should they ever differ, the choice must not hang on who is asked first.
        if known.is_none_or(|known| key(entry) < key(known)) {
            *known = Some(entry);
        }
    }
    let mut operations: Vec<_> =
        by_id.into_iter().filter_map(|(id, (begun, ended))| operation(id, begun, ended)).collect();
    operations.sort_by(|one, other| (one.when(), &one.operation).cmp(&(other.when(), &other.operation)));
    operations
}

fn key(entry: &Entry) -> (&str, Vec<u8>) {
    (&entry.at, super::lines(std::slice::from_ref(entry)))
}

fn operation(id: &str, begun: Option<&Entry>, ended: Option<&Entry>) -> Option<Operation> {
    let said = begun.or(ended)?;
    Some(Operation {
        operation: id.to_owned(),
        begun: begun.map(|entry| entry.at.clone()),
        command: said.command.clone(),
        by: said.by.clone(),
        // A failover knows its generation only at its end.
        generation: ended.and_then(|entry| entry.generation).or(said.generation),
        nodes: said.nodes.clone(),
        ended: ended.map(|entry| Ended {
            at: entry.at.clone(),
            outcome: entry.outcome,
            seconds: entry.seconds,
            detail: entry.detail.clone(),
        }),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::entry::tests::entry;
    use super::*;

    fn at(second: u32) -> String {
        format!("2026-11-23T23:12:{second:02}.000Z")
    }

    #[test]
    fn what_two_nodes_say_counts_once_and_what_one_says_counts() {
        let one =
            [entry("b", Event::Begun, &at(2)), entry("b", Event::Ended, &at(5)), entry("c", Event::Begun, &at(7))];
        let other =
            [entry("a", Event::Begun, &at(1)), entry("b", Event::Begun, &at(2)), entry("d", Event::Ended, &at(6))];
        let merged = merge([&one[..], &other[..]]);
        let told: Vec<_> = merged
            .iter()
            .map(|it| (it.operation.as_str(), it.begun.is_some(), it.ended.as_ref().and_then(|ended| ended.outcome)))
            .collect();
        // The end of `a` was written nowhere, the beginning of `d` neither.
        let expected =
            [("a", true, None), ("b", true, Some(Outcome::Done)), ("d", false, Some(Outcome::Done)), ("c", true, None)];
        assert_eq!(told, expected);
        assert_eq!(merged[2].when(), at(6));
    }

    #[test]
    fn the_generation_is_that_of_the_end_where_it_is_known() {
        let (mut begun, mut ended) = (entry("a", Event::Begun, &at(1)), entry("a", Event::Ended, &at(2)));
        begun.generation = Some(3);
        assert_eq!(merge([&[begun.clone(), ended.clone()][..]])[0].generation, Some(3));
        ended.generation = Some(4);
        assert_eq!(merge([&[begun, ended][..]])[0].generation, Some(4));
    }

    fn any_entry() -> impl Strategy<Value = Entry> {
        (0..6_u8, any::<bool>(), 0..60_u32, proptest::option::of(0..3_u64)).prop_map(
            |(id, begun, second, generation)| {
                let event = if begun { Event::Begun } else { Event::Ended };
                let mut entry = entry(&format!("op{id}"), event, &at(second));
                entry.generation = generation;
                entry
            },
        )
    }

    proptest! {
        #[test]
        fn the_copies_may_come_in_any_order_and_any_number(
            entries in proptest::collection::vec((any_entry(), 1..8_u8), 0..30),
            order in any::<proptest::sample::Index>(),
        ) {
            // Each entry lies on the nodes whose bit is set.
            let node = |bit: u8| -> Vec<Entry> {
                entries.iter().filter(|(_, on)| on & (1 << bit) != 0).map(|(entry, _)| entry.clone()).collect()
            };
            let nodes = [node(0), node(1), node(2)];
            let all: Vec<Entry> = entries.iter().map(|(entry, _)| entry.clone()).collect();
            let merged = merge(nodes.iter().map(Vec::as_slice));
            prop_assert_eq!(&merged, &merge([&all[..]]));
            let mut turned: Vec<&[Entry]> = nodes.iter().map(Vec::as_slice).collect();
            turned.rotate_left(order.index(3));
            prop_assert_eq!(&merged, &merge(turned.into_iter().rev()));
            // Nothing is lost and nothing made up: every id once, in the order of time, and ended when somebody says so.
            prop_assert!(merged.windows(2).all(|two| (two[0].when(), &two[0].operation) < (two[1].when(), &two[1].operation)));
            for entry in &all {
                let found: Vec<_> = merged.iter().filter(|it| it.operation == entry.operation).collect();
                prop_assert_eq!(found.len(), 1);
                match entry.event {
                    Event::Begun => prop_assert!(found[0].begun.is_some()),
                    Event::Ended => prop_assert!(found[0].ended.is_some()),
                }
            }
            // What was written is read back the same.
            prop_assert_eq!(super::super::parse(&super::super::lines(&all)).entries, all);
        }
    }
}
