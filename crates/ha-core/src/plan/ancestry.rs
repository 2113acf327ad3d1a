//! Whether one node's data is a continuation of another's.
//!
//! Numbers do not tell: of two nodes that were promoted apart from each other, each may be on timeline 2, and PostgreSQL, which
//! compares nothing else, would let one stream from the other wherever positions allow it. The ids of the promotions tell.

use crate::observe::PostgresObservation;
use crate::values::{Lineage, MOST_ANCESTORS, NodeName, PromotionId, PromotionRecord};

/// A node's server.
#[derive(Clone, Copy)]
pub(crate) struct Of<'n, 's> {
    pub(crate) node: &'n NodeName,
    pub(crate) server: &'s PostgresObservation,
}

/// The promotion that a node's data comes from, and the data of `other` does not: what was written since then is not there.
/// `None` where `other` has been through all that this one has been through, as far as anybody knows.
pub(crate) fn own_way<'s>(of: Of<'_, 's>, other: &PostgresObservation) -> Option<&'s PromotionRecord> {
    let lineage = of.server.lineage.as_ref();
    if let Some(lineage) = lineage.filter(|it| !has_been_through(other, &it.promotion.id)) {
        return Some(&lineage.promotion);
    }
    let record = of.server.promotion.as_ref()?;
    let made = unwritten(of.server).is_some() && !has_been_through(other, &record.id);
    let lacks = untold(of.server, record).any(|id| !has_been_through(other, id));
    (made || lacks).then_some(record)
}

/// The promotion that a node knows of, where its data has been through it, and does not tell: the command that made it was ended
/// right then. One that was only written down has led to no timeline; nor has data been through it that was merely told to follow.
pub(super) fn unwritten(server: &PostgresObservation) -> Option<&PromotionRecord> {
    let record = server.promotion.as_ref()?;
    let been_there = |lineage: &Lineage| {
        let before = u32::try_from(untold(server, record).count()).unwrap_or(u32::MAX);
        server.timeline.0 > lineage.timeline.0.saturating_add(before) && !lineage.promotion.comes_from(&record.id)
    };
    server.lineage.as_ref().is_none_or(been_there).then_some(record)
}

/// The promotions before `record` that the data has been through, and does not tell of.
fn untold<'s>(server: &'s PostgresObservation, record: &'s PromotionRecord) -> impl Iterator<Item = &'s PromotionId> {
    let told = |id: &PromotionId| server.lineage.as_ref().is_none_or(|it| it.promotion.comes_from(id));
    record.ancestors.iter().filter(move |id| !told(id))
}

/// Whether a running server's data has been through a promotion. What is written down counts, too: where it is only meant, for
/// this node itself, no other has the id; and what came before it is what the data came from when it was written down.
pub(crate) fn has_been_through(server: &PostgresObservation, id: &PromotionId) -> bool {
    server.lineage.as_ref().is_some_and(|it| it.promotion.comes_from(id))
        || server.promotion.as_ref().is_some_and(|it| it.comes_from(id))
}

/// The ancestors of a promotion that `of` goes through next.
pub(super) fn ancestors(of: Of<'_, '_>) -> Vec<PromotionId> {
    match (&of.server.lineage, &of.server.promotion) {
        (Some(lineage), _) => {
            let made = unwritten(of.server).map(|record| &record.id);
            let before = of.server.promotion.iter().flat_map(|record| untold(of.server, record));
            let known = std::iter::once(&lineage.promotion.id).chain(&lineage.promotion.ancestors);
            made.into_iter().chain(before).chain(known).take(MOST_ANCESTORS).cloned().collect()
        }
        // Nobody has written it into the data. The creation, and what another went through, came about.
        (None, Some(record)) if record.primary != *of.node || record.generation == 1 => record.ancestors_of_next(),
        (None, _) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::fixtures::{name, pair, primary, promotion, standby};
    use crate::values::TimelineId;

    fn lineage(record: &PromotionRecord, timeline: u32) -> Option<Lineage> {
        Some(Lineage { promotion: record.clone(), timeline: TimelineId(timeline) })
    }

    /// vm1's data, and vm2's, which was promoted since.
    fn servers() -> (PostgresObservation, PostgresObservation) {
        let topology = pair();
        let [vm1, vm2] = [&topology.nodes()[0], &topology.nodes()[1]];
        let (old, mut new) = (standby(&topology, &vm1.name, vm2), primary(&topology, &vm2.name));
        let record = PromotionRecord { ancestors: promotion(1, "vm1").ancestors_of_next(), ..promotion(2, "vm2") };
        (new.lineage, new.promotion) = (lineage(&record, 2), Some(record));
        new.timeline = TimelineId(2);
        (old, new)
    }

    #[test]
    fn what_was_promoted_since_continues_what_was_not() {
        let (old, new) = servers();
        let [vm1, vm2] = [name("vm1"), name("vm2")];
        assert_eq!(own_way(Of { node: &vm1, server: &old }, &new), None);
        assert_eq!(own_way(Of { node: &vm2, server: &new }, &old).unwrap().generation, 2);
    }

    #[test]
    fn of_two_that_were_promoted_apart_neither_continues_the_other() {
        let (mut old, new) = servers();
        let [vm1, vm2] = [name("vm1"), name("vm2")];
        let record = PromotionRecord { ancestors: promotion(1, "vm1").ancestors_of_next(), ..promotion(3, "vm1") };
        (old.lineage, old.timeline) = (lineage(&record, 2), TimelineId(2));
        old.promotion = Some(record);
        assert_eq!(own_way(Of { node: &vm1, server: &old }, &new).unwrap().generation, 3);
        assert_eq!(own_way(Of { node: &vm2, server: &new }, &old).unwrap().generation, 2);
    }

    #[test]
    fn a_promotion_that_was_only_written_down_is_no_way_of_its_own() {
        let (mut old, new) = servers();
        let vm1 = name("vm1");
        old.promotion = Some(promotion(3, "vm1"));
        assert_eq!(own_way(Of { node: &vm1, server: &old }, &new), None);
        // It was made, and the command ended before it was written into the data.
        old.timeline = TimelineId(2);
        assert_eq!(own_way(Of { node: &vm1, server: &old }, &new).unwrap().generation, 3);
        // Of a time when nothing was written there nothing is known.
        (old.timeline, old.lineage) = (TimelineId(1), None);
        assert_eq!(own_way(Of { node: &vm1, server: &old }, &new).unwrap().generation, 3);
    }

    #[test]
    fn the_next_promotion_comes_from_those_that_were_made() {
        let (mut old, new) = servers();
        let ids = |generations: &[u64]| generations.iter().map(|it| promotion(*it, "vm1").id).collect::<Vec<_>>();
        let [vm1, vm2] = [name("vm1"), name("vm2")];
        assert_eq!(ancestors(Of { node: &vm2, server: &new }), ids(&[2, 1]));
        old.promotion = Some(promotion(3, "vm1"));
        assert_eq!(ancestors(Of { node: &vm1, server: &old }), ids(&[1]), "what was only meant is left out");
        old.timeline = TimelineId(2);
        assert_eq!(ancestors(Of { node: &vm1, server: &old }), ids(&[3, 1]), "it came about, and nobody wrote it");
        old.lineage = None;
        assert_eq!(ancestors(Of { node: &vm1, server: &old }), []);
        old.promotion = Some(promotion(1, "vm1"));
        assert_eq!(ancestors(Of { node: &vm1, server: &old }), ids(&[1]), "the creation");
    }
}
