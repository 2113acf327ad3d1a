//! What stands on each engine for a topology: names, labels, files and container descriptions.
//!
//! Everything here is a pure function of the topology, of the machine's size and of the secrets, so that what runs
//! can be compared with what should run without asking anything but Docker.

mod altered;
mod conninfo;
mod image_environment;
mod keycloak;
mod machine;
mod names;
mod path_mtu;
mod paths;
mod postgres;
mod postgres_image;
mod prepared_image;
mod programs;
mod promotion;
mod quoting;
pub(crate) mod rights;
mod scripts;
mod spec_hash;
#[cfg(test)]
mod tests;
mod topology;
mod upstream;

pub use altered::{altered, stays_down};
pub use conninfo::{
    MAINTENANCE_DATABASE, PROBE_ROLE, REPLICATION_ROLE, conninfo, own_conninfo, passfile, peer_endpoint,
    replication_conninfo,
};
pub use image_environment::{ImageFault, keycloak_image_fault, left_out_variables, postgres_image_fault};
pub(crate) use keycloak::BOOTSTRAP_CLIENT;
pub(crate) use keycloak::{HandoverWord, handover_file};
pub use keycloak::{
    KEYCLOAK_HTTP_PORT, SERVICE_CLIENT, keycloak_base_path, keycloak_conf, keycloak_conf_value, keycloak_container,
    keycloak_files,
};
pub use machine::MachineShare;
pub use names::{
    Component, ENGINE_LABEL, LABEL_BASE, LABEL_CLUSTER, LABEL_COMPONENT, LABEL_ID, LABEL_IMAGE, LABEL_NODE, LABEL_SPEC,
    LABEL_SYSTEM, VOLUMES, container_name, labels, network_name, one_off_name, selector, volume_name,
};
pub use paths::{
    DATA_PATH, HISTORY_PATH, IDENTITY_PATH, PASSFILE_PATH, PERMIT_PATH, PGDATA, PROMOTION_PATH, REWINDING_PATH,
    STATE_PATH, TOPOLOGY_PATH,
};
pub use postgres::{
    STANDBY_LIMITS, configured, one_off_container, pg_hba_conf, postgres_container, postgres_files, postgresql_conf,
    standby_limits, synchronous_standby_names,
};
pub use postgres_image::{OLDEST_POSTGRES, too_old, too_old_version};
pub use prepared_image::{KeycloakExtension, keycloak_image, keycloak_image_tag};
pub(crate) use programs::{SHELL, image_look, lacking, programs_fault, says_no_shell};
pub use promotion::{ids, promotion_file, read_promotion};
pub use quoting::{conninfo_value, postgresql_conf_value};
pub use scripts::{
    ADOPT_SCRIPT, BACKUP_SCRIPT, COPY_SCRIPT, EXAMINE_SCRIPT, FORGET_SCRIPT, GUARD_SCRIPT, INIT_SCRIPT, INSPECT_SCRIPT,
    RECORD_SCRIPT, REWIND_SCRIPT, TRY_SCRIPT,
};
pub use spec_hash::{is_fingerprint_of, secrets_fingerprint, spec_hash};
pub(crate) use topology::topology_file;
pub use topology::topology_json;
pub use upstream::{no_upstream_file, upstream_conf, upstream_file};
