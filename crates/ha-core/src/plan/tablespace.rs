//! Tablespaces: directories beside the data directory, inside one container. No copy and no rewind takes them along, and a standby
//! ends where it meets one whose directory it does not have.

use super::{Refusal, RefusalKind};
use crate::layout::{self, Component};
use crate::observe::PostgresObservation;
use crate::topology::Topology;
use crate::values::NodeName;

/// How a primary's tablespaces go, on its own.
pub(crate) fn drop_tablespaces(topology: &Topology, primary: &NodeName, names: &[String]) -> String {
    let container = layout::container_name(topology, primary, Component::Postgres);
    let of = match names {
        [one] => format!("\"{one}\""),
        _ => "each of them".to_owned(),
    };
    format!(
        "move what is in {of} back, as postgres on {primary} (`docker exec -it -u postgres {container} psql`): in each database ALTER TABLE \
         ALL IN TABLESPACE … SET TABLESPACE pg_default, the same for INDEX and MATERIALIZED VIEW, and ALTER DATABASE … SET TABLESPACE \
         pg_default where a whole database is there; then DROP TABLESPACE"
    )
}

/// Why no data of `primary` can be put on `node`.
pub(crate) fn not_with_tablespaces(
    topology: &Topology,
    node: &NodeName,
    primary: &NodeName,
    server: &PostgresObservation,
) -> Option<Refusal> {
    let names = &server.tablespaces;
    (!names.is_empty()).then(|| {
        Refusal::new(
            RefusalKind::Mismatch,
            Some(node),
            format!("{primary} has tablespaces that no copy takes along: {}", names.join(", ")),
            format!("nothing was touched: {}; then run this again", drop_tablespaces(topology, primary, names)),
        )
    })
}
