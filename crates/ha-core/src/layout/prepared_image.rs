//! The image that a node's Keycloak runs, made once on each engine from the one that the topology names.
//!
//! The standby extension is added and `kc.sh build` run, so that a start takes no augmentation: with the build-time options among
//! the operator's, and with those that the image was built with before. Then a start is tried for
//! the sake of the classes that it loads: the JVM writes them, parsed and verified, to an archive, and every later start
//! maps that one instead of reading them from their jars (JEP 350, dynamic class-data sharing). It takes a fifth off a
//! start, see `docs/benchmarks.md`.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::image_environment::{left_out_variables, without_variables};
use super::keycloak::{KEYCLOAK_GID, KEYCLOAK_UID, conf_lines, given_options};
use super::{LABEL_BASE, keycloak_base_path, spec_hash};
use crate::ports::{HostFile, Image, ImageBuild};
use crate::topology::{KeycloakOption, Topology};

/// PostgreSQL's container may come back with another address, has none while it is stopped, and in the demo its old one may
/// have become the other node's: a Keycloak that remembers addresses is without its database for long, or talks to the
/// wrong one. Java remembers an answer for 30 s and a failure for 10 s (`InetAddressCachePolicy`); Docker's DNS server
/// is on the same host. The second of the two cannot be set by a system property: `java.security` has it.
const JAVA_SECURITY: &str = "networkaddress.cache.ttl=0\nnetworkaddress.cache.negative.ttl=0\n";
const JAVA_SECURITY_PATH: &str = "/opt/keycloak/conf/ha-java.security";
/// Not below `data`, on which somebody may mount a volume.
const CLASS_ARCHIVE_PATH: &str = "/opt/keycloak/lib/ha-classes.jsa";
/// For the start that makes the archive: seconds on any machine; a build must not hang on it.
const ARCHIVE_SECS: &str = "60";
const BUILD_CONF_PATH: &str = "/opt/keycloak/conf/ha-build.conf";
const PREPARE_PATH: &str = "/opt/keycloak/ha-prepare.sh";
const PREPARE_SCRIPT: &str = include_str!("assets/prepare.sh");

/// The jar that makes a Keycloak work on a standby, and the driver class in it.
#[derive(Debug, Clone, Copy)]
pub struct KeycloakExtension {
    /// The jar.
    pub jar: &'static [u8],
    /// The JDBC driver to name in `db-driver`.
    pub driver_class: &'static str,
}

/// `ha-build.conf`: the options that take effect at build time, those that must be so last; a start with others would end at once.
fn build_conf(topology: &Topology, extension: KeycloakExtension) -> String {
    let mut lines = BTreeMap::from([("health-enabled", "true"), ("metrics-enabled", "true")]);
    lines.extend(given_options(topology, KeycloakOption::BuildTime));
    lines.extend([
        ("db", "postgres"),
        ("db-driver", extension.driver_class),
        ("transaction-xa-enabled", "false"),
        // Also where it is the default: the image may have been built with another.
        ("http-relative-path", keycloak_base_path(topology)),
    ]);
    conf_lines(lines)
}

fn dockerfile(topology: &Topology, base: &Image) -> String {
    let copy = format!("COPY --chown={KEYCLOAK_UID}:{KEYCLOAK_GID}");
    let mut prepare = without_variables(&left_out_variables(topology, base));
    prepare.extend(["/bin/sh", PREPARE_PATH, ARCHIVE_SECS, CLASS_ARCHIVE_PATH].map(str::to_owned));
    let prepare = serde_json::to_string(&prepare).expect("texts serialise");
    format!(
        "FROM {}\n\
         USER root\n\
         {copy} ha-standby.jar /opt/keycloak/providers/ha-standby.jar\n\
         {copy} ha-java.security {JAVA_SECURITY_PATH}\n\
         {copy} ha-build.conf {BUILD_CONF_PATH}\n\
         {copy} ha-prepare.sh {PREPARE_PATH}\n\
         ENV JAVA_OPTS_APPEND=\"$JAVA_OPTS_APPEND -Djava.security.properties={JAVA_SECURITY_PATH}\"\n\
         RUN {prepare}\n\
         ENV JAVA_OPTS_APPEND=\"$JAVA_OPTS_APPEND -XX:SharedArchiveFile={CLASS_ARCHIVE_PATH}\"\n\
         USER {KEYCLOAK_UID}:{KEYCLOAK_GID}\n",
        base.id,
    )
}

/// The tag of the prepared image: the same wherever image, extension and build-time options are the same.
#[must_use]
pub fn keycloak_image_tag(topology: &Topology, base: &Image, extension: KeycloakExtension) -> String {
    let mut hash = Sha256::new();
    hash.update(dockerfile(topology, base));
    hash.update(JAVA_SECURITY);
    hash.update(PREPARE_SCRIPT);
    hash.update(build_conf(topology, extension));
    hash.update(extension.jar);
    format!("ha-cli/keycloak:{}", spec_hash::short(&hash.finalize()))
}

/// How the prepared image is built from `base`.
#[must_use]
pub fn keycloak_image(topology: &Topology, base: &Image, extension: KeycloakExtension) -> ImageBuild {
    ImageBuild {
        tag: keycloak_image_tag(topology, base, extension),
        context: vec![
            HostFile::new("Dockerfile", dockerfile(topology, base), 0o644),
            HostFile::new("ha-java.security", JAVA_SECURITY, 0o644),
            HostFile::new("ha-build.conf", build_conf(topology, extension), 0o644),
            HostFile::new("ha-prepare.sh", PREPARE_SCRIPT, 0o644),
            HostFile::new("ha-standby.jar", extension.jar, 0o644),
        ],
        labels: [
            ("org.ha-cli.base".to_owned(), topology.images.keycloak.clone()),
            (LABEL_BASE.to_owned(), base.id.clone()),
        ]
        .into(),
    }
}
