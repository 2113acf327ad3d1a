//! What the containers may do.
//!
//! A Keycloak or a PostgreSQL that somebody has broken into is not to get further by what its container may do. Everything
//! runs without the capabilities that Docker gives by itself, without a way to new ones, and with a bound for its processes.

use crate::ports::ContainerSpec;
use crate::topology::Topology;

/// What root needs in PostgreSQL's containers and in the jobs: the guard, the scripts and the image's entrypoint give files to
/// the server's user, change what is that user's, and become that user (`gosu`); a program that is run there as root has the
/// server read its settings (`kill -HUP 1`). The server itself has none of them: they go when root becomes `postgres`.
const AS_ROOT: [&str; 6] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"];
/// Looks at the data, which is another user's, to see how large it is.
const TO_LOOK: [&str; 1] = ["DAC_OVERRIDE"];

/// Processes of a server beside those of its connections: its own, parallel workers, senders, and what `ha-cli` and people run
/// there.
const BESIDE_CONNECTIONS: u32 = 512;
/// Threads of a JVM: Quarkus takes up to 200 or 8 for each processor for requests, the collector and the compiler some for each
/// processor. One that can have no more ends with an error, so this leaves room on the largest machines.
const JVM: u32 = 4096;
/// A copy, a rewind, a look.
const JOB: u32 = 256;

fn limited(spec: &mut ContainerSpec, capabilities: &[&str], pids: u32) {
    spec.capabilities = Some(capabilities.iter().map(|&name| name.to_owned()).collect());
    spec.no_new_privileges = true;
    spec.pids = Some(pids);
}

/// A PostgreSQL server.
pub(super) fn of_postgres(spec: &mut ContainerSpec, topology: &Topology) {
    limited(spec, &AS_ROOT, topology.postgres.max_connections.saturating_add(BESIDE_CONNECTIONS));
}

/// A Keycloak: its image's user is not root, its port is no privileged one.
pub(super) fn of_keycloak(spec: &mut ContainerSpec) {
    limited(spec, &[], JVM);
}

/// A container that does one job on a node's volumes.
pub(super) fn of_job(spec: &mut ContainerSpec) {
    limited(spec, &AS_ROOT, JOB);
}

/// A container that only looks, as the doctor's.
pub(crate) fn of_look(spec: &mut ContainerSpec) {
    limited(spec, &TO_LOOK, JOB);
}
