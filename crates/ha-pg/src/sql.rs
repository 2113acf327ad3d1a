//! The statement that observes, and its answer.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use ha_core::observe::PostgresObservation;
use serde::Deserialize;

use crate::provision::digest_of_look;

/// One statement, one row, one column: a JSON object with the fields of [`PostgresObservation`].
pub(crate) static OBSERVE: LazyLock<String> =
    LazyLock::new(|| include_str!("observe.sql").replace("DIGEST_OF_LOOK", &digest_of_look()));

/// What [`HostObservation::PROGRAM`](ha_core::observe::HostObservation::PROGRAM) prints on the server's host, a row a line. The
/// foreign table is made with the roles; a server without `file_fdw` has none, which is why it is asked for by itself.
pub(crate) const HOST: &str = "SELECT line FROM ha.host";

/// Calls the function of look.sql, which is made with the roles as well.
pub(crate) const LOOK: &str = "SELECT ha.look()";

/// The answer to [`LOOK`].
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Looked {
    verifiers_as_set: BTreeMap<String, bool>,
    unlogged_relations: u64,
}

impl Looked {
    /// Reads it. What is not understood is not known.
    pub(crate) fn parse(answer: &str) -> Self {
        serde_json::from_str(answer.trim()).unwrap_or_else(|error| {
            tracing::debug!(%error, "{answer} is no answer");
            Self::default()
        })
    }

    pub(crate) fn add_to(self, seen: &mut PostgresObservation) {
        seen.verifiers_as_set = self.verifiers_as_set;
        seen.unlogged_relations = self.unlogged_relations;
    }
}

/// SQLSTATE `object_not_in_prerequisite_state`: a function of a standby was called on a primary. [`OBSERVE`] can run into
/// it only when the server is promoted while it runs, so it is asked once more.
pub(crate) const WRONG_ROLE: &str = "55000";

/// Reads the answer to [`OBSERVE`].
pub(crate) fn parse(answer: &str) -> Result<PostgresObservation, serde_json::Error> {
    serde_json::from_str(answer.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_standby_without_a_receiver_answers() {
        let answer = r#"{"system_identifier" : "7573217402113118249", "timeline" : 2, "version" : 170006,
            "role" : "standby", "write_lsn" : null, "receive_lsn" : null, "flush_lsn" : null,
            "replay_lsn" : "0/3000148", "replay_paused" : false, "replay_age_seconds" : null, "receiver" : null,
            "upstream" : "vm1:5432", "senders" : [], "slots" : [{"name" : "ha_vm1", "active" : false,
            "wal_status" : null, "retained_bytes" : null, "safe_wal_bytes" : null}],
            "synchronous_standby_names" : "", "data_checksums" : true, "wal_log_hints" : true,
            "pending_restart" : ["max_connections"], "collation_mismatch" : false}"#;
        let seen = parse(answer).unwrap();
        assert_eq!(seen.system_identifier.to_string(), "7573217402113118249");
        assert_eq!(seen.receiver, None);
        assert_eq!(seen.slots[0].retained_bytes, None, "unknown must not become 0");
    }

    #[test]
    fn what_was_made_for_the_probe_is_asked_of_its_role_and_of_this_very_function() {
        assert!(OBSERVE.contains(&format!("rolname = '{}'", ha_core::layout::PROBE_ROLE)));
        assert!(!OBSERVE.contains("DIGEST_OF_LOOK") && OBSERVE.contains(&digest_of_look()));
    }

    #[test]
    fn an_answer_that_lacks_a_field_is_no_observation() {
        assert!(parse("{}").is_err());
        assert!(parse("").is_err());
    }
}
