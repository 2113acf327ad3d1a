//! What tells a cluster from another one of the same name.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::SystemIdentifier;

/// Why an id is refused. The text reads after the name of the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no id: 8 to 32 lowercase letters and digits")]
pub struct ClusterIdError(String);

/// The id of a cluster: names are chosen by people, who choose the same one twice. `setup` draws one at random; a cluster
/// that was made without gets the one that [its database](Self::of_database) gives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ClusterId(String);

impl ClusterId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id made from these random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 8]) -> Self {
        Self(hex(&bytes))
    }

    /// The id of a cluster that was made without one: every host of it comes to the same, without asking the others.
    #[must_use]
    pub fn of_database(system: SystemIdentifier) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"ha-cli cluster 1");
        hash.update(system.0.to_be_bytes());
        Self(hex(&hash.finalize()[..8]))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl FromStr for ClusterId {
    type Err = ClusterIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (8..=32).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if fits { Ok(Self(text.to_owned())) } else { Err(ClusterIdError(text.to_owned())) }
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_make_one_give_what_can_be_read() {
        for id in [ClusterId::from_random([0, 1, 2, 3, 4, 5, 6, 255]), ClusterId::of_database(SystemIdentifier(7))] {
            assert_eq!(id.as_str().parse(), Ok(id.clone()));
        }
        assert_ne!(ClusterId::of_database(SystemIdentifier(7)), ClusterId::of_database(SystemIdentifier(8)));
    }

    #[test]
    fn anything_that_a_label_or_a_file_could_trip_over_is_refused() {
        for bad in ["", "short", "UPPER-CASE", "with space", "0123456\n", "\"0123456", &"a".repeat(33)] {
            assert!(bad.parse::<ClusterId>().is_err(), "{bad} was taken");
        }
    }
}
