//! Who was made the primary last, and by which promotion.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::NodeName;

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
}

impl PromotionRecord {
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
    fn an_id_is_a_uuid_and_nothing_else() {
        let id: PromotionId = "6F9619FF-8B86-D011-B42D-00CF4FC964FF".parse().unwrap();
        assert_eq!(id.to_string(), "6f9619ff-8b86-d011-b42d-00cf4fc964ff");
        for wrong in ["", "6f9619ff", "6f9619ff-8b86-d011-b42d-00cf4fc964f'", "6f9619ff-8b86-d011-b42d-00cf4fc964ff "] {
            assert!(wrong.parse::<PromotionId>().is_err(), "{wrong}");
        }
    }
}
