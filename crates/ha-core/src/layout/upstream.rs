//! Whom a standby follows.

use super::conninfo::conninfo;
use super::paths::UPSTREAM_PATH;
use super::quoting::postgresql_conf_value as quoted;
use crate::ports::HostFile;
use crate::topology::{Node, Topology};
use crate::values::{NodeName, SlotName};

/// The part of the configuration that names whom this node follows; without effect while it is primary.
#[must_use]
pub fn upstream_conf(topology: &Topology, node: &NodeName, upstream: &Node) -> String {
    format!(
        "# Written by ha-cli.\nprimary_conninfo = {}\nprimary_slot_name = {}\n",
        quoted(&conninfo(topology, node, upstream)),
        quoted(SlotName::of_standby(node).as_str())
    )
}

/// The file of the state volume that holds [`upstream_conf`].
#[must_use]
pub fn upstream_file(topology: &Topology, node: &NodeName, upstream: &Node) -> HostFile {
    HostFile::new(UPSTREAM_PATH, upstream_conf(topology, node, upstream), 0o644)
}

/// The same file of a node that follows nobody until its data has been looked at.
#[must_use]
pub fn no_upstream_file() -> HostFile {
    HostFile::new(
        UPSTREAM_PATH,
        "# Written by ha-cli: this node follows nobody until its data has been looked at.\n",
        0o644,
    )
}
