//! The image that a node's Keycloak runs, made once on each engine from the one that the topology names.
//!
//! The standby extension is added and `kc.sh build` run, so that a start takes no augmentation. Then a start is tried for
//! the sake of the classes that it loads: the JVM writes them, parsed and verified, to an archive, and every later start
//! maps that one instead of reading them from their jars (JEP 350, dynamic class-data sharing). It takes a fifth off a
//! start, see `docs/benchmarks.md`.

use sha2::{Digest, Sha256};

use super::keycloak::{KEYCLOAK_GID, KEYCLOAK_UID};
use super::{keycloak_base_path, spec_hash};
use crate::ports::{HostFile, Image, ImageBuild};
use crate::topology::Topology;

/// PostgreSQL's container may come back with another address, has none while it is stopped, and in the demo its old one may
/// have become the other node's: a Keycloak that remembers addresses is without its database for long, or talks to the
/// wrong one. Java remembers an answer for 30 s and a failure for 10 s (`InetAddressCachePolicy`); Docker's DNS server
/// is on the same host. The second of the two cannot be set by a system property: `java.security` has it.
const JAVA_SECURITY: &str = "networkaddress.cache.ttl=0\nnetworkaddress.cache.negative.ttl=0\n";
const JAVA_SECURITY_PATH: &str = "/opt/keycloak/conf/ha-java.security";
/// Not below `data`, on which somebody may mount a volume.
const CLASS_ARCHIVE_PATH: &str = "/opt/keycloak/lib/ha-classes.jsa";
/// For the start that makes the archive: seconds on any machine; a build must not hang on it.
const ARCHIVE_SECS: u32 = 60;

/// The jar that makes a Keycloak work on a standby, and the driver class in it.
#[derive(Debug, Clone, Copy)]
pub struct KeycloakExtension {
    /// The jar.
    pub jar: &'static [u8],
    /// The JDBC driver to name in `db-driver`.
    pub driver_class: &'static str,
}

/// Options that take effect at build time; a start with others would augment again.
fn build_options(topology: &Topology, extension: KeycloakExtension) -> Vec<String> {
    let mut options = vec![
        "--db=postgres".to_owned(),
        format!("--db-driver={}", extension.driver_class),
        "--transaction-xa-enabled=false".to_owned(),
        "--health-enabled=true".to_owned(),
        "--metrics-enabled=true".to_owned(),
    ];
    let path = keycloak_base_path(topology);
    if path != "/" {
        options.push(format!("--http-relative-path={path}"));
    }
    options
}

/// A start that comes as far as its database, finds that nobody listens there, and ends. Whatever else becomes of it, the
/// image is as good as without the archive: a JVM that finds none, or one that it cannot use, starts all the same.
fn archive_classes() -> String {
    // What the second compiler would make of the code is thrown away with the process.
    let java = format!("-XX:TieredStopAtLevel=1 -XX:ArchiveClassesAtExit={CLASS_ARCHIVE_PATH}");
    let options = "--db-url=jdbc:postgresql://127.0.0.1:1/none --db-username=none --db-password=none \
                   --http-enabled=true --hostname-strict=false --cache=local";
    format!(
        "JAVA_OPTS_APPEND=\"$JAVA_OPTS_APPEND {java}\" timeout {ARCHIVE_SECS} \
         /opt/keycloak/bin/kc.sh start --optimized {options} >/dev/null 2>&1; \
         rm -rf /opt/keycloak/data/transaction-logs"
    )
}

fn dockerfile(topology: &Topology, base: &Image, extension: KeycloakExtension) -> String {
    let copy = format!("COPY --chown={KEYCLOAK_UID}:{KEYCLOAK_GID}");
    format!(
        "FROM {}\n\
         {copy} ha-standby.jar /opt/keycloak/providers/ha-standby.jar\n\
         {copy} ha-java.security {JAVA_SECURITY_PATH}\n\
         ENV JAVA_OPTS_APPEND=\"$JAVA_OPTS_APPEND -Djava.security.properties={JAVA_SECURITY_PATH}\"\n\
         RUN /opt/keycloak/bin/kc.sh build {}\n\
         RUN {}\n\
         ENV JAVA_OPTS_APPEND=\"$JAVA_OPTS_APPEND -XX:SharedArchiveFile={CLASS_ARCHIVE_PATH}\"\n",
        base.id,
        build_options(topology, extension).join(" "),
        archive_classes(),
    )
}

/// The tag of the prepared image: the same wherever image, extension and build-time options are the same.
#[must_use]
pub fn keycloak_image_tag(topology: &Topology, base: &Image, extension: KeycloakExtension) -> String {
    let mut hash = Sha256::new();
    hash.update(dockerfile(topology, base, extension));
    hash.update(JAVA_SECURITY);
    hash.update(extension.jar);
    format!("ha-cli/keycloak:{}", spec_hash::short(&hash.finalize()))
}

/// How the prepared image is built from `base`.
#[must_use]
pub fn keycloak_image(topology: &Topology, base: &Image, extension: KeycloakExtension) -> ImageBuild {
    ImageBuild {
        tag: keycloak_image_tag(topology, base, extension),
        context: vec![
            HostFile::new("Dockerfile", dockerfile(topology, base, extension), 0o644),
            HostFile::new("ha-java.security", JAVA_SECURITY, 0o644),
            HostFile::new("ha-standby.jar", extension.jar, 0o644),
        ],
        labels: [("org.ha-cli.base".to_owned(), topology.images.keycloak.clone())].into(),
    }
}
