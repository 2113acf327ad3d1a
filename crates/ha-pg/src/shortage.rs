//! Whether a standby that has stopped replaying would outlive its promotion.

use std::collections::BTreeMap;
use std::time::Duration;

use ha_core::observe::Shortage;
use ha_core::ports::{ExecSpec, PostgresError};

use crate::server::Server;

const ASK: &str = "SELECT json_object_agg(name, setting::int) FROM pg_settings WHERE name IN ('max_connections', \
    'max_worker_processes', 'max_wal_senders', 'max_prepared_transactions', 'max_locks_per_transaction');\n";

/// As `pg_controldata` calls what the record of the primary's settings has left in the control file, before the replay stopped at it.
const CONTROL_DATA: [(&str, &str); 5] = [
    ("max_connections setting", "max_connections"),
    ("max_worker_processes setting", "max_worker_processes"),
    ("max_wal_senders setting", "max_wal_senders"),
    ("max_prepared_xacts setting", "max_prepared_transactions"),
    ("max_locks_per_xact setting", "max_locks_per_transaction"),
];

/// What a standby whose replay stands has less of than its primary had; nothing where somebody has paused it.
pub(crate) async fn of(server: &Server<'_>, limit: Duration) -> Result<Vec<Shortage>, PostgresError> {
    let what = "tell what it has";
    let refused = |message: String| PostgresError::Refused { what: what.to_owned(), message };
    let answer = server.run(ASK, limit).await.map_err(|error| refused(error.to_string()))?;
    let has: BTreeMap<String, u32> = serde_json::from_str(&answer).map_err(|error| refused(error.to_string()))?;
    let ask = ExecSpec {
        argv: vec!["pg_controldata".to_owned()],
        user: Some("postgres".to_owned()),
        environment: [("LC_ALL".to_owned(), "C".to_owned())].into(),
        stdin: None,
    };
    let output = server.runtime.exec(&server.container, &ask, limit).await?;
    Ok(short(&has, &String::from_utf8_lossy(&output.stdout)))
}

fn short(has: &BTreeMap<String, u32>, control_data: &str) -> Vec<Shortage> {
    let lines = control_data.lines().filter_map(|line| line.split_once(':'));
    let needed = lines.filter_map(|(label, value)| {
        let (_, name) = CONTROL_DATA.iter().find(|(known, _)| *known == label)?;
        Some((*name, value.trim().parse::<u32>().ok()?))
    });
    let short = needed.filter_map(|(name, needed)| {
        let has = *has.get(name)?;
        (has < needed).then(|| Shortage { name: name.to_owned(), has, needed })
    });
    short.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_control_file_has_more_of_is_short() {
        let text = "pg_control version number:            1700\nmax_connections setting:              300\n\
                    max_worker_processes setting:         8\nmax_prepared_xacts setting:           5\n";
        let has = [("max_connections", 124), ("max_worker_processes", 8), ("max_prepared_transactions", 0)];
        let has = has.map(|(name, value)| (name.to_owned(), value)).into();
        let found = Shortage::list(&short(&has, text));
        assert_eq!(found, "max_connections (124, needed 300), max_prepared_transactions (0, needed 5)");
    }
}
