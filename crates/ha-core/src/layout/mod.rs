//! What stands on each engine for a topology: names, labels, files and container descriptions.
//!
//! Everything here is a pure function of the topology, of the machine's size and of the secrets, so that what runs
//! can be compared with what should run without asking anything but Docker.

mod altered;
mod image_environment;
mod keycloak;
mod machine;
mod names;
mod path_mtu;
mod postgres;
mod postgres_image;
mod prepared_image;
mod programs;
mod promotion;
pub(crate) mod rights;
mod spec_hash;
#[cfg(test)]
mod tests;

pub use altered::{altered, stays_down};
pub use image_environment::{ImageFault, keycloak_image_fault, left_out_variables, postgres_image_fault};
pub(crate) use keycloak::BOOTSTRAP_CLIENT;
pub(crate) use keycloak::{HandoverWord, handover_file};
pub use keycloak::{
    KEYCLOAK_HTTP_PORT, SERVICE_CLIENT, keycloak_base_path, keycloak_conf, keycloak_conf_value, keycloak_container,
    keycloak_files,
};
pub use machine::MachineShare;
pub(crate) use names::container_host_name;
pub use names::{
    Component, ENGINE_LABEL, LABEL_BASE, LABEL_CLUSTER, LABEL_COMPONENT, LABEL_ID, LABEL_IMAGE, LABEL_NODE, LABEL_SPEC,
    LABEL_SYSTEM, VOLUMES, container_name, labels, network_name, one_off_name, selector, volume_name,
};
pub(crate) use postgres::topology_file;
pub use postgres::{
    ADOPT_SCRIPT, BACKUP_SCRIPT, COPY_SCRIPT, DATA_PATH, EXAMINE_SCRIPT, FORGET_SCRIPT, GUARD_SCRIPT, HISTORY_PATH,
    IDENTITY_PATH, INIT_SCRIPT, INSPECT_SCRIPT, MAINTENANCE_DATABASE, PASSFILE_PATH, PGDATA, PROBE_ROLE,
    REPLICATION_ROLE, REWIND_SCRIPT, REWINDING_PATH, STANDBY_LIMITS, STATE_PATH, TOPOLOGY_PATH, TRY_SCRIPT, configured,
    conninfo, conninfo_value, no_upstream_file, one_off_container, own_conninfo, passfile, peer_endpoint, pg_hba_conf,
    postgres_container, postgres_files, postgresql_conf, postgresql_conf_value, replication_conninfo, standby_limits,
    synchronous_standby_names, topology_json, upstream_conf, upstream_file,
};
pub use postgres_image::{OLDEST_POSTGRES, too_old, too_old_version};
pub use prepared_image::{KeycloakExtension, keycloak_image, keycloak_image_tag};
pub(crate) use programs::{SHELL, image_look, lacking, programs_fault, says_no_shell};
pub use promotion::{PERMIT_PATH, PROMOTION_PATH, RECORD_SCRIPT, ids, promotion_file, read_promotion};
pub use spec_hash::{is_fingerprint_of, secrets_fingerprint, spec_hash};
