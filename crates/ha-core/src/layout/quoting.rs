//! Values as the programs that read them want them.

/// A value of `postgresql.conf`, where a backslash escapes within quotes, unlike in SQL.
#[must_use]
pub fn postgresql_conf_value(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A value of a libpq connection string.
#[must_use]
pub fn conninfo_value(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
