//! `global/pg_control`: what a stopped server left of itself.

use serde::Serialize;

use crate::values::{Lsn, SystemIdentifier, TimelineId};

/// Where it lies below a data directory.
pub const CONTROL_FILE: &str = "global/pg_control";

/// The part of a server's control file that tells how it ended. Of a server that runs it is out of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ControlFile {
    /// Whose database.
    pub system: SystemIdentifier,
    /// How it ended.
    pub state: ControlState,
    /// Where the record of the last checkpoint begins: after an orderly end, the last record of all.
    pub checkpoint: Lsn,
    /// The timeline of that checkpoint.
    pub timeline: TimelineId,
}

/// `DBState` of PostgreSQL's `catalog/pg_control.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlState {
    /// A primary that was shut down in an orderly way: its last record is a shutdown checkpoint.
    ShutDown,
    /// A standby that was shut down in an orderly way.
    ShutDownInRecovery,
    /// Anything else: it runs, or it ended without a shutdown.
    Other,
}

/// The bytes are no control file that is understood here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlFileError {
    /// Too short.
    #[error("pg_control has {0} bytes, too few")]
    Short(usize),
    /// A layout that is not known here.
    #[error("pg_control has version {0}; known are 1300 (PostgreSQL 13 to 16), 1700 (17) and 1800 (18)")]
    Version(u32),
}

impl ControlFile {
    /// Reads it. The first fields have had the same places from PostgreSQL 13 to 18, on every machine with 64 bits and
    /// little-endian numbers, which are all that the images are made for.
    ///
    /// # Errors
    /// It is another file, or of a version that is not known here.
    pub fn parse(bytes: &[u8]) -> Result<Self, ControlFileError> {
        let long = |at: usize| bytes.get(at..at + 8).and_then(|it| it.try_into().ok()).map(u64::from_le_bytes);
        let word = |at: usize| bytes.get(at..at + 4).and_then(|it| it.try_into().ok()).map(u32::from_le_bytes);
        let short = || ControlFileError::Short(bytes.len());
        let version = word(8).ok_or_else(short)?;
        if ![1300, 1700, 1800].contains(&version) {
            return Err(ControlFileError::Version(version));
        }
        Ok(Self {
            system: SystemIdentifier(long(0).ok_or_else(short)?),
            state: match word(16).ok_or_else(short)? {
                1 => ControlState::ShutDown,
                2 => ControlState::ShutDownInRecovery,
                _ => ControlState::Other,
            },
            checkpoint: Lsn::new(long(32).ok_or_else(short)?),
            timeline: TimelineId(word(48).ok_or_else(short)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields, and zeros between them.
    fn bytes(version: u32, state: u32) -> Vec<u8> {
        let mut bytes = vec![0; 8192];
        bytes[0..8].copy_from_slice(&7_412_345_678_901_234_567_u64.to_le_bytes());
        bytes[8..12].copy_from_slice(&version.to_le_bytes());
        bytes[16..20].copy_from_slice(&state.to_le_bytes());
        bytes[32..40].copy_from_slice(&0x300_0148_u64.to_le_bytes());
        bytes[48..52].copy_from_slice(&3_u32.to_le_bytes());
        bytes
    }

    #[test]
    fn tells_how_a_server_ended() {
        for (number, state) in
            [(1, ControlState::ShutDown), (2, ControlState::ShutDownInRecovery), (6, ControlState::Other)]
        {
            let found = ControlFile::parse(&bytes(1700, number)).unwrap();
            assert_eq!(
                found,
                ControlFile {
                    system: SystemIdentifier(7_412_345_678_901_234_567),
                    state,
                    checkpoint: "0/3000148".parse().unwrap(),
                    timeline: TimelineId(3),
                }
            );
        }
    }

    #[test]
    fn takes_nothing_else_for_one() {
        assert_eq!(ControlFile::parse(b"short"), Err(ControlFileError::Short(5)));
        assert_eq!(ControlFile::parse(&bytes(1201, 1)), Err(ControlFileError::Version(1201)));
        assert_eq!(ControlFile::parse(&bytes(1700, 1)[..40]), Err(ControlFileError::Short(40)));
    }
}
