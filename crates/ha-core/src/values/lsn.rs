//! WAL positions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A WAL position (`pg_lsn`): a byte offset into the write-ahead log of one history.
///
/// Printed and parsed as PostgreSQL does, two hexadecimal halves (`0/3000148`). Two positions may be compared only
/// within one system identifier and one history of timelines; this type cannot know that, its users must.
///
/// ```
/// use ha_core::values::Lsn;
/// let flushed: Lsn = "16/B374D848".parse()?;
/// assert_eq!(flushed.to_string(), "16/B374D848");
/// assert_eq!(flushed.bytes_since("16/B374D800".parse()?), 0x48);
/// # Ok::<(), ha_core::values::ParseLsnError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(u64);

impl Lsn {
    /// The position `bytes` from the start of the log.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Bytes from the start of the log.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// How many bytes of WAL lie between `earlier` and this position; 0 when `earlier` is in fact later, since a
    /// reading taken a moment later on another server is no negative distance.
    #[must_use]
    pub const fn bytes_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

/// The text is no WAL position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no WAL position; one looks like 0/3000148")]
pub struct ParseLsnError(String);

impl FromStr for Lsn {
    type Err = ParseLsnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseLsnError(text.to_owned());
        let (high, low) = text.split_once('/').ok_or_else(wrong)?;
        let half = |part: &str| {
            // `from_str_radix` accepts a sign, `pg_lsn` does not.
            if part.is_empty() || part.len() > 8 || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(wrong());
            }
            u64::from_str_radix(part, 16).map_err(|_| wrong())
        };
        Ok(Self((half(high)? << 32) | half(low)?))
    }
}

impl Serialize for Lsn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Lsn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(bytes: u64) {
            let lsn = Lsn::new(bytes);
            prop_assert_eq!(lsn.to_string().parse::<Lsn>(), Ok(lsn));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,24}") {
            drop(text.parse::<Lsn>());
        }
    }

    #[test]
    fn refuses_what_postgresql_refuses() {
        for text in ["", "/", "0", "0/", "/0", "0/123456789", "+1/0", "0/ 1", "0/G", "0/0/0"] {
            assert!(text.parse::<Lsn>().is_err(), "{text:?} was accepted");
        }
    }
}
