//! The extension's lists of Keycloak's tables, beside what this version of Keycloak has really made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::check::{ensure, ensure_eq};
use crate::outcome::Outcome;
use crate::world::{World, told};

const TABLES: &str = include_str!("../../../ha-keycloak/extension/src/main/java/org/hacli/standby/Tables.java");
const REALM_TABLES: &str =
    include_str!("../../../ha-keycloak/extension/src/main/java/org/hacli/standby/RealmTables.java");

/// No table is taken for somebody else's, and each has the columns by which it is told whose its rows are. A table that lacks one
/// would make the read-only node forget everything with each change, and nothing would say so.
pub(crate) async fn is_as_the_extension_knows_it(world: Arc<World>) -> Outcome {
    let rows = world
        .sql_primary
        .query(
            "SELECT table_name::text, column_name::text FROM information_schema.columns c \
             JOIN information_schema.tables t USING (table_schema, table_name) \
             WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'",
            &[],
        )
        .await
        .map_err(told)?;
    let mut made: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        made.entry(row.get(0)).or_default().insert(row.get(1));
    }
    ensure!(made.len() > 80, "only {} tables: {made:?}", made.len());

    let named = TABLES.split("\"\"\"").nth(1).unwrap_or_default();
    let named: BTreeSet<&str> = named.split_whitespace().collect();
    let strange: Vec<&String> = made.keys().filter(|table| !named.contains(table.as_str())).collect();
    ensure_eq!(strange, Vec::<&String>::new(), "tables that the extension takes for somebody else's");

    let users = pairs(TABLES);
    ensure!(users.len() > 15, "the tables of users are no longer read from the source: {users:?}");
    for (table, column) in users {
        let has = made.get(table).is_none_or(|columns| columns.contains(column));
        ensure!(has, "{table} has no column {column}, by which its users are found");
    }
    let realms = columns(REALM_TABLES);
    ensure!(realms.len() > 17, "the tables of realms are no longer read from the source: {realms:?}");
    for (table, column) in realms {
        let Some(columns) = made.get(table) else { return Err(format!("there is no table {table}").into()) };
        ensure!(columns.contains(column), "{table} has no column {column}, by which its realm is found");
    }
    Ok(())
}

/// Names that stand one after the other in the source: `"table", "column"`.
fn pairs(source: &str) -> Vec<(&str, &str)> {
    let literals: Vec<&str> = source.split('"').collect();
    let is_name = |text: &&str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    (1..literals.len().saturating_sub(2))
        .step_by(2)
        .filter(|&at| literals[at + 1] == ", " && ["id", "user_id"].contains(&literals[at + 2]))
        .map(|at| (literals[at], literals[at + 2]))
        .filter(|(table, _)| is_name(table))
        .collect()
}

/// `Map.entry("table", ...t.column...)`.
fn columns(source: &str) -> Vec<(&str, &str)> {
    let entries = source.split("Map.entry(\"").skip(1);
    let parts = entries.filter_map(|entry| {
        let (table, rest) = entry.split_once('"')?;
        let column = rest.split_once("\"t.")?.1;
        Some((table, column.split_once('"')?.0))
    });
    parts.collect()
}
