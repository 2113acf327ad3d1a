//! Who was made the primary last, and by which promotion.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{NodeName, TimelineId};

/// What a node knows of the promotion that its data descends from, or that it is about to go through.
///
/// It lies in a file of the node's state volume that the server reads as part of its configuration, under names of its
/// own (PostgreSQL calls them customized options): so it outlives a rewind and a base backup, can be read from a stopped
/// node, and is shown by a running one, to its peers' guards as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionRecord {
    /// Of two, the later one is right. 1 is the cluster's creation; each node is given numbers of its own, and some are left
    /// out where a node could not be asked.
    pub generation: u64,
    /// Tells two promotions apart that were made without knowing of each other.
    pub id: PromotionId,
    /// The node that was made the primary.
    pub primary: NodeName,
    /// It goes on without a standby's confirmation although the profile asks for one, because a person said so.
    #[serde(default)]
    pub run_alone: bool,
    /// The promotions that the data came from before this one, the last first, [`MOST_ANCESTORS`] at most. Timelines do not
    /// tell: two promotions that knew nothing of each other may lead to one number.
    #[serde(default)]
    pub ancestors: Vec<PromotionId>,
}

/// So many promotions are remembered. A node that was not there for longer is taken for one whose data may have gone another
/// way, and is given a copy when it comes back.
pub const MOST_ANCESTORS: usize = 16;

/// The promotion that a node's data comes from, written into the data itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// Which; says nothing of `run_alone`.
    #[serde(flatten)]
    pub promotion: PromotionRecord,
    /// The timeline that it led to. Data on a later one has been through a promotion that nobody wrote into it.
    pub timeline: TimelineId,
}

impl PromotionRecord {
    /// Whether data that has been through this promotion has been through the one with that id as well.
    #[must_use]
    pub fn comes_from(&self, id: &PromotionId) -> bool {
        self.id == *id || self.ancestors.contains(id)
    }

    /// The ancestors of the promotion that comes next.
    #[must_use]
    pub fn ancestors_of_next(&self) -> Vec<PromotionId> {
        std::iter::once(&self.id).chain(&self.ancestors).take(MOST_ANCESTORS).cloned().collect()
    }

    /// Its place among all promotions: of two in one generation, which knew nothing of each other, everybody takes the same one for the
    /// later.
    #[must_use]
    pub const fn order(&self) -> (u64, &PromotionId) {
        (self.generation, &self.id)
    }

    /// Whether the two name one and the same promotion.
    #[must_use]
    pub fn is_same_promotion(&self, other: &Self) -> bool {
        self.generation == other.generation && self.id == other.id
    }
}

impl fmt::Display for PromotionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "generation {} ({} promoted, id {})", self.generation, self.primary, self.id)
    }
}

/// The random id of a promotion, a UUID, drawn by the host on which it happens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PromotionId(String);

/// The text is no UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no id of a promotion: 36 characters, hexadecimal digits and hyphens")]
pub struct PromotionIdError(String);

impl std::str::FromStr for PromotionId {
    type Err = PromotionIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // What a container wrote ends up in a file and on a screen: nothing else may be in it.
        let plain = text.len() == 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        if plain { Ok(Self(text.to_ascii_lowercase())) } else { Err(PromotionIdError(text.to_owned())) }
    }
}

impl fmt::Display for PromotionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for PromotionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_promotions_are_remembered() {
        let id = |number: usize| format!("6f9619ff-8b86-d011-b42d-{number:012}").parse::<PromotionId>().unwrap();
        let mut record = PromotionRecord {
            generation: 1,
            id: id(0),
            primary: "vm1".parse().unwrap(),
            run_alone: false,
            ancestors: Vec::new(),
        };
        for number in 1..=MOST_ANCESTORS + 1 {
            record = PromotionRecord { id: id(number), ancestors: record.ancestors_of_next(), ..record };
        }
        assert!(record.comes_from(&id(MOST_ANCESTORS + 1)) && record.comes_from(&id(1)));
        assert!(!record.comes_from(&id(0)), "that is too long ago");
        assert_eq!(record.ancestors.len(), MOST_ANCESTORS);
    }

    #[test]
    fn an_id_is_a_uuid_and_nothing_else() {
        let id: PromotionId = "6F9619FF-8B86-D011-B42D-00CF4FC964FF".parse().unwrap();
        assert_eq!(id.to_string(), "6f9619ff-8b86-d011-b42d-00cf4fc964ff");
        for wrong in ["", "6f9619ff", "6f9619ff-8b86-d011-b42d-00cf4fc964f'", "6f9619ff-8b86-d011-b42d-00cf4fc964ff "] {
            assert!(wrong.parse::<PromotionId>().is_err(), "{wrong}");
        }
    }
}
