//! What becomes of each of PostgreSQL's settings in `[postgres.settings]`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

const LIST: &str = include_str!("assets/postgres-settings.txt");

/// Whether a setting is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostgresSetting {
    /// It stands in `postgresql.conf`.
    Taken,
    /// Why not; reads after the setting's name.
    Refused(&'static str),
}

/// By their names, read once.
static KNOWN: LazyLock<BTreeMap<&str, PostgresSetting>> = LazyLock::new(|| list().collect());

/// `take NAME` or `refused NAME REASON` of each line.
fn list() -> impl Iterator<Item = (&'static str, PostgresSetting)> {
    LIST.lines().filter(|line| !line.starts_with('#')).filter_map(|line| match line.split_once(' ')? {
        ("take", name) => Some((name, PostgresSetting::Taken)),
        (_, rest) => rest.split_once(' ').map(|(name, reason)| (name, PostgresSetting::Refused(reason))),
    })
}

impl PostgresSetting {
    /// What becomes of the setting of that name, in whatever case, as PostgreSQL takes it; `None` when neither PostgreSQL 17
    /// (nor one before it) has it nor an extension can.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let Some((extension, rest)) = name.split_once('.') else {
            return KNOWN.get(name.as_str()).copied();
        };
        // As `valid_custom_variable_name` has it.
        let begins = |part: &str| part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii());
        let goes_on = |c: char| c.is_ascii_alphanumeric() || "_$".contains(c) || !c.is_ascii();
        let well = |part: &str| begins(part) && part.chars().all(goes_on);
        match extension {
            "ha" => Some(Self::Refused("is set by ha-cli itself, as all of that prefix")),
            _ => (well(extension) && rest.split('.').all(well)).then_some(Self::Taken),
        }
    }

    /// Every name in the list.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KNOWN.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::PostgresSetting::{Refused, Taken};
    use super::*;

    #[test]
    fn a_setting_is_taken_or_refused_whatever_its_case() {
        for name in ["work_mem", "Work_Mem", "DateStyle", "pg_stat_statements.track", "auto_explain.log_min_duration"] {
            assert_eq!(PostgresSetting::of(name), Some(Taken), "{name}");
        }
        for name in [
            "wal_level",
            "WAL_LEVEL",
            "Fsync",
            "server_version",
            "ha.durability",
            "HA.x",
            "TimeZone_",
            "recovery_target_time",
        ] {
            let how = PostgresSetting::of(name);
            assert!(matches!(how, Some(Refused(_))) || name == "TimeZone_" && how.is_none(), "{name}: {how:?}");
        }
        for name in
            ["", "include", "work mem", "work_mem\nfsync", "a.", ".a", "a.b c", "a.1", "x.y\nfsync", "a.b = 1 #"]
        {
            assert_eq!(PostgresSetting::of(name), None, "{name}");
        }
    }

    #[test]
    fn every_line_of_the_list_is_read_and_none_stands_there_twice() {
        let lines = LIST.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(list().count(), lines);
        assert_eq!(PostgresSetting::names().count(), lines);
    }
}
