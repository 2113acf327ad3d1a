//! Names that end up in container, volume and slot names, and so must fit all of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a name is refused. The text reads after the name of the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("must not be empty")]
    Empty,
    /// More than 40 characters: PostgreSQL cuts identifiers at 63 bytes, and ours are parts of longer names.
    #[error("\"{0}\" is longer than 40 characters")]
    TooLong(String),
    /// A character that a container name or a host name does not take.
    #[error("\"{0}\" must consist of lowercase letters, digits and inner dashes, and start with a letter")]
    Characters(String),
    /// A word that the commands take as something else.
    #[error("\"{0}\" is a word of the commands themselves and cannot name a node")]
    Reserved(String),
}

fn check(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > 40 {
        return Err(NameError::TooLong(text.to_owned()));
    }
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !text.bytes().all(inner) || !text.starts_with(|c: char| c.is_ascii_lowercase()) || text.ends_with('-') {
        return Err(NameError::Characters(text.to_owned()));
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $reserved:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                check(text)?;
                let reserved: &[&str] = $reserved;
                if reserved.contains(&text) {
                    return Err(NameError::Reserved(text.to_owned()));
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// The name of a cluster: the first part of the name of everything that is made for it on an engine.
    ClusterName,
    &[]
);
name!(
    /// The name of a node. `primary`, `standby`, `replica` and `all` are refused: commands take them for roles.
    NodeName,
    &["primary", "standby", "replica", "all"]
);

/// The name of a physical replication slot: lowercase letters, digits and underscores, at most 63 bytes
/// (PostgreSQL 17, "Replication Slots").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SlotName(String);

impl SlotName {
    /// The slot that `standby` streams from, on whichever node is its upstream.
    #[must_use]
    pub fn of_standby(standby: &NodeName) -> Self {
        Self(format!("ha_{}", standby.as_str().replace('-', "_")))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SlotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn takes_host_like_names_and_refuses_others() {
        for good in ["vm1", "a", "node-2b", "primary-site"] {
            assert!(good.parse::<NodeName>().is_ok(), "{good} was refused");
        }
        for bad in ["", "1vm", "VM1", "vm_1", "-vm", "vm-", "vm.1", "primary", "all", &"x".repeat(41)] {
            assert!(bad.parse::<NodeName>().is_err(), "{bad} was accepted");
        }
    }

    proptest! {
        #[test]
        fn every_node_name_gives_a_slot_name_that_postgresql_takes(name in "[a-z][a-z0-9-]{0,38}[a-z0-9]") {
            let Ok(node) = name.parse::<NodeName>() else { return Ok(()) };
            let slot = SlotName::of_standby(&node);
            prop_assert!(slot.as_str().len() <= 63);
            prop_assert!(slot.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
        }
    }
}
